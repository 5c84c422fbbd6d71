#include "reeve/backends/event_loop.hpp"

#include <utility>

namespace reeve::backends {

event_loop::~event_loop() {
    for (;;) {  // dropping a work may post another
        std::vector<core::task> ready;
        std::multimap<core::time_point, core::task> timed;
        {
            const std::lock_guard lock(mutex_);
            ready.swap(ready_);
            timed.swap(timed_);
        }
        if (ready.empty() && timed.empty()) return;
    }
}

void event_loop::post(core::task work) {
    const std::lock_guard lock(mutex_);
    ready_.push_back(std::move(work));
    changed_.notify_one();
}

void event_loop::post_at(core::time_point when, core::task work) {
    const std::lock_guard lock(mutex_);
    timed_.emplace(when, std::move(work));
    changed_.notify_one();
}

void event_loop::take_due(std::vector<core::task>& due) {
    due.swap(ready_);
    const auto now = core::system_clock::instance().now();
    while (!timed_.empty() && timed_.begin()->first <= now) {
        due.push_back(std::move(timed_.begin()->second));
        timed_.erase(timed_.begin());
    }
}

bool event_loop::poll() {
    std::vector<core::task> due;
    {
        const std::lock_guard lock(mutex_);
        take_due(due);
    }
    for (auto& work : due) work();
    return !due.empty();
}

void event_loop::run() {
    std::unique_lock lock(mutex_);
    std::vector<core::task> due;
    while (!stopped_) {
        take_due(due);
        if (due.empty()) {
            if (timed_.empty()) {
                changed_.wait(lock);
            } else {
                changed_.wait_until(lock, timed_.begin()->first);
            }
            continue;
        }
        lock.unlock();
        for (auto& work : due) work();
        due.clear();
        lock.lock();
    }
    stopped_ = false;
}

void event_loop::stop() {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    changed_.notify_one();
}

}  // namespace reeve::backends
