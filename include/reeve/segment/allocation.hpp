#pragma once

#include "reeve/model/segment.hpp"
#include "reeve/model/segment_messages.hpp"
#include "reeve/segment/seal_policy.hpp"

#include <boost/container/small_vector.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

// Questions and answers about room for rows: the vocabulary of the allocator in the leader's memory
// (docs/protocols/segments.md), which segment::manager offers.
namespace reeve::segment {

using model::allocation_part;
using model::segment_rows;

/// Parts of an allocation that need no memory of their own.
inline constexpr std::size_t parts_in_place = 4;

/// Who wants room for how many rows.
struct allocation_request {
    model::collection_id collection;  ///< which collection
    model::partition_id partition;    ///< which part of it
    std::string_view channel;         ///< valid for the call
    std::uint64_t rows = 0;           ///< at least 1
    model::timestamp now;             ///< from the oracle
    /// The rows enter the channel before this moment, or never. From the same oracle, at most
    /// allocation_options::lifetime_max after `now`.
    model::timestamp expires_at;
};

/// What became of a request.
enum class allocation_outcome : std::uint8_t {
    allocated,           ///< here is room for all rows
    needs_segments,      ///< create so many and ask again; nothing was allocated
    zero_rows,           ///< nothing was asked for
    too_many_rows,       ///< more than allocation_options::request_rows_max
    unknown_collection,  ///< nobody has told of it
    dropped_collection,  ///< it has a tombstone
    unknown_channel,     ///< register it first
    foreign_channel,     ///< it belongs to another collection
    dropped_channel,     ///< it has a tombstone
    too_late,            ///< `expires_at` is not after the channel's last tick, or not after `now`
    too_long,            ///< `expires_at` is more than allocation_options::lifetime_max after `now`
};

/// The outcome's name.
[[nodiscard]] std::string_view name(allocation_outcome outcome) noexcept;

/// The answer to a request. All or nothing.
struct allocation {
    allocation_outcome outcome = allocation_outcome::zero_rows;  ///< what became of it
    /// How many new segments would do, whatever jitter takes of each; for needs_segments.
    std::uint64_t segments_needed = 0;
    boost::container::small_vector<allocation_part, parts_in_place> parts;  ///< when allocated
};

/// How rows are allocated.
struct allocation_options {
    model::segment_limits limits{1'000'000, std::uint64_t{1} << 30U};  ///< of a new segment
    unsigned jitter_percent = 10;  ///< new segments get up to so much less (with_jitter); 0..50
    std::uint64_t request_rows_max = 1'000'000'000;  ///< of one request
    /// Longest time from `now` to the expiry of an allocation; in timestamps by
    /// seal_options::timestamps_per_ms. A new leader waits for so long before it gives out rows of
    /// the segments that it finds (docs/protocols/segments.md, L6). The default is Milvus'.
    std::chrono::milliseconds lifetime_max{2000};
    seal_options seal;                                         ///< when segments are sealed
    std::vector<std::shared_ptr<const seal_policy>> policies;  ///< of the host, asked last
};

/// A segment that gets no more rows; its record is to be sealed.
struct sealing {
    model::segment_id segment;                             ///< which
    model::seal_reason reason = model::seal_reason::none;  ///< why
    model::timestamp last_expiry;                          ///< no allocation ends later
};

}  // namespace reeve::segment
