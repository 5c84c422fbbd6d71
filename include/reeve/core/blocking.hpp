#pragma once

#include "reeve/core/awaitable.hpp"
#include "reeve/core/callback.hpp"
#include "reeve/core/error.hpp"
#include "reeve/core/runtime.hpp"

#include <boost/asio/co_spawn.hpp>

#include <exception>
#include <future>
#include <memory>
#include <type_traits>
#include <utility>

namespace reeve::blocking {

/// Runs `operation` on `strand` and blocks the calling thread until it has ended: for callers that
/// are not coroutines. Throws what it throws. Never from the strand's own thread, where it would
/// wait for itself: that is detected and refused with errc::invalid_argument. If the runtime shuts
/// down first, throws errc::unavailable.
template <class T>
T wait(core::runtime& strand, awaitable<T> operation) {
    if (strand.running_here()) {
        throw error(errc::invalid_argument, "blocking call from the thread of its own loop");
    }
    auto promise = std::make_shared<std::promise<T>>();
    auto result = promise->get_future();
    auto finish = [promise = std::move(promise)](const std::exception_ptr& failure,
                                                 auto&&... value) {
        if (failure) {
            promise->set_exception(failure);
        } else {
            promise->set_value(std::forward<decltype(value)>(value)...);
        }
    };
    boost::asio::co_spawn(strand.executor(), std::move(operation), std::move(finish));
    try {
        return result.get();
    } catch (const std::future_error&) {
        throw error(errc::unavailable, "the runtime shut down");
    }
}

}  // namespace reeve::blocking
