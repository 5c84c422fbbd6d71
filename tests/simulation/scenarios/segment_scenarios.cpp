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

}  // namespace

testing::scenario segment_chaos() {
    return testing::make_scenario(
        "segment_chaos",
        "3 nodes, 2 coordinators, 6 channels with segments, compaction and a drop, all faults for "
        "5 minutes, then heal",
        {1, 500},
        {"process restarted", "process paused", "leader elected", "segment sealed",
         "segment flushed", "channel dropped", "compaction committed", "row passed over",
         "flush from elsewhere", "object removed", "segment collected", "move asked",
         "wall clock set"},
        [](testing::simulation& world) { chaos(world, minutes(5)); });
}

testing::scenario segment_chaos_long() {
    return testing::make_scenario("segment_chaos_long", "the same for an hour", {1, 20},
                                  {"process restarted", "segment flushed", "channel dropped"},
                                  [](testing::simulation& world) { chaos(world, hours(1)); });
}

}  // namespace simulated
