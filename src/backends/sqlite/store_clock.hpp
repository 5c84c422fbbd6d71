#pragma once

#include "reeve/backends/sqlite.hpp"

#include <chrono>
#include <cstdint>
#include <string>

namespace reeve::backends::sqlite {

/// The id of this start of the machine, from the kernel. Throws errc::unavailable.
[[nodiscard]] std::string kernel_boot_id();

/// The time of a store in milliseconds: the time that the machine was up since the store was made.
/// It goes on over restarts of the machine, and all processes that share the store agree on it.
class store_clock {
public:
    /// Reads the options; `set_offset` comes later.
    explicit store_clock(const sqlite_options& options);

    /// Names the running start of the machine.
    [[nodiscard]] const std::string& boot_id() const noexcept { return boot_id_; }
    /// The time that the store had when the machine started, in ms.
    void set_offset(std::int64_t offset) noexcept { offset_ = offset; }
    /// Whole milliseconds that have passed.
    [[nodiscard]] std::int64_t now() const;
    /// The first millisecond at which `ttl` has certainly passed from now on.
    [[nodiscard]] std::int64_t deadline(std::chrono::milliseconds ttl) const;
    /// Since the machine started, in ms.
    [[nodiscard]] std::int64_t since_boot() const;

private:
    std::function<std::chrono::nanoseconds()> boot_time_;
    std::string boot_id_;
    std::int64_t offset_ = 0;
};

}  // namespace reeve::backends::sqlite
