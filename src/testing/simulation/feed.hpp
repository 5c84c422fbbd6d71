// What a watch or a subscription of a simulated process receives, one delivery after the other.
#pragma once

#include "reeve/core/error.hpp"
#include "reeve/core/event.hpp"
#include "reeve/core/task_scope.hpp"
#include "testing/simulation/remote_call.hpp"
#include <deque>
#include <exception>
#include <memory>
#include <string>
#include <utility>

namespace reeve::testing::detail {

/// Filled by a coroutine of the world, emptied by one of the process.
template <class Item>
struct feed {
    explicit feed(std::shared_ptr<remote_link> caller)
        : link(std::move(caller)),
          arrived(link->owner->runtime()),
          filler(link->world->world_runtime()) {}

    void deliver(Item item) {
        items.push_back(std::move(item));
        arrived.notify_all();
    }
    void fail(std::exception_ptr why) {
        failure = std::move(why);
        closed = true;
        arrived.notify_all();
    }
    /// What was on its way is lost, then the failure.
    void fail(errc code, std::string_view counted) {
        items.clear();
        link->world->count(counted);
        link->world->note(link->owner->owner().name(), "{}: {}", link->name, counted);
        fail(std::make_exception_ptr(
            error(code, "simulated " + link->name + ": " + std::string(counted))));
    }

    std::shared_ptr<remote_link> link;
    core::event arrived;
    std::deque<Item> items;
    std::exception_ptr failure;
    bool closed = false;      ///< nobody reads any more, or it has failed
    core::task_scope filler;  ///< the coroutine of the world
};

/// Waits until something is there. Throws the failure once everything before it was taken.
template <class Item>
awaitable<void> wait_for_item(std::shared_ptr<feed<Item>> from) {
    while (from->items.empty()) {
        if (from->failure) std::rethrow_exception(from->failure);
        if (from->closed) {
            throw boost::system::system_error(boost::asio::error::operation_aborted);
        }
        co_await from->arrived.wait();
    }
}

/// Runs the coroutine that fills it, in the world.
template <class Item>
void start_feed(const std::shared_ptr<feed<Item>>& into, awaitable<void> filler) {
    into->filler.spawn(std::move(filler), [into](std::exception_ptr failure) {
        if (!into->closed) into->fail(std::move(failure));
    });
}

/// Nobody reads any more: from the process's side, also while it is being killed.
template <class Item>
void stop_feed(const std::shared_ptr<feed<Item>>& from) {
    from->closed = true;
    from->arrived.notify_all();
    from->link->world->world_runtime().post(core::task([from] { from->filler.cancel(); }));
}

}  // namespace reeve::testing::detail
