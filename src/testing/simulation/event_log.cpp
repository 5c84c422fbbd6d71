#include "reeve/testing/event_log.hpp"

#include "reeve/testing/scheduler.hpp"

#include <fmt/format.h>

#include <chrono>

namespace reeve::testing {

void event_log::write(core::time_point at, std::string_view who, std::string_view text) {
    const std::chrono::duration<double> since = at - scheduler::beginning;
    std::string line = fmt::format("{:12.6f} {:<14} {}", since.count(), who, text);
    if (sink_) sink_(line);
    if (kept_max_ == 0) return;
    kept_.push_back(std::move(line));
    while (kept_.size() > kept_max_) kept_.pop_front();
}

}  // namespace reeve::testing
