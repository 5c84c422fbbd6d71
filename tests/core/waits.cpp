#include "catch.hpp"
#include "core/manual_loop.hpp"
#include "reeve/core/callback.hpp"
#include "reeve/core/error.hpp"
#include "reeve/core/task_scope.hpp"
#include "reeve/core/timeout.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/this_coro.hpp>

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

using namespace std::chrono_literals;
using namespace reeve;

namespace {

struct fixture {
    /// The code of the reeve::error that `operation` throws; 0 if it throws none.
    template <class T>
    errc code_of(awaitable<T> operation) {
        try {
            loop.wait(strand, std::move(operation));
        } catch (const error& failure) {
            return failure.code_value();
        }
        return errc{};
    }
    template <class T>
    awaitable<T> bound(awaitable<T> operation, std::chrono::milliseconds time) {
        return core::with_deadline(strand, std::move(operation), loop.now() + time,
                                   errc::outcome_unknown, "test");
    }

    manual_loop loop;
    core::runtime strand{loop, loop.options()};
};

awaitable<int> answer_after(core::runtime& strand, std::chrono::milliseconds delay, int value) {
    co_await strand.sleep_for(delay);
    co_return value;
}

// As a commit does: when it is cancelled, it still knows what became of it.
awaitable<int> answer_though_cancelled(core::runtime& strand, int value) {
    bool cancelled = false;
    try {
        co_await strand.sleep_for(1h);
    } catch (const boost::system::system_error&) {
        cancelled = true;
    }
    co_await boost::asio::this_coro::reset_cancellation_state(boost::asio::disable_cancellation());
    co_await strand.sleep_for(1ms);
    if (value < 0) throw error(errc::lease_not_found, "said by the operation");
    co_return cancelled ? value : 0;
}

awaitable<void> fail_after(core::runtime& strand, std::chrono::milliseconds delay) {
    co_await strand.sleep_for(delay);
    throw error(errc::fenced, "said by the operation");
}

awaitable<int> at_once(int value) { co_return value; }

// As a loop does that retries what has failed.
awaitable<void> go_on_after(fixture& it, std::chrono::milliseconds limit) {
    auto operation = it.bound(answer_though_cancelled(it.strand, 7), limit);
    const int value = co_await std::move(operation);
    REQUIRE(value == 7);
    co_await it.strand.sleep_for(1h);
}

}  // namespace

TEST_CASE("with_deadline: what ends in time is returned or thrown as it is") {
    fixture it;
    REQUIRE(it.loop.wait(it.strand, it.bound(answer_after(it.strand, 5ms, 7), 10ms)) == 7);
    REQUIRE(it.code_of(it.bound(fail_after(it.strand, 5ms), 10ms)) == errc::fenced);
    REQUIRE(it.loop.wait(it.strand, it.bound(at_once(8), 10ms)) == 8);
}

TEST_CASE("with_deadline: what is too late is cancelled and reported with the code given") {
    fixture it;
    const auto begin = it.loop.now();
    REQUIRE(it.code_of(it.bound(answer_after(it.strand, 1h, 7), 10ms)) == errc::outcome_unknown);
    REQUIRE(it.loop.now() - begin == 10ms);
}

TEST_CASE("with_deadline: an outcome that comes while it is cancelled is never lost") {
    fixture it;
    REQUIRE(it.loop.wait(it.strand, it.bound(answer_though_cancelled(it.strand, 7), 10ms)) == 7);
    REQUIRE(it.code_of(it.bound(answer_though_cancelled(it.strand, -1), 10ms)) ==
            errc::lease_not_found);
}

TEST_CASE("with_deadline: a deadline in the past ends the wait, not the program") {
    fixture it;
    REQUIRE(it.code_of(it.bound(answer_after(it.strand, 1h, 7), 0ms)) == errc::outcome_unknown);
    REQUIRE(it.code_of(it.bound(answer_after(it.strand, 1h, 7), -10ms)) == errc::outcome_unknown);
}

TEST_CASE("with_deadline: cancelling the wait says what the operation says") {
    for (const bool started : {false, true}) {
        fixture it;
        boost::asio::cancellation_signal cancel;
        int value = 0;
        std::exception_ptr failure;
        auto done = [&](const std::exception_ptr& thrown, int result) {
            failure = thrown;
            value = result;
        };
        boost::asio::co_spawn(it.strand.executor(),
                              it.bound(answer_though_cancelled(it.strand, 7), 1h),
                              boost::asio::bind_cancellation_slot(cancel.slot(), done));
        if (started) it.loop.run_ready();
        cancel.emit(boost::asio::cancellation_type::terminal);
        it.loop.run_for(10ms);
        REQUIRE_FALSE(failure);
        REQUIRE(value == 7);
    }
}

TEST_CASE("with_deadline: whoever goes on afterwards can still be cancelled") {
    // Either the deadline has passed before the cancellation, or the operation has survived it.
    for (const auto limit : {10ms, 10000ms}) {
        fixture it;
        boost::asio::cancellation_signal cancel;
        std::exception_ptr failure;
        bool ended = false;
        auto done = [&](const std::exception_ptr& thrown) {
            failure = thrown;
            ended = true;
        };
        boost::asio::co_spawn(it.strand.executor(), go_on_after(it, limit),
                              boost::asio::bind_cancellation_slot(cancel.slot(), done));
        it.loop.run_for(50ms);
        REQUIRE_FALSE(ended);
        cancel.emit(boost::asio::cancellation_type::terminal);
        it.loop.run_for(50ms);
        REQUIRE(ended);
        REQUIRE(failure);
    }
}

TEST_CASE("with_deadline: a wait that is dropped drops its operation") {
    manual_loop loop;
    auto strand = std::make_unique<core::runtime>(loop, loop.options());
    bool resumed = false;
    auto done = [&](const std::exception_ptr&, int) { resumed = true; };
    auto operation = core::with_deadline(*strand, answer_after(*strand, 1h, 1), loop.now() + 2h,
                                         errc::outcome_unknown, "test");
    boost::asio::co_spawn(strand->executor(), std::move(operation), done);
    loop.run_ready();
    strand.reset();
    loop.run_for(3h);
    REQUIRE_FALSE(resumed);
}

TEST_CASE("from_callback: the first completion counts, at once or later") {
    fixture it;
    std::function<void(core::completion<std::string>)> now = [](auto done) {
        done("first");
        done("second");
        done.fail(std::runtime_error("third"));
    };
    REQUIRE(it.loop.wait(it.strand, core::from_callback(it.strand, now)) == "first");

    std::optional<core::completion<std::string>> kept;
    std::function<void(core::completion<std::string>)> later = [&](auto done) { kept = done; };
    std::string result;
    auto ended = [&](const std::exception_ptr&, std::string text) { result = std::move(text); };
    boost::asio::co_spawn(it.strand.executor(), core::from_callback(it.strand, later), ended);
    it.loop.run_ready();
    REQUIRE(result.empty());
    (*kept)("late");
    it.loop.run_ready();
    REQUIRE(result == "late");
}

TEST_CASE("from_callback: a failure is thrown, also one of starting") {
    fixture it;
    std::function<void(core::completion<void>)> fails = [](auto done) {
        done.fail(error(errc::refused, "no"));
    };
    REQUIRE(it.code_of(core::from_callback(it.strand, fails)) == errc::refused);
    std::function<void(core::completion<int>)> throws = [](const auto&) {
        throw error(errc::locked, "no");
    };
    REQUIRE(it.code_of(core::from_callback(it.strand, throws)) == errc::locked);
}

TEST_CASE("from_callback: a completion after the wait or the runtime is gone does nothing") {
    manual_loop loop;
    std::optional<core::completion<int>> kept;
    std::function<void(core::completion<int>)> start = [&](auto done) { kept = done; };
    bool resumed = false;
    {
        core::runtime strand(loop, loop.options());
        auto ended = [&](const std::exception_ptr&, int) { resumed = true; };
        boost::asio::co_spawn(strand.executor(), core::from_callback(strand, start), ended);
        loop.run_ready();
        REQUIRE(kept);
    }
    (*kept)(1);
    loop.run_ready();
    REQUIRE_FALSE(resumed);
}

TEST_CASE("blocking_call: a cancelled wait ends at once and the function goes on") {
    fixture it;
    std::vector<core::task> queued;
    const core::blocking_executor workers = [&](core::task work) {
        queued.push_back(std::move(work));
    };
    int calls = 0;
    std::function<int()> function = [&] { return ++calls; };
    auto operation = core::blocking_call(it.strand, workers, function);
    REQUIRE(it.code_of(it.bound(std::move(operation), 5ms)) == errc::outcome_unknown);
    REQUIRE(queued.size() == 1);
    queued.front()();
    REQUIRE(calls == 1);
    it.loop.run_ready();

    const core::blocking_executor inline_worker = [](core::task work) { work(); };
    REQUIRE(it.loop.wait(it.strand, core::blocking_call(it.strand, inline_worker, function)) == 2);
    std::function<void()> fails = [] { throw error(errc::resource_exhausted, "disk"); };
    REQUIRE(it.code_of(core::blocking_call(it.strand, inline_worker, fails)) ==
            errc::resource_exhausted);
}

TEST_CASE("task_scope: stop cancels and waits for the last to end") {
    fixture it;
    core::task_scope scope(it.strand);
    int ended = 0;
    const auto slow_to_stop = [](core::runtime& strand, int& count) -> awaitable<void> {
        const int result = co_await answer_though_cancelled(strand, 1);
        count += result;
    };
    for (int n = 0; n < 3; ++n) scope.spawn(slow_to_stop(it.strand, ended));
    it.loop.run_ready();
    REQUIRE(scope.running() == 3);
    it.loop.wait(it.strand, scope.stop());
    REQUIRE(ended == 3);
    REQUIRE(scope.running() == 0);
}

TEST_CASE("task_scope: join waits for the natural end; a failure reaches its handler") {
    fixture it;
    core::task_scope scope(it.strand);
    errc seen{};
    scope.spawn(fail_after(it.strand, 5ms), [&](const std::exception_ptr& failure) {
        try {
            std::rethrow_exception(failure);
        } catch (const error& thrown) {
            seen = thrown.code_value();
        }
    });
    const auto begin = it.loop.now();
    it.loop.wait(it.strand, scope.join());
    REQUIRE(it.loop.now() - begin == 5ms);
    REQUIRE(seen == errc::fenced);
}

TEST_CASE("task_scope: its destruction asks its coroutines to stop, without a failure") {
    fixture it;
    bool failed = false;
    auto scope = std::make_unique<core::task_scope>(it.strand);
    scope->spawn(it.strand.sleep_for(1h), [&](const std::exception_ptr&) { failed = true; });
    it.loop.run_ready();
    scope.reset();
    it.loop.run_ready();
    const auto timers_end = it.loop.now() + 30min;
    it.loop.run_until(timers_end);
    REQUIRE_FALSE(failed);
}
