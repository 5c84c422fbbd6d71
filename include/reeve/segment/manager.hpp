#pragma once

#include "reeve/catalog/guarded.hpp"
#include "reeve/catalog/key_layout.hpp"
#include "reeve/channel/registrar.hpp"
#include "reeve/consensus/timestamp_oracle.hpp"
#include "reeve/core/awaitable.hpp"
#include "reeve/core/backoff.hpp"
#include "reeve/core/runtime.hpp"
#include "reeve/model/messages.hpp"
#include "reeve/model/segment_messages.hpp"
#include "reeve/segment/allocation.hpp"
#include "reeve/storage/metadata_store.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace reeve::segment {

/// Hears which files the records name, as soon as it is durable.
class reference_listener {
public:
    virtual ~reference_listener() = default;
    /// A record names the file from now on.
    virtual void added(const model::file_id& file) = 0;
};

/// How segments are managed.
struct manager_options {
    /// As the members say.
    manager_options() {}
    allocation_options allocation;  ///< limits, jitter, when segments are sealed
    core::backoff_options retry;    ///< of the store
    /// How long an allocation waits for a new channel to be registered.
    std::chrono::milliseconds registration{10'000};
    std::size_t page_size = 10000;    ///< records in a page when loading
    std::uint64_t id_block = 100;     ///< ids reserved at a time, at least
    std::size_t rewrites_max = 1000;  ///< segments of dropped channels rewritten in one go
    consensus::timestamp_oracle* oracle = nullptr;  ///< where timestamps come from; null: the
                                                    ///< record `oracle`. Must outlive the manager
    reference_listener* references = nullptr;  ///< null: nobody. Must outlive the manager. Not used
                                               ///< in a coordinator that collects garbage: its
                                               ///< collector listens
};

/// What loading found.
struct load_report {
    std::size_t segments = 0;          ///< that are not dropped
    std::size_t tombstones = 0;        ///< of segments
    std::size_t flushes = 0;           ///< binlog records
    std::size_t files = 0;             ///< in them
    std::size_t drops = 0;             ///< of collections
    std::size_t jobs = 0;              ///< granted
    std::size_t orphans = 0;           ///< binlog records of segments that are not there
    std::chrono::nanoseconds took{0};  ///< duration
};

/// A segment, as recorded.
struct segment_info {
    model::collection_id collection;  ///< whose
    model::segment_id segment;        ///< which
    model::segment_record record;     ///< what is recorded; of a dropped one what memory keeps
    storage::revision at;             ///< of the record
    std::uint64_t flushes = 0;        ///< binlog records
    std::uint64_t files = 0;          ///< in them
};

/// How far the drop of a collection is.
struct drop_progress {
    model::drop_state state = model::drop_state::dropping;  ///< as recorded
    std::size_t channels_left = 0;  ///< not dropped yet: their holders flush what they have
    std::size_t segments_left = 0;  ///< whose records do not say so yet
};

/// Work on segments that is granted.
struct granted_job {
    /// None.
    granted_job() {}
    model::job_id job;               ///< its number
    model::job_record record;        ///< as recorded; its files carry `record.epoch`
    model::segment_id first_output;  ///< ids for what the job brings: as many as there are inputs,
                                     ///< in a row from this one

    /// Revisions of the inputs' records, in the order of `record.inputs`: read their binlogs now,
    /// and commit_replace is refused if anything of them changed since.
    std::vector<storage::revision> revisions;
};

/// A segment that a job brings.
struct replace_output {
    /// Nothing.
    replace_output() {}
    model::segment_id segment;                ///< one of those that came with the grant
    model::partition_id partition;            ///< which part of the collection
    model::channel_name channel;              ///< that of the inputs
    std::uint64_t rows = 0;                   ///< in it
    model::position start;                    ///< the first of the inputs'
    model::position end;                      ///< the last of the inputs'
    std::vector<model::binlog_group> groups;  ///< its files, written under the job's epoch
};

/// The result of a job.
struct replace_request {
    /// Nothing.
    replace_request() {}
    model::job_id job;                         ///< which
    model::epoch epoch;                        ///< of its grant
    std::vector<storage::revision> revisions;  ///< as granted
    std::vector<replace_output> outputs;       ///< may be empty: nothing was left
};

/// What became of a replacement.
enum class replace_outcome : std::uint8_t {
    committed,  ///< inputs are dropped, outputs are there
    ended,      ///< the job has ended, or another grant has its inputs: what was written is garbage
    changed,    ///< an input has changed: read it again, under a new job
};

/// The outcome's name.
[[nodiscard]] std::string_view name(replace_outcome outcome) noexcept;

/// What became of a flush that was read from a stream.
struct reported_flush {
    /// Stale.
    reported_flush() {}
    model::commit_reply reply;   ///< as for any flush
    storage::revision recorded;  ///< when what came with it was written; 0: it was not
};

/// Counts and troubles.
struct manager_status {
    std::size_t growing = 0;        ///< segments in this state
    std::size_t sealed = 0;         ///< segments in this state
    std::size_t flushing = 0;       ///< segments in this state
    std::size_t flushed = 0;        ///< segments in this state
    std::size_t dropped = 0;        ///< segments in this state or later
    std::size_t dropping = 0;       ///< collections whose drop has not ended
    std::size_t jobs = 0;           ///< granted
    std::size_t doubts = 0;         ///< writes of unknown outcome that may still land
    std::uint64_t allocations = 0;  ///< in this term
    std::uint64_t flushes = 0;      ///< committed in this term
    std::uint64_t refused = 0;      ///< flushes answered with another outcome in this term
    std::string trouble;            ///< the failure that is being retried; empty: none
};

/// The coordinator's side of segments, for one term (docs/protocols/segments.md): allocates rows,
/// seals, commits flushes and compactions, drops collections. It acts only under the term that it
/// was made with; a new term makes a new one. One strand; calls may overlap. References must
/// outlive it and what it has running.
class manager : public std::enable_shared_from_this<manager> {
public:
    /// Of the term of `guard`, beside the registrar of the same term. Throws errc::invalid_argument
    /// for limits without rows.
    [[nodiscard]] static std::shared_ptr<manager> make(core::runtime& strand,
                                                       storage::metadata_store& store,
                                                       const catalog::key_layout& keys,
                                                       std::shared_ptr<channel::registrar> channels,
                                                       catalog::leader_guard guard,
                                                       manager_options options);
    virtual ~manager() = default;

    /// Reads all segments, flushes, tombstones and jobs, page by page, after the registrar has
    /// loaded; writes nothing. Nothing may be asked before it is done. `progress` is told after
    /// each page how many records were read. Throws errc::corrupt, errc::unsupported_format naming
    /// the key.
    [[nodiscard]] virtual awaitable<load_report> load(
        std::function<void(std::size_t)> progress) = 0;
    /// Writes down what was decided (sealed, flushing, dropped) until the term is over (throws
    /// errc::fenced) or cancelled.
    [[nodiscard]] virtual awaitable<void> run() = 0;
    /// Everybody who waits is told that the term is over.
    virtual void cancel() noexcept = 0;

    /// Room for rows; creates segments if there is none, and registers the channel if it is new.
    /// Throws errc::invalid_argument (no rows, too many, the channel of another collection),
    /// errc::refused (dropped), errc::unavailable, errc::outcome_unknown (ask again).
    [[nodiscard]] virtual awaitable<model::allocate_reply> allocate(
        model::allocate_request request) = 0;
    /// The same without waiting and without a write, for callers on the leader's strand who have
    /// timestamps of its oracle. needs_segments: use `allocate`.
    [[nodiscard]] virtual allocation try_allocate(const allocation_request& request) = 0;
    /// A timestamp larger than all given out before. Throws what the oracle throws.
    [[nodiscard]] virtual awaitable<model::timestamp_reply> timestamp(
        model::timestamp_request request = {}) = 0;
    /// Takes a tick over and says what is to be flushed. Throws errc::unavailable, also for a tick
    /// that this leader's oracle has not given out: a successor's may have.
    [[nodiscard]] virtual awaitable<model::tick_reply> tick(model::tick_request request) = 0;
    /// Adds files to a segment. Throws errc::invalid_argument, naming what is wrong with it, before
    /// anything is written; errc::unavailable, errc::outcome_unknown (repeat it).
    [[nodiscard]] virtual awaitable<model::commit_reply> flush(model::flush_request request) = 0;
    /// The same with `with` in the transaction that adds the files, if there is one: a flush that
    /// is there already, or is refused, writes nothing. Throws as `flush`.
    [[nodiscard]] virtual awaitable<reported_flush> flush_reported(model::flush_request request,
                                                                   storage::transaction with) = 0;
    /// Drops a channel of a dropped collection, with a last flush. Throws as `flush`.
    [[nodiscard]] virtual awaitable<model::commit_reply> drop_channel(
        model::channel_drop_request request) = 0;
    /// What is recorded of a channel's segments. Throws errc::unavailable.
    [[nodiscard]] virtual awaitable<model::segments_reply> list(
        model::segments_request request) = 0;

    /// No more rows for the growing segments of a collection; how many. Their records follow.
    virtual std::size_t seal(model::collection_id collection) = 0;
    /// Drops a collection: nothing new is accepted for it from now on, for ever; its channels'
    /// holders are told with their ticks. Durable when it returns. Repeating it is a success.
    /// Throws errc::unavailable, errc::outcome_unknown (repeat it), errc::invalid_argument.
    [[nodiscard]] virtual awaitable<void> drop_collection(model::collection_id collection,
                                                          std::string why) = 0;
    /// How far a drop is; nothing: the collection was not dropped.
    [[nodiscard]] virtual std::optional<drop_progress> drop_of(
        model::collection_id collection) const = 0;

    /// Grants work on flushed segments of one collection, and takes them from any earlier grant.
    /// Throws errc::invalid_argument (no inputs, too many for one transaction, not flushed, dropped
    /// or of several collections), errc::unavailable, errc::outcome_unknown (ask again).
    [[nodiscard]] virtual awaitable<granted_job> grant_job(std::string what,
                                                           std::vector<model::segment_id> inputs,
                                                           model::node_name node,
                                                           model::incarnation process) = 0;
    /// Drops the inputs of a job and adds its outputs, in one step. Repeating it is harmless.
    /// Throws errc::invalid_argument, errc::unavailable, errc::outcome_unknown (repeat it).
    [[nodiscard]] virtual awaitable<replace_outcome> replace(replace_request request) = 0;
    /// Ends a job without a result. Repeating it is harmless.
    [[nodiscard]] virtual awaitable<void> end_job(model::job_id job) = 0;

    /// Jobs that are granted, by ascending number; without revisions. A holder that is gone ends
    /// nothing: whoever started it says end_job.
    virtual void each_job(const std::function<void(const granted_job&)>& visit) const = 0;

    /// One segment; nothing if it is not known.
    [[nodiscard]] virtual std::optional<segment_info> find(model::segment_id segment) const = 0;
    /// All segments that are not dropped, in no order; of one collection if given.
    virtual void each(std::optional<model::collection_id> of,
                      const std::function<void(const segment_info&)>& visit) const = 0;
    /// The up to `most` first segments, by ascending id, with an id above `after` whose record says
    /// `collecting`, or `dropped` at `horizon` or before. Looks at all segments in these states.
    [[nodiscard]] virtual std::vector<segment_info> dropped(model::timestamp horizon,
                                                            model::segment_id after,
                                                            std::size_t most) const = 0;
    /// Somebody of this term has written a segment's record (garbage collection).
    virtual void wrote(model::collection_id collection, model::segment_id segment,
                       const model::segment_record& record, storage::revision at) = 0;
    /// Every epoch under which something may still be committed, and the number below which nothing
    /// will be any more: of each channel's holder, each granted job, and each write of unknown
    /// outcome. Any other epoch that was given out has ended, for ever.
    virtual void each_living(
        const std::function<void(model::epoch, std::uint64_t settled)>& visit) const = 0;

    /// Counts and troubles.
    [[nodiscard]] virtual manager_status status() const = 0;
    /// Bytes of memory that the segments take, indexes included.
    [[nodiscard]] virtual std::size_t memory() const noexcept = 0;

protected:
    manager() = default;
};

}  // namespace reeve::segment
