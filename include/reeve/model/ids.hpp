#pragma once

#include "reeve/core/strong.hpp"

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

namespace reeve::model {

/// A channel: a durable ordered stream of messages of one collection's shard. 1..200 printable
/// ASCII bytes without '/'.
using channel_name = core::strong<struct channel_name_tag, std::string>;
/// A node: a process that consumes channels, across its restarts. 1..200 printable ASCII bytes
/// without '/'.
using node_name = core::strong<struct node_name_tag, std::string>;
/// A collection of the host. 0 is a valid one.
using collection_id = core::strong<struct collection_id_tag>;
/// One process of a node: the revision at which its session key was written. 0 = none.
using incarnation = core::strong<struct incarnation_tag>;
/// One grant of a channel to a node. From one counter of the whole store, increasing, never reused.
/// 0 = none.
using epoch = core::strong<struct epoch_tag>;
/// One reign of a coordinator: the create revision of the leader key. 0 = none.
using term = core::strong<struct term_tag>;
/// Which history a store belongs to: raised by an operator after the store was restored from a
/// backup.
using lineage = core::strong<struct lineage_tag>;
/// A point in a stream: after some message, or before all of them (empty). Opaque bytes of the
/// stream, ordered as bytes, at most 64 of them.
using position = core::strong<struct position_tag, std::string>;

/// A moment in the one order of a cluster's events (consensus::timestamp_oracle). 0 = none.
using timestamp = core::strong<struct timestamp_tag>;
/// A part of a collection. 0 is a valid one.
using partition_id = core::strong<struct partition_id_tag>;
/// A segment: rows of one channel, partition and collection. From the counter of the whole store,
/// never reused. 0 = none.
using segment_id = core::strong<struct segment_id_tag>;
/// A field (column) of the host's schema. 0 is a valid one.
using field_id = core::strong<struct field_id_tag>;
/// Work that was granted, such as a compaction. From the counter of the whole store, never reused.
/// 0 = none.
using job_id = core::strong<struct job_id_tag>;

/// A number that the holder of a grant gave out itself, increasing: with the grant's epoch it is
/// unique in the store. Written as "<epoch>-<number>".
struct granted_number {
    model::epoch epoch;        ///< of the grant: a channel's or a job's; 0: imported
    std::uint64_t number = 0;  ///< its own

    /// By epoch, then number.
    friend auto operator<=>(const granted_number&, const granted_number&) = default;
    friend bool operator==(const granted_number&, const granted_number&) = default;
};
/// One flush of one segment.
using flush_id = granted_number;
/// One file. Files and flushes of a grant share one row of numbers.
using file_id = granted_number;

/// Most bytes of a channel or node name.
inline constexpr std::size_t name_bytes_max = 200;
/// Most bytes of a position.
inline constexpr std::size_t position_bytes_max = 64;

/// Is `text` a channel or node name: 1..200 bytes, each printable ASCII but '/'?
[[nodiscard]] constexpr bool valid_name(std::string_view text) noexcept {
    if (text.empty() || text.size() > name_bytes_max) return false;
    for (const char byte : text) {
        if (byte <= ' ' || byte > '~' || byte == '/') return false;
    }
    return true;
}

}  // namespace reeve::model
