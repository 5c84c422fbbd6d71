#pragma once

#include "reeve/catalog/codec.hpp"
#include "reeve/catalog/commit_large.hpp"
#include "reeve/catalog/key_layout.hpp"
#include "reeve/channel/registrar.hpp"
#include "reeve/cluster/membership.hpp"
#include "reeve/core/awaitable.hpp"
#include "reeve/core/runtime.hpp"
#include "reeve/model/ids.hpp"
#include "reeve/procedure/engine.hpp"
#include "reeve/segment/manager.hpp"
#include "reeve/storage/metadata_store.hpp"

#include <chrono>
#include <cstddef>
#include <functional>
#include <string>
#include <vector>

namespace reeve::recovery {

/// Says what is being done and how many records were read so far.
using progress = std::function<void(std::string_view step, std::size_t records)>;

/// What a recovery found and what it will repair. A clean one repairs nothing, writes nothing but
/// the leader key, and tells nobody anything.
struct report {
    /// As the members say.
    report() {}
    model::term term;                              ///< of the reign that begins
    std::size_t nodes = 0;                         ///< alive
    std::size_t drains = 0;                        ///< being emptied
    catalog::batch_repairs batches;                ///< large transactions finished or undone
    channel::load_report channels;                 ///< entries and progress records
    segment::load_report segments;                 ///< segments, their flushes, drops, jobs
    procedure::load_report procedures;             ///< long operations, those that ended too
    std::chrono::nanoseconds membership_took{0};   ///< until the nodes were known
    std::vector<channel::planned_action> repairs;  ///< what differs from how it should be, and why
};

/// The report in lines for people.
[[nodiscard]] std::string to_string(const report& it);

/// Rebuilds the memory of a new leader (docs/protocols/channels.md, recovery): 1. wait until
/// `members` (followed by the caller) is complete; 2. load all channels; 3. load all segments; 4.
/// load all procedures; 5. compare. Nothing may be served before it is done. Reads only.
[[nodiscard]] awaitable<report> recover(core::runtime& strand, const cluster::membership& members,
                                        channel::registrar& registrar, segment::manager& segments,
                                        procedure::engine& procedures, model::term term,
                                        std::function<awaitable<void>()> members_complete,
                                        progress tell);

}  // namespace reeve::recovery
