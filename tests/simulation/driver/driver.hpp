#pragma once

#include "reeve/testing/scenario.hpp"
#include "simulation/scenarios/scenarios.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace driver {

using scenarios = std::vector<reeve::testing::scenario>;

/// The scenario of that name; nullptr if there is none.
[[nodiscard]] const reeve::testing::scenario* find(const scenarios& all, std::string_view name);

/// What one range of seeds came to.
struct range_result {
    reeve::testing::scenario_totals totals;
    std::uint64_t failed = 0;  ///< seeds
    double seconds = 0;        ///< of real time
};

/// Whether some seeds are run twice.
enum class repetition {
    none,             ///< each once
    every_twentieth,  ///< and its trace hash compared
};

/// Runs seeds, on several threads; prints each failure with its replay command, and stops early
/// after the tenth.
[[nodiscard]] range_result run_range(const reeve::testing::scenario& which,
                                     reeve::testing::seed_range seeds, repetition again);
/// Prints what a range came to, in one or two lines.
void print_totals(const reeve::testing::scenario& which, const range_result& result);

/// Each of these returns the program's exit code.
[[nodiscard]] int run_ci(const scenarios& all);
[[nodiscard]] int replay(const reeve::testing::scenario& which, std::uint64_t seed);
[[nodiscard]] int run_mutants(const scenarios& all, const std::vector<std::string>& names);

}  // namespace driver
