#include "reeve/testing/scenario.hpp"

#include "reeve/testing/simulation.hpp"

#include <exception>
#include <utility>

namespace reeve::testing {

scenario_outcome run_seed(const scenario& which, std::uint64_t seed,
                          const scenario_options& options) {
    try {
        return which.run(seed, options);
    } catch (const std::exception& thrown) {
        scenario_outcome broken;
        broken.failure = std::string("exception: ") + thrown.what();
        return broken;
    }
}

scenario_outcome outcome_of(simulation& world) {
    scenario_outcome outcome;
    outcome.trace_hash = world.events().trace_hash();
    outcome.handlers = world.events().events_run();
    outcome.messages = world.messages();
    outcome.commits = world.commits();
    outcome.simulated = world.events().now() - scheduler::beginning;
    outcome.counts = world.counts();
    outcome.failure = world.failure();
    return outcome;
}

scenario make_scenario(std::string name, std::string description, seed_range ci,
                       std::vector<std::string> rare_events,
                       std::function<void(simulation& world)> play) {
    scenario made;
    made.name = std::move(name);
    made.description = std::move(description);
    made.ci = ci;
    made.rare_events = std::move(rare_events);
    made.run = [play = std::move(play)](std::uint64_t seed, const scenario_options& options) {
        simulation world(seed);
        world.log().send_to(options.story);
        play(world);
        return outcome_of(world);
    };
    return made;
}

void scenario_totals::add(const scenario_outcome& outcome) {
    ++seeds;
    handlers += outcome.handlers;
    messages += outcome.messages;
    commits += outcome.commits;
    simulated += outcome.simulated;
    for (const auto& [what, times] : outcome.counts) counts[what] += times;
}

std::vector<std::string> scenario_totals::missing(const scenario& which) const {
    std::vector<std::string> never;
    for (const auto& what : which.rare_events) {
        const auto found = counts.find(what);
        if (found == counts.end() || found->second == 0) never.push_back(what);
    }
    return never;
}

double scenario_totals::work_rate() const noexcept {
    const std::chrono::duration<double> passed = simulated;
    if (passed.count() <= 0) return 0;
    return static_cast<double>(messages + commits) / passed.count();
}

}  // namespace reeve::testing
