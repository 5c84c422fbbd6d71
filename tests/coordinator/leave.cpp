#include "fixture.hpp"

#include <string>
#include <utility>
#include <vector>

using namespace coordinator_test;

namespace {

world_options leaving(channel::leave_policy::kind what, std::chrono::milliseconds grace = 0ms) {
    world_options options;
    options.channels.leave.what = what;
    options.channels.leave.grace = grace;
    return options;
}

/// A world with a channel on each of two nodes, the first of which has just died.
struct left_world {
    explicit left_world(world_options options) : it(std::move(options)) {
        it.start();
        it.ensure({"a", "b"});
        REQUIRE(it.settle());
        mine = it.holder("a") == "node-0" ? "a" : "b";
        REQUIRE(it.holder(mine) == "node-0");
        process = it.entry(mine).process;
        it.commit(mine, "", "p4");
        before = it.entry(mine);
        it.node(0).kill();
    }
    /// Until the store has ended the session.
    void await_end_of_session() {
        REQUIRE(it.run_until([this] { return it.leader().status().nodes == 1; }));
    }

    world it;
    std::string mine;
    model::incarnation process;
    model::channel_entry before;
};

}  // namespace

TEST_CASE("leave: left as it is, a channel waits for its node, and then goes on there") {
    left_world given(leaving(channel::leave_policy::kind::leave));
    auto& it = given.it;
    it.sim.run_for(10min);
    CHECK(it.entry(given.mine) == given.before);
    CHECK(it.stuck("channel " + given.mine) == "its node left, and channels are left as they are");
    it.started.clear();
    it.node(0).start();
    REQUIRE(it.run_until([&] { return it.entry(given.mine).process > given.process; }));
    REQUIRE(it.settle());
    CHECK(it.holder(given.mine) == "node-0");
    REQUIRE(it.started.size() == 1);
    CHECK(it.started.front().start == model::position("p4"));
}

TEST_CASE("leave: left as it is outlives a change of leaders") {
    left_world given(leaving(channel::leave_policy::kind::leave));
    auto& it = given.it;
    it.sim.run_for(1min);
    it.change_leader();
    it.sim.run_for(10min);
    CHECK(it.entry(given.mine) == given.before);
}

TEST_CASE("leave: reassigned at once means as soon as the old process cannot consume any more") {
    left_world given(leaving(channel::leave_policy::kind::reassign));
    given.await_end_of_session();
    auto& it = given.it;
    // Its ttl has not passed since the end of the session was seen: it may still run.
    it.sim.run_for(7900ms);
    CHECK(it.entry(given.mine) == given.before);
    CHECK(it.stuck("channel " + given.mine) == "its last holder may still run");
    it.sim.run_for(200ms);
    CHECK(it.holder(given.mine) == "node-1");
    CHECK(it.started.back().start == model::position("p4"));
}

TEST_CASE("leave: a process that is proven dead need not be waited for") {
    left_world given(leaving(channel::leave_policy::kind::reassign));
    given.await_end_of_session();
    auto& it = given.it;
    it.leader().confirm_dead(model::node_name("node-0"), given.process);
    it.sim.run_for(200ms);
    CHECK(it.holder(given.mine) == "node-1");
}

TEST_CASE("leave: a proof that another process of the node is dead is none for this one") {
    left_world given(leaving(channel::leave_policy::kind::reassign));
    given.await_end_of_session();
    auto& it = given.it;
    it.leader().confirm_dead(model::node_name("node-0"),
                             model::incarnation(given.process.value + 1));
    it.leader().confirm_dead(model::node_name("node-1"), given.process);
    it.sim.run_for(5s);
    CHECK(it.entry(given.mine) == given.before);
}

TEST_CASE("leave: reassigned after a grace time, counted from when the node left") {
    left_world given(leaving(channel::leave_policy::kind::reassign_after, 60s));
    given.await_end_of_session();
    auto& it = given.it;
    it.sim.run_for(59900ms);
    CHECK(it.entry(given.mine) == given.before);
    CHECK(it.stuck("channel " + given.mine) == "its node left, and may come back");
    it.sim.run_for(200ms);
    CHECK(it.holder(given.mine) == "node-1");
}

TEST_CASE("leave: a grace time shorter than the handover does not shorten it") {
    left_world given(leaving(channel::leave_policy::kind::reassign_after, 1s));
    given.await_end_of_session();
    auto& it = given.it;
    it.sim.run_for(7900ms);
    CHECK(it.entry(given.mine) == given.before);
    it.sim.run_for(200ms);
    CHECK(it.holder(given.mine) == "node-1");
}

TEST_CASE("leave: a proof of death ends the wait for the old process, not the grace time") {
    left_world given(leaving(channel::leave_policy::kind::reassign_after, 3s));
    given.await_end_of_session();
    auto& it = given.it;
    it.leader().confirm_dead(model::node_name("node-0"), given.process);
    it.sim.run_for(2900ms);
    CHECK(it.entry(given.mine) == given.before);
    it.sim.run_for(200ms);
    CHECK(it.holder(given.mine) == "node-1");
}

TEST_CASE("leave: a node that comes back within the grace time keeps its channels") {
    left_world given(leaving(channel::leave_policy::kind::reassign_after, 60s));
    given.await_end_of_session();
    auto& it = given.it;
    it.sim.run_for(20s);
    it.started.clear();
    it.node(0).start();
    it.sim.run_for(5min);
    CHECK(it.holder(given.mine) == "node-0");
    REQUIRE(it.started.size() == 1);
    CHECK(it.started.front().node == "node-0");
}

TEST_CASE("leave: a node that restarts gets its channels again at their checkpoints") {
    for (const auto kind :
         {channel::leave_policy::kind::leave, channel::leave_policy::kind::reassign,
          channel::leave_policy::kind::reassign_after}) {
        left_world given(leaving(kind, 60s));
        auto& it = given.it;
        it.started.clear();
        it.node(0).start();  // before its old session has ended
        REQUIRE(it.run_until([&] { return it.entry(given.mine).process > given.process; }));
        REQUIRE(it.settle());
        CHECK(it.holder(given.mine) == "node-0");
        CHECK(it.entry(given.mine).epoch > given.before.epoch);
        REQUIRE(it.started.size() == 1);
        CHECK(it.started.front().channel == given.mine);
        CHECK(it.started.front().start == model::position("p4"));
    }
}

TEST_CASE("leave: a graceful stop of a node passes its channels on, with their last flush") {
    world it;
    it.start();
    it.ensure({"a"});
    REQUIRE(it.settle());
    const std::uint32_t from = it.holder("a") == "node-0" ? 0 : 1;
    it.flush_on_stop = "p7";
    it.call(it.node(from), it.node(from).program<node_program>().node().stop());
    CHECK(it.flushes == std::vector<model::commit_outcome>{model::commit_outcome::committed});
    REQUIRE(it.run_until([&] { return it.holder("a") == it.node(1 - from).name(); }));
    CHECK(it.started.back().start == model::position("p7"));
}
