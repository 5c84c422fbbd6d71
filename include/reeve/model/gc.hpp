#pragma once

#include "reeve/model/ids.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

// The records of garbage collection (docs/protocols/segments.md, sections 11 to 13).
namespace reeve::model {

/// Most segments of one pin: with the version of all pins they are compared in one transaction.
inline constexpr std::size_t pin_segments_max = 100;
/// Most bytes of the owner of a pin.
inline constexpr std::size_t pin_owner_bytes_max = 200;
/// Most bytes of the name of an object, or of what it begins with, in these records.
inline constexpr std::size_t object_name_bytes_max = 4096;
/// Most objects in one entry of the journal.
inline constexpr std::size_t journal_objects_max = 100;

/// A segment and whose it is.
struct pinned_segment {
    collection_id collection;  ///< whose
    segment_id segment;        ///< not 0

    /// By collection, then segment.
    friend auto operator<=>(const pinned_segment&, const pinned_segment&) = default;
    friend bool operator==(const pinned_segment&, const pinned_segment&) = default;
};

/// The record `pins/<number>`: something that must not be collected. It ends with its lease, if it
/// was written under one.
struct pin_record {
    std::string owner;  ///< who wants it, for people: 1..pin_owner_bytes_max bytes of UTF-8
    std::string token;  ///< tells this pin from every other; a model::valid_name
    /// Ascending, at most pin_segments_max; empty exactly if `prefix` is not.
    std::vector<pinned_segment> segments;
    /// What the names of the pinned objects begin with, the data root included: up to
    /// object_name_bytes_max bytes of printable ASCII without blanks.
    std::string prefix;
    std::int64_t since_ms = 0;  ///< by the owner's wall clock, since 1970; for people

    friend bool operator==(const pin_record&, const pin_record&) = default;
};

/// The record `pins/version`: every change of a pin raises it, and a pin is numbered by it.
struct pins_version {
    std::uint64_t version = 0;  ///< changes so far; the number of the last pin is not above it

    friend bool operator==(const pins_version&, const pins_version&) = default;
};

/// The record `gc/cursor/<root>`: where the orphan sweep of a data root stands.
struct gc_cursor {
    /// The last object that was dealt with in this round: any bytes, up to object_name_bytes_max;
    /// empty: none was.
    std::string after;
    std::uint64_t rounds = 0;      ///< that came to the end of the listing
    std::int64_t finished_ms = 0;  ///< when the last of them did, by the object store's clock

    friend bool operator==(const gc_cursor&, const gc_cursor&) = default;
};

/// Is garbage collected?
enum class gc_state : std::uint8_t {
    running,  ///< yes
    paused,   ///< no: nothing is deleted
};

/// The state's name, as stored.
[[nodiscard]] std::string_view name(gc_state state) noexcept;

/// The record `gc/paused/<scope>`: a switch. Never deleted, so that a late copy of a request that
/// turned it finds another revision.
struct gc_pause {
    gc_state state = gc_state::running;  ///< as it stands
    std::string why;                     ///< for people; at most 1000 bytes of UTF-8
    std::int64_t since_ms = 0;           ///< by the wall clock of who turned it

    friend bool operator==(const gc_pause&, const gc_pause&) = default;
};

/// Which sweep.
enum class gc_sweep : std::uint8_t {
    orphans,  ///< of files that no record names
    dropped,  ///< of the files of dropped segments
};

/// The sweep's name, as stored.
[[nodiscard]] std::string_view name(gc_sweep sweep) noexcept;

/// One object that was to be deleted.
struct journal_object {
    std::string name;         ///< any bytes; cut at object_name_bytes_max
    std::uint64_t bytes = 0;  ///< as listed or recorded
    std::string why;          ///< 1..200 bytes of printable ASCII, blanks included

    friend bool operator==(const journal_object&, const journal_object&) = default;
};

/// The record `gc/journal/<slot>`: objects that a sweep was about to delete. Written before they
/// are; a delete that fails is repeated by a later sweep, under an entry of its own.
struct journal_entry {
    std::uint64_t number = 0;             ///< from 1 on, in the order in which they were written
    gc_sweep sweep = gc_sweep::orphans;   ///< whose
    std::int64_t at_ms = 0;               ///< by the sweeper's wall clock
    std::vector<journal_object> objects;  ///< 1..journal_objects_max

    friend bool operator==(const journal_entry&, const journal_entry&) = default;
};

}  // namespace reeve::model
