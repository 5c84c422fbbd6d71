#pragma once

#include "reeve/core/guards.hpp"
#include "reeve/storage/message_stream.hpp"
#include "reeve/storage/metadata_store.hpp"
#include "reeve/testing/scenario.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace simulated {

/// Puts something around the store that a scenario uses: how its own tests show that it notices a
/// store that breaks its promises.
template <class Store>
using around = std::function<std::shared_ptr<Store>(std::shared_ptr<Store> honest)>;

/// Clients read, write and compare-and-set a few records through a store with every fault, are
/// killed and paused; the history must be linearizable.
[[nodiscard]] reeve::testing::scenario kv_register(
    around<reeve::storage::metadata_store> wrap = nullptr);
/// Watches deliver everything exactly once and in order through lag, gaps and compaction; leases
/// end early, late and when their holder dies.
[[nodiscard]] reeve::testing::scenario kv_lease_watch(
    around<reeve::storage::metadata_store> wrap = nullptr);
/// What was appended is delivered exactly once per try and in order, also to a consumer that is
/// killed and goes on from its recorded position.
[[nodiscard]] reeve::testing::scenario stream_append(
    around<reeve::storage::message_stream> wrap = nullptr);

/// Objects in files survive the loss of power at any effect.
[[nodiscard]] reeve::testing::scenario file_power_loss();
/// 5 nodes, 2 coordinators, 20 channels, all faults for five minutes, then heal: I1-I6 and I8.
[[nodiscard]] reeve::testing::scenario channel_chaos();
/// The same for an hour.
[[nodiscard]] reeve::testing::scenario channel_chaos_long();
/// Leases and clocks behave: I7 as well.
[[nodiscard]] reeve::testing::scenario channel_polite();
/// The same, where old copies of messages are the rule.
[[nodiscard]] reeve::testing::scenario channel_late_messages();
/// Segments are allocated, flushed, compacted and dropped under all faults.
[[nodiscard]] reeve::testing::scenario segment_chaos();
/// The same for an hour.
[[nodiscard]] reeve::testing::scenario segment_chaos_long();
/// The same where uploads, ghosts and processes stand still for longer than the retention of a day.
[[nodiscard]] reeve::testing::scenario segment_days();
/// The metadata store is restored from a backup.
[[nodiscard]] reeve::testing::scenario segment_restored();

/// Procedures of three steps over nodes that forget what they did, with every fault: each comes to
/// its end, through legal changes only, and what is over is over at every node.
[[nodiscard]] reeve::testing::scenario procedure_chaos();

/// All scenarios, in the order in which they are listed.
[[nodiscard]] std::vector<reeve::testing::scenario> all_scenarios();

/// Guards that are switched off together, and the scenarios of which one seed must then fail.
struct mutant {
    std::vector<reeve::core::guard> off;  ///< one, or a pair that mask each other
    std::vector<std::string> scenarios;   ///< tried in this order
    std::uint64_t seeds = 0;              ///< of each scenario, from 1 on
};

/// "term", or "commit_epoch+continuation".
[[nodiscard]] std::string name(const mutant& which);

/// All mutants. Each guard must be in at least one.
[[nodiscard]] std::vector<mutant> all_mutants();
/// Guards that no scenario has to notice: tests/mutants.sh plays each alone, with the rule and
/// without it (tests/gc/guards.cpp, tests/coordinator/guards.cpp, tests/museum/).
[[nodiscard]] std::vector<reeve::core::guard> played_guards();

}  // namespace simulated
