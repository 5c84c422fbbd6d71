#include "troubles.hpp"

#include "reeve/testing/simulated_network.hpp"

#include <chrono>

namespace simulated {

namespace {

using std::chrono::milliseconds;

milliseconds a_while(testing::simulation& world, std::uint64_t longest_ms) {
    return milliseconds(world.random().between(100, longest_ms));
}

}  // namespace

void disturb(testing::simulation& world, const std::string& noun, std::uint64_t odds) {
    auto& random = world.random();
    auto& victim = *world.processes()[random.below(world.processes().size())];
    switch (random.below(odds)) {
        case 0:
            if (victim.alive()) world.count(noun + " killed");
            victim.kill();
            break;
        case 1:
            if (!victim.alive()) break;
            world.count(noun + " paused");
            victim.pause();
            break;
        case 2:
            world.count(noun + " cut off");
            victim.cut_stores();
            break;
        default:
            victim.mend_stores();
            victim.resume();
            if (!victim.alive()) victim.start();
            break;
    }
}

void cut_for_a_while(testing::simulation& world, testing::process& from, const std::string& to) {
    world.network().cut(from.name(), to);
    world.after(a_while(world, 20000),
                reeve::core::task([&world, &from, to] { world.network().mend(from.name(), to); }));
}

void cut_stores_for_a_while(testing::simulation& world, testing::process& victim) {
    victim.cut_stores();
    world.count("stores cut");
    world.after(a_while(world, 20000), reeve::core::task([&victim] { victim.mend_stores(); }));
}

void pause_for_a_while(testing::simulation& world, testing::process& victim, milliseconds longest) {
    victim.pause();
    world.count("process paused");
    world.after(a_while(world, static_cast<std::uint64_t>(longest.count())),
                reeve::core::task([&victim] {
                    if (victim.alive() && victim.paused()) victim.resume();
                }));
}

}  // namespace simulated
