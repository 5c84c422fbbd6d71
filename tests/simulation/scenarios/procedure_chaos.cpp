#include "procedure/ledger.hpp"
#include "scenarios.hpp"
#include "troubles.hpp"

#include <chrono>

namespace simulated {

namespace {

namespace testing = reeve::testing;
using std::chrono::milliseconds;
using std::chrono::seconds;

void play(testing::simulation& world) {
    closing::world_options options;
    options.paths = 6;
    options.start_every = seconds(4);
    closing::around around(world, options);
    around.start();
    auto faults = testing::simulation_faults::chaos();
    // Late writes come while their term lasts: later they prove nothing.
    faults.metadata.requests.ghost.ppm = 50'000;
    faults.metadata.requests.ghost_delay = {milliseconds(1), seconds(10)};
    world.faults() = faults;
    for (int second = 0; second < 60 && !world.failed(); ++second) {
        world.run_for(seconds(1));
        if (!world.failed()) disturb(world, "process", 6);
    }
    world.heal();
    around.start();
    for (int second = 0; second < 300 && !world.failed() && !around.ended(); ++second) {
        world.run_for(seconds(1));
    }
    if (world.failed()) return;
    around.require_legal_history();
    world.require(around.ended(), "the procedures do not come to their end: " + around.status());
    world.run_for(seconds(130));  // the last ghosts
    if (world.failed()) return;
    around.require_gone_is_gone();
    around.require_legal_history();
    for (std::uint32_t at = 0; at < options.paths; ++at) {
        world.require(around.gone(closing::path_name(at)), "finished, and not gone");
    }
    world.require(around.records().size() == options.paths, "not one procedure for each path");
}

}  // namespace

testing::scenario procedure_chaos() {
    return testing::make_scenario(
        "procedure_chaos", "procedures of three steps, 2 coordinators, 3 nodes, all faults",
        {1, 300},
        {"process killed", "process paused", "process cut off", "ghost landed", "ghost refused",
         "acknowledgement recorded", "acknowledgement other_step",
         "acknowledgement other_incarnation", "acknowledgement not_asked", "acknowledgement ended",
         "a start repeated", "a node not reached"},
        play);
}

}  // namespace simulated
