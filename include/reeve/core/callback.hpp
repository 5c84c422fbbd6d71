#pragma once

#include "reeve/core/awaitable.hpp"
#include "reeve/core/event.hpp"
#include "reeve/core/runtime.hpp"
#include "reeve/core/task.hpp"

#include <atomic>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

namespace reeve::core {

/// Runs a function somewhere that may block: a thread pool of the host. Given to everything that
/// makes blocking calls. May drop the function while it shuts down.
using blocking_executor = std::function<void(task)>;

namespace detail {

template <class T>
using stored = std::conditional_t<std::is_void_v<T>, std::monostate, T>;

/// What a callback and the coroutine that waits for it share.
template <class T>
struct call_state {
    explicit call_state(runtime& strand) : strand_state(strand.state()), done(strand) {}
    std::weak_ptr<runtime_state> strand_state;
    std::atomic<bool> taken = false;  ///< a result was given
    bool ready = false;               ///< on the strand: the result may be read
    std::optional<stored<T>> value;
    std::exception_ptr failure;
    event done;
};

void post_to(const std::weak_ptr<runtime_state>& strand, task work);

}  // namespace detail

/// Completes a pending call, once: later completions are ignored. From any thread, also after the
/// waiting coroutine is gone. Copies share the call.
template <class T>
class completion {
public:
    /// For from_callback.
    explicit completion(std::shared_ptr<detail::call_state<T>> state) : state_(std::move(state)) {}

    /// The call succeeded.
    template <class... Value>
    requires(sizeof...(Value) == (std::is_void_v<T> ? 0 : 1)) void operator()(
        Value&&... value) const {
        if (state_->taken.exchange(true)) return;
        state_->value.emplace(std::forward<Value>(value)...);
        finish();
    }
    /// The call failed.
    void fail(std::exception_ptr failure) const {
        if (state_->taken.exchange(true)) return;
        state_->failure = std::move(failure);
        finish();
    }
    /// The call failed.
    template <class Exception>
    void fail(Exception failure) const {
        fail(std::make_exception_ptr(std::move(failure)));
    }

private:
    void finish() const {
        auto shared = state_;
        detail::post_to(state_->strand_state, task([shared] {
                            shared->ready = true;
                            shared->done.notify_all();
                        }));
    }
    std::shared_ptr<detail::call_state<T>> state_;
};

/// Turns any callback API into an awaitable, in one expression:
///
///     auto reply = co_await core::from_callback<std::string>(strand, std::move(start));
///
/// `start` is called once with a `completion<T>`; it begins the work and gives the completion to
/// whoever finishes. What it captures must be owned (it may be destroyed late). Cancellation: the
/// wait throws operation_aborted at once and the call goes on detached; its result is dropped.
template <class T>
[[nodiscard]] awaitable<T> from_callback(runtime& strand,
                                         std::function<void(completion<T>)> start) {
    auto state = std::make_shared<detail::call_state<T>>(strand);
    start(completion<T>(state));
    while (!state->ready) co_await state->done.wait();
    if (state->failure) std::rethrow_exception(state->failure);
    if constexpr (!std::is_void_v<T>) co_return std::move(*state->value);
}

/// Runs `function` on `workers` and waits for its result. The function owns its arguments and is
/// detached when the wait is cancelled or dropped.
template <class T>
[[nodiscard]] awaitable<T> blocking_call(runtime& strand, blocking_executor workers,
                                         std::function<T()> function) {
    std::function<void(completion<T>)> start =
        [workers = std::move(workers), function = std::move(function)](completion<T> done) {
            workers(task([function, done] {
                try {
                    if constexpr (std::is_void_v<T>) {
                        function();
                        done();
                    } else {
                        done(function());
                    }
                } catch (...) {  // carried to the waiting coroutine, whatever it is
                    done.fail(std::current_exception());
                }
            }));
        };
    co_return co_await from_callback<T>(strand, std::move(start));
}

}  // namespace reeve::core
