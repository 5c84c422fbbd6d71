#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace reeve::core {

/// Ties the work that one request causes together across processes, in the shape of W3C Trace
/// Context. Trivially copyable; all zero means "no trace".
struct trace_context {
    std::uint64_t trace_high = 0;  ///< first half of the 16-byte trace id
    std::uint64_t trace_low = 0;   ///< second half
    std::uint64_t span = 0;        ///< the caller's span
    bool sampled = false;          ///< the caller records this trace

    friend constexpr auto operator<=>(const trace_context&, const trace_context&) = default;

    /// True when there is a trace.
    constexpr explicit operator bool() const noexcept {
        return (trace_high | trace_low) != 0 && span != 0;
    }
};

/// The `traceparent` text, 55 characters: 00-<32 hex>-<16 hex>-<2 hex>.
[[nodiscard]] std::string to_traceparent(const trace_context& trace);

/// Reads a `traceparent`; nothing if it is malformed or all zero. Never throws.
[[nodiscard]] std::optional<trace_context> from_traceparent(std::string_view text) noexcept;

}  // namespace reeve::core
