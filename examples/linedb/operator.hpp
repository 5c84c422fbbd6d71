#pragma once

#include "cluster.hpp"
#include "options.hpp"
#include "progress.hpp"
#include "reeve/core/event.hpp"
#include "site.hpp"

#include <exception>
#include <string>
#include <vector>

namespace linedb {

/// Brings a directory from wherever the last run was cut off to the end: ends the sessions of dead
/// predecessors, runs the cluster under faults, and returns when each channel is consumed up to its
/// end.
class run_operator {
public:
    /// The directory's lock must be held. `host` must outlive it.
    run_operator(machine& host, const options& what);
    ~run_operator();
    run_operator(const run_operator&) = delete;
    run_operator& operator=(const run_operator&) = delete;

    /// Runs the loop on this thread until all is done. Throws reeve::error.
    void run();

private:
    reeve::awaitable<void> work();
    reeve::awaitable<void> patiently(reeve::awaitable<void> (run_operator::*step)());
    reeve::awaitable<void> take_over();
    reeve::awaitable<void> end_sessions();
    reeve::awaitable<void> count_stored();
    reeve::awaitable<void> until_done();
    reeve::awaitable<bool> all_consumed();
    reeve::awaitable<void> cause_faults();
    void check_alive();

    machine& host_;
    options options_;
    reeve::core::runtime strand_;
    stores data_;
    reeve::core::event changed_;
    progress progress_;
    std::exception_ptr failure_;
    std::vector<model::position> ends_;  // of the channels, once the input is appended
    std::uint64_t seen_moving_ = 0;
    reeve::core::time_point moved_at_{};
    cluster cluster_;
    reeve::core::task_scope tasks_;
};

}  // namespace linedb
