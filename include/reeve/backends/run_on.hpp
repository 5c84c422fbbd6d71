#pragma once

#include "reeve/backends/event_loop.hpp"
#include "reeve/core/awaitable.hpp"
#include "reeve/core/error.hpp"
#include "reeve/core/runtime.hpp"

#include <boost/asio/co_spawn.hpp>

#include <exception>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

namespace reeve::backends {

namespace detail {

// How a work ended, or that it has not. Shared with the work, which may end in a later run.
template <class T>
struct work_end {
    bool ended = false;
    std::exception_ptr failure;
    std::optional<std::conditional_t<std::is_void_v<T>, bool, T>> value;
};

}  // namespace detail

/// Runs the loop on the calling thread until `work`, which runs on `strand`, has ended; returns or
/// throws what it does. Whatever else was started on the loop goes on meanwhile, and rests
/// afterwards until the loop runs again. Throws errc::unavailable if somebody else stops the loop
/// first: `work` then rests, too. It does not return by itself if the strand is shut down. For main
/// programs and tests; blocking::wait is for threads beside a loop that runs already.
template <class T>
T run_on(event_loop& loop, core::runtime& strand, awaitable<T> work) {
    const auto end = std::make_shared<detail::work_end<T>>();
    auto finish = [&loop, end](const std::exception_ptr& failure, auto&&... value) {
        end->ended = true;
        end->failure = failure;
        if (!failure) end->value.emplace(std::forward<decltype(value)>(value)...);
        loop.stop();
    };
    boost::asio::co_spawn(strand.executor(), std::move(work), std::move(finish));
    loop.run();
    if (!end->ended) throw error(errc::unavailable, "somebody else stopped the loop");
    if (end->failure) std::rethrow_exception(end->failure);
    if constexpr (!std::is_void_v<T>) return std::move(*end->value);
}

}  // namespace reeve::backends
