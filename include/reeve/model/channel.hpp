#pragma once

#include "reeve/model/ids.hpp"

#include <cstdint>
#include <string_view>

namespace reeve::model {

/// Where a channel stands (docs/protocols/channels.md).
enum class channel_state : std::uint8_t {
    unassigned,  ///< nobody's
    pending,     ///< recorded for a process that may not know yet
    registered,  ///< the process has confirmed
    releasing,   ///< the process is asked to let go
    dropped,     ///< final
};

/// The state's name, as stored.
[[nodiscard]] std::string_view name(channel_state state) noexcept;

/// A grant may be alive in these states: commits of its holder are accepted.
[[nodiscard]] constexpr bool has_holder(channel_state state) noexcept {
    return state == channel_state::pending || state == channel_state::registered ||
           state == channel_state::releasing;
}

/// The record `channels/<channel>`: who holds the channel.
struct channel_entry {
    collection_id collection;                         ///< whose shard
    channel_state state = channel_state::unassigned;  ///< where it stands
    node_name node;                                   ///< the (last) holder; empty = never had one
    incarnation process;                              ///< the holder's process
    model::epoch epoch;                               ///< of the grant
    position start;                                   ///< where that grant starts to consume

    friend bool operator==(const channel_entry&, const channel_entry&) = default;
};

/// The record `progress/<channel>`: what is durable. Absent: nothing is, the checkpoint is the
/// entry's start.
struct channel_progress {
    position checkpoint;        ///< everything up to here is durable
    model::epoch epoch;         ///< of the grant that wrote it
    std::uint64_t settled = 0;  ///< file numbers of that epoch below this one are settled
    std::uint64_t flush = 0;    ///< number of the last flush of that epoch; 0 = none yet

    friend bool operator==(const channel_progress&, const channel_progress&) = default;
};

}  // namespace reeve::model
