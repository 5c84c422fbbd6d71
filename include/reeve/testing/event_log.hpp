#pragma once

#include "reeve/core/clock.hpp"

#include <cstddef>
#include <deque>
#include <functional>
#include <string>
#include <string_view>

namespace reeve::testing {

/// The readable story of a run: one line per thing worth telling. Off by default, when lines are
/// not even formatted; a replay switches it on.
class event_log {
public:
    /// Takes one line without its newline.
    using line_sink = std::function<void(std::string_view line)>;

    /// Off.
    event_log() = default;

    /// Gives every line to `sink`; empty: off.
    void send_to(line_sink sink) { sink_ = std::move(sink); }
    /// Keeps the newest `lines` lines in memory; 0: off.
    void keep(std::size_t lines) { kept_max_ = lines; }

    /// True if somebody wants lines.
    [[nodiscard]] bool enabled() const noexcept { return kept_max_ != 0 || sink_ != nullptr; }
    /// Writes "<seconds> <who> <text>".
    void write(core::time_point at, std::string_view who, std::string_view text);
    /// The lines kept, oldest first.
    [[nodiscard]] const std::deque<std::string>& kept() const noexcept { return kept_; }

private:
    line_sink sink_;
    std::size_t kept_max_ = 0;
    std::deque<std::string> kept_;
};

}  // namespace reeve::testing
