#pragma once

#include <fmt/format.h>

#include <compare>
#include <cstdint>
#include <functional>
#include <utility>

namespace reeve::core {

/// A value that does not mix with values of another meaning. Ordered, hashable, printable (as its
/// representation). A default-constructed one holds `Rep{}`, which every number in reeve reads as
/// "none".
template <class Tag, class Rep = std::uint64_t>
struct strong {
    /// The type of the number or text inside.
    using representation = Rep;

    /// Holds `Rep{}`: none.
    constexpr strong() = default;
    /// Holds `initial`. Explicit, so that meanings are named where a raw value enters.
    constexpr explicit strong(Rep initial) : value(std::move(initial)) {}

    /// True when it is not `Rep{}`.
    constexpr explicit operator bool() const { return value != Rep{}; }

    friend constexpr auto operator<=>(const strong&, const strong&) = default;
    friend constexpr bool operator==(const strong&, const strong&) = default;

    Rep value{};  ///< the raw value
};

}  // namespace reeve::core

/// Hashes as the representation does.
template <class Tag, class Rep>
struct std::hash<reeve::core::strong<Tag, Rep>> {
    /// The hash of the raw value.
    std::size_t operator()(const reeve::core::strong<Tag, Rep>& it) const noexcept {
        return std::hash<Rep>{}(it.value);
    }
};

/// Prints as the representation does.
template <class Tag, class Rep>
struct fmt::formatter<reeve::core::strong<Tag, Rep>> : fmt::formatter<Rep> {
    /// Formats the raw value with the format given.
    template <class Context>
    auto format(const reeve::core::strong<Tag, Rep>& it, Context& context) const {
        return fmt::formatter<Rep>::format(it.value, context);
    }
};
