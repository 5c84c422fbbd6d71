#include "fixture.hpp"
#include "reeve/catalog/codec.hpp"
#include "reeve/testing/simulated_network.hpp"

#include <chrono>
#include <string>

using namespace coordinator_test;

// One test for each kind of thing that can be stuck: the status names it, says why and since when.
// Those of leave policies, schemas and fitness stand with their policies.

namespace {

/// The entry of the status about `what`; fails the test if there is none.
channel::stuck trouble(world& it, const std::string& what) {
    for (const auto& one : it.leader().status().channels.troubles) {
        if (one.what == what) return one;
    }
    FAIL("the status does not name " << what << ":\n" << to_string(it.leader().status()));
    return {};
}

bool said(world& it, const std::string& text) {
    return to_string(it.leader().status()).find(text) != std::string::npos;
}

}  // namespace

TEST_CASE("status: with everything as it should be, nothing is stuck") {
    world it;
    it.start();
    it.ensure(letters(5));
    REQUIRE(it.settle());
    it.sim.run_for(1min);
    const auto status = it.leader().status();
    CHECK(status.leading);
    CHECK(status.trouble.empty());
    CHECK(status.channels.troubles.empty());
    CHECK(status.channels.registered == 5);
    CHECK(status.nodes == 2);
    CHECK(status.members_complete);
    CHECK(status.members_gaps == 0);
    CHECK(said(it, "coordinator-0 at coordinator-0, serving term"));
    CHECK(said(it, "2 alive, 0 draining"));
}

TEST_CASE("status: a channel without any node, and since when") {
    world_options options;
    options.nodes = 0;
    world it(options);
    it.start();
    it.ensure({"a"}, 1s);
    const auto begun = trouble(it, "channel a").since;
    it.sim.run_for(1min);
    const auto still = trouble(it, "channel a");
    CHECK(still.why == channel::name(channel::placement_reason::no_nodes));
    CHECK(still.since == begun);
    CHECK(it.leader().status().at - still.since >= 1min);
    CHECK(said(it, "channel a: " + still.why + " (for 6"));
}

TEST_CASE("status: a channel whose constraint no node satisfies") {
    struct nowhere final : channel::schema_source {
        awaitable<channel::placement_constraint> constraint_of(model::collection_id) override {
            channel::placement_constraint constraint;
            constraint.zones.emplace_back("moon");
            co_return constraint;
        }
    } source;
    world_options options;
    options.schemas = &source;
    world it(options);
    it.start();
    it.ensure({"a"}, 1s);
    CHECK(trouble(it, "channel a").why == channel::name(channel::placement_reason::constrained));
}

TEST_CASE("status: a channel for which all nodes are full, until one is not") {
    world_options options;
    options.each_node = [](node_options& node) { node.self.capacity = 1; };
    world it(options);
    it.start();
    it.ensure({"a", "b", "c"}, 1s);
    std::string waiting;
    for (const auto& one : letters(3)) {
        if (it.holder(one).empty()) waiting = one;
    }
    CHECK(trouble(it, "channel " + waiting).why == channel::name(channel::placement_reason::full));
    it.add_node().start();
    REQUIRE(it.settle());
    CHECK(it.holder(waiting) == "node-2");
    CHECK(it.stuck("channel " + waiting).empty());
}

TEST_CASE("status: a channel whose last holder may still run") {
    world it;
    it.start();
    it.ensure({"a"});
    const std::string from = it.holder("a");
    it.sim.find(from)->kill();
    REQUIRE(it.run_until([&] { return !it.stuck("channel a").empty(); }));
    CHECK(trouble(it, "channel a").why == "its last holder may still run");
}

TEST_CASE("status: a node that does not answer, and the channels that it must be told of") {
    world_options options;
    options.nodes = 1;
    world it(options);
    it.start();
    it.sim.network().cut_both("coordinator-0", "node-0");
    it.ensure({"a"}, 5s);
    const auto node = trouble(it, "node node-0");
    CHECK_FALSE(node.why.empty());
    CHECK(node.since < it.leader().status().at);
    const auto why = trouble(it, "channel a").why;
    CHECK((why == "its holder must be told" || why == "its holder is being told"));
    it.sim.run_for(30s);
    CHECK(trouble(it, "node node-0").since == node.since);
    CHECK(it.entry("a").state == model::channel_state::pending);
    it.sim.network().mend_all();
    REQUIRE(it.settle());
    CHECK(it.leader().status().channels.troubles.empty());
}

TEST_CASE("status: a node whose engine cannot start a channel, with the engine's reason") {
    world_options options;
    options.nodes = 1;
    world it(options);
    it.start();
    it.cannot_start = {"node-0"};
    it.ensure({"a"}, 5s);
    CHECK(trouble(it, "node node-0").why.find("channel a: no disk") == 0);
    it.cannot_start.clear();
    REQUIRE(it.settle());
    CHECK(it.leader().status().channels.troubles.empty());
}

TEST_CASE("status: a channel that its holder does not let go, with the engine's reason") {
    world it;
    it.start();
    it.ensure({"a"});
    REQUIRE(it.settle());
    const std::string from = it.holder("a");
    it.cannot_stop = {from};
    it.drain(from);
    it.sim.run_for(5s);
    CHECK(trouble(it, "node " + from).why.find("channel a: still flushing") == 0);
    const auto why = trouble(it, "channel a").why;
    CHECK((why == "its holder must let go" || why == "its holder is asked to let go"));
    CHECK(it.leader().status().channels.releasing == 1);
    it.cannot_stop.clear();
    REQUIRE(it.settle());
    CHECK(it.leader().status().channels.troubles.empty());
}

TEST_CASE("status: a node whose session record cannot be read is neither alive nor gone") {
    world it;
    it.start();
    it.ensure({"a"});
    REQUIRE(it.settle());
    auto entry = it.entry("a");
    entry.node = model::node_name("ghost");
    entry.process = model::incarnation(3);
    it.write("t/nodes/ghost", "garbage");
    it.write("a", entry);
    it.change_leader();
    it.sim.run_for(1min);
    CHECK(trouble(it, "channel a").why == "the session of its node cannot be read");
    const auto record = trouble(it, "t/nodes/ghost");
    CHECK_FALSE(record.why.empty());
    CHECK(it.leader().status().at - record.since >= 1min);
    CHECK(it.entry("a") == entry);
}

TEST_CASE("status: a drain record that cannot be read") {
    world it;
    it.start();
    it.write("t/node_drains/node-0", "garbage");
    it.sim.run_for(1s);
    CHECK(trouble(it, "t/node_drains/node-0").why.find("t/node_drains/node-0") !=
          std::string::npos);
}

TEST_CASE("status: a channel whose epoch is above the store's counter") {
    world it;
    model::channel_entry future;
    future.epoch = model::epoch(1'000'000);
    it.write("a", future);
    it.start();
    it.sim.run_for(1min);
    CHECK(trouble(it, "channel a").why ==
          "its epoch is above the store's counter: lineage is wrong");
    CHECK(it.entry("a") == future);
    CHECK(it.started.empty());
}

TEST_CASE("status: a metadata store that is away while it leads") {
    world it;
    it.start();
    it.sim.faults().metadata.requests.unavailable.ppm = 1'000'000;
    it.ensure({"a"}, 1s);
    CHECK_FALSE(trouble(it, "metadata store").why.empty());
    CHECK(trouble(it, "metadata store").since < it.leader().status().at);
    it.sim.heal();
    REQUIRE(it.run_until([&] { return it.leading() != nullptr && it.settle(); }));
    it.ensure({"a"});
    REQUIRE(it.settle());
    CHECK(it.leader().status().channels.troubles.empty());
}

TEST_CASE("status: a coordinator that cannot campaign says why, one that waits says for whom") {
    world_options options;
    options.coordinators = 2;
    world it(options);
    it.start();
    auto* waiting = it.leading() == &it.coordinator(0) ? &it.coordinator(1) : &it.coordinator(0);
    it.sim.run_for(5s);
    const auto quiet = world::of(*waiting).status();
    CHECK_FALSE(quiet.leading);
    CHECK(quiet.leader == it.leading()->name() + " at " + it.leading()->name());
    CHECK(quiet.trouble.empty());
    waiting->cut_stores();
    it.leading()->kill();
    REQUIRE(it.run_until([&] { return !world::of(*waiting).status().trouble.empty(); }));
    waiting->mend_stores();
    REQUIRE(it.run_until([&] { return it.leading() == waiting; }));
    CHECK(world::of(*waiting).status().trouble.empty());
}

TEST_CASE("status: what only a leader knows is refused by any other coordinator") {
    world_options options;
    options.coordinators = 2;
    world it(options);
    it.start();
    auto* other = it.leading() == &it.coordinator(0) ? &it.coordinator(1) : &it.coordinator(0);
    auto& idle = world::of(*other);
    const model::channel_name channel("a");
    const model::node_name node("node-0");
    CHECK(failure_of([&] { (void)idle.plan(); }).first == errc::unavailable);
    CHECK(failure_of([&] { (void)idle.find_channel(channel); }).first == errc::unavailable);
    CHECK(failure_of([&] { idle.move(channel, node); }).first == errc::unavailable);
    CHECK(failure_of([&] { it.call(*other, idle.drain(node, "no")); }).first == errc::unavailable);
    CHECK(failure_of([&] { it.call(*other, idle.undrain(node)); }).first == errc::unavailable);
    CHECK(failure_of([&] { it.call(*other, idle.ensure_channels({}, 1s)); }).first ==
          errc::unavailable);
}
