#pragma once

#include "reeve/model/ids.hpp"
#include "reeve/model/segment.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

// What nodes, writers and the leader say to each other about segments (docs/protocols/segments.md).
namespace reeve::model {

/// Who acts on a channel: everything that tells its holder from any other process. Part of each
/// message that only the holder may send; compared with the channel's entry.
struct holder {
    channel_name channel;  ///< which channel
    node_name node;        ///< who holds it
    incarnation process;   ///< which of its processes
    model::epoch epoch;    ///< of its grant
};

/// Writer to leader: room for rows, please.
struct allocate_request {
    /// Nothing.
    allocate_request() {}
    collection_id collection;  ///< which collection
    partition_id partition;    ///< which part of it
    channel_name channel;      ///< where the rows go; registered first if it is not known
    std::uint64_t rows = 0;    ///< at least 1
};

/// Room in one segment.
struct allocation_part {
    segment_id segment;      ///< tag the rows with it
    std::uint64_t rows = 0;  ///< at most so many
    /// They enter the channel before this moment, or never: not behind a tick that is at or after
    /// it, even if the answer came later. A leader that was deposed may still give such room.
    timestamp expires_at;

    friend bool operator==(const allocation_part&, const allocation_part&) = default;
};

/// Leader to writer: together as many rows as were asked for.
struct allocate_reply {
    /// Nothing.
    allocate_reply() {}
    timestamp now;                       ///< when it was given
    std::vector<allocation_part> parts;  ///< at least one
};

/// What a node says of one segment with a tick of its channel: all of its rows that entered the
/// channel before the tick, those of earlier nodes and those in binlog files included. A segment of
/// which a node says nothing counts as full of what was allocated in it. Fewer rows than are
/// recorded in binlog files count as those; above that a node is believed.
struct segment_rows {
    segment_id segment;       ///< which
    std::uint64_t rows = 0;   ///< in it
    std::uint64_t bytes = 0;  ///< of them
};

/// Node to leader: everything that entered the channel before `at` has been consumed, and no row of
/// an allocation that ends by then enters it any more. How a host knows that is its own matter: its
/// writers may put ticks into the channel, each after the rows of what ends by then (K5).
struct tick_request {
    /// Nothing.
    tick_request() {}
    holder by;                           ///< the channel and its holder
    timestamp at;                        ///< 0: nothing new, only asks whether it is dropping
    std::vector<segment_rows> segments;  ///< those of which there is something new
};

/// Does what was asked still count?
enum class standing_of_grant : std::uint8_t {
    held,   ///< the sender holds the channel
    stale,  ///< its grant has ended: stop consuming
};

/// The word as sent.
[[nodiscard]] std::string_view name(standing_of_grant it) noexcept;

/// Leader to node.
struct tick_reply {
    /// Stale.
    tick_reply() {}
    standing_of_grant grant = standing_of_grant::stale;  ///< does the sender hold the channel?
    std::vector<segment_id> flush;  ///< all rows of them were before the tick that is answered:
                                    ///< flush what is left of them, as their last flush. Repeated
                                    ///< with each later tick until it is done
    bool dropping = false;          ///< the collection is being dropped: flush everything, then say
                                    ///< channel_drop_request
    std::string why;                ///< for people
};

/// Writer to leader: what time is it?
struct timestamp_request {
    /// Nothing.
    timestamp_request() {}
};

/// Leader to writer.
struct timestamp_reply {
    /// None.
    timestamp_reply() {}
    timestamp now;  ///< larger than all given out before the request
};

/// What one flush adds to a segment.
struct segment_flush {
    /// Nothing.
    segment_flush() {}
    segment_id segment;                ///< which
    std::uint64_t number = 0;          ///< of the flush: the holder's own, never used twice
    position from;                     ///< the segment's recorded end
    position to;                       ///< its rows up to here are in binlog files now; >= `from`
    std::uint64_t rows = 0;            ///< that it adds
    std::vector<binlog_group> groups;  ///< its files; see binlog_record. May be empty
};

/// What a flush makes of its segment.
enum class flush_effect : std::uint8_t {
    adds,     ///< more may follow
    flushes,  ///< it was the last one: the segment is flushed
    drops,    ///< the segment is dropped with it
};

/// The word as sent.
[[nodiscard]] std::string_view name(flush_effect it) noexcept;

/// Node to leader: these files are durable and belong to a segment from now on. Repeating it is
/// harmless. Answered with a commit_reply, whose `recorded` is the segment's end.
struct flush_request {
    /// Nothing.
    flush_request() {}
    holder by;                                 ///< the channel and its holder
    segment_flush what;                        ///< the files
    flush_effect effect = flush_effect::adds;  ///< what becomes of the segment
    position checkpoint;        ///< every segment of the channel is flushed up to here
    std::uint64_t settled = 0;  ///< no file or flush with a smaller number will be committed any
                                ///< more; at most the smallest number in `what`
};

/// Node to leader: everything that came before the drop of the collection is durable; the channel
/// is to be dropped with all of its segments. Repeating it is harmless. Answered with a
/// commit_reply, whose `recorded` is the checkpoint.
struct channel_drop_request {
    /// Nothing.
    channel_drop_request() {}
    holder by;                        ///< the channel and its holder
    position checkpoint;              ///< everything up to the drop
    std::uint64_t settled = 0;        ///< as in flush_request, for all of `last` together
    std::vector<segment_flush> last;  ///< in any number, one per segment; all or nothing
};

/// Node to leader: what is recorded of the segments of a channel?
struct segments_request {
    /// Nothing.
    segments_request() {}
    holder by;                      ///< the channel and its holder
    std::vector<segment_id> these;  ///< besides all that are not flushed yet, these
};

/// What is recorded of a segment.
struct segment_standing {
    segment_id segment;                            ///< which
    collection_id collection;                      ///< whose
    partition_id partition;                        ///< which part of it
    segment_state state = segment_state::dropped;  ///< dropped also means: there is none
    position end;            ///< rows up to here are in binlog files: skip them
    std::uint64_t rows = 0;  ///< in binlog files

    friend bool operator==(const segment_standing&, const segment_standing&) = default;
};

/// Leader to node.
struct segments_reply {
    /// Stale.
    segments_reply() {}
    standing_of_grant grant = standing_of_grant::stale;  ///< does the sender hold the channel?
    std::vector<segment_standing> segments;              ///< ascending, each once
    std::string why;                                     ///< for people
};

}  // namespace reeve::model
