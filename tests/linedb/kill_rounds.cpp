#include "catch.hpp"
#include "program.hpp"
#include "reeve/core/random.hpp"
#include "texts.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

using namespace linedb_test;

namespace {

constexpr std::size_t kills_wanted = 20;
constexpr std::size_t lines = 200'000;

/// Kills `run` again and again at random moments until it gets through; returns how often.
std::size_t kill_until_done(const std::string& data, const std::string& input,
                            reeve::core::random& random, std::size_t kills_max) {
    std::size_t kills = 0;
    for (std::uint64_t seed = random.next(); kills < kills_max; ++seed) {
        program run(
            {"run", "--data", data, "--input", input, "--seed", std::to_string(seed), "--quiet"});
        const auto moment = std::chrono::milliseconds(random.between(20, 1500));
        if (run.ends_within(moment)) {
            const auto result = run.wait();
            INFO(result.errors);
            REQUIRE(result.code == 0);
            return kills;
        }
        run.kill();
        (void)run.wait();
        ++kills;
    }
    const auto last = linedb({"run", "--data", data, "--input", input, "--quiet"});
    INFO(last.errors);
    REQUIRE(last.code == 0);
    return kills;
}

}  // namespace

TEST_CASE("every line is there exactly once after 20 kills of the program at random moments") {
    const scratch files;
    reeve::core::random random(20240611);
    const std::string text = nasty_text(random.next(), lines);
    const auto count = std::count(text.begin(), text.end(), '\n') + 1;
    const auto input = files.file("input", text);
    std::size_t kills = 0;
    // A run that gets through before all kills were made is followed by another on a new directory.
    for (std::size_t database = 0; kills < kills_wanted; ++database) {
        const auto data = files.path("data" + std::to_string(database));
        kills += kill_until_done(data, input, random, kills_wanted - kills);
        const auto verified = linedb({"verify", "--data", data, "--input", input});
        INFO(verified.errors);
        REQUIRE(verified.code == 0);
        CHECK(verified.output ==
              "verified: " + std::to_string(count) + " lines, each exactly once\n");
    }
    CHECK(kills == kills_wanted);
}
