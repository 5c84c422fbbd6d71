#include "backends/sqlite/change_signal.hpp"

#include <algorithm>
#include <utility>

namespace reeve::backends::sqlite {

change_signal::change_signal(std::chrono::milliseconds interval, std::function<bool()> poll)
    : interval_(interval), poll_(std::move(poll)) {}

std::uint64_t change_signal::count() {
    const std::lock_guard lock(mutex_);
    return count_;
}

void change_signal::committed() {
    {
        const std::lock_guard lock(mutex_);
        ++count_;
    }
    changed_.notify_all();
}

bool change_signal::wait(std::uint64_t seen, core::time_point deadline) {
    const auto& clock = core::system_clock::instance();
    std::unique_lock lock(mutex_);
    while (count_ <= seen) {
        if (clock.now() >= deadline) return false;
        if (polling_) {
            changed_.wait_until(lock, deadline);
            continue;
        }
        // Whoever stops polling wakes the others, one of whom goes on.
        struct polling_here {
            change_signal& mine;
            explicit polling_here(change_signal& it) : mine(it) { mine.polling_ = true; }
            ~polling_here() {
                mine.polling_ = false;
                mine.changed_.notify_all();
            }
        };
        const polling_here turn(*this);
        while (count_ <= seen && clock.now() < deadline) {
            const auto due = polled_ + interval_;
            if (clock.now() < due) {
                changed_.wait_until(lock, std::min(due, deadline));
                continue;
            }
            lock.unlock();
            bool changed = false;
            try {
                changed = poll_();
            } catch (...) {  // passed on with the lock held, which ~polling_here needs
                lock.lock();
                throw;
            }
            lock.lock();
            polled_ = clock.now();
            if (!changed) continue;
            ++count_;
            changed_.notify_all();
        }
    }
    return true;
}

}  // namespace reeve::backends::sqlite
