#pragma once

#include "reeve/backends/event_loop.hpp"
#include "reeve/core/awaitable.hpp"
#include "reeve/core/runtime.hpp"

#include <boost/asio/co_spawn.hpp>

#include <exception>
#include <optional>
#include <utility>

namespace linedb {

/// Runs the loop on this thread until `work`, on `strand`, has ended; returns or throws what it
/// does.
template <class T>
T run_on(reeve::backends::event_loop& loop, reeve::core::runtime& strand,
         reeve::awaitable<T> work) {
    std::exception_ptr failure;
    std::optional<T> result;
    boost::asio::co_spawn(strand.executor(), std::move(work),
                          [&](const std::exception_ptr& thrown, T value) {
                              failure = thrown;
                              result = std::move(value);
                              loop.stop();
                          });
    loop.run();
    if (failure) std::rethrow_exception(failure);
    return std::move(*result);
}

}  // namespace linedb
