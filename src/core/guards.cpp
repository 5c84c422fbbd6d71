#include "reeve/core/guards.hpp"

#include <array>
#include <cstddef>

namespace reeve::core {

std::string_view name(guard which) noexcept {
    switch (which) {
        case guard::term:
            return "term";
        case guard::entry_comparison:
            return "entry_comparison";
        case guard::whole_entry:
            return "whole_entry";
        case guard::message_incarnation:
            return "message_incarnation";
        case guard::pending_incarnation:
            return "pending_incarnation";
        case guard::commit_epoch:
            return "commit_epoch";
        case guard::commit_incarnation:
            return "commit_incarnation";
        case guard::starting_checkpoint:
            return "starting_checkpoint";
        case guard::continuation:
            return "continuation";
        case guard::handover:
            return "handover";
        case guard::lower_epoch:
            return "lower_epoch";
        case guard::release_memory:
            return "release_memory";
        case guard::self_fencing:
            return "self_fencing";
        case guard::retell:
            return "retell";
        case guard::allocation_entry:
            return "allocation_entry";
        case guard::tick_epoch:
            return "tick_epoch";
        case guard::own_files:
            return "own_files";
        case guard::settled_refusal:
            return "settled_refusal";
        case guard::settled_forward:
            return "settled_forward";
        case guard::segment_revision:
            return "segment_revision";
        case guard::mark_last:
            return "mark_last";
        case guard::job_compared:
            return "job_compared";
        case guard::job_marks:
            return "job_marks";
        case guard::fsync:
            return "fsync";
        case guard::reading_order:
            return "reading_order";
        case guard::live_numbers:
            return "live_numbers";
        case guard::unknown_epochs:
            return "unknown_epochs";
        case guard::object_age:
            return "object_age";
        case guard::data_marker:
            return "data_marker";
        case guard::data_lineage:
            return "data_lineage";
        case guard::delete_fraction:
            return "delete_fraction";
        case guard::judged_again:
            return "judged_again";
        case guard::pins:
            return "pins";
        case guard::pin_comparison:
            return "pin_comparison";
        case guard::collecting:
            return "collecting";
        case guard::files_first:
            return "files_first";
        case guard::count_:
            break;
    }
    return "?";
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
