#pragma once

#include "reeve/core/host_loop.hpp"

#include <condition_variable>
#include <map>
#include <mutex>
#include <vector>

namespace reeve::backends {

/// A plain loop for programs that have none: `run` works on the calling thread until `stop`. It
/// starts no thread. `post` and `stop` from any thread.
class event_loop final : public core::host_loop {
public:
    event_loop() = default;
    /// Drops what has not run.
    ~event_loop() override;

    void post(core::task work) override;
    void post_at(core::time_point when, core::task work) override;

    /// Runs works until `stop` is called. Works posted afterwards wait for the next `run`.
    void run();
    /// Runs what is due now, without waiting; returns whether anything ran.
    bool poll();
    /// Ends `run`, soon.
    void stop();

private:
    void take_due(std::vector<core::task>& due);

    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<core::task> ready_;
    std::multimap<core::time_point, core::task> timed_;
    bool stopped_ = false;
};

}  // namespace reeve::backends
