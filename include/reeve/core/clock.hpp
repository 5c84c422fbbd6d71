#pragma once

#include <chrono>

namespace reeve::core {

/// A moment on the monotonic clock: only differences mean anything, and only within one process.
using time_point = std::chrono::steady_clock::time_point;
/// A moment on the wall clock (UTC). May jump; nothing in reeve depends on it for safety.
using wall_time = std::chrono::system_clock::time_point;

/// Tells time. Nothing else in reeve does. Calls may overlap, from any thread.
class clock {
public:
    virtual ~clock() = default;

    /// Now, monotonic; does not go back.
    [[nodiscard]] virtual time_point now() const noexcept = 0;
    /// Now, by the calendar.
    [[nodiscard]] virtual wall_time wall_now() const noexcept = 0;
};

/// The machine's clocks.
class system_clock final : public clock {
public:
    /// std::chrono::steady_clock.
    [[nodiscard]] time_point now() const noexcept override {
        return std::chrono::steady_clock::now();
    }
    /// std::chrono::system_clock.
    [[nodiscard]] wall_time wall_now() const noexcept override {
        return std::chrono::system_clock::now();
    }
    /// The one instance.
    [[nodiscard]] static const system_clock& instance() noexcept;
};

}  // namespace reeve::core
