#pragma once

#include "reeve/core/clock.hpp"
#include "reeve/testing/scheduler.hpp"

#include <chrono>
#include <cstdint>

namespace reeve::testing {

/// The clocks of one simulated machine: they follow the scheduler's virtual time, may run at
/// another pace and may be set. A pause does not stop them.
class virtual_clock final : public core::clock {
public:
    /// The wall clock's time at scheduler::beginning: 2024-01-01 00:00 UTC.
    static constexpr core::wall_time wall_beginning{std::chrono::seconds(1704067200)};

    /// Runs with `events`, which must outlive it.
    explicit virtual_clock(const scheduler& events)
        : events_(&events), base_(events.now()), local_base_(events.now()) {}

    [[nodiscard]] core::time_point now() const noexcept override { return local(events_->now()); }
    [[nodiscard]] core::wall_time wall_now() const noexcept override;

    /// From now on this clock gains `ppm` microseconds per second (loses, if negative). More than
    /// -1'000'000. The monotonic clock keeps its value.
    void set_drift(std::int64_t ppm) noexcept;
    /// Sets the monotonic clock forward, as after a suspended machine wakes up. Not negative.
    void jump(std::chrono::nanoseconds by) noexcept { local_base_ += by; }
    /// Sets the wall clock forward or back.
    void jump_wall(std::chrono::nanoseconds by) noexcept { wall_offset_ += by; }
    /// The virtual time at which this clock will show at least `when`, if nobody touches it.
    [[nodiscard]] core::time_point virtual_time_of(core::time_point when) const noexcept;

private:
    [[nodiscard]] core::time_point local(core::time_point global) const noexcept;

    const scheduler* events_;
    core::time_point base_;
    core::time_point local_base_;
    std::int64_t drift_ppm_ = 0;
    std::chrono::nanoseconds wall_offset_{0};
};

}  // namespace reeve::testing
