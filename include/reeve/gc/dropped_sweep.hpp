#pragma once

#include "reeve/core/awaitable.hpp"
#include "reeve/core/error.hpp"
#include "reeve/gc/pins.hpp"
#include "reeve/gc/sweep.hpp"
#include "reeve/model/segment.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <type_traits>
#include <vector>

namespace reeve::gc {

/// A segment, by its place in the records.
struct segment_place {
    model::collection_id collection;  ///< whose
    model::segment_id segment;        ///< which

    friend bool operator==(const segment_place&, const segment_place&) = default;
};

/// What the dropped sweep needs of the leader's memory. Called on the strand.
class dropped_segments {
public:
    virtual ~dropped_segments() = default;

    /// The timestamp that the oracle would have given `age` ago, or an earlier one: what was
    /// dropped at it or before has been dropped for so long. 0: nothing has. Throws reeve::error if
    /// it cannot be had: the sweep then stops.
    [[nodiscard]] virtual awaitable<model::timestamp> before(std::chrono::milliseconds age) = 0;
    /// The up to `most` first segments, by ascending id, with an id above `after` whose record says
    /// `collecting`, or `dropped` at `horizon` or before. What is wrong or old here costs a read:
    /// the record decides.
    [[nodiscard]] virtual std::vector<segment_place> due(model::timestamp horizon,
                                                         model::segment_id after,
                                                         std::size_t most) const = 0;
    /// The segment's record, as it was read or written at `at`.
    virtual void learned(const segment_place& of, const model::segment_record& record,
                         storage::revision at) = 0;
    /// This flush of the segment is no longer recorded, so that its files are not referenced. Not
    /// told if the outcome of the removal is unknown: its files then count as referenced for
    /// longer.
    virtual void forgotten(const segment_place& of, const model::flush_id& flush,
                           const model::binlog_record& record) = 0;
};

/// How the dropped sweep works.
struct dropped_options {
    /// An operator's time to undo the drop of a segment; time travel, if that is longer.
    std::chrono::milliseconds drop_retention{std::chrono::hours(24)};
    /// How far back readers look; may be longer than `drop_retention`.
    std::chrono::milliseconds time_travel{0};
    /// From the end of one sweep to the beginning of the next.
    std::chrono::milliseconds interval{std::chrono::minutes(10)};
    std::size_t segments = 500;  ///< dealt with together, at least 1
    std::size_t flushes = 100;   ///< flushes of a segment in one page, at least 1
    pace_options pace;           ///< how fast

    /// As the members say.
    dropped_options() noexcept {}
};
static_assert(std::is_trivially_copyable_v<dropped_options>);

/// What a sweep saw and did. Segments that are due are counted once each.
struct dropped_report {
    std::uint64_t due = 0;              ///< segments looked at
    std::uint64_t marked = 0;           ///< dropped segments that are now collecting
    std::uint64_t collected = 0;        ///< segments of which nothing is left but a tombstone
    std::uint64_t pinned = 0;           ///< kept by a pin
    std::uint64_t paused_segments = 0;  ///< kept by a pause of their collection
    std::uint64_t early = 0;       ///< not dropped for long enough, or not dropped, as their record
                                   ///< says
    std::uint64_t moved = 0;       ///< whose record or pins changed meanwhile: for a later sweep
    std::uint64_t unfinished = 0;  ///< still collecting: deletes failed, or records are in doubt
    delete_counts deleted;         ///< files
    std::vector<std::string> troubles;  ///< some segments that cannot be dealt with, with reasons
    bool paused = false;                ///< it ended because everything is paused
};
/// A few lines for people.
[[nodiscard]] std::string text(const dropped_report& it);

/// Told of the report so far after each segment, on the strand. Must not throw.
using on_dropped_progress = std::function<void(const dropped_report& so_far)>;

/// Deletes the files of segments that have been dropped for long enough, then their binlog records,
/// and leaves a tombstone in state `collected` (docs/protocols/segments.md, section 13). May be
/// stopped or killed anywhere: it goes on from `collecting`, and repeats are harmless. Only the
/// leader can: each write carries its term.
///
/// On one strand. The object must outlive its calls; one call of `sweep` or `run` at a time.
class dropped_sweep {
public:
    /// What `site` and `known` refer to must outlive it. Throws errc::invalid_argument for options
    /// outside the stated ranges.
    dropped_sweep(sweep_site site, dropped_segments& known, dropped_options options = {});

    /// Called with reports from now on; empty: nobody is.
    void on_progress(on_dropped_progress progress) { progress_ = std::move(progress); }

    /// Deals once with every segment that is due. What cannot be finished stays as it is for the
    /// next call, and a record that cannot be read holds nobody else back. Throws errc::foreign or
    /// errc::corrupt (the marker; the pins), errc::fenced, and what the stores and
    /// `dropped_segments` throw; what was done until then stays done.
    [[nodiscard]] awaitable<dropped_report> sweep();
    /// `sweep` every `dropped_options::interval`. Ends by cancellation (operation_aborted) or
    /// errc::fenced; other failures are logged, counted, shown in `status` and followed by another
    /// try.
    [[nodiscard]] awaitable<void> run();

    /// How `run` stands.
    [[nodiscard]] const sweep_status& status() const noexcept { return status_; }

private:
    struct target;
    struct batch;
    [[nodiscard]] awaitable<void> begin_batch(std::shared_ptr<batch> now);
    [[nodiscard]] awaitable<void> read_targets(std::shared_ptr<batch> now);
    [[nodiscard]] awaitable<bool> pinned(std::shared_ptr<batch> now, std::size_t which);
    [[nodiscard]] awaitable<void> mark(std::shared_ptr<batch> now);
    [[nodiscard]] awaitable<void> collect(std::shared_ptr<batch> now, std::size_t which);
    [[nodiscard]] awaitable<bool> collect_flushes(std::shared_ptr<batch> now, std::size_t which);
    [[nodiscard]] awaitable<void> finish(std::shared_ptr<batch> now, std::size_t which);

    void give_up(batch& now, target& one, const error& why) const;
    void settle(batch& now, target& one, const catalog::item_result& result) const;

    sweep_site site_;
    dropped_segments& known_;
    dropped_options options_;
    on_dropped_progress progress_;
    sweep_status status_;
};

}  // namespace reeve::gc
