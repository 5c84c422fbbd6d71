#pragma once

#include "reeve/core/awaitable.hpp"
#include "reeve/core/callback.hpp"
#include "reeve/core/clock.hpp"
#include "reeve/core/error.hpp"
#include "reeve/core/event.hpp"
#include "reeve/core/runtime.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/system/system_error.hpp>

#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace reeve::core {

/// Waits for `operation`, at most until `deadline`; then cancels it and waits for it to end, which
/// the interfaces promise to be soon. What it then says stands: a value is returned, a reeve::error
/// passes, and a bare operation_aborted becomes reeve::error(on_timeout, context). So an outcome is
/// never thrown away: the only place in reeve that races an operation with time. `on_timeout` is
/// errc::outcome_unknown for what may have had an effect, errc::deadline_exceeded for reads.
/// Cancelling the wait itself does the same, and then throws or returns what the operation said; a
/// caller that goes on all the same ends at its next wait, as after any cancellation.
template <class T>
[[nodiscard]] awaitable<T> with_deadline(runtime& strand, awaitable<T> operation,
                                         time_point deadline, errc on_timeout,
                                         std::string context) {
    struct race {
        explicit race(runtime& on) : ended(on) {}
        event ended;
        bool finished = false;
        std::exception_ptr failure;
        std::optional<detail::stored<T>> value;
        boost::asio::cancellation_signal cancel;
    };
    auto shared = std::make_shared<race>(strand);
    auto run = [](std::shared_ptr<race> into, awaitable<T> work) -> awaitable<void> {
        if constexpr (std::is_void_v<T>) {
            co_await std::move(work);
            into->value.emplace();
        } else {
            T result = co_await std::move(work);
            into->value.emplace(std::move(result));
        }
    };
    // Told only when its frames are gone, since they use the signal; and told also when it was
    // cancelled before it began.
    auto ended = [shared](const std::exception_ptr& failure) {
        shared->failure = failure;
        shared->finished = true;
        shared->ended.notify_all();
    };
    boost::asio::co_spawn(strand.executor(), run(shared, std::move(operation)),
                          boost::asio::bind_cancellation_slot(shared->cancel.slot(), ended));
    bool cancelled = false;
    while (!shared->finished && !cancelled && strand.now() < deadline) {
        try {
            co_await shared->ended.wait_until(deadline);
        } catch (const boost::system::system_error&) {
            cancelled = true;
        }
    }
    if (!shared->finished) {
        // A cancellation does not end this wait, but it is kept: the caller's next wait ends by it.
        const bool throws = co_await boost::asio::this_coro::throw_if_cancelled();
        co_await boost::asio::this_coro::throw_if_cancelled(false);
        shared->cancel.emit(boost::asio::cancellation_type::terminal);
        while (!shared->finished) {
            try {
                co_await shared->ended.wait();
            } catch (const boost::system::system_error&) {
                cancelled = true;  // perhaps once more; the operation has been told already
            }
        }
        co_await boost::asio::this_coro::throw_if_cancelled(throws);
    }
    if (shared->failure) {
        try {
            std::rethrow_exception(shared->failure);
        } catch (const boost::system::system_error& aborted) {
            if (aborted.code() != boost::asio::error::operation_aborted) throw;
            throw error(on_timeout, context);
        }
    }
    if constexpr (!std::is_void_v<T>) co_return std::move(*shared->value);
}

}  // namespace reeve::core
