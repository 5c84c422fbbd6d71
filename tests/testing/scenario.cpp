#include "reeve/testing/scenario.hpp"

#include "catch.hpp"
#include "reeve/testing/simulation.hpp"

#include <chrono>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

namespace testing = reeve::testing;
using namespace std::chrono_literals;

testing::scenario made(std::function<void(testing::simulation&)> play) {
    return testing::make_scenario("made", "for this test", {1, 10}, {"often", "never"},
                                  std::move(play));
}

TEST_CASE("an outcome says what the simulation came to") {
    const auto which = made([](testing::simulation& world) {
        world.count("often", 3);
        world.after(1s, reeve::core::task([] {}));
        world.run_for(5s);
    });
    const auto outcome = testing::run_seed(which, 1);
    CHECK(outcome.failure == "");
    CHECK(outcome.handlers == 1);
    CHECK(outcome.simulated == 5s);
    CHECK(outcome.counts.at("often") == 3);
}

TEST_CASE("the first failure is kept and ends the run") {
    const auto which = made([](testing::simulation& world) {
        world.after(1s, reeve::core::task([&world] { world.fail("first"); }));
        world.after(2s, reeve::core::task([&world] { world.fail("second"); }));
        world.run_for(5s);
        world.require(false, "third");
    });
    const auto outcome = testing::run_seed(which, 1);
    CHECK(outcome.failure == "first");
    CHECK(outcome.simulated == 1s);
}

TEST_CASE("an exception that leaves a scenario is a failure") {
    const auto which = made([](testing::simulation&) { throw std::runtime_error("boom"); });
    CHECK(testing::run_seed(which, 1).failure == "exception: boom");
}

TEST_CASE("a story is told only if somebody listens") {
    const auto which = made([](testing::simulation& world) { world.note("who", "said {}", 42); });
    std::vector<std::string> lines;
    testing::scenario_options options;
    options.story = [&](std::string_view line) { lines.emplace_back(line); };
    CHECK(testing::run_seed(which, 1, options).failure == "");
    REQUIRE(lines.size() == 1);
    CHECK(lines[0].find("who") != std::string::npos);
    CHECK(lines[0].find("said 42") != std::string::npos);
}

TEST_CASE("totals add up, and name the rare events that never happened") {
    const auto which = made([](testing::simulation& world) {
        world.count("often");
        for (int i = 0; i < 10; ++i) world.count_message();
        world.run_for(2s);
    });
    testing::scenario_totals totals;
    for (std::uint64_t seed = 1; seed <= 3; ++seed) totals.add(testing::run_seed(which, seed));
    CHECK(totals.seeds == 3);
    CHECK(totals.counts.at("often") == 3);
    CHECK(totals.missing(which) == std::vector<std::string>{"never"});
    CHECK(totals.work_rate() == Approx(5.0));
}

TEST_CASE("a log keeps the newest lines") {
    testing::simulation world(1);
    world.log().keep(2);
    for (int i = 0; i < 5; ++i) world.note("who", "line {}", i);
    REQUIRE(world.log().kept().size() == 2);
    CHECK(world.log().kept().back().find("line 4") != std::string::npos);
}

reeve::awaitable<int> answer(testing::simulation* world) {
    co_await world->world_runtime().sleep_for(1s);
    co_return 42;
}

reeve::awaitable<void> never(testing::simulation* world) {
    co_await world->world_runtime().sleep_for(24h);
}

TEST_CASE("a test runs coroutines in the world, for a limited time") {
    testing::simulation world(1);
    CHECK(world.run(answer(&world)) == 42);
    CHECK_THROWS_AS(world.run(never(&world), 1h), std::runtime_error);
}

}  // namespace
