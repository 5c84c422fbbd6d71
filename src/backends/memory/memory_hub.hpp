#pragma once

#include "reeve/core/callback.hpp"
#include "reeve/core/event.hpp"
#include "reeve/core/runtime.hpp"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

namespace reeve::backends::detail {

/// Where the coroutines of one runtime wait for changes that any thread makes. The event belongs
/// to the strand; `poke` is for any thread.
struct memory_hub {
    explicit memory_hub(core::runtime& on) : strand(&on), state(on.state()), changed(on) {}

    core::runtime* strand;
    std::weak_ptr<core::detail::runtime_state> state;
    core::event changed;
    std::atomic<std::size_t> watchers = 0;  ///< nobody is poked without any
    std::atomic<bool> poked = false;
};

/// Wakes who waits on a hub, soon. Not with a lock held: dropping the work may destroy the hub.
inline void poke(const std::shared_ptr<memory_hub>& hub) {
    if (hub->watchers == 0 || hub->poked.exchange(true)) return;
    core::detail::post_to(hub->state, core::task([hub] {
                              hub->poked = false;
                              hub->changed.notify_all();
                          }));
}

/// The hubs of all runtimes that use one thing. Guarded by that thing's mutex.
class memory_hubs {
public:
    void join(const std::shared_ptr<memory_hub>& hub) {
        const auto gone = [](const std::weak_ptr<memory_hub>& one) { return one.expired(); };
        hubs_.erase(std::remove_if(hubs_.begin(), hubs_.end(), gone), hubs_.end());
        hubs_.push_back(hub);
    }
    /// Those that still exist, to poke once the mutex is free.
    [[nodiscard]] std::vector<std::shared_ptr<memory_hub>> alive() const {
        std::vector<std::shared_ptr<memory_hub>> found;
        for (const auto& one : hubs_) {
            if (auto hub = one.lock()) found.push_back(std::move(hub));
        }
        return found;
    }

private:
    std::vector<std::weak_ptr<memory_hub>> hubs_;
};

}  // namespace reeve::backends::detail
