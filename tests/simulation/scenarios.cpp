#include "simulation/scenarios/scenarios.hpp"

#include "catch.hpp"

#include <algorithm>
#include <set>

namespace {

namespace testing = reeve::testing;

TEST_CASE("every scenario holds for its first seeds, and the replay with its story is the same") {
    for (const auto& each : simulated::all_scenarios()) {
        INFO(each.name);
        std::set<std::uint64_t> hashes;
        for (std::uint64_t seed = 1; seed <= 3; ++seed) {
            INFO("seed " << seed);
            const auto once = testing::run_seed(each, seed);
            CHECK(once.failure == "");
            CHECK(once.handlers > 0);
            hashes.insert(once.trace_hash);
            if (seed != 1) continue;
            std::size_t lines = 0;
            testing::scenario_options told;
            told.story = [&](std::string_view) { ++lines; };
            CHECK(testing::run_seed(each, seed, told).trace_hash == once.trace_hash);
            CHECK(lines > 0);
        }
        CHECK(hashes.size() == 3);
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
