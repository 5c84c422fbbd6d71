#pragma once

#include "reeve/core/awaitable.hpp"
#include "reeve/core/clock.hpp"
#include "reeve/core/host_loop.hpp"
#include "reeve/core/log.hpp"
#include "reeve/core/metrics.hpp"
#include "reeve/core/task.hpp"

#include <boost/asio/any_io_executor.hpp>

#include <chrono>
#include <cstdint>
#include <memory>

namespace reeve::core {

namespace detail {
class runtime_state;
}

/// What a runtime uses beside the loop. All referenced objects must outlive it.
struct runtime_options {
    const core::clock* clock = nullptr;       ///< nullptr: the machine's clocks
    log_sink* log = nullptr;                  ///< nullptr: nothing is printed
    metrics_sink* metrics = nullptr;          ///< nullptr: numbers are dropped
    std::uint64_t seed = 0x7265657665000001;  ///< of backoff jitter and the like, never of anything
                                              ///< that must be unique
};

/// A strand on the host's loop: runs reeve's coroutines one at a time and keeps their timers.
/// Everything of reeve that is built on one runtime is single-threaded. reeve starts no thread.
///
/// The runtime must outlive what is built on it. Destroying it drops every coroutine that waits on
/// it, as a crash would: destructors run, nothing is sent and nothing is written. Destroy it on the
/// loop's thread, or when the loop no longer runs.
class runtime {
public:
    /// A strand on `loop`.
    explicit runtime(host_loop& loop, runtime_options options = {});
    /// Calls `shutdown`.
    ~runtime();
    runtime(const runtime&) = delete;
    runtime& operator=(const runtime&) = delete;

    /// Runs coroutines on the strand. Copies are cheap and may outlive the runtime, when they drop
    /// what they are given.
    [[nodiscard]] boost::asio::any_io_executor executor() const;

    /// Now, monotonic.
    [[nodiscard]] time_point now() const noexcept;
    /// Now, by the calendar.
    [[nodiscard]] wall_time wall_now() const noexcept;

    /// Ends at or after `when`. Cancellation: throws operation_aborted.
    [[nodiscard]] awaitable<void> sleep_until(time_point when);
    /// Ends `duration` from now or later. Cancellation: throws operation_aborted.
    [[nodiscard]] awaitable<void> sleep_for(std::chrono::nanoseconds duration);

    /// Run `work` on the strand, after this call has returned. From any thread. Dropped after
    /// `shutdown`.
    void post(task work) const;

    /// True while the calling thread runs a work of this strand.
    [[nodiscard]] bool running_here() const noexcept;

    /// Where lines go.
    [[nodiscard]] log_sink& log() const noexcept { return *log_; }
    /// Where numbers go.
    [[nodiscard]] metrics_sink& metrics() const noexcept { return *metrics_; }
    /// A seed that differs from call to call, for backoff jitter and the like. Deterministic for a
    /// given runtime seed.
    [[nodiscard]] std::uint64_t next_seed() noexcept;

    /// Drops every waiting coroutine, timer and posted work; nothing runs on the strand afterwards.
    /// May be called by a work of the strand itself, when the dropping happens as soon as that work
    /// suspends or ends. Idempotent.
    void shutdown() noexcept;

    /// The strand itself, for the primitives of this floor.
    [[nodiscard]] const std::shared_ptr<detail::runtime_state>& state() const noexcept {
        return state_;
    }

private:
    std::shared_ptr<detail::runtime_state> state_;
    log_sink* log_;
    metrics_sink* metrics_;
    std::uint64_t seed_;
};

/// A runtime on the host's loop.
[[nodiscard]] std::unique_ptr<runtime> runtime_from(host_loop& loop, runtime_options options = {});

}  // namespace reeve::core
