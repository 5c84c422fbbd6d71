#pragma once

#include "reeve/testing/event_log.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace reeve::testing {

class simulation;

/// What one run of a scenario came to.
struct scenario_outcome {
    std::uint64_t trace_hash = 0;                              ///< equal seeds give equal hashes
    std::uint64_t handlers = 0;                                ///< events that ran
    std::uint64_t messages = 0;                                ///< that arrived
    std::uint64_t commits = 0;                                 ///< of the metadata store
    std::chrono::nanoseconds simulated{0};                     ///< virtual time that passed
    std::map<std::string, std::uint64_t, std::less<>> counts;  ///< of rare events
    std::string failure;                                       ///< empty: everything held
};

/// How a scenario is run.
struct scenario_options {
    event_log::line_sink story;  ///< takes the readable story; empty: it is not told
};

/// Seeds from `from` on.
struct seed_range {
    std::uint64_t from = 1;   ///< the first
    std::uint64_t count = 0;  ///< how many; past the largest 64-bit number it goes on at 0
};

/// A named kind of run: one seed, one world, one verdict. A host registers its own by putting them
/// into a vector: nothing is global.
struct scenario {
    std::string name;         ///< one word, for the command line
    std::string description;  ///< one line
    seed_range ci;            ///< the seeds that CI runs
    /// Counters (simulation::count) that must not be zero over the whole CI range: else the
    /// scenario no longer shows what it is for.
    std::vector<std::string> rare_events;
    /// Runs one seed. A broken invariant is an outcome with a failure; exceptions that leave it are
    /// failures, too.
    std::function<scenario_outcome(std::uint64_t seed, const scenario_options& options)> run;
};

/// Runs one seed of a scenario; an exception becomes the outcome's failure.
[[nodiscard]] scenario_outcome run_seed(const scenario& which, std::uint64_t seed,
                                        const scenario_options& options = {});

/// The outcome of a simulation that has ended.
[[nodiscard]] scenario_outcome outcome_of(simulation& world);

/// A scenario whose run is one simulation: `play` builds the world, runs it, and checks with
/// simulation::require. The story goes where the options say.
[[nodiscard]] scenario make_scenario(std::string name, std::string description, seed_range ci,
                                     std::vector<std::string> rare_events,
                                     std::function<void(simulation& world)> play);

/// The sum of many runs of one scenario.
struct scenario_totals {
    std::uint64_t seeds = 0;                                   ///< that ran
    std::uint64_t handlers = 0;                                ///< events of all of them
    std::uint64_t messages = 0;                                ///< of all of them
    std::uint64_t commits = 0;                                 ///< of all of them
    std::chrono::nanoseconds simulated{0};                     ///< of all of them
    std::map<std::string, std::uint64_t, std::less<>> counts;  ///< of all of them

    /// Adds one run.
    void add(const scenario_outcome& outcome);
    /// The declared rare events of `which` that never happened.
    [[nodiscard]] std::vector<std::string> missing(const scenario& which) const;
    /// Messages and commits per simulated second.
    [[nodiscard]] double work_rate() const noexcept;
};

}  // namespace reeve::testing
