// Three stores that behave as one.
#include "catch.hpp"
#include "conformance/random_client.hpp"
#include "conformance/workers.hpp"
#include "reeve/backends/etcd.hpp"
#include "reeve/backends/memory_metadata_store.hpp"
#include "servers/etcd_server.hpp"
#if defined(REEVE_HAS_SQLITE)
#include "reeve/backends/sqlite.hpp"
#endif

#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace {

using conformance::random_run;
using answers = std::vector<std::string>;

answers by_memory(random_run how) {
    const auto environment = reeve::testing::make_check_environment();
    reeve::backends::memory_metadata_store store(
        environment->strand(), std::make_shared<reeve::backends::memory_database>());
    return conformance::random_answers(*environment, store, how);
}

#if defined(REEVE_HAS_SQLITE)
answers by_sqlite(random_run how) {
    const conformance::scratch_directory directory;
    conformance::workers workers(4);
    const auto environment = reeve::testing::make_check_environment();
    const auto store = reeve::backends::open_sqlite_metadata_store(
        environment->strand(), workers.executor(),
        reeve::backends::sqlite_options((directory.path() / "store.db").string()));
    return conformance::random_answers(*environment, *store, how);
}
#endif

answers by_etcd(const reeve::tests::etcd_cluster& cluster, random_run how) {
    const auto environment = reeve::testing::make_check_environment();
    reeve::backends::etcd_options options(cluster.endpoints());
    options.request_patience = std::chrono::seconds(60);
    options.key_prefix = fmt::format("seed {}/", how.seed);
    const auto store =
        reeve::backends::open_etcd_metadata_store(environment->strand(), std::move(options));
    return conformance::random_answers(*environment, *store, how);
}

}  // namespace

// REEVE_RANDOM_OPERATIONS=100000 is the long form.
TEST_CASE("memory, SQLite and etcd give the same answers and histories to random operations") {
    if (!reeve::tests::etcd_available()) return;
    const reeve::tests::etcd_cluster cluster;
    for (const auto& each : conformance::random_runs(6'000)) {
        const auto replay = fmt::format("REEVE_RANDOM_SEED={} REEVE_RANDOM_OPERATIONS={}",
                                        each.seed, each.operations);
        INFO(replay);
        const auto memory = by_memory(each);
        const auto etcd = by_etcd(cluster, each);
        fmt::print("{}: {} answers\n", replay, memory.size());
        std::fflush(stdout);
        REQUIRE(memory.size() > static_cast<std::size_t>(each.operations) / 2);
        REQUIRE(conformance::first_difference(memory, etcd) == "");
#if defined(REEVE_HAS_SQLITE)
        REQUIRE(conformance::first_difference(memory, by_sqlite(each)) == "");
#endif
    }
}
