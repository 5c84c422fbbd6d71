#include "catch.hpp"
#include "program.hpp"

#include <chrono>
#include <cstdint>
#include <sstream>
#include <string>
#include <vector>

using namespace linedb_test;

namespace {

using clock_type = std::chrono::steady_clock;

// A lease of linedb lives for 3 s and is renewed every 0.67 s: what a killed process held cannot
// have ended by itself so soon.
constexpr auto before_any_lease_ends = std::chrono::milliseconds(2200);
constexpr int tries = 8;

std::string numbered_lines(int count) {
    std::string text;
    for (int line = 0; line < count; ++line) text += "line " + std::to_string(line) + "\n";
    return text;
}

/// Lines that are stored, as `status` says; 0 before there is anything.
std::uint64_t stored(const std::string& data) {
    const auto seen = linedb({"status", "--data", data});
    std::istringstream lines(seen.output);
    for (std::string line; std::getline(lines, line);) {
        std::string word;
        std::uint64_t rows = 0;
        if (std::istringstream(line) >> word >> rows && word == "stored") return rows;
    }
    return 0;
}

/// Waits until more than `rows` lines are stored. False: the run ended first.
bool stores_more(program& run, const std::string& data, std::uint64_t rows) {
    while (!run.ends_within(std::chrono::milliseconds(1))) {
        if (stored(data) > rows) return true;
    }
    return false;
}

}  // namespace

TEST_CASE("after kill -9 the same command goes on at once: no lease is waited for") {
    const scratch files;
    const auto input = files.file("input", numbered_lines(1'000'000));
    bool at_once = false;
    for (int round = 0; round < tries && !at_once; ++round) {
        // A busy machine may be slow; waiting for a lease would be slow every time.
        const auto data = files.path("data" + std::to_string(round));
        const std::vector<std::string> command{"run", "--data", data, "--input", input, "--quiet"};
        program first(command);
        REQUIRE(stores_more(first, data, 0));
        first.kill();
        const auto killed = clock_type::now();
        (void)first.wait();
        const auto before = stored(data);
        program second(command);
        const bool more = stores_more(second, data, before);
        at_once = more && clock_type::now() - killed < before_any_lease_ends;
    }
    CHECK(at_once);
}
