#pragma once

#include "reeve/core/strong.hpp"

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
