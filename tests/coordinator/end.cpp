#include "fixture.hpp"
#include "reeve/core/error.hpp"

#include <boost/asio/co_spawn.hpp>

#include <chrono>
#include <cstdint>
#include <exception>
#include <memory>
#include <set>
#include <string>
#include <vector>

using namespace coordinator_test;

namespace {

world_options two_coordinators() {
    world_options options;
    options.coordinators = 2;
    return options;
}

/// Destroys the coordinator object of a process that lives on, as its store does.
void destroy(testing::process& on) {
    on.program<coordinator_program>().coordinator.reset();
}

}  // namespace

TEST_CASE("destroyed: a leader that is destroyed sends and writes nothing, and is followed") {
    world it(two_coordinators());
    it.start();
    it.ensure(letters(4));
    REQUIRE(it.settle());
    auto* first = it.leading();
    const auto records = it.records();
    const auto messages = it.sim.messages();
    destroy(*first);
    REQUIRE(it.leading() == nullptr);
    it.sim.run_for(1s);
    CHECK(it.stores.database->leases().size() == 3);  // nothing was given up: as a crash
    // Its lease ends by itself, since nobody renews it.
    REQUIRE(it.run_until([&] { return it.leading() != nullptr; }, 30s));
    CHECK(it.leading() != first);
    it.sim.run_for(1min);
    CHECK(it.records() == records);
    CHECK(it.sim.messages() == messages);
}

TEST_CASE("destroyed: before it has started, and while it campaigns") {
    world it(two_coordinators());
    it.start();
    auto* waiting = it.leading() == &it.coordinator(0) ? &it.coordinator(1) : &it.coordinator(0);
    destroy(*waiting);
    it.sim.run_for(1min);
    CHECK(it.leading() != nullptr);
    // One that is never started does nothing at all.
    coordinator_options settings;
    settings.root = it.keys.root();
    settings.cluster = "test";
    settings.leadership.coordinator = "idle";
    settings.leadership.address = "idle";
    const auto revision = it.revision();
    auto& program = waiting->program<coordinator_program>();
    program.coordinator = std::make_unique<reeve::coordinator>(
        waiting->runtime(), *program.store, waiting->carrier(), waiting->service(), settings);
    it.sim.run_for(10s);
    program.coordinator.reset();
    it.sim.run_for(10s);
    CHECK(it.revision() == revision);
}

TEST_CASE("destroyed: who waits for channels learns at once that the term is over") {
    auto options = two_coordinators();
    options.nodes = 0;
    world it(options);
    it.start();
    auto* on = it.leading();
    it.sim.after(1s, core::task([on] { destroy(*on); }));
    const auto begun = it.sim.clock().now();
    const auto failed = failure_of([&] { it.ensure({"a"}, 10min); });
    CHECK(failed.first == errc::fenced);
    CHECK(it.sim.clock().now() - begun < 2s);
}

TEST_CASE("destroyed: whatever it was doing, its successor brings every channel to one holder") {
    for (int moment = 0; moment < 60; ++moment) {
        world it(two_coordinators(), static_cast<std::uint64_t>(moment));
        it.start();
        auto* on = it.leading();
        std::vector<channel::channel_spec> wanted;
        for (const auto& name : letters(6)) {
            wanted.emplace_back().name = model::channel_name(name);
        }
        bool answered = false;
        boost::asio::co_spawn(
            on->runtime().executor(), world::of(*on).ensure_channels(wanted, 10min),
            [&answered](const std::exception_ptr&, std::vector<channel::registration>) {
                answered = true;
            });
        it.sim.run_for(std::chrono::microseconds(250 * moment));
        destroy(*on);
        it.sim.run_for(10ms);  // what was sent has arrived
        CHECK(answered);
        const auto written = it.records();
        const auto messages = it.sim.messages();
        it.sim.run_for(2s);
        CHECK(it.records() == written);
        CHECK(it.sim.messages() == messages);
        REQUIRE(it.run_until([&] { return it.leading() != nullptr; }));
        it.ensure(letters(6));
        REQUIRE(it.settle());
        std::set<model::epoch> epochs;
        for (const auto& name : letters(6)) {
            CHECK(it.holder(name) != "");
            CHECK(epochs.insert(it.entry(name).epoch).second);
            CHECK(it.sim.find(it.holder(name))->program<node_program>().running.contains(name));
        }
    }
}

TEST_CASE("stopped: a leader that stops gives the office up, and its successor leads at once") {
    world it(two_coordinators());
    it.start();
    it.ensure({"a", "b"});
    REQUIRE(it.settle());
    auto* first = it.leading();
    it.call(*first, world::of(*first).stop());
    CHECK_FALSE(world::of(*first).leading());
    REQUIRE(it.run_until([&] { return it.leading() != nullptr; }, 1s));
    REQUIRE(it.settle());
    it.sim.run_for(1min);
    CHECK_FALSE(world::of(*first).leading());  // it does not campaign again
}
