#pragma once

#include "reeve/core/random.hpp"
#include "reeve/model/segment.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace reeve::segment {

/// A moment that never comes.
inline constexpr model::timestamp never{std::numeric_limits<std::uint64_t>::max()};

/// What a policy knows of a growing segment.
struct seal_facts {
    model::segment_id segment;        ///< which
    model::collection_id collection;  ///< whose
    model::partition_id partition;    ///< which part of it
    std::string_view channel;         ///< where its rows come from; valid for the call
    model::segment_limits limits;     ///< what it holds at most, its jitter included
    std::uint64_t rows = 0;           ///< in it, as reported or recorded, whichever is more
    std::uint64_t reserved = 0;       ///< rows of allocations that have not ended
    std::uint64_t bytes = 0;          ///< in it, as reported or recorded, whichever is more
    std::uint64_t binlogs = 0;        ///< binlog files that it has already
    model::timestamp created;         ///< when it was created
    model::timestamp written;         ///< when rows were last allocated or reported; at least
                                      ///< `created`
    model::timestamp now;             ///< the moment of the question
};

/// What a policy says.
struct seal_answer {
    model::seal_reason reason = model::seal_reason::none;  ///< none: let it grow
    /// If it may grow and nothing changes, ask again then. Makes time-based policies cost nothing
    /// until their time has come.
    model::timestamp look_again = never;
};

/// A policy of the host. Pure and total: equal facts give an equal answer. An answer with a reason
/// seals with model::seal_reason::host.
class seal_policy {
public:
    virtual ~seal_policy() = default;
    /// For people: in logs beside the reason.
    [[nodiscard]] virtual std::string_view name() const noexcept = 0;
    /// Should it be sealed?
    [[nodiscard]] virtual seal_answer decide(const seal_facts& facts) const noexcept = 0;
};

/// When segments are sealed. The numbers are Milvus' defaults, where it has them.
struct seal_options {
    /// Of all growing segments of a channel together; 0: any number.
    std::uint64_t channel_bytes_max = std::uint64_t{4} << 30U;
    /// How many timestamps a millisecond has; as cluster::persisted_timestamp_oracle gives them.
    std::uint64_t timestamps_per_ms = std::uint64_t{1} << 18U;
    /// Sealed at this share of the rows it holds at most; the rest is room for the last
    /// allocations. 1..100.
    unsigned rows_percent = 95;
    unsigned bytes_percent = 100;  ///< the same of the bytes; 0: bytes do not count
    std::chrono::milliseconds age_max{86'400'000};  ///< since it was created; 0: any age
    std::chrono::milliseconds idle_max{600'000};    ///< without new rows; 0: any time
    std::uint64_t binlogs_max = 32;                 ///< files; 0: any number
};

/// `since` plus a span of time; `never` if that is beyond all timestamps.
[[nodiscard]] constexpr model::timestamp after(model::timestamp since,
                                               std::chrono::milliseconds span,
                                               std::uint64_t timestamps_per_ms) noexcept {
    const auto ms = static_cast<std::uint64_t>(std::max<std::int64_t>(span.count(), 0));
    const auto room = never.value - since.value;
    if (timestamps_per_ms != 0 && ms > room / timestamps_per_ms) return never;
    return model::timestamp(since.value + ms * timestamps_per_ms);
}

/// `percent` of `whole`, rounded up, without overflow.
[[nodiscard]] constexpr std::uint64_t share_of(std::uint64_t whole, unsigned percent) noexcept {
    return whole / 100 * percent + (whole % 100 * percent + 99) / 100;
}

/// Full by rows.
[[nodiscard]] constexpr seal_answer by_rows(const seal_facts& it, const seal_options& by) noexcept {
    const bool full = it.rows >= share_of(it.limits.rows, by.rows_percent);
    return {full ? model::seal_reason::rows : model::seal_reason::none, never};
}

/// Full by bytes.
[[nodiscard]] constexpr seal_answer by_bytes(const seal_facts& it,
                                             const seal_options& by) noexcept {
    const bool counts = by.bytes_percent != 0 && it.limits.bytes != 0;
    const bool full = counts && it.bytes >= share_of(it.limits.bytes, by.bytes_percent);
    return {full ? model::seal_reason::bytes : model::seal_reason::none, never};
}

/// Too old.
[[nodiscard]] constexpr seal_answer by_age(const seal_facts& it, const seal_options& by) noexcept {
    if (by.age_max.count() <= 0) return {};
    const auto when = after(it.created, by.age_max, by.timestamps_per_ms);
    if (it.now >= when) return {model::seal_reason::age, never};
    return {model::seal_reason::none, when};
}

/// No rows for too long, those that an allocation may still bring included.
[[nodiscard]] constexpr seal_answer by_idle_time(const seal_facts& it,
                                                 const seal_options& by) noexcept {
    if (by.idle_max.count() <= 0) return {};
    const auto when = after(it.written, by.idle_max, by.timestamps_per_ms);
    if (it.now >= when) return {model::seal_reason::idle, never};
    return {model::seal_reason::none, when};
}

/// Too many files.
[[nodiscard]] constexpr seal_answer by_binlogs(const seal_facts& it,
                                               const seal_options& by) noexcept {
    const bool many = by.binlogs_max != 0 && it.binlogs >= by.binlogs_max;
    return {many ? model::seal_reason::binlogs : model::seal_reason::none, never};
}

/// All of the above in this order, then the host's in theirs: the first reason counts. Without one,
/// `look_again` is the earliest of all.
[[nodiscard]] inline seal_answer decide_seal(
    const seal_facts& facts, const seal_options& options,
    std::span<const std::shared_ptr<const seal_policy>> host = {}) noexcept {
    auto look_again = never;
    for (const auto shipped : {by_rows, by_bytes, by_age, by_idle_time, by_binlogs}) {
        const auto answer = shipped(facts, options);
        if (answer.reason != model::seal_reason::none) return answer;
        look_again = std::min(look_again, answer.look_again);
    }
    for (const auto& policy : host) {
        const auto answer = policy->decide(facts);
        if (answer.reason != model::seal_reason::none) return {model::seal_reason::host, never};
        look_again = std::min(look_again, answer.look_again);
    }
    return {model::seal_reason::none, look_again};
}

/// Which of a channel's growing segments to seal, with reason channel_bytes, when all together have
/// more than `most` bytes: the largest first, as few as it takes; of equal ones the first. Indexes
/// into `bytes`. 0 = no limit. Pure.
[[nodiscard]] inline std::vector<std::size_t> over_channel_bytes(
    std::span<const std::uint64_t> bytes, std::uint64_t most) {
    std::vector<std::size_t> chosen;
    if (most == 0) return chosen;
    std::vector<std::size_t> order(bytes.size());
    for (std::size_t index = 0; index < order.size(); ++index) order[index] = index;
    std::stable_sort(order.begin(), order.end(), [&](std::size_t left, std::size_t right) {
        return bytes[left] > bytes[right];
    });
    // From the smallest on: those behind an index may stay if they have no more together.
    std::uint64_t room = most;
    std::size_t keep = order.size();
    while (keep > 0 && bytes[order[keep - 1]] <= room) room -= bytes[order[--keep]];
    chosen.assign(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(keep));
    return chosen;
}

/// `base` less `ten_thousandths` (at most 10,000) of both; at least one row.
[[nodiscard]] constexpr model::segment_limits less_of(model::segment_limits base,
                                                      std::uint64_t ten_thousandths) noexcept {
    const std::uint64_t kept = 10'000 - ten_thousandths;
    const auto keep = [&](std::uint64_t whole) {
        return whole / 10'000 * kept + whole % 10'000 * kept / 10'000;
    };
    return {std::max<std::uint64_t>(keep(base.rows), 1), keep(base.bytes)};
}

/// The most that jitter takes, in ten thousandths.
[[nodiscard]] constexpr std::uint64_t jitter_max(unsigned jitter_percent) noexcept {
    return std::min(jitter_percent, 50U) * std::uint64_t{100};
}

/// The limits of a new segment: up to `jitter_percent` (at most 50) less of both than `base`, how
/// much depends on the segment's id alone. So segments that begin together do not all end
/// together, and the answer stays what it was after a restart. At least one row.
[[nodiscard]] constexpr model::segment_limits with_jitter(model::segment_limits base,
                                                          model::segment_id segment,
                                                          unsigned jitter_percent) noexcept {
    return less_of(base, core::random(segment.value).below(jitter_max(jitter_percent) + 1));
}

/// The least that `with_jitter` gives any segment.
[[nodiscard]] constexpr model::segment_limits least_with_jitter(model::segment_limits base,
                                                                unsigned jitter_percent) noexcept {
    return less_of(base, jitter_max(jitter_percent));
}

}  // namespace reeve::segment
