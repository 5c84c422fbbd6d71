#pragma once

#include "reeve/segment/allocation.hpp"
#include "segment/open_segment.hpp"
#include "segment/segment_table.hpp"

#include <boost/unordered/unordered_flat_map.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <string_view>
#include <vector>

namespace reeve::segment {

/// What became of a tick.
enum class tick_outcome : std::uint8_t {
    taken,            ///< it is the channel's last one now
    not_newer,        ///< the channel had that one, or a later one: nothing was done
    unknown_channel,  ///< nobody has told of it: nothing was done
    in_future,        ///< the oracle has not given out that timestamp yet: nothing was done
};

/// The answer to a tick.
struct tick_result {
    tick_outcome outcome = tick_outcome::unknown_channel;
    std::size_t looked_at = 0;  ///< open segments that it cost a look
    std::size_t ignored = 0;    ///< reports of segments that are not open in this channel
    /// Sealed segments for which this tick was the last they waited for, each told once: tell the
    /// node to flush them. Valid until the next tick.
    std::span<const model::segment_id> flushable;
};

/// All segments of a store, and who of them gets the next rows. In memory only: whoever uses it
/// writes records first and shows them here afterwards (`learn`). One strand.
///
/// Rows that were allocated count as used until their allocation has ended and the node has said,
/// with a later tick, how many have come: so no segment gets more rows than it holds, whatever is
/// under way (invariant S1).
class allocator {
public:
    explicit allocator(allocation_options options);
    allocator(const allocator&) = delete;
    allocator& operator=(const allocator&) = delete;
    ~allocator();

    /// All segments.
    [[nodiscard]] const segment_table& table() const noexcept { return table_; }
    [[nodiscard]] const allocation_options& options() const noexcept { return options_; }

    /// Makes a collection known, or a channel; false if the channel is another collection's.
    void add_collection(model::collection_id id) { table_.add_collection(id); }
    bool add_channel(std::string_view name, model::collection_id collection);
    /// There is a tombstone: no more allocations, whether the collection was known or not. The
    /// segments stay until their records follow.
    void drop_collection(model::collection_id id);
    /// The same for a channel; false, and nothing was done, if it is another collection's.
    bool drop_channel(std::string_view name, model::collection_id collection);

    /// A record was written by this leader, or read again since it is one: a growing segment that
    /// was not known is new, and no more rows have been allocated in it than it records.
    learned learn(model::collection_id collection, model::segment_id segment,
                  const model::segment_record& record, storage::revision at);
    /// A record was found at the start of this leader: in a growing segment all room may have been
    /// allocated until `expiry`, which is the oracle's high-water mark plus the longest lifetime.
    /// It gets rows again once the node reports its rows at or after that.
    learned recover(model::collection_id collection, model::segment_id segment,
                    const model::segment_record& record, storage::revision at,
                    model::timestamp expiry);
    /// One more flush is recorded of a segment. The next tick asks the policies, whether the node
    /// reports anything or not.
    void add_flush(model::segment_id segment, std::size_t files);

    /// Room for rows: in the segment with the least room that is enough; without one in several,
    /// those with the most room first. Logarithmic in the number of open segments; nothing is
    /// copied, written or waited for, and up to parts_in_place parts need no heap memory.
    [[nodiscard]] allocation try_allocate(const allocation_request& request);

    /// The holder of `channel` has consumed everything before `at`. The caller has compared the
    /// epoch; `now` is the oracle's. A tick after it is refused: it would end allocations whose
    /// rows are still on their way, and every later one would be too late for the channel.
    ///
    /// Ends allocations, seals by policy, finds what can be flushed. The cost is that of the
    /// segments for which something changes, not of those that are open; and once the channel has
    /// more than seal_options::channel_bytes_max, that of a look at its growing ones.
    [[nodiscard]] tick_result tick(std::string_view channel, model::timestamp at,
                                   std::span<const segment_rows> reports, model::timestamp now);

    /// From now on no more rows go to a growing segment. False, and nothing was done, if it is not
    /// growing here, or for the reason `none`, with which no record could be sealed.
    bool seal(model::segment_id segment, model::seal_reason why);
    /// The same for all of a collection; how many.
    std::size_t seal_all(model::collection_id collection, model::seal_reason why);
    /// `visit(const sealing&)` for each segment that gets no more rows and whose record does not
    /// say so yet, oldest decision first. Not for those of dropped collections: what their
    /// records say next is `dropped`.
    template <class Visit>
    void each_sealing(Visit visit) const {
        for (const auto& one : sealing_) {
            if (!is_dropped(one)) visit(sealing{one.id, one.why, one.last_expiry});
        }
    }
    /// `visit(const segment_row&)` for each sealed segment that a tick found flushable and whose
    /// record says nothing newer: to tell a node again.
    template <class Visit>
    void each_flushable(Visit visit) const {
        for (const auto& one : ripe_) visit(table_[one.row]);
    }

    /// Rows that can be allocated in a segment now; 0 unless it is growing.
    [[nodiscard]] std::uint64_t free_rows(model::segment_id segment) const;
    /// No allocation of an open segment ends later; never moves back.
    [[nodiscard]] model::timestamp last_expiry(model::segment_id segment) const;
    /// Growing segments, and sealed ones that are not being flushed.
    [[nodiscard]] std::size_t open() const noexcept { return open_.size(); }
    /// Of everything, in bytes.
    [[nodiscard]] std::size_t memory() const noexcept;

private:
    struct group_key {
        model::collection_id collection;
        model::partition_id partition;
        std::uint32_t channel = none;
        friend bool operator==(const group_key&, const group_key&) = default;
    };
    struct group_hash {
        using is_avalanching = void;
        std::size_t operator()(const group_key& key) const noexcept;
    };
    // The growing segments that may get the same rows.
    struct open_group {
        group_key key;
        by_free_rows segments;
        std::uint64_t free = 0;  // of all of them
        std::uint32_t count = 0;
    };
    struct open_channel {
        by_due due;
        model::timestamp last_tick;
        wide_sum growing_bytes;
    };

    learned show(model::collection_id collection, model::segment_id segment,
                 const model::segment_record& record, storage::revision at,
                 model::timestamp expiry);
    [[nodiscard]] bool is_dropped(const open_segment& it) const;
    open_channel& channel_of(const open_segment& it) { return channels_[it.channel]; }
    open_segment& open_row(std::uint32_t row);
    void charge_record(open_segment& it) const;
    void count_record(open_segment& it);
    void count_bytes(open_segment& it, std::uint64_t bytes);
    void begin_growing(std::uint32_t row, model::timestamp expiry);
    void begin_waiting(std::uint32_t row);
    void release(std::uint32_t number);

    [[nodiscard]] allocation_outcome refusal(const allocation_request& request,
                                             std::uint32_t channel) const;
    void allocate_in(open_group& group, const allocation_request& request, allocation& answer);
    void take(open_segment& it, std::uint64_t rows, const allocation_request& request,
              allocation& answer);
    [[nodiscard]] std::uint64_t needed(std::uint64_t rows) const noexcept;
    [[nodiscard]] std::uint64_t parts_max(std::uint64_t rows) const noexcept;

    void count_free(open_segment& it);
    void set_due(open_segment& it, model::timestamp due);
    void join_group(open_segment& it);
    void leave_group(open_segment& it);
    void stop_growing(open_segment& it);
    void close(open_segment& it, model::seal_reason why);
    [[nodiscard]] seal_facts facts_of(const open_segment& it, model::timestamp now) const;
    void judge(open_segment& it, model::timestamp now);

    void touch(open_segment& it);
    void end_due(open_channel& in, model::timestamp at);
    std::size_t take_reports(std::uint32_t channel, model::timestamp at,
                             std::span<const segment_rows> reports);
    void seal_largest(open_channel& in);

    allocation_options options_;
    segment_table table_;
    slab<open_segment> open_;
    slab<open_group> groups_;
    std::deque<open_channel> channels_;  // by the table's number
    boost::unordered_flat_map<group_key, std::uint32_t, group_hash> group_numbers_;
    open_queue sealing_;
    open_queue ripe_;
    std::vector<open_segment*> touched_;        // by the tick that is being worked on
    std::vector<model::segment_id> flushable_;  // the last tick's answer
};

}  // namespace reeve::segment
