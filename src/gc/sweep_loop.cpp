#include "gc/sweep_loop.hpp"

#include "reeve/core/log.hpp"
#include "reeve/core/metrics.hpp"

namespace reeve::gc {

sweep_loop::sweep_loop(const sweep_site& site, const pace_options& pace, sweep_status& status,
                       std::string_view what)
    : strand_(site.strand),
      pause_poll_(pace.pause_poll),
      status_(status),
      what_(what),
      delay_(pace.retry, site.strand.next_seed()) {}

void sweep_loop::begins() { status_.running = true; }

std::chrono::milliseconds sweep_loop::ended(bool paused) {
    status_.running = false;
    status_.paused = paused;
    status_.trouble.clear();
    delay_.reset();
    if (paused) return pause_poll_;
    ++status_.sweeps;
    strand_.metrics().count("reeve_gc_sweeps_total", 1);
    return std::chrono::milliseconds(0);
}

// What an operator must mend (a marker, a suspicious object, a corrupt record) is tried again, too:
// the sweep goes on when it is mended. A trouble is logged when it is new.
std::chrono::milliseconds sweep_loop::failed(const error& failure) {
    status_.running = false;
    if (failure.kind() == error_class::fenced) throw failure;
    ++status_.stopped;
    strand_.metrics().count("reeve_gc_sweeps_stopped_total", 1);
    const std::string_view why = failure.what();
    if (status_.trouble != why) {
        status_.trouble = why;
        status_.since = strand_.now();
        const bool passes = failure.kind() == error_class::not_applied ||
                            failure.kind() == error_class::unknown_outcome;
        const auto level = passes ? core::log_level::warning : core::log_level::error;
        core::log(strand_.log(), level, "gc", "{}: {}", what_, why);
    }
    return delay_.next();
}

}  // namespace reeve::gc
