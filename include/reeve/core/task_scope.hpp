#pragma once

#include "reeve/core/awaitable.hpp"
#include "reeve/core/event.hpp"
#include "reeve/core/runtime.hpp"

#include <cstddef>
#include <exception>
#include <functional>
#include <memory>

namespace reeve::core {

/// Background coroutines with one owner. All calls on the strand. Destroying the scope asks its
/// coroutines to stop (cancellation) and does not wait, so what they use must be owned by them (a
/// shared_ptr parameter).
class task_scope {
public:
    /// Coroutines run on `strand`.
    explicit task_scope(runtime& strand);
    /// Cancels what still runs.
    ~task_scope();
    task_scope(const task_scope&) = delete;
    task_scope& operator=(const task_scope&) = delete;

    /// Starts `work`. An exception that leaves it, other than the operation_aborted of a
    /// cancellation, is given to `on_failure` on the strand; without one the program ends
    /// (std::terminate): a lost background loop is a bug.
    void spawn(awaitable<void> work, std::function<void(std::exception_ptr)> on_failure = nullptr);
    /// Asks every coroutine to stop.
    void cancel() noexcept;
    /// Asks every coroutine to stop and waits until all have.
    [[nodiscard]] awaitable<void> stop();
    /// Waits until all coroutines have ended by themselves.
    [[nodiscard]] awaitable<void> join();
    /// How many run.
    [[nodiscard]] std::size_t running() const noexcept;

private:
    struct state;
    runtime& strand_;
    std::shared_ptr<state> state_;
};

}  // namespace reeve::core
