// A running linedb while its etcd has every kind of trouble.
#include "catch.hpp"
#include "patiently.hpp"
#include "program.hpp"
#include "servers/etcd_server.hpp"
#include "texts.hpp"
#include "trouble.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <string>

using namespace linedb_test;
using namespace std::chrono_literals;
using reeve::tests::etcd_available;
using reeve::tests::etcd_cluster;

namespace {

constexpr std::size_t lines = 60'000;

// REEVE_FAULT_SECONDS: how long linedb runs under faults at least.
std::chrono::seconds duration() {
    const char* text = std::getenv("REEVE_FAULT_SECONDS");
    return std::chrono::seconds(text == nullptr ? 20 : std::stol(text));
}

}  // namespace

TEST_CASE("every line is there exactly once whatever happens to etcd and to the way there",
          "[faults]") {
    if (!etcd_available()) return;
    const scratch files;
    const std::string text = nasty_text(20240611, lines);
    const auto count = std::count(text.begin(), text.end(), '\n') + 1;
    const auto input = files.file("input", text);
    reeve::tests::etcd_options how;
    how.members = 3;
    how.quota_bytes = 32U << 20U;
    etcd_cluster cluster(how);
    const way_to way(cluster);
    const auto store = fmt::format("etcd:{}", fmt::join(way.endpoints(), ","));
    const auto end = std::chrono::steady_clock::now() + duration();
    std::uint64_t seed = 1;
    std::size_t faults = 0;
    std::size_t runs = 0;
    do {
        const auto data = files.path(fmt::format("data{}", seed));
        trouble with(cluster, way, seed, faults);
        INFO("seed " << seed);
        const auto ran = linedb_patiently({"run", "--data", data, "--input", input, "--store",
                                           store, "--seed", std::to_string(seed), "--quiet"});
        INFO(ran.last.errors);
        REQUIRE(ran.last.code == 0);
        runs += ran.runs;
        faults += with.end();
        const auto verified =
            linedb_patiently({"verify", "--data", data, "--input", input, "--store", store}).last;
        INFO(verified.errors);
        REQUIRE(verified.code == 0);
        CHECK(verified.output == fmt::format("verified: {} lines, each exactly once\n", count));
        ++seed;
        // Kinds of faults take turns: at least once each.
    } while (std::chrono::steady_clock::now() < end || faults < trouble::kinds);
    fmt::print("{} databases in {} runs under {} faults\n", seed - 1, runs, faults);
}
