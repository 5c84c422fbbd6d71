#pragma once

#include <cstdint>
#include <string_view>

namespace reeve::core {

/// The safety rules that a special build can switch off, to prove that tests notice
/// (docs/protocols/channels.md and procedures.md say which property catches each).
enum class guard : std::uint8_t {
    term,                 ///< every coordinator write compares the leader key's create revision
    entry_comparison,     ///< record and complete compare the channel entry with what was read
    whole_entry,          ///< after an unknown outcome, act only on what the whole entry says
    message_incarnation,  ///< assign and release name the incarnation they are meant for
    pending_incarnation,  ///< a pending entry is told only to the incarnation that it records
    commit_epoch,         ///< a commit compares the channel entry: state, epoch and incarnation
    commit_incarnation,   ///< that comparison includes the incarnation
    starting_checkpoint,  ///< recording an assignment compares the progress that gave its start
                          ///< position
    continuation,         ///< a commit compares the checkpoint that it continues from
    handover,             ///< the old holder is out before the new one is told
    lower_epoch,          ///< a node refuses an epoch below the highest it has seen
    release_memory,    ///< a release raises the highest epoch seen, even of an assignment not seen
                       ///< yet
    self_fencing,      ///< a node stops consuming when its lease may have ended
    retell,            ///< pending and releasing entries are told again
    allocation_entry,  ///< creating a segment compares the channel's entry
    tombstone,         ///< creating a segment compares that its collection has no tombstone
    expiry_mark,       ///< allocations of an earlier leader are waited for after a restart
    tick_epoch,        ///< a tick of a grant that has ended is ignored
    fresh_names,       ///< an upload that is tried again gets another name
    own_files,         ///< a flush names only files of its own epoch
    settled_refusal,   ///< a flush with a number that is settled is refused
    settled_forward,   ///< neither settled nor the checkpoint goes back
    segment_revision,  ///< a flush, a replacement and a sealing compare the segment's record
    mark_last,         ///< a channel is marked as dropped when its last flushes are known
    last_flush,        ///< a holder is asked for a last flush when it has come past the last row
    job_compared,      ///< a replacement compares its job
    job_marks,         ///< granting a job marks the records of its inputs
    fsync,             ///< data is synced before success is reported
    reading_order,     ///< a sweep lists first, then asks what is known (segments.md, G1)
    live_numbers,      ///< what a living epoch has not settled is no garbage
    unknown_epochs,    ///< an epoch that was never given out stops a sweep
    object_age,        ///< age is by the object store's clock, which must make sense
    data_marker,       ///< a sweep deletes only below a marker of its own cluster
    data_lineage,      ///< and of its own lineage
    delete_fraction,   ///< a sweep that would delete too much of what it saw stops
    judged_again,      ///< what was planned is judged again before it is deleted
    pins,            ///< a segment is collected only at a version of the pins that does not hold it
    pin_comparison,  ///< a segment is pinned only if its record is not yet collecting
    collecting,      ///< files of a segment go only when its record is known to be collecting
    files_first,     ///< a record goes when its files are known to be gone
    procedure_step,  ///< a procedure's record is changed only if it is as it was read
    procedure_incarnation,  ///< an acknowledgement counts for the incarnation that was asked
    procedure_start,        ///< a start that is repeated with its key is the same procedure
    count_                  ///< how many there are
};

/// The name used by `tests/mutants.sh`, such as "term" or "entry_comparison".
[[nodiscard]] std::string_view name(guard which) noexcept;

#if defined(REEVE_GUARD_SWITCHES)
/// Is the guard in force? In this special build: unless it was switched off.
[[nodiscard]] bool enforced(guard which) noexcept;
/// Switches a guard off or on, for the whole process. Only in a build with REEVE_GUARD_SWITCHES.
void set_enforced(guard which, bool on) noexcept;
#else
/// Is the guard in force? Always: normal builds have no switch.
[[nodiscard]] constexpr bool enforced(guard) noexcept { return true; }
#endif

}  // namespace reeve::core
