#pragma once

#include "reeve/model/ids.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace reeve::model {

/// Where a segment stands (docs/protocols/segments.md, life cycle). Which changes are legal says
/// segment::may_become.
enum class segment_state : std::uint8_t {
    growing,     ///< rows are allocated in it
    sealed,      ///< gains no more rows; allocations made before may still be written
    flushing,    ///< the node is told to flush what is left
    flushed,     ///< everything is in binlog files
    dropped,     ///< its rows are gone for readers; its files are kept for a while
    collecting,  ///< its files are being deleted
    collected,   ///< nothing of it is left but its record
};

/// The state's name, as stored.
[[nodiscard]] std::string_view name(segment_state state) noexcept;

/// Dropped, or later: final for everything but garbage collection.
[[nodiscard]] constexpr bool is_dropped(segment_state state) noexcept {
    return state >= segment_state::dropped;
}

/// Why a segment was sealed.
enum class seal_reason : std::uint8_t {
    none,           ///< it was not
    rows,           ///< rows reached the capacity
    bytes,          ///< bytes reached the capacity
    age,            ///< too old
    idle,           ///< no rows for too long
    binlogs,        ///< too many binlog files
    channel_bytes,  ///< the channel's growing segments are too large together
    requested,      ///< somebody asked for it
    host,           ///< a policy of the host
};

/// The reason's name, as stored.
[[nodiscard]] std::string_view name(seal_reason reason) noexcept;

/// What a segment holds at most. Fixed when it is created, its share of jitter included.
struct segment_limits {
    std::uint64_t rows = 0;   ///< never exceeded by allocations
    std::uint64_t bytes = 0;  ///< sealed when it has about so many

    friend bool operator==(const segment_limits&, const segment_limits&) = default;
};

/// The record `segments/<collection>/<segment>`.
struct segment_record {
    partition_id partition;                        ///< which part of the collection
    channel_name channel;                          ///< where its rows come from
    segment_state state = segment_state::growing;  ///< where it stands
    segment_limits limits;                         ///< what it holds at most
    std::uint64_t rows = 0;                        ///< that are in binlog files
    std::uint64_t bytes = 0;                       ///< of those files
    timestamp created;                             ///< when
    seal_reason sealed = seal_reason::none;        ///< why; none while it grows
    timestamp last_expiry;  ///< set when sealed: no allocation of it ends later
    position start;         ///< its rows come after this point of the channel
    position end;           ///< rows up to here are in binlog files: skip them when read again
    job_id job;             ///< the last job that got it as input; 0 = none
    timestamp dropped_at;   ///< when; 0 = it is not dropped

    friend bool operator==(const segment_record&, const segment_record&) = default;
};

/// What stays of a record when its segment is dropped: partition, channel, state, rows, job and
/// time of the drop. Stored in a shorter form.
[[nodiscard]] segment_record tombstone_of(const segment_record& it, segment_state state,
                                          timestamp dropped_at);

/// What a binlog file holds.
enum class binlog_kind : std::uint8_t {
    insert,  ///< rows of one field
    stats,   ///< what a reader wants to know of a field before it reads rows
    delta,   ///< deletions
};

/// The kind's name, as stored and in the names of files.
[[nodiscard]] std::string_view name(binlog_kind kind) noexcept;
/// The kind of that name, or nothing.
[[nodiscard]] std::optional<binlog_kind> binlog_kind_of(std::string_view name) noexcept;

/// Most bytes of the name of a file that was imported.
inline constexpr std::size_t file_name_bytes_max = 1000;

/// Is `name` one that an imported file may have? 1..file_name_bytes_max printable ASCII bytes with
/// at least one '/', no part of which is empty, "." or "..": it stays below the data root. Its last
/// part is no granted_number: so end the names of files that were written under an epoch, and a
/// sweep would take it for one (docs/protocols/segments.md, G4).
[[nodiscard]] bool valid_file_name(std::string_view name) noexcept;

/// One file of a flush. Where it lies says catalog::path_layout.
struct binlog_file {
    file_id id;               ///< the last part of its name, its epoch not 0; unless imported
    std::string imported;     ///< what follows the data root in its name; empty: not imported
    std::uint64_t bytes = 0;  ///< of the file
    std::uint64_t rows = 0;   ///< in it

    friend bool operator==(const binlog_file&, const binlog_file&) = default;
};

/// The files of one kind and field, in the order in which they are to be read.
struct binlog_group {
    binlog_kind kind = binlog_kind::insert;  ///< what they hold
    field_id field;                          ///< of which field
    std::vector<binlog_file> files;          ///< at least one

    friend bool operator==(const binlog_group&, const binlog_group&) = default;
};

/// Most files of one flush.
inline constexpr std::size_t flush_files_max = 10'000;

/// The record `binlogs/<segment>/<flush>`: what one flush added to a segment.
struct binlog_record {
    position from;                     ///< the segment's rows up to here were flushed before
    position to;                       ///< and now up to here
    position checkpoint;               ///< of the channel, as this flush reported it
    std::uint64_t rows = 0;            ///< that it added
    std::uint64_t batch = 0;           ///< of the large transaction that wrote it; 0 = none
    std::vector<binlog_group> groups;  ///< ascending by kind and field, each once; may be empty

    friend bool operator==(const binlog_record&, const binlog_record&) = default;
};

/// How many files a flush has.
[[nodiscard]] std::size_t file_count(const binlog_record& it) noexcept;
/// How many bytes its files have.
[[nodiscard]] std::uint64_t file_bytes(const binlog_record& it) noexcept;

/// How far the drop of a collection is.
enum class drop_state : std::uint8_t {
    dropping,  ///< begun: nothing new is accepted
    dropped,   ///< all of its channels are
};

/// The state's name, as stored.
[[nodiscard]] std::string_view name(drop_state state) noexcept;

/// The record `drops/<collection>`: the tombstone of a collection. Never deleted.
struct collection_drop {
    drop_state state = drop_state::dropping;  ///< how far
    timestamp at;                             ///< when it was asked for
    std::string why;                          ///< for people; at most 1000 bytes

    friend bool operator==(const collection_drop&, const collection_drop&) = default;
};

/// The record `drops/<collection>/<channel>`: written with the channel's entry in state dropped,
/// which together are the mark of its drop. Never deleted.
struct channel_drop {
    timestamp at;        ///< when; all of its segments count as dropped then
    model::epoch epoch;  ///< of the grant whose holder dropped it; 0 = nobody's

    friend bool operator==(const channel_drop&, const channel_drop&) = default;
};

/// Where a job stands.
enum class job_state : std::uint8_t {
    granted,    ///< its holder may work under its epoch
    committed,  ///< its result is recorded
    ended,      ///< without a result
};

/// The state's name, as stored.
[[nodiscard]] std::string_view name(job_state state) noexcept;

/// Most inputs of one job.
inline constexpr std::size_t job_inputs_max = 1000;

/// The record `jobs/<job>`: a compaction, or other work on segments that was granted.
struct job_record {
    std::string what;                      ///< such as "compaction"; a model::valid_name
    job_state state = job_state::granted;  ///< where it stands
    model::epoch epoch;                    ///< of this grant; its files carry it; not 0
    node_name node;                        ///< the holder; empty = a process without a session
    incarnation process;                   ///< the holder's process
    collection_id collection;              ///< of the inputs
    std::vector<segment_id> inputs;        ///< ascending, 1..job_inputs_max
    timestamp granted_at;                  ///< when

    friend bool operator==(const job_record&, const job_record&) = default;
};

/// "<epoch>-<number>", both in decimal digits.
[[nodiscard]] std::string text(const granted_number& it);
/// Appends the same.
void append(std::string& to, const granted_number& it);
/// What `text` wrote; nothing for any other spelling. Total.
[[nodiscard]] std::optional<granted_number> granted_number_of(std::string_view text) noexcept;
/// A number in its only spelling: decimal digits without leading zeros, below 2^64. Total.
[[nodiscard]] std::optional<std::uint64_t> number_of(std::string_view text) noexcept;

}  // namespace reeve::model
