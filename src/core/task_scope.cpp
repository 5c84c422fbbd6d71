#include "reeve/core/task_scope.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>
#include <boost/system/system_error.hpp>

#include <list>
#include <utility>

namespace reeve::core {

struct task_scope::state {
    explicit state(runtime& strand) : ended(strand) {}
    std::list<std::shared_ptr<boost::asio::cancellation_signal>> running;
    event ended;
};

namespace {

bool is_cancellation(const std::exception_ptr& failure) {
    try {
        std::rethrow_exception(failure);
    } catch (const boost::system::system_error& thrown) {
        return thrown.code() == boost::asio::error::operation_aborted;
    } catch (...) {  // only asked what it is; the caller still holds it
        return false;
    }
}

}  // namespace

task_scope::task_scope(runtime& strand)
    : strand_(strand), state_(std::make_shared<state>(strand)) {}

task_scope::~task_scope() { cancel(); }

void task_scope::spawn(awaitable<void> work, std::function<void(std::exception_ptr)> on_failure) {
    state_->running.push_back(std::make_shared<boost::asio::cancellation_signal>());
    const auto self = std::prev(state_->running.end());
    auto finished = [shared = state_, self,
                     on_failure = std::move(on_failure)](const std::exception_ptr& failure) {
        shared->running.erase(self);
        shared->ended.notify_all();
        if (!failure || is_cancellation(failure)) return;
        if (!on_failure) std::terminate();
        on_failure(failure);
    };
    boost::asio::co_spawn(
        strand_.executor(), std::move(work),
        boost::asio::bind_cancellation_slot((*self)->slot(), std::move(finished)));
}

void task_scope::cancel() noexcept {
    for (const auto& signal : state_->running) {
        signal->emit(boost::asio::cancellation_type::terminal);
        // emit has posted a work that refers to the signal, whose coroutine may end before it runs.
        strand_.post(task([signal] {}));
    }
}

awaitable<void> task_scope::stop() {
    cancel();
    co_await join();
}

awaitable<void> task_scope::join() {
    const auto shared = state_;
    while (!shared->running.empty()) co_await shared->ended.wait();
}

std::size_t task_scope::running() const noexcept { return state_->running.size(); }

}  // namespace reeve::core
