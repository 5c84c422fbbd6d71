#include "catch.hpp"
#include "simulation/scenarios/scenarios.hpp"

#include <array>
#include <cstdio>
#include <memory>
#include <string>

#include <sys/wait.h>

namespace {

struct ending {
    int code = -1;
    std::string output;  ///< both streams
};

ending simulate(const std::string& arguments) {
    const std::string command = std::string(REEVE_SIMULATE_PROGRAM) + " " + arguments + " 2>&1";
    ending result;
    FILE* const pipe = ::popen(command.c_str(), "r");
    REQUIRE(pipe != nullptr);
    std::array<char, 4096> part{};
    for (;;) {
        const std::size_t count = std::fread(part.data(), 1, part.size(), pipe);
        if (count == 0) break;
        result.output.append(part.data(), count);
    }
    const int status = ::pclose(pipe);
    if (WIFEXITED(status)) result.code = WEXITSTATUS(status);
    return result;
}

TEST_CASE("--list prints one scenario a line and nothing else") {
    std::string expected;
    for (const auto& each : simulated::all_scenarios()) expected += each.name + "\n";
    const auto listed = simulate("--list");
    CHECK(listed.code == 0);
    CHECK(listed.output == expected);
}

TEST_CASE("a range of seeds runs and says how fast") {
    const auto ran = simulate("kv_register 18446744073709551615 2");
    CHECK(ran.code == 0);
    CHECK(ran.output.find("kv_register: 2 seeds, 0 failed") != std::string::npos);
    CHECK(ran.output.find("seeds/s") != std::string::npos);
}

TEST_CASE("a replay tells the story of one seed") {
    const auto told = simulate("--replay kv_register 3");
    CHECK(told.code == 0);
    CHECK(told.output.find("client-0") != std::string::npos);
    CHECK(told.output.find("kv_register seed 3 held") != std::string::npos);
}

TEST_CASE("bad arguments are named and end with exit code 2") {
    struct bad {
        std::string arguments;
        std::string named;
    };
    for (const auto& [arguments, named] :
         {bad{"nonesuch", "nonesuch"}, bad{"kv_register one", "one"},
          bad{"kv_register 1 0", "COUNT"}, bad{"kv_register -1", "-1"},
          bad{"kv_register 18446744073709551616", "18446744073709551616"},
          bad{"kv_register 1 2 3", "too many"}, bad{"--nonesuch", "--nonesuch"},
          bad{"--replay kv_register", "--replay"}, bad{"--replay kv_register x", "\"x\""},
          bad{"--list all", "--list"}}) {
        INFO(arguments);
        const auto refused = simulate(arguments);
        CHECK(refused.code == 2);
        CHECK(refused.output.find(named) != std::string::npos);
    }
}

#if !defined(REEVE_GUARD_SWITCHES)
TEST_CASE("mutants are refused by a build without switches") {
    const auto refused = simulate("--mutants");
    CHECK(refused.code == 2);
    CHECK(refused.output.find("REEVE_GUARD_SWITCHES") != std::string::npos);
}
#endif

}  // namespace
