#include "reeve/core/trace.hpp"

#include <fmt/format.h>

namespace reeve::core {

namespace {

bool read_hex(std::string_view text, std::uint64_t& value) noexcept {
    value = 0;
    for (const char digit : text) {
        std::uint64_t nibble = 0;
        if (digit >= '0' && digit <= '9') {
            nibble = static_cast<std::uint64_t>(digit - '0');
        } else if (digit >= 'a' && digit <= 'f') {
            nibble = static_cast<std::uint64_t>(digit - 'a') + 10;
        } else {
            return false;
        }
        value = value << 4U | nibble;
    }
    return true;
}

}  // namespace

std::string to_traceparent(const trace_context& trace) {
    return fmt::format("00-{:016x}{:016x}-{:016x}-{:02x}", trace.trace_high, trace.trace_low,
                       trace.span, trace.sampled ? 1 : 0);
}

std::optional<trace_context> from_traceparent(std::string_view text) noexcept {
    if (text.size() != 55 || text.substr(0, 3) != "00-" || text[35] != '-' || text[52] != '-') {
        return std::nullopt;
    }
    trace_context trace;
    std::uint64_t flags = 0;
    if (!read_hex(text.substr(3, 16), trace.trace_high) ||
        !read_hex(text.substr(19, 16), trace.trace_low) ||
        !read_hex(text.substr(36, 16), trace.span) || !read_hex(text.substr(53, 2), flags)) {
        return std::nullopt;
    }
    trace.sampled = (flags & 1U) != 0;
    if (!trace) return std::nullopt;
    return trace;
}

}  // namespace reeve::core
