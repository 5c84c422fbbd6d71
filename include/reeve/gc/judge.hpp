#pragma once

#include "reeve/catalog/path_layout.hpp"
#include "reeve/core/clock.hpp"
#include "reeve/model/segment.hpp"
#include "reeve/storage/object_store.hpp"

#include <chrono>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

// The rule of garbage, which the sweeps keep. A host that sweeps by itself implements `view`.
namespace reeve::gc {

/// What a sweep thinks of one object below a data root (docs/protocols/segments.md, garbage).
enum class verdict : std::uint8_t {
    referenced,  ///< a record names it
    pinned,      ///< a reader, a backup or a snapshot wants it
    in_use,      ///< the holder of its epoch may still commit it
    young,       ///< garbage, but within the time in which an operator may undo
    unreadable,  ///< the layout would never write such a name: left alone, counted
    garbage,     ///< no record names it and none ever will
    suspicious,  ///< something is wrong with the facts: the sweep must stop
};

/// The verdict's name.
[[nodiscard]] std::string_view name(verdict of) noexcept;

/// What is known of an epoch.
enum class standing : std::uint8_t {
    living,  ///< a channel's entry or a job carries it, or whether one does is in doubt
    ended,   ///< it was given out, nothing carries it, and nothing will
    beyond,  ///< it was never given out: the metadata store is older than the files
};

/// An epoch's standing, and how much of it can still be committed.
struct epoch_facts {
    standing is = standing::living;  ///< where it stands
    std::uint64_t settled = 0;       ///< no number below it can be committed any more
};

/// The view of the records that a sweep judges by. What it answers is true at the moment of the
/// question or later, never before: `judge` asks for the epoch first and then for the file, both
/// after the object was listed, so that a commit which lands in between is seen (milvus#27202).
class view {
public:
    virtual ~view() = default;
    /// The epoch's facts. `living` whenever a commit under it is on its way or of unknown outcome.
    [[nodiscard]] virtual epoch_facts of(model::epoch epoch) const = 0;
    /// Does a record name this file?
    [[nodiscard]] virtual bool referenced(const model::file_id& file) const = 0;
    /// Does a pin hold it?
    [[nodiscard]] virtual bool pinned(const catalog::file_address& file) const = 0;
    /// The file will be asked about next. For speed alone.
    virtual void expect(const model::file_id&) const {}
};

/// How old garbage must be.
struct age_rule {
    core::wall_time now;  ///< by the object store's clock, read after the listing
    /// An operator's time to undo. At least 0.
    std::chrono::milliseconds retention{std::chrono::hours(24)};
};

/// A verdict and its reason, which is a constant text.
struct judgement {
    verdict is = verdict::unreadable;  ///< what is thought of it
    std::string_view why;              ///< for people: plans, journals and logs
};

/// Judges one object. Pure. The epoch decides before the age does: a wrong clock keeps garbage
/// longer or stops the sweep, and never makes garbage of a file.
[[nodiscard]] judgement judge(const storage::object_meta& object,
                              const catalog::path_layout& names, const view& known,
                              const age_rule& age);

/// Judges the objects of one page, as `judge` would one after the other; one answer each, in order.
void judge_page(std::span<const storage::object_meta> page, const catalog::path_layout& names,
                const view& known, const age_rule& age, std::vector<judgement>& into);

}  // namespace reeve::gc
