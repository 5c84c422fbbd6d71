#include "simulation/scenarios/scenarios.hpp"

#include "catch.hpp"

#include <algorithm>
#include <set>

namespace {

namespace testing = reeve::testing;

TEST_CASE("every scenario holds for its first seeds, and equal seeds give equal runs") {
    for (const auto& each : simulated::all_scenarios()) {
        INFO(each.name);
        std::set<std::uint64_t> hashes;
        for (std::uint64_t seed = 1; seed <= 3; ++seed) {
            INFO("seed " << seed);
            const auto once = testing::run_seed(each, seed);
            CHECK(once.failure == "");
            CHECK(once.handlers > 0);
            if (seed == 1) CHECK(testing::run_seed(each, seed).trace_hash == once.trace_hash);
            hashes.insert(once.trace_hash);
        }
        CHECK(hashes.size() == 3);
    }
}

TEST_CASE("a replay with its story is the same run") {
    for (const auto& each : simulated::all_scenarios()) {
        INFO(each.name);
        std::size_t lines = 0;
        testing::scenario_options told;
        told.story = [&](std::string_view) { ++lines; };
        const auto loud = testing::run_seed(each, 5, told);
        const auto silent = testing::run_seed(each, 5);
        CHECK(loud.trace_hash == silent.trace_hash);
        CHECK(lines > 0);
    }
}

TEST_CASE("scenarios are named by one word each, declare rare events, and have seeds for CI") {
    std::set<std::string> names;
    for (const auto& each : simulated::all_scenarios()) {
        INFO(each.name);
        CHECK(each.name.find_first_of(" \t\n-") == std::string::npos);
        CHECK_FALSE(each.name.empty());
        CHECK_FALSE(each.description.empty());
        CHECK_FALSE(each.rare_events.empty());
        CHECK(each.ci.count >= 20);
        CHECK(names.insert(each.name).second);
    }
}

}  // namespace
