#include "channel_programs.hpp"
#include "scenarios.hpp"

#include <chrono>
#include <utility>

namespace simulated {

namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

void chaos(testing::simulation& world, std::chrono::nanoseconds duration) {
    channel_world_options options;
    options.balance.interval = std::chrono::seconds(20);
    channel_world around(world, options);
    around.start();
    world.run_until([&] { return around.converged(); }, seconds(60));
    world.faults() = testing::simulation_faults::chaos();
    around.make_trouble(duration);
    around.repair();
    around.count_rare_events();
    around.require_convergence(minutes(5));
    if (!world.failed()) around.require_quiet_failover();
}

void polite(testing::simulation& world) {
    channel_world_options options;
    options.check_politeness = true;
    channel_world around(world, options);
    around.start();
    world.run_until([&] { return around.converged(); }, seconds(60));
    auto faults = testing::simulation_faults::chaos();
    faults.metadata.lease_early = {};
    world.faults() = faults;
    around.make_trouble(minutes(3));
    around.repair();
    around.require_convergence(minutes(5));
    if (!world.failed()) around.require_quiet_failover();
}

/// Old copies of messages are the rule here, not the exception, and nodes restart under them.
void late_messages(testing::simulation& world) {
    channel_world_options options;
    options.nodes = 3;
    options.channels = 6;
    options.append_every = seconds(5);
    options.check_politeness = true;
    channel_world around(world, options);
    around.start();
    world.run_until([&] { return around.converged(); }, seconds(60));
    auto faults = testing::simulation_faults();
    faults.network = testing::network_faults::chaos();
    faults.network.duplicated.ppm = 200'000;
    faults.network.old.ppm = 300'000;
    faults.network.old_delay = {seconds(1), minutes(1)};
    world.faults() = faults;
    around.make_trouble(minutes(3));
    around.repair();
    around.require_convergence(minutes(5));
    if (!world.failed()) around.require_quiet_failover();
}

}  // namespace

testing::scenario channel_chaos() {
    return testing::make_scenario(
        "channel_chaos",
        "5 nodes, 2 coordinators, 20 channels, all faults for 5 minutes, then heal", {1, 2000},
        {"reeve_channel_commits_stale_total", "reeve_channel_commits_mismatched_total",
         "process restarted", "process paused", "leader elected", "move asked", "node drained",
         "node taken back", "clock jumped", "clock drifts", "wall clock set"},
        [](testing::simulation& world) { chaos(world, minutes(5)); });
}

testing::scenario channel_chaos_long() {
    return testing::make_scenario("channel_chaos_long", "the same for an hour", {1, 50},
                                  {"reeve_channel_commits_stale_total",
                                   "reeve_channel_commits_mismatched_total", "process restarted"},
                                  [](testing::simulation& world) { chaos(world, hours(1)); });
}

testing::scenario channel_polite() {
    return testing::make_scenario(
        "channel_polite", "leases and clocks behave: at most one process consumes a channel",
        {1, 300}, {"process restarted", "stores cut", "leader elected", "node drained"},
        [](testing::simulation& world) { polite(world); });
}

testing::scenario channel_late_messages() {
    return testing::make_scenario(
        "channel_late_messages", "every third message has a copy that arrives up to a minute later",
        {1, 300}, {"process restarted", "leader elected", "node drained", "move asked"},
        [](testing::simulation& world) { late_messages(world); });
}

}  // namespace simulated
