#pragma once

#include "reeve/core/awaitable.hpp"
#include "reeve/core/error.hpp"
#include "reeve/core/event.hpp"
#include "reeve/core/runtime.hpp"
#include "reeve/core/timeout.hpp"
#include "reeve/testing/conformance.hpp"

#include <fmt/format.h>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

#include <chrono>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace reeve::testing::detail {

using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""s;

/// Throws check_failure with `why` unless `held`.
inline void expect(bool held, std::string_view why) {
    if (!held) throw check_failure(std::string(why));
}

/// Bytes for a message: printable as they are, the rest escaped, long ones cut.
[[nodiscard]] std::string show(std::string_view bytes);

/// Throws check_failure naming both unless `got` equals `wanted`.
template <class Got, class Wanted>
void expect_equal(const Got& got, const Wanted& wanted, std::string_view what) {
    if (got == wanted) return;
    if constexpr (std::is_convertible_v<Got, std::string_view>) {
        throw check_failure(fmt::format("{} is {}, expected {}", what, show(got), show(wanted)));
    } else {
        throw check_failure(fmt::format("{} is {}, expected {}", what, got, wanted));
    }
}

/// How an operation ended, whatever it was: the part that cancellation checks look at.
enum class ending {
    value,    ///< it returned
    failed,   ///< it threw reeve::error with `code`
    aborted,  ///< it threw operation_aborted
    waiting,  ///< it has not ended
};

/// The result of an operation that was observed instead of awaited.
template <class T>
struct observed {
    explicit observed(core::runtime& strand) : ended(strand) {}
    ending how = ending::waiting;
    bool started = false;
    std::optional<core::detail::stored<T>> value;
    std::optional<errc> code;
    std::string text;
    std::exception_ptr other;  // anything that no interface allows
    core::event ended;
    boost::asio::cancellation_signal cancel;
};

template <class T>
using observed_ptr = std::shared_ptr<observed<T>>;

template <class T>
awaitable<void> observe(observed_ptr<T> into, awaitable<T> operation) {
    into->started = true;
    try {
        if constexpr (std::is_void_v<T>) {
            co_await std::move(operation);
            into->value.emplace();
        } else {
            T result = co_await std::move(operation);
            into->value.emplace(std::move(result));
        }
        into->how = ending::value;
    } catch (const error& failure) {
        into->code = failure.code_value();
        into->text = failure.what();
        into->how = ending::failed;
    } catch (const boost::system::system_error& failure) {
        if (failure.code() == boost::asio::error::operation_aborted) {
            into->how = ending::aborted;
        } else {
            into->other = std::current_exception();
            into->how = ending::failed;
        }
        into->text = failure.what();
    } catch (...) {  // kept for the check, which rethrows it
        into->other = std::current_exception();
        into->how = ending::failed;
    }
    into->ended.notify_all();
}

/// Starts an operation beside the check.
template <class T>
observed_ptr<T> start(core::runtime& strand, awaitable<T> operation) {
    auto into = std::make_shared<observed<T>>(strand);
    // Holds the cancellation signal, to whose slot Asio refers until this has been called.
    auto done = [into](const std::exception_ptr& failure) {
        if (failure) std::rethrow_exception(failure);
    };
    boost::asio::co_spawn(strand.executor(), observe<T>(into, std::move(operation)),
                          boost::asio::bind_cancellation_slot(into->cancel.slot(), done));
    return into;
}

/// How long a check waits for one thing that must happen.
inline constexpr std::chrono::milliseconds step_patience = 20s;

/// Waits until the operation has ended. Throws check_failure if it does not, or rethrows what no
/// interface allows.
template <class T>
awaitable<void> settle(core::runtime& strand, observed_ptr<T> operation, std::string what) {
    const auto deadline = strand.now() + step_patience;
    while (operation->how == ending::waiting) {
        const auto how = co_await operation->ended.wait_until(deadline);
        if (how == core::wait_result::timed_out && operation->how == ending::waiting) {
            throw check_failure(what + " did not end");
        }
    }
    if (operation->other) std::rethrow_exception(operation->other);
}

/// Waits for an operation and returns its code, or nothing if it succeeded.
template <class T>
awaitable<std::optional<errc>> code_of(awaitable<T> operation) {
    std::optional<errc> code;
    try {
        co_await std::move(operation);
    } catch (const error& failure) {
        code = failure.code_value();
    }
    co_return code;
}

/// Throws check_failure unless the operation throws reeve::error with `wanted`.
template <class T>
awaitable<void> expect_error(awaitable<T> operation, errc wanted, std::string what) {
    const std::optional<errc> code = co_await code_of<T>(std::move(operation));
    if (!code) throw check_failure(fmt::format("{} succeeded, expected {}", what, name(wanted)));
    if (*code != wanted) {
        throw check_failure(
            fmt::format("{} threw {}, expected {}", what, name(*code), name(wanted)));
    }
}

/// The operation's value; check_failure if it takes longer than step_patience.
template <class T>
awaitable<T> within(core::runtime& strand, awaitable<T> operation, std::string what) {
    const observed_ptr<T> running = start<T>(strand, std::move(operation));
    co_await settle<T>(strand, running, what);
    if (running->how == ending::aborted) throw check_failure(what + " threw operation_aborted");
    if (running->how == ending::failed) {
        throw error(*running->code, what + ": " + running->text);
    }
    if constexpr (!std::is_void_v<T>) co_return std::move(*running->value);
}

/// Lets everything that is ready on the strand run, `steps` times.
awaitable<void> yield(core::runtime& strand, std::size_t steps);

/// Waits until `condition` holds, looking again after each short pause of the strand's clock.
awaitable<void> until(core::runtime& strand, std::function<bool()> condition, std::string what);

/// Starts the operation, cancels it `steps` scheduler steps after it has begun and waits for its
/// end, which must come soon.
template <class T>
awaitable<observed_ptr<T>> cancel_after(core::runtime& strand, std::size_t steps,
                                        awaitable<T> operation, std::string what) {
    observed_ptr<T> running = start<T>(strand, std::move(operation));
    while (!running->started) co_await yield(strand, 1);
    co_await yield(strand, steps);
    running->cancel.emit(boost::asio::cancellation_type::terminal);
    strand.post(core::task([running] {}));  // emit has posted a work that refers to the signal
    co_await settle<T>(strand, running, fmt::format("{}, cancelled at step {},", what, steps));
    co_return running;
}

/// How many of an operation's first scheduler steps are tried for cancellation.
inline constexpr std::size_t cancel_steps = 24;

/// How a check ends when its body is done.
enum class closing {
    close,     ///< what it opened is destroyed, then the strand
    shutdown,  ///< the strand is shut down first, with whatever is still in flight
};

/// A check as the suites write it down.
template <class Trial>
struct definition {
    const char* name;
    const char* rule;
    awaitable<void> (*body)(Trial& it);
    closing end = closing::close;
};

/// Runs `body` on the environment and says how it went.
[[nodiscard]] check_report execute(check_environment& environment,
                                   std::chrono::milliseconds patience,
                                   const std::function<awaitable<void>()>& body);

/// Runs `attempt` and turns what it throws into a report.
[[nodiscard]] check_report guarded(const std::function<check_report()>& attempt);

/// Passed if all of these are gone; else failed.
[[nodiscard]] check_report dropped(const std::vector<std::weak_ptr<void>>& in_flight);

template <class Trial>
awaitable<void> run_body(Trial& trial, awaitable<void> (*body)(Trial& it)) {
    co_await trial.begin();
    co_await body(trial);
}

/// Turns definitions into checks. `Trial` is made of (core::runtime&, Factory&), has a coroutine
/// `begin` that runs before the body, and is destroyed before the strand; what its member
/// `in_flight` refers to must then be gone.
template <class Trial, class Factory>
std::vector<check> make_checks(const std::shared_ptr<Factory>& factory,
                               const std::vector<definition<Trial>>& definitions) {
    std::vector<check> checks;
    for (const auto& each : definitions) {
        auto attempt = [factory, each]() -> check_report {
            factory->reset();
            const auto environment = factory->make_environment();
            check_report report;
            std::vector<std::weak_ptr<void>> in_flight;
            {
                Trial trial(environment->strand(), *factory);
                auto body = [&trial, &each]() { return run_body<Trial>(trial, each.body); };
                report = execute(*environment, factory->patience(), body);
                in_flight = trial.in_flight;
                if (each.end == closing::shutdown || report.what == check_verdict::failed) {
                    environment->strand().shutdown();
                }
            }
            if (report.what == check_verdict::passed) report = dropped(in_flight);
            return report;
        };
        check one;
        one.name = each.name;
        one.rule = each.rule;
        one.run = [attempt, each]() {
            check_report report = guarded(attempt);
            report.name = each.name;
            report.rule = each.rule;
            return report;
        };
        checks.push_back(std::move(one));
    }
    return checks;
}

}  // namespace reeve::testing::detail
