#pragma once

#include "catch.hpp"
#include "program.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace linedb_test {

/// Did a run give up because its store was away? It says what was, or may not have been, applied,
/// and the same command goes on.
inline bool gave_up(const ended& result) {
    if (result.code != 1) return false;
    // The texts of errc::unavailable, deadline_exceeded, resource_exhausted and outcome_unknown.
    for (const char* text : {"unavailable, nothing was applied", "gave up in time",
                             "out of space or quota", "may or may not have been applied"}) {
        if (result.errors.find(text) != std::string::npos) return true;
    }
    return false;
}

/// How often a command was run until it did not give up, and how that ended.
struct patient_end {
    std::size_t runs = 0;
    ended last;
};

/// Runs linedb, again while it gives up. Fails the test after `runs_max` runs.
inline patient_end linedb_patiently(const std::vector<std::string>& words,
                                    std::size_t runs_max = 10) {
    patient_end result;
    while (result.runs < runs_max) {
        ++result.runs;
        result.last = linedb(words);
        if (!gave_up(result.last)) return result;
        UNSCOPED_INFO(result.last.errors);
    }
    FAIL("no run of " << words.front() << " has come to its end");
    return result;
}

}  // namespace linedb_test
