#pragma once

#include "reeve/testing/effect_gate.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace reeve::testing {

class simulation;

/// A short program whose every step must survive a crash. One object is one run in one world; all
/// runs of a seed are equal up to the crash.
class crash_subject {
public:
    virtual ~crash_subject() = default;

    /// The world it runs in.
    virtual simulation& world() = 0;
    /// Runs the program, up to its end or until a process of it was killed by the crash point (then
    /// the others may go on for a while). Must return in either case: bound it by virtual time.
    virtual void run() = 0;
    /// Starts again what is dead and runs until everything has settled. Called after `run`, and
    /// again if a second crash hit the recovery; called without any crash, too: recovering from
    /// nothing must be harmless.
    virtual void recover() = 0;
    /// Checks the invariants, with simulation::require. Called after a recovery without a crash.
    virtual void check() = 0;
};

/// A fresh subject. Equal seeds must give equal runs.
using crash_subject_factory = std::function<std::unique_ptr<crash_subject>(std::uint64_t seed)>;

/// How the crash points are gone through.
struct crash_options {
    std::uint64_t seed = 1;  ///< of every run, and of the choice of double crashes
    /// What is done at each effect.
    std::vector<verdict> modes{verdict::crash_before, verdict::crash_after,
                               verdict::crash_after_without_reply, verdict::lose_reply};
    /// Which effects are crash points; empty: all.
    std::function<bool(const effect&)> counts;
    /// Double crashes to sample: a crash at a random effect in a random mode, then a second one in
    /// the recovery from it.
    std::size_t double_crashes = 50;
};

/// A run that did not hold.
struct crash_failure {
    std::string where;  ///< "crash_before effect 3 (metadata_commit of node-1: channels/a)"
    std::string what;   ///< the simulation's failure
};

/// What came of it.
struct crash_report {
    std::vector<std::string> effects;  ///< of the run without a crash, in order
    std::size_t runs = 0;              ///< with one crash
    std::size_t hits = 0;              ///< of them, where the crash point was reached: all, if the
                                       ///< subject is deterministic
    std::size_t double_runs = 0;       ///< with a second crash
    std::size_t double_hits = 0;       ///< of them, where both were reached
    std::vector<crash_failure> failures;  ///< empty: every run held

    /// True if there were effects, every crash point was hit and every run held.
    [[nodiscard]] bool held() const noexcept {
        return failures.empty() && !effects.empty() && hits == runs;
    }
    /// A few lines for people: what failed, or what was done.
    [[nodiscard]] std::string text() const;
};

/// The name of a verdict, such as "crash_before".
[[nodiscard]] std::string_view name(verdict mode) noexcept;

/// Runs the subject once to count its effects, then once per effect and mode with a crash there,
/// each followed by recover and check; then the sampled double crashes.
[[nodiscard]] crash_report run_crash_points(const crash_subject_factory& make,
                                            const crash_options& options = {});

}  // namespace reeve::testing
