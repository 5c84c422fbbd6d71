#include "reeve/core/guards.hpp"

#include <array>
#include <cstddef>

namespace reeve::core {

namespace {
// In the order of the enumeration.
constexpr std::array<std::string_view, static_cast<std::size_t>(guard::count_)> guard_names{
    "term",
    "entry_comparison",
    "whole_entry",
    "message_incarnation",
    "pending_incarnation",
    "commit_epoch",
    "commit_incarnation",
    "starting_checkpoint",
    "continuation",
    "handover",
    "lower_epoch",
    "release_memory",
    "self_fencing",
    "retell",
    "allocation_entry",
    "tombstone",
    "expiry_mark",
    "tick_epoch",
    "fresh_names",
    "own_files",
    "settled_refusal",
    "settled_forward",
    "segment_revision",
    "mark_last",
    "last_flush",
    "job_compared",
    "job_marks",
    "fsync",
    "reading_order",
    "live_numbers",
    "unknown_epochs",
    "object_age",
    "data_marker",
    "data_lineage",
    "delete_fraction",
    "judged_again",
    "pins",
    "pin_comparison",
    "collecting",
    "files_first",
    "procedure_step",
    "procedure_incarnation",
    "procedure_start"};
static_assert(!guard_names.back().empty());
}  // namespace

std::string_view name(guard which) noexcept {
    const auto at = static_cast<std::size_t>(which);
    return at < guard_names.size() ? guard_names[at] : std::string_view("?");
}

#if defined(REEVE_GUARD_SWITCHES)
namespace {
std::array<bool, static_cast<std::size_t>(guard::count_)> switched_off{};
}

bool enforced(guard which) noexcept { return !switched_off[static_cast<std::size_t>(which)]; }

void set_enforced(guard which, bool on) noexcept {
    switched_off[static_cast<std::size_t>(which)] = !on;
}
#endif

}  // namespace reeve::core
