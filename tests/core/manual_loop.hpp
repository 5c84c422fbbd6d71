#pragma once

#include "reeve/core/clock.hpp"
#include "reeve/core/host_loop.hpp"
#include "reeve/core/runtime.hpp"

#include <boost/asio/co_spawn.hpp>

#include <chrono>
#include <deque>
#include <exception>
#include <map>
#include <optional>
#include <stdexcept>
#include <utility>

/// A loop on the test's own thread whose time stands still until nothing is left to do.
class manual_loop final : public reeve::core::host_loop, public reeve::core::clock {
public:
    ~manual_loop() override {
        while (!ready_.empty() || !timed_.empty()) {  // dropping a work may post another
            auto ready = std::exchange(ready_, {});
            auto timed = std::exchange(timed_, {});
        }
    }

    void post(reeve::core::task work) override { ready_.push_back(std::move(work)); }
    void post_at(reeve::core::time_point when, reeve::core::task work) override {
        timed_.emplace(when, std::move(work));
    }
    [[nodiscard]] reeve::core::time_point now() const noexcept override { return now_; }
    [[nodiscard]] reeve::core::wall_time wall_now() const noexcept override {
        return reeve::core::wall_time(
            std::chrono::duration_cast<reeve::core::wall_time::duration>(now_.time_since_epoch()));
    }

    /// Runs everything that can run now.
    void run_ready() {
        while (!ready_.empty()) {
            reeve::core::task work = std::move(ready_.front());
            ready_.pop_front();
            work();
        }
    }
    /// Runs what is ready, then lets time pass to the next timer, until `end`.
    void run_until(reeve::core::time_point end) {
        for (;;) {
            run_ready();
            if (timed_.empty() || timed_.begin()->first > end) break;
            step();
        }
        now_ = std::max(now_, end);
    }
    /// run_until, `duration` from now.
    void run_for(std::chrono::nanoseconds duration) { run_until(now_ + duration); }
    /// Lets time pass without running anything.
    void advance(std::chrono::nanoseconds duration) { now_ += duration; }
    /// How many timers the runtimes have armed.
    [[nodiscard]] std::size_t timers() const { return timed_.size(); }

    /// Runs until `operation` has ended; its result. Throws std::logic_error if it never can end.
    template <class T>
    T wait(reeve::core::runtime& strand, reeve::awaitable<T> operation) {
        std::exception_ptr failure;
        bool ended = false;
        if constexpr (std::is_void_v<T>) {
            auto done = [&](const std::exception_ptr& thrown) {
                failure = thrown;
                ended = true;
            };
            boost::asio::co_spawn(strand.executor(), std::move(operation), done);
            run_to(ended);
            if (failure) std::rethrow_exception(failure);
        } else {
            std::optional<T> value;
            auto done = [&](const std::exception_ptr& thrown, T result) {
                failure = thrown;
                if (!thrown) value.emplace(std::move(result));
                ended = true;
            };
            boost::asio::co_spawn(strand.executor(), std::move(operation), done);
            run_to(ended);
            if (failure) std::rethrow_exception(failure);
            return std::move(*value);
        }
    }

    /// The options of a runtime that lives by this clock.
    [[nodiscard]] reeve::core::runtime_options options() const {
        reeve::core::runtime_options made;
        made.clock = this;
        return made;
    }

private:
    void step() {
        auto first = timed_.begin();
        now_ = std::max(now_, first->first);
        ready_.push_back(std::move(first->second));
        timed_.erase(first);
    }
    void run_to(const bool& ended) {
        while (!ended) {
            if (!ready_.empty()) {
                reeve::core::task work = std::move(ready_.front());
                ready_.pop_front();
                work();
            } else if (!timed_.empty()) {
                step();
            } else {
                throw std::logic_error("the operation waits for something that cannot happen");
            }
        }
    }

    reeve::core::time_point now_{std::chrono::hours(24)};
    std::deque<reeve::core::task> ready_;
    std::multimap<reeve::core::time_point, reeve::core::task> timed_;
};
