#include "scenarios.hpp"
#include "segment_world.hpp"

#include <chrono>

namespace simulated {

namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

void chaos(testing::simulation& world, std::chrono::nanoseconds duration) {
    segment_world around(world, {});
    around.start();
    world.run_for(seconds(20));
    world.faults() = testing::simulation_faults::chaos();
    around.make_trouble(duration);
    around.repair();
    around.require_convergence(minutes(10));
    if (!world.failed()) around.require_quiet_failover();
}

/// Everything takes 300 times as long, so that days are as cheap as minutes.
segment_world_options slow_world() {
    segment_world_options options;
    options.nodes = 2;
    options.channels = 3;
    options.ttl = minutes(40);
    options.write_every = minutes(30);
    options.idle = hours(4);
    options.age = hours(8);
    options.compact_after = hours(5);
    options.retention = hours(24);
    options.sweep_orphans = hours(6);
    options.sweep_dropped = hours(3);
    options.trouble_max = hours(4);
    options.pause_max = hours(3);
    options.look_every = minutes(20);
    options.upload_pause.odds.ppm = 60'000;
    options.upload_pause.length = {hours(24), hours(72)};
    return options;
}

void days(testing::simulation& world) {
    segment_world around(world, slow_world());
    around.start();
    world.run_for(hours(2));
    world.faults() = testing::simulation_faults::chaos();
    world.faults().objects.requests.ghost_delay = {hours(1), hours(72)};
    around.make_trouble(hours(24 * 8));
    around.repair();
    around.require_convergence(hours(24 * 8));
}

/// The metadata store is lost and restored from a backup: what was written after it is not deleted
/// before an operator has taken the data root over, and what the backup names never is.
void restored(testing::simulation& world) {
    segment_world_options options;
    options.nodes = 2;
    options.channels = 3;
    segment_world around(world, options);
    around.start();
    world.run_for(seconds(20));
    world.faults() = testing::simulation_faults::chaos();
    world.run_for(seconds(world.random().between(30, 120)));
    around.take_copy();
    world.run_for(seconds(world.random().between(20, 180)));
    around.restore_copy();
    world.run_for(minutes(3));
    if (around.sweep_stopped_by("reeve-marker")) world.count("sweep stopped by the lineage");
    around.claim_restored();
    // Longer than the retention and than a stopped sweep waits.
    world.run_for(minutes(5));
    if (around.sweep_stopped_by("never given out")) world.count("sweep stopped by unknown epochs");
    world.require(around.leading() != nullptr, "nobody leads in the restored world");
}

}  // namespace

testing::scenario segment_chaos() {
    return testing::make_scenario(
        "segment_chaos",
        "3 nodes, 2 coordinators, 6 channels with segments, compaction and a drop, all faults for "
        "5 minutes, then heal",
        {1, 500},
        {"process restarted",
         "process paused",
         "leader elected",
         "segment sealed",
         "segment flushed",
         "channel dropped",
         "compaction committed",
         "row passed over",
         "flush forgotten",
         "flush from elsewhere",
         "object removed",
         "segment collected",
         "move asked",
         "wall clock set",
         "ghost put landed",
         "ghost remove landed",
         "ghost commit landed",
         "upload longer than the retention",
         "upload landed after its epoch and the retention",
         "times of objects lost",
         "sweep stopped for lack of times"},
        [](testing::simulation& world) { chaos(world, minutes(5)); });
}

testing::scenario segment_chaos_long() {
    return testing::make_scenario(
        "segment_chaos_long", "the same for an hour", {1, 20},
        {"process restarted", "segment flushed", "channel dropped", "ghost put landed",
         "ghost remove landed", "sweep stopped for lack of times"},
        [](testing::simulation& world) { chaos(world, hours(1)); });
}

testing::scenario segment_days() {
    return testing::make_scenario(
        "segment_days",
        "the same with fewer processes for eight days: uploads stand still for up to three of them "
        "while the retention is one",
        {1, 40},
        {"upload paused for days", "upload longer than the retention",
         "upload landed after its epoch and the retention", "ghost put landed",
         "ghost remove landed", "object removed", "segment collected", "channel dropped",
         "compaction committed", "times of objects lost"},
        days);
}

testing::scenario segment_restored() {
    return testing::make_scenario(
        "segment_restored",
        "the metadata store is restored from a backup; an operator raises the lineage and takes "
        "the data root over",
        {1, 60},
        {"store restored", "sweep stopped by the lineage", "sweep stopped by unknown epochs",
         "compaction committed", "object removed"},
        restored);
}

}  // namespace simulated
