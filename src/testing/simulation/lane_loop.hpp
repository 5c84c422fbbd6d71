#pragma once

#include "reeve/core/host_loop.hpp"
#include "reeve/testing/scheduler.hpp"
#include "reeve/testing/virtual_clock.hpp"

#include <utility>

namespace reeve::testing::detail {

/// The loop of one runtime: a row of events of the scheduler.
class lane_loop final : public core::host_loop {
public:
    lane_loop(scheduler& events, const virtual_clock& clock, lane_id lane)
        : events_(&events), clock_(&clock), lane_(lane) {}

    void post(core::task work) override { events_->post(lane_, event_kind::work, std::move(work)); }
    void post_at(core::time_point when, core::task work) override {
        events_->post_at(clock_->virtual_time_of(when), lane_, event_kind::timer, std::move(work));
    }

private:
    scheduler* events_;
    const virtual_clock* clock_;
    lane_id lane_;
};

}  // namespace reeve::testing::detail
