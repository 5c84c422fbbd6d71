#pragma once

#include "reeve/model/segment.hpp"
#include "reeve/segment/seal_policy.hpp"
#include "segment/slab.hpp"

#include <boost/intrusive/list.hpp>
#include <boost/intrusive/set.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace reeve::segment {

/// Rows that may still be written until a moment, of a few allocations: as many moments as there is
/// place for. One more brings those two together that are closest, at the later moment: rows then
/// count as reserved for longer than they need to, never for less.
class reservations {
public:
    [[nodiscard]] bool empty() const noexcept { return count_ == 0; }
    [[nodiscard]] std::uint64_t rows() const noexcept { return rows_; }
    /// The first moment at which some end; `never` if there are none.
    [[nodiscard]] model::timestamp first_end() const noexcept {
        return count_ == 0 ? never : all_[0].end;
    }
    /// `end` is not before that of any added earlier.
    void add(std::uint64_t rows, model::timestamp end) noexcept {
        rows_ += rows;
        if (count_ == places) rows += make_place(end);
        if (count_ != 0 && all_[count_ - 1].end == end) {
            all_[count_ - 1].rows += rows;
        } else {
            all_[count_++] = {end, rows};
        }
    }
    /// Ends those that end at or before `now`; how many rows they had.
    std::uint64_t end_until(model::timestamp now) noexcept {
        std::uint64_t ended = 0;
        std::size_t gone = 0;
        while (gone < count_ && all_[gone].end <= now) ended += all_[gone++].rows;
        std::copy(all_.begin() + static_cast<std::ptrdiff_t>(gone),
                  all_.begin() + static_cast<std::ptrdiff_t>(count_), all_.begin());
        count_ = static_cast<std::uint8_t>(count_ - gone);
        rows_ -= ended;
        return ended;
    }
    void clear() noexcept {
        count_ = 0;
        rows_ = 0;
    }

private:
    static constexpr std::size_t places = 4;
    struct some {
        model::timestamp end;
        std::uint64_t rows = 0;
    };

    // Takes away the one that is closest to the one behind it, of which the last is `next`: its
    // rows go there. How many rows `next` gets so.
    std::uint64_t make_place(model::timestamp next) noexcept {
        std::size_t closest = 0;
        std::uint64_t gap = never.value;
        for (std::size_t at = 0; at < places; ++at) {
            const auto behind = at + 1 < places ? all_[at + 1].end : next;
            if (behind.value - all_[at].end.value >= gap) continue;
            gap = behind.value - all_[at].end.value;
            closest = at;
        }
        --count_;
        if (closest == count_) return all_[closest].rows;
        all_[closest + 1].rows += all_[closest].rows;
        for (std::size_t at = closest; at < count_; ++at) all_[at] = all_[at + 1];
        return 0;
    }

    std::uint64_t rows_ = 0;
    std::uint8_t count_ = 0;
    std::array<some, places> all_;
};

namespace intrusive = boost::intrusive;

using tree_hook = intrusive::set_member_hook<intrusive::optimize_size<true>>;

/// A sum of any 2^32 numbers, exact.
class wide_sum {
public:
    void add(std::uint64_t number) noexcept {
        low_ += number;
        high_ += low_ < number ? 1 : 0;
    }
    /// One that was added.
    void subtract(std::uint64_t number) noexcept {
        high_ -= low_ < number ? 1 : 0;
        low_ -= number;
    }
    [[nodiscard]] bool above(std::uint64_t number) const noexcept {
        return high_ != 0 || low_ > number;
    }

private:
    std::uint64_t low_ = 0;
    std::uint32_t high_ = 0;  // of 2^64 each
};

/// A segment that may get rows, or that got some which may still be on their way: what memory keeps
/// of it beside its row. Four cache lines: what a walk in the group touches, what an allocation
/// changes (two), and the rest.
struct alignas(64) open_segment {
    tree_hook in_group;      // growing ones
    std::uint64_t free = 0;  // rows that can be allocated: the key in `in_group`
    model::segment_id id;
    std::uint64_t limit = 0;    // rows
    std::uint64_t charged = 0;  // rows that allocations which have ended may have brought
    std::uint32_t row = none;   // in the table
    std::uint32_t group = none;

    model::timestamp last_expiry;
    model::timestamp written;
    model::timestamp look_again;  // a policy may seal it then, though nothing is reported
    model::timestamp due;         // look at it at this tick, or earlier: the key in `in_channel`
    std::uint32_t channel = none;
    bool reported = false;  // `rows` and `bytes` say something
    bool closing = false;   // gets no more rows
    bool sealed = false;    // and its record says so
    bool ripe = false;      // and no allocation can bring any more
    bool touched = false;   // by the tick that is being worked on
    model::seal_reason why = model::seal_reason::none;
    reservations reserved;  // allocations that have not ended

    std::uint64_t rows = 0;                  // as reported
    std::uint64_t bytes = 0;                 // as reported or recorded, whichever is more
    tree_hook in_channel;                    // growing ones, and sealed ones that wait
    intrusive::list_member_hook<> in_queue;  // closing but not sealed; or ripe

    /// As new, and not linked anywhere.
    void begin(model::segment_id segment, std::uint32_t in_row, std::uint32_t of) noexcept {
        id = segment;
        row = in_row;
        channel = of;
        group = none;
        free = limit = charged = rows = bytes = 0;
        due = last_expiry = written = look_again = {};
        reserved.clear();
        reported = closing = sealed = ripe = touched = false;
        why = model::seal_reason::none;
    }
    /// What can still be allocated: rows of allocations that ended count until the node says that
    /// they never came.
    void count_free() noexcept {
        const auto used = charged + reserved.rows();
        free = used < limit ? limit - used : 0;
    }
    [[nodiscard]] bool grows() const noexcept { return !closing; }
};

struct less_free {
    bool operator()(const open_segment& left, const open_segment& right) const noexcept {
        return left.free != right.free ? left.free < right.free : left.id < right.id;
    }
    bool operator()(const open_segment& left, std::uint64_t rows) const noexcept {
        return left.free < rows;
    }
    bool operator()(std::uint64_t rows, const open_segment& right) const noexcept {
        return rows < right.free;
    }
};
struct earlier_due {
    bool operator()(const open_segment& left, const open_segment& right) const noexcept {
        return left.due != right.due ? left.due < right.due : left.id < right.id;
    }
};

using by_free_rows =
    intrusive::set<open_segment,
                   intrusive::member_hook<open_segment, tree_hook, &open_segment::in_group>,
                   intrusive::compare<less_free>, intrusive::constant_time_size<false>>;
using by_due =
    intrusive::set<open_segment,
                   intrusive::member_hook<open_segment, tree_hook, &open_segment::in_channel>,
                   intrusive::compare<earlier_due>, intrusive::constant_time_size<false>>;
using open_queue = intrusive::list<
    open_segment,
    intrusive::member_hook<open_segment, intrusive::list_member_hook<>, &open_segment::in_queue>>;

}  // namespace reeve::segment
