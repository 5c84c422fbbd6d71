#include "reeve/testing/scheduler.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace reeve::testing {

namespace {

/// Says that an event runs, also when it throws.
class inside {
public:
    explicit inside(bool& flag) : flag_(&flag) { flag = true; }
    ~inside() { *flag_ = false; }
    inside(const inside&) = delete;
    inside& operator=(const inside&) = delete;

private:
    bool* flag_;
};

}  // namespace

scheduler::scheduler(std::uint64_t seed)
    : order_random_(seed ^ 0x6f72646572ULL), forks_(seed), hash_(seed) {}

scheduler::~scheduler() {
    for (;;) {  // dropping a work may post another
        std::vector<slot> dropped;
        dropped.swap(slots_);
        std::vector<core::task> after;
        after.swap(after_);
        for (auto& one : lanes_) one.state = lane_state::closed;
        if (dropped.empty() && after.empty()) return;
    }
}

lane_id scheduler::open(std::string name) {
    lanes_.push_back({std::move(name), lane_state::open, {}});
    return lane_id(static_cast<std::uint32_t>(lanes_.size() - 1));
}

void scheduler::close(lane_id lane) {
    auto& closing = lanes_[lane.value];
    if (closing.state == lane_state::closed) return;
    closing.state = lane_state::closed;
    std::vector<std::uint32_t> held;
    held.swap(closing.held);
    for (const std::uint32_t index : held) release(index);
}

void scheduler::pause(lane_id lane) {
    if (lanes_[lane.value].state == lane_state::open) lanes_[lane.value].state = lane_state::paused;
}

void scheduler::resume(lane_id lane) {
    auto& going_on = lanes_[lane.value];
    if (going_on.state != lane_state::paused) return;
    going_on.state = lane_state::open;
    ready_.insert(ready_.end(), going_on.held.begin(), going_on.held.end());
    going_on.held.clear();
}

std::uint32_t scheduler::store(lane_id lane, event_kind what, core::task work) {
    if (free_.empty()) {
        slots_.emplace_back();
        free_.push_back(static_cast<std::uint32_t>(slots_.size() - 1));
    }
    const std::uint32_t index = free_.back();
    free_.pop_back();
    slot& taken = slots_[index];
    taken.work = std::move(work);
    taken.on = lane;
    taken.what = what;
    return index;
}

core::task scheduler::release(std::uint32_t index) {
    core::task work = std::move(slots_[index].work);
    free_.push_back(index);
    return work;
}

void scheduler::post(lane_id lane, event_kind what, core::task work) {
    if (lanes_[lane.value].state == lane_state::closed) return;
    ready_.push_back(store(lane, what, std::move(work)));
}

void scheduler::post_at(core::time_point when, lane_id lane, event_kind what, core::task work) {
    if (when <= now_) return post(lane, what, std::move(work));
    if (lanes_[lane.value].state == lane_state::closed) return;
    timed_.push_back({when, ++timed_order_, store(lane, what, std::move(work))});
    std::push_heap(timed_.begin(), timed_.end());
}

void scheduler::after_this_event(core::task work) {
    if (inside_event_) {
        after_.push_back(std::move(work));
    } else {
        work();
    }
}

bool scheduler::advance(core::time_point limit) {
    if (timed_.empty() || timed_.front().at > limit) return false;
    now_ = timed_.front().at;
    events_at_moment_ = 0;
    while (!timed_.empty() && timed_.front().at == now_) {
        ready_.push_back(timed_.front().slot);
        std::pop_heap(timed_.begin(), timed_.end());
        timed_.pop_back();
    }
    return true;
}

void scheduler::run_one() {
    const std::size_t chosen =
        ready_.size() == 1 ? 0 : static_cast<std::size_t>(order_random_.below(ready_.size()));
    const std::uint32_t index = ready_[chosen];
    ready_[chosen] = ready_.back();
    ready_.pop_back();

    const lane_id on = slots_[index].on;
    row& target = lanes_[on.value];
    if (target.state == lane_state::paused) {
        target.held.push_back(index);
        return;
    }
    const event_kind what = slots_[index].what;
    core::task work = release(index);
    if (target.state == lane_state::closed) return;

    trace(static_cast<std::uint64_t>(now_.time_since_epoch().count()));
    trace((std::uint64_t{on.value} << 8U) | static_cast<std::uint64_t>(what));
    ++events_run_;
    {
        const inside mark(inside_event_);
        work();
    }
    while (!after_.empty()) {
        std::vector<core::task> after;
        after.swap(after_);
        for (auto& one : after) one();
    }
    if (++events_at_moment_ > events_per_moment_max) {
        throw std::runtime_error(
            fmt::format("simulation: more than {} events at one moment; the last one ran on \"{}\"",
                        events_per_moment_max, lanes_[on.value].name));
    }
}

bool scheduler::step(core::time_point limit) {
    if (ready_.empty() && !advance(limit)) return false;
    run_one();
    return true;
}

void scheduler::run_until(core::time_point when) {
    while (step(when)) {
    }
    now_ = std::max(now_, when);
}

bool scheduler::run_until(const std::function<bool()>& done, core::time_point limit) {
    while (!done()) {
        if (step(limit)) continue;
        now_ = std::max(now_, limit);
        return done();
    }
    return true;
}

}  // namespace reeve::testing
