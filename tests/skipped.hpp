#pragma once

#include <atomic>

namespace reeve::tests {

/// How many tests of this program were left out, because something that they need is not on this
/// machine. With one or more, and no failure, the program ends with `skip_exit_code`, which ctest
/// calls "Skipped": a test that did not run is no test that passed.
inline std::atomic<int> tests_skipped = 0;

/// See `tests_skipped`; the CMake files know it, too.
inline constexpr int skip_exit_code = 77;

}  // namespace reeve::tests
