#include "scenarios.hpp"

namespace simulated {

std::vector<reeve::testing::scenario> all_scenarios() {
    std::vector<reeve::testing::scenario> all;
    all.push_back(kv_register());
    all.push_back(kv_lease_watch());
    all.push_back(stream_append());
    all.push_back(file_power_loss());
    all.push_back(channel_chaos());
    all.push_back(channel_chaos_long());
    all.push_back(channel_polite());
    all.push_back(channel_late_messages());
    all.push_back(procedure_chaos());
    all.push_back(segment_chaos());
    all.push_back(segment_chaos_long());
    all.push_back(segment_days());
    all.push_back(segment_restored());
    return all;
}

std::string name(const mutant& which) {
    std::string joined;
    for (const auto guard : which.off) {
        if (!joined.empty()) joined += '+';
        joined += reeve::core::name(guard);
    }
    return joined;
}

std::vector<mutant> all_mutants() {
    using reeve::core::guard;
    // docs/protocols/channels.md says which property catches each, and which mask each other.
    const std::vector<std::string> chaos{"channel_chaos"};
    const std::vector<std::string> polite{"channel_polite"};
    const std::vector<std::string> late{"channel_late_messages"};
    const std::vector<std::string> both{"channel_chaos", "channel_polite"};
    const std::vector<std::string> procedures{"procedure_chaos"};
    return {
        {{guard::term}, chaos, 100},
        {{guard::entry_comparison}, both, 100},
        {{guard::whole_entry}, both, 100},
        {{guard::message_incarnation}, late, 200},
        {{guard::pending_incarnation}, both, 100},
        {{guard::commit_epoch, guard::continuation}, chaos, 100},
        {{guard::message_incarnation, guard::commit_incarnation}, both, 100},
        {{guard::starting_checkpoint, guard::continuation}, chaos, 100},
        {{guard::handover}, polite, 100},
        {{guard::lower_epoch, guard::release_memory}, late, 200},
        {{guard::self_fencing}, polite, 100},
        {{guard::retell}, both, 100},
        {{guard::fsync}, {"file_power_loss"}, 100},
        {{guard::procedure_step}, procedures, 300},
        {{guard::procedure_incarnation}, procedures, 300},
        {{guard::procedure_start}, procedures, 300},
    };
}

std::vector<reeve::core::guard> played_guards() {
    using enum reeve::core::guard;
    return {allocation_entry,
            tombstone,
            expiry_mark,
            tick_epoch,
            fresh_names,
            own_files,
            settled_refusal,
            settled_forward,
            last_flush,
            segment_revision,
            mark_last,
            job_compared,
            job_marks,
            reading_order,
            live_numbers,
            unknown_epochs,
            object_age,
            data_marker,
            data_lineage,
            delete_fraction,
            judged_again,
            pins,
            pin_comparison,
            collecting,
            files_first};
}

}  // namespace simulated
