#include "fixture.hpp"
#include "reeve/core/error.hpp"

#include <map>
#include <string>
#include <vector>

using namespace coordinator_test;

TEST_CASE("drain: a drained node lets go gracefully, and others go on at the checkpoint") {
    world it;
    it.start();
    const auto all = letters(6);
    it.ensure(all);
    REQUIRE(it.settle());
    REQUIRE(it.spread(all) == std::map<std::string, int>{{"node-0", 3}, {"node-1", 3}});
    for (const auto& one : all) it.commit(one, "", "p2");
    it.started.clear();
    it.drain("node-0");
    REQUIRE(it.settle());
    CHECK(it.spread(all) == std::map<std::string, int>{{"node-1", 6}});
    // Each was stopped by the node that had it before anybody else began, and none was lost.
    CHECK(it.stopped.size() == 3);
    REQUIRE(it.started.size() == 3);
    for (const auto& one : it.started) CHECK(one.start == model::position("p2"));
    CHECK(it.node(0).program<node_program>().running.empty());
    CHECK(it.node(0).program<node_program>().node().process());  // it is alive all the time
}

TEST_CASE("drain: the last flush of a channel that is let go is accepted") {
    world it;
    it.start();
    it.ensure({"a", "b"});
    REQUIRE(it.settle());
    it.started.clear();
    it.flush_on_stop = "p9";
    it.drain("node-0");
    REQUIRE(it.settle());
    CHECK(it.flushes == std::vector<model::commit_outcome>{model::commit_outcome::committed});
    REQUIRE(it.started.size() == 1);
    CHECK(it.started.front().start == model::position("p9"));
}

TEST_CASE("drain: a node that is drained gets nothing, until it is taken back") {
    world it;
    it.start();
    it.drain("node-0");
    const auto all = letters(4);
    it.ensure(all);
    REQUIRE(it.settle());
    CHECK(it.spread(all) == std::map<std::string, int>{{"node-1", 4}});
    CHECK(it.leader().status().drains == 1);
    it.undrain("node-0");
    const names more{"w", "x", "y", "z"};
    it.ensure(more);
    REQUIRE(it.settle());
    CHECK(it.spread(more) == std::map<std::string, int>{{"node-0", 4}});
    CHECK(it.spread(all) == std::map<std::string, int>{{"node-1", 4}});  // nothing moves back
    CHECK(it.leader().status().drains == 0);
}

TEST_CASE("drain: it outlives leaders, and a restart of the node") {
    world it;
    it.start();
    it.ensure({"a", "b"});
    REQUIRE(it.settle());
    it.drain("node-0");
    it.change_leader();
    REQUIRE(it.settle());
    CHECK(it.spread({"a", "b"}) == std::map<std::string, int>{{"node-1", 2}});
    it.node(0).restart();
    it.sim.run_for(30s);
    it.ensure({"c"});
    REQUIRE(it.settle());
    CHECK(it.holder("c") == "node-1");
}

TEST_CASE("drain: a process that restarts while it is drained does not get its channels back") {
    world it;
    it.start();
    it.ensure({"a", "b"});
    REQUIRE(it.settle());
    it.cannot_stop.insert("node-0");
    it.drain("node-0");
    it.sim.run_for(2s);
    it.node(0).restart();
    it.cannot_stop.clear();
    REQUIRE(it.settle());
    CHECK(it.spread({"a", "b"}) == std::map<std::string, int>{{"node-1", 2}});
}

TEST_CASE("drain: repeating it, or its end, writes nothing") {
    world it;
    it.start();
    it.drain("node-0");
    REQUIRE(it.settle());
    const auto drained = it.revision();
    it.drain("node-0");
    CHECK(it.revision() == drained);
    it.undrain("node-0");
    CHECK(it.revision() == drained + 1);
    it.undrain("node-0");
    CHECK(it.revision() == drained + 1);
    CHECK(failure_of([&] { it.drain("a/b"); }).first == errc::invalid_argument);
}

TEST_CASE("drain: a request that lands late, after the node was taken back, changes nothing") {
    world it;
    it.start();
    auto& requests = it.sim.faults().metadata.requests;
    requests.ghost.ppm = 1'000'000;
    requests.ghost_delay = {60s, 60s};
    requests.give_up = {20ms, 20ms};
    CHECK(failure_of([&] { it.drain("node-0"); }).first == errc::outcome_unknown);
    requests.ghost.ppm = 0;
    it.drain("node-0");
    it.undrain("node-0");
    const auto records = it.records();
    it.sim.run_for(3min);
    CHECK(it.sim.counts().at("ghost refused") > 0);
    CHECK(it.records() == records);
    CHECK(it.leader().status().drains == 0);
    it.ensure({"a", "b"});
    CHECK(it.spread({"a", "b"}) == std::map<std::string, int>{{"node-0", 1}, {"node-1", 1}});
}

TEST_CASE("drain: without another node, channels are let go and wait, and the status says why") {
    world_options options;
    options.nodes = 1;
    world it(options);
    it.start();
    it.ensure({"a"});
    REQUIRE(it.settle());
    it.drain("node-0");
    REQUIRE(it.run_until([&] {
        return it.entry("a").state == model::channel_state::unassigned &&
               it.stuck("channel a") == channel::name(channel::placement_reason::none_accepts);
    }));
    it.undrain("node-0");
    REQUIRE(it.settle());
    CHECK(it.holder("a") == "node-0");
}
