#pragma once

#include "reeve/model/channel.hpp"
#include "reeve/model/ids.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace reeve::model {

/// One channel given to a process.
struct assignment {
    channel_name channel;      ///< which
    collection_id collection;  ///< whose shard
    model::epoch epoch;        ///< of the grant
    position start;            ///< consume the messages after this point

    friend bool operator==(const assignment&, const assignment&) = default;
};

/// Coordinator to node: consume these channels. Idempotent per (channel, epoch).
struct assign_request {
    /// Empty.
    assign_request() {}
    node_name node;                       ///< whom it is meant for
    incarnation process;                  ///< which of its processes; any other refuses
    std::vector<assignment> assignments;  ///< one per channel
};

/// Coordinator to node: let go of these grants. Idempotent.
struct release_request {
    /// Empty.
    release_request() {}
    node_name node;       ///< whom it is meant for
    incarnation process;  ///< which of its processes; any other refuses
    std::vector<std::pair<channel_name, model::epoch>> grants;  ///< what to let go of
};

/// What a node did with one channel of an assign or release.
enum class agent_outcome : std::uint8_t {
    done,           ///< it consumes under this epoch; or it does not and never will again
    wrong_process,  ///< meant for another process
    stale,          ///< it has seen a higher epoch of the channel, or this one was released
    failed,         ///< could not; nothing is left behind; try again
};

/// The outcome's name, as sent.
[[nodiscard]] std::string_view name(agent_outcome outcome) noexcept;

/// What a node did with one channel.
struct agent_answer {
    channel_name channel;                           ///< which
    agent_outcome outcome = agent_outcome::failed;  ///< what was done
    std::string why;                                ///< for people; empty when done
};

/// Node to coordinator: answers in the order of the request.
struct agent_reply {
    /// Empty.
    agent_reply() {}
    std::vector<agent_answer> answers;  ///< one per channel of the request
};

/// A small record of the host that is written in the same transaction as a checkpoint. Its key lies
/// below `records/` and must not exist yet.
struct host_record {
    std::string name;   ///< 1..500 printable ASCII bytes; '/' separates parts
    std::string value;  ///< any bytes

    friend bool operator==(const host_record&, const host_record&) = default;
};

/// Node to leader: everything of the channel up to `to` is durable. Repeating it is harmless.
struct commit_request {
    /// Empty.
    commit_request() {}
    channel_name channel;              ///< which
    node_name node;                    ///< who asks
    incarnation process;               ///< which of its processes
    model::epoch epoch;                ///< of its grant
    position from;                     ///< the checkpoint it continues from, as last known
    position to;                       ///< greater than `from`
    std::uint64_t settled = 0;         ///< never goes back within an epoch
    std::vector<host_record> records;  ///< written with it
};

/// What became of a commit.
enum class commit_outcome : std::uint8_t {
    committed,  ///< durable, now or by an earlier try of the same request
    stale,      ///< the grant has ended: stop consuming
    mismatch,   ///< what is recorded is another point: seek to it and go on
    dropped,    ///< the segment is dropped: what was to be added to it is not wanted any more
};

/// The outcome's name, as sent.
[[nodiscard]] std::string_view name(commit_outcome outcome) noexcept;

/// Leader to node.
struct commit_reply {
    /// Stale.
    commit_reply() {}
    commit_outcome outcome = commit_outcome::stale;  ///< what became of it
    position recorded;  ///< the checkpoint, or the segment's end, as recorded now
    std::string why;    ///< for people
};

}  // namespace reeve::model
