#include "catch.hpp"
#include "conformance/random_client.hpp"
#include "conformance/workers.hpp"
#include "reeve/backends/memory_metadata_store.hpp"
#include "reeve/backends/sqlite.hpp"

#include <fmt/format.h>

#include <memory>
#include <string>
#include <vector>

TEST_CASE("memory and SQLite give the same answers to random operations") {
    conformance::scratch_directory directory;
    for (const auto& each : conformance::random_runs(8'000)) {
        INFO("REEVE_RANDOM_SEED=" << each.seed << " REEVE_RANDOM_OPERATIONS=" << each.operations);
        std::vector<std::string> by_memory;
        {
            const auto environment = reeve::testing::make_check_environment();
            const auto database = std::make_shared<reeve::backends::memory_database>();
            reeve::backends::memory_metadata_store store(environment->strand(), database);
            by_memory = conformance::random_answers(*environment, store, each);
        }
        conformance::workers workers(4);
        const auto environment = reeve::testing::make_check_environment();
        const auto file = directory.path() / fmt::format("seed{}.db", each.seed);
        const auto store = reeve::backends::open_sqlite_metadata_store(
            environment->strand(), workers.executor(),
            reeve::backends::sqlite_options(file.string()));
        const auto by_sqlite = conformance::random_answers(*environment, *store, each);
        CHECK(by_memory.size() > static_cast<std::size_t>(each.operations) / 2);
        REQUIRE(conformance::first_difference(by_memory, by_sqlite) == "");
    }
}
