#pragma once

#include "reeve/core/awaitable.hpp"
#include "reeve/core/runtime.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

/// What reeve ships for tests, its own and its hosts': conformance suites, simulation, history
/// checking.
namespace reeve::testing {

/// How a check ended.
enum class check_verdict {
    passed,   ///< the implementation kept the rule
    failed,   ///< it broke the rule; `check_report::why` says how
    skipped,  ///< the check could not run; `check_report::why` says which hook it needs
};

/// The short name of a check_verdict, such as "passed".
[[nodiscard]] std::string_view name(check_verdict what) noexcept;

/// What became of one check.
struct check_report {
    std::string name;  ///< of the check
    std::string rule;  ///< what was checked, a sentence of the specification
    check_verdict what = check_verdict::failed;  ///< how it ended
    std::string why;                             ///< of a failure or a skip; empty when passed
};

/// One rule of an interface, ready to be tried on an implementation.
struct check {
    std::string name;  ///< unique in its suite, such as "watch_from_the_past"
    std::string rule;  ///< what is checked, a sentence of the specification
    /// Tries the rule on a fresh implementation, blocking until it is decided. Never throws for
    /// what the implementation does: that is in the report.
    std::function<check_report()> run;
};

/// Thrown inside a check when a rule is broken; its text says how. Hosts may throw it from their
/// hooks.
class check_failure : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// Thrown inside a check, or by a hook, when the check cannot run here; its text says what it
/// needs. The check is reported as skipped, never as passed.
class check_skipped : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// The loop on which checks run. One is made for each check and used on one thread.
class check_environment {
public:
    virtual ~check_environment() = default;

    /// Where the implementation under test and the check itself run. Lives as long as the
    /// environment.
    [[nodiscard]] virtual core::runtime& strand() = 0;
    /// Runs the loop until `finish` is called, at most about `patience`. The caller's thread may
    /// be the loop's, or wait for it. Called once.
    virtual void run(std::chrono::milliseconds patience) = 0;
    /// Ends `run` soon. Called on the strand.
    virtual void finish() = 0;
};

/// A loop of its own on the machine's clocks: right for every implementation that does not ask for
/// a particular loop.
[[nodiscard]] std::unique_ptr<check_environment> make_check_environment();

/// What every suite asks of a host beside the implementation itself.
class check_factory {
public:
    virtual ~check_factory() = default;

    /// Called before each check: what is opened from now on is empty. Nothing is open.
    virtual void reset() = 0;
    /// A fresh loop for one check. The default is make_check_environment().
    [[nodiscard]] virtual std::unique_ptr<check_environment> make_environment();
    /// After this long a check that has not ended is reported as failed. Generous: it is no
    /// measure of speed. The default is 60 s.
    [[nodiscard]] virtual std::chrono::milliseconds patience() const;
};

/// Receives each report as soon as the check has ended.
using report_sink = std::function<void(const check_report&)>;

/// Runs all checks one after the other; returns true if none failed.
bool run_checks(const std::vector<check>& checks, const report_sink& sink);

/// For a plain main: runs all checks, or those whose name contains the first argument, prints one
/// line for each to the standard output: `ok NAME`, `skipped NAME: needs ...` or `FAILED NAME:
/// why`, then a line of totals. Returns 0 if none failed and at least one ran, else 1.
///
///     int main(int argc, char** argv) {
///         const auto factory = std::make_shared<my_store_factory>();
///         return reeve::testing::run_main(reeve::testing::metadata_store_checks(factory),
///                                         argc, argv);
///     }
int run_main(const std::vector<check>& checks, int argc, const char* const* argv);

}  // namespace reeve::testing
