#include "reeve/testing/virtual_clock.hpp"

#include <cmath>

namespace reeve::testing {

namespace {

constexpr double million = 1'000'000.0;
/// Later than any run goes on; keeps sums from overflowing.
constexpr std::chrono::nanoseconds far = std::chrono::hours(24 * 365 * 20);

}  // namespace

core::time_point virtual_clock::local(core::time_point global) const noexcept {
    const std::chrono::nanoseconds passed = global - base_;
    if (drift_ppm_ == 0) return local_base_ + passed;
    // Exact enough: a double holds 100 days in nanoseconds.
    const double gained =
        static_cast<double>(passed.count()) * static_cast<double>(drift_ppm_) / million;
    return local_base_ + passed + std::chrono::nanoseconds(static_cast<std::int64_t>(gained));
}

core::wall_time virtual_clock::wall_now() const noexcept {
    const auto since = now() - scheduler::beginning + wall_offset_;
    return wall_beginning + std::chrono::duration_cast<core::wall_time::duration>(since);
}

void virtual_clock::set_drift(std::int64_t ppm) noexcept {
    local_base_ = now();
    base_ = events_->now();
    drift_ppm_ = ppm;
}

core::time_point virtual_clock::virtual_time_of(core::time_point when) const noexcept {
    if (when <= local_base_) return base_;
    if (when > local_base_ + far) return base_ + far;
    const std::chrono::nanoseconds wanted = when - local_base_;
    if (drift_ppm_ == 0) return base_ + wanted;
    const double pace = 1.0 + static_cast<double>(drift_ppm_) / million;
    const double needed = std::floor(static_cast<double>(wanted.count()) / pace);
    core::time_point at = base_ + std::chrono::nanoseconds(static_cast<std::int64_t>(needed));
    while (local(at) < when) at += std::chrono::nanoseconds(1);
    return at;
}

}  // namespace reeve::testing
