#pragma once

#include "reeve/model/ids.hpp"
#include "reeve/storage/metadata_store.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace reeve::catalog {

/// Most bytes of a root prefix.
inline constexpr std::size_t root_bytes_max = 500;
/// Most bytes of the name of a host's record.
inline constexpr std::size_t host_name_bytes_max = 500;
/// Slots of commit_large: how many large transactions can be under way at once.
inline constexpr std::uint32_t batch_slots = 8;

/// The only place that knows keys. All lie below a root that the host chooses; the layout is that
/// of docs/protocols/channels.md, segments.md and procedures.md. Names are checked:
/// errc::invalid_argument for one that is not model::valid_name.
class key_layout {
public:
    /// `root` is a prefix such as "mydb/prod/": 1..root_bytes_max bytes of printable ASCII without
    /// blanks; an ending '/' is added if it lacks one. Throws errc::invalid_argument for others.
    explicit key_layout(std::string_view root);

    /// The prefix of everything.
    [[nodiscard]] const std::string& root() const noexcept { return root_; }
    /// Everything.
    [[nodiscard]] storage::key_range all() const;

    /// Cluster id, lineage, format.
    [[nodiscard]] std::string root_record() const { return root_ + "root"; }
    /// Who leads.
    [[nodiscard]] std::string leader() const { return root_ + "leader"; }
    /// The counter of epochs and ids.
    [[nodiscard]] std::string ids() const { return root_ + "ids"; }
    /// The timestamp oracle's high-water mark.
    [[nodiscard]] std::string oracle() const { return root_ + "oracle"; }

    /// A node's session.
    [[nodiscard]] std::string node(const model::node_name& name) const;
    /// A node that is being emptied.
    [[nodiscard]] std::string drain(const model::node_name& name) const;
    /// Who holds a channel.
    [[nodiscard]] std::string channel(const model::channel_name& name) const;
    /// What of a channel is durable.
    [[nodiscard]] std::string progress(const model::channel_name& name) const;
    /// A slot of commit_large, 0..batch_slots - 1.
    [[nodiscard]] std::string batch(std::uint32_t slot) const;
    /// A record of the host, below `records/`: `name` is 1..host_name_bytes_max bytes of printable
    /// ASCII without blanks; '/' separates parts.
    [[nodiscard]] std::string host(std::string_view name) const;

    /// A segment.
    [[nodiscard]] std::string segment(model::collection_id collection,
                                      model::segment_id segment) const;
    /// One flush of a segment.
    [[nodiscard]] std::string binlog(model::segment_id segment, const model::flush_id& flush) const;
    /// The tombstone of a collection.
    [[nodiscard]] std::string collection_drop(model::collection_id collection) const;
    /// The tombstone of one of its channels.
    [[nodiscard]] std::string channel_drop(model::collection_id collection,
                                           const model::channel_name& name) const;
    /// Where a stream was read, or published, to; named like a channel.
    [[nodiscard]] std::string stream(std::string_view name) const;
    /// A pin.
    [[nodiscard]] std::string pin(std::uint64_t number) const;
    /// What every change of a pin compares and bumps.
    [[nodiscard]] std::string pins_version() const { return root_ + "pins/version"; }
    /// Work that was granted.
    [[nodiscard]] std::string job(model::job_id job) const;
    /// Where a sweep of the data root of that name stands; `root` is as for `host`.
    [[nodiscard]] std::string gc_cursor(std::string_view root) const;
    /// Garbage collection of a collection is paused; nothing: of all of them.
    [[nodiscard]] std::string gc_paused(std::optional<model::collection_id> scope) const;
    /// What was deleted, and why: a slot of a journal that goes round.
    [[nodiscard]] std::string gc_journal(std::uint64_t slot) const;
    /// A durable procedure.
    [[nodiscard]] std::string procedure(std::uint64_t number) const;
    /// What one of its participants has acknowledged; named like a node.
    [[nodiscard]] std::string procedure_part(std::uint64_t number, std::string_view name) const;

    /// All sessions and drains, in one range; it holds `leader` too, and nothing that grows with
    /// the data.
    [[nodiscard]] storage::key_range membership() const;
    /// All channel entries.
    [[nodiscard]] storage::key_range channels() const;
    /// All progress records.
    [[nodiscard]] storage::key_range progresses() const;
    /// All slots of commit_large.
    [[nodiscard]] storage::key_range batches() const;
    /// All segments.
    [[nodiscard]] storage::key_range segments() const;
    /// All segments of a collection.
    [[nodiscard]] storage::key_range segments(model::collection_id collection) const;
    /// All flushes.
    [[nodiscard]] storage::key_range binlogs() const;
    /// All flushes of a segment.
    [[nodiscard]] storage::key_range binlogs(model::segment_id segment) const;
    /// All tombstones of collections and channels.
    [[nodiscard]] storage::key_range drops() const;
    /// All positions of streams.
    [[nodiscard]] storage::key_range streams() const;
    /// All pins, and their version.
    [[nodiscard]] storage::key_range pins() const;
    /// All jobs.
    [[nodiscard]] storage::key_range jobs() const;
    /// All pauses of garbage collection.
    [[nodiscard]] storage::key_range gc_pauses() const;
    /// All slots of its journal.
    [[nodiscard]] storage::key_range gc_journals() const;
    /// Everything of garbage collection.
    [[nodiscard]] storage::key_range gc() const;
    /// All procedures and their parts.
    [[nodiscard]] storage::key_range procedures() const;
    /// All records of the host whose name begins with `prefix`; an empty one means all.
    [[nodiscard]] storage::key_range hosts(std::string_view prefix) const;

    /// What a key names.
    enum class kind : std::uint8_t {
        root,
        leader,
        ids,
        oracle,
        node,
        drain,
        channel,
        progress,
        batch,
        host,
        segment,
        binlog,
        collection_drop,
        channel_drop,
        stream,
        pin,
        pins_version,
        job,
        gc_cursor,
        gc_paused,
        gc_journal,
        procedure,
        procedure_part,
        unknown
    };
    /// A key taken apart. Ids in a key are decimal digits without leading zeros, and have no other
    /// spelling.
    struct parsed {
        kind what = kind::unknown;  ///< which kind of record
        std::string_view name;      ///< the name in it, or all after the kind; a view into the key
        model::collection_id collection;  ///< of segment, collection_drop, channel_drop, gc_paused
        model::segment_id segment;        ///< of segment, binlog
        model::flush_id flush;            ///< of binlog
        std::uint64_t number = 0;  ///< of batch, pin, job, gc_journal, procedure and its parts
    };
    /// Takes a key apart; `unknown` for a key outside the layout. Total.
    [[nodiscard]] parsed parse(std::string_view key) const noexcept;

private:
    [[nodiscard]] std::string named(kind what, std::string_view name) const;
    [[nodiscard]] std::string numbered(kind what, std::uint64_t number) const;
    [[nodiscard]] std::string below(kind what, std::string_view rest) const;
    [[nodiscard]] storage::key_range range(kind what) const;
    std::string root_;
};

/// The name of a kind, such as "channel".
[[nodiscard]] std::string_view name(key_layout::kind what) noexcept;

}  // namespace reeve::catalog
