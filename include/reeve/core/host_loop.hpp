#pragma once

#include "reeve/core/clock.hpp"
#include "reeve/core/task.hpp"

namespace reeve::core {

/// The host's event loop, seen from reeve: two functions. A Seastar reactor, a bthread or folly
/// executor, an io_context or a thread pool fits. The loop must outlive every `runtime` made from
/// it.
class host_loop {
public:
    virtual ~host_loop() = default;

    /// Run `work` soon, after this call has returned. From any thread, also while the loop shuts
    /// down, when it may drop `work` instead. A loop of several threads may run works at once: a
    /// runtime puts its own in order.
    virtual void post(task work) = 0;

    /// Run `work` at or soon after `when` on the clock of the runtime. Called only by reeve's own
    /// works. There is no cancel: a runtime arms its earliest timer only, so at most a few are
    /// outstanding.
    virtual void post_at(time_point when, task work) = 0;
};

}  // namespace reeve::core
