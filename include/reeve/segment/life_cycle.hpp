#pragma once

#include "reeve/model/segment.hpp"

#include <array>
#include <cstddef>
#include <cstdint>

namespace reeve::segment {

/// How many states there are.
inline constexpr std::size_t state_count = 7;

/// The one table of legal changes (docs/protocols/segments.md, life cycle): row = from, bit = to.
inline constexpr std::array<std::uint8_t, state_count> legal_changes = [] {
    using enum model::segment_state;
    std::array<std::uint8_t, state_count> table{};
    const auto allow = [&](model::segment_state from, model::segment_state to) {
        auto& row = table[static_cast<std::size_t>(from)];
        row = static_cast<std::uint8_t>(row | (1U << static_cast<unsigned>(to)));
    };
    allow(growing, sealed);
    allow(sealed, flushing);
    allow(flushing, flushed);
    allow(flushed, dropped);
    allow(dropped, collecting);
    allow(collecting, collected);
    // A collection may be dropped whatever its segments are doing.
    allow(growing, dropped);
    allow(sealed, dropped);
    allow(flushing, dropped);
    return table;
}();

/// May one transaction change a segment's record from `from` to `to`? Nothing leads back, nothing
/// leads from dropped or later to a state with rows, and to stay is no change.
[[nodiscard]] constexpr bool may_become(model::segment_state from,
                                        model::segment_state to) noexcept {
    const auto row = static_cast<std::size_t>(from);
    return row < state_count && static_cast<std::size_t>(to) < state_count &&
           (legal_changes[row] >> static_cast<unsigned>(to) & 1U) != 0;
}

/// May a record begin in this state? Growing: for rows to come. Flushed: what a compaction or an
/// import brings.
[[nodiscard]] constexpr bool may_begin(model::segment_state state) noexcept {
    return state == model::segment_state::growing || state == model::segment_state::flushed;
}

/// May a commit bring it binlog files and leave it in this state, or go on to a later one? Never
/// once it is flushed or dropped: a commit never overwrites those.
[[nodiscard]] constexpr bool may_be_flushed(model::segment_state state) noexcept {
    return state == model::segment_state::growing || state == model::segment_state::sealed ||
           state == model::segment_state::flushing;
}

/// Can a reader that missed some changes find `later` where it knew `earlier`? The states are in
/// the order in which they are passed, and none is passed twice.
[[nodiscard]] constexpr bool may_follow(model::segment_state earlier,
                                        model::segment_state later) noexcept {
    return earlier <= later;
}

}  // namespace reeve::segment
