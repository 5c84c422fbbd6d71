#pragma once

#include "reeve/core/callback.hpp"
#include "reeve/core/error.hpp"

#include <boost/asio/error.hpp>
#include <boost/system/system_error.hpp>

#include <functional>
#include <string>
#include <utility>

namespace reeve::storage {

/// core::blocking_call of something that has an effect: a cancelled wait throws
/// errc::outcome_unknown, since the function goes on.
template <class T>
[[nodiscard]] awaitable<T> blocking_write(core::runtime& strand, core::blocking_executor workers,
                                          std::function<T()> function, std::string context) {
    try {
        co_return co_await core::blocking_call<T>(strand, std::move(workers), std::move(function));
    } catch (const boost::system::system_error& aborted) {
        if (aborted.code() != boost::asio::error::operation_aborted) throw;
        throw error(errc::outcome_unknown, context + " was cancelled");
    }
}

/// How long a worker is kept by somebody who waits for changes or messages.
constexpr std::chrono::milliseconds blocking_patience{200};
/// How long to wait after an answer that came empty without patience.
constexpr std::chrono::milliseconds blocking_pause{10};

}  // namespace reeve::storage
