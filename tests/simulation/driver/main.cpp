// reeve-simulate: runs seeds of the simulated scenarios. tests/simulate.sh and tests/mutants.sh
// build and start it.
#include "driver.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <exception>
#include <optional>

namespace {

using reeve::testing::seed_range;

constexpr int usage_error = 2;
/// Seeds of each scenario when none are named.
constexpr std::uint64_t seeds_by_default = 100;

constexpr const char* usage_text =
    "usage: reeve-simulate [SCENARIO] [FROM] [COUNT]   seeds FROM, FROM+1, ... of one scenario\n"
    "                                                  (none named: some seeds of each)\n"
    "       reeve-simulate --list                      the scenarios, one name a line\n"
    "       reeve-simulate --replay SCENARIO SEED      one seed again, with its event log\n"
    "       reeve-simulate --ci                        every scenario at its range for CI\n"
    "       reeve-simulate --mutants [NAME...]         guards switched off must be noticed\n"
    "Seeds and counts are decimal numbers of up to 64 bits. Exit code 0: every seed held;\n"
    "1: one did not; 2: bad arguments.\n";

int refuse(const std::string& why) {
    fmt::print(stderr, "reeve-simulate: {}\n{}", why, usage_text);
    return usage_error;
}

std::optional<std::uint64_t> number(const std::string& text) {
    std::uint64_t value = 0;
    const char* const end = text.data() + text.size();
    const auto [stopped, failure] = std::from_chars(text.data(), end, value);
    if (failure != std::errc() || stopped != end || text.empty()) return std::nullopt;
    return value;
}

std::string not_a_number(const std::string& what, const std::string& text) {
    return fmt::format("{} \"{}\" is not a number from 0 to 18446744073709551615", what, text);
}

std::string no_such(const std::string& name) {
    return fmt::format("no scenario \"{}\"; --list names them", name);
}

int list(const driver::scenarios& all) {
    for (const auto& one : all) fmt::print("{}\n", one.name);
    return 0;
}

int run_some(const driver::scenarios& all, const std::vector<std::string>& words) {
    if (words.size() > 3) return refuse("too many arguments");
    driver::scenarios chosen = all;
    seed_range seeds{1, seeds_by_default};
    if (!words.empty()) {
        const auto* which = driver::find(all, words[0]);
        if (which == nullptr) return refuse(no_such(words[0]));
        chosen.assign(1, *which);
    }
    if (words.size() > 1) {
        const auto from = number(words[1]);
        if (!from) return refuse(not_a_number("FROM", words[1]));
        seeds.from = *from;
    }
    if (words.size() > 2) {
        const auto count = number(words[2]);
        if (!count) return refuse(not_a_number("COUNT", words[2]));
        if (*count == 0) return refuse("COUNT must be at least 1");
        seeds.count = *count;
    }
    bool held = true;
    for (const auto& one : chosen) {
        const auto result = driver::run_range(one, seeds, driver::repetition::none);
        driver::print_totals(one, result);
        held = held && result.failed == 0;
    }
    return held ? 0 : 1;
}

int replay(const driver::scenarios& all, const std::vector<std::string>& words) {
    if (words.size() != 2) return refuse("--replay takes a scenario and a seed");
    const auto* which = driver::find(all, words[0]);
    if (which == nullptr) return refuse(no_such(words[0]));
    const auto seed = number(words[1]);
    if (!seed) return refuse(not_a_number("SEED", words[1]));
    return driver::replay(*which, *seed);
}

int run(std::vector<std::string> words) {
    const auto all = simulated::all_scenarios();
    if (words.empty()) return run_some(all, words);
    const std::string first = words.front();
    if (!first.starts_with("-")) return run_some(all, words);
    words.erase(words.begin());
    if (first == "--replay") return replay(all, words);
    if (first == "--mutants") return driver::run_mutants(all, words);
    if (first != "--list" && first != "--ci" && first != "--help" && first != "-h") {
        return refuse(fmt::format("unknown option \"{}\"", first));
    }
    if (!words.empty()) return refuse(first + " takes no arguments");
    if (first == "--list") return list(all);
    if (first == "--ci") return driver::run_ci(all);
    fmt::print("{}", usage_text);
    return 0;
}

}  // namespace

int main(int count, char** arguments) {
    try {
        return run(std::vector<std::string>(arguments + 1, arguments + std::max(1, count)));
    } catch (const std::exception& failure) {
        fmt::print(stderr, "reeve-simulate: {}\n", failure.what());
        return 1;
    }
}
