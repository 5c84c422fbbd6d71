#pragma once

#include "reeve/core/awaitable.hpp"
#include "reeve/core/clock.hpp"
#include "reeve/core/runtime.hpp"

#include <boost/asio/any_io_executor.hpp>

#include <memory>

namespace reeve::core {

/// How a wait ended.
enum class wait_result {
    notified,   ///< somebody called notify
    timed_out,  ///< the deadline came first
};

/// Coroutines wait here until somebody notifies: the condition variable of a strand. It keeps no
/// memory of a notification that nobody waited for, so waiters check their own condition in a loop.
/// All calls on the strand. Destroying it while coroutines wait leaves them waiting for their
/// deadline, cancellation or the runtime's end.
class event {
public:
    /// Waiters run on `strand`.
    explicit event(runtime& strand);
    /// The same, for a coroutine that knows its strand as this_coro::executor only. Throws
    /// errc::invalid_argument if that is no runtime's.
    explicit event(const boost::asio::any_io_executor& strand);
    ~event();
    event(const event&) = delete;
    event& operator=(const event&) = delete;

    /// Waits for a notification. Cancellation: throws operation_aborted.
    [[nodiscard]] awaitable<void> wait();
    /// Waits for a notification, at most until `deadline`. Cancellation: throws operation_aborted.
    [[nodiscard]] awaitable<wait_result> wait_until(time_point deadline);

    /// Resumes everybody who waits now, after this call has returned.
    void notify_all() noexcept;
    /// Resumes who has waited longest, after this call has returned.
    void notify_one() noexcept;

private:
    std::shared_ptr<detail::runtime_state> state_;
    struct waiters;
    std::unique_ptr<waiters> waiters_;
};

}  // namespace reeve::core
