#include "channel/agent_fixture.hpp"

using namespace agent_test;
using calls = std::vector<std::string>;

TEST_CASE("agent: an assignment told twice is done and starts nothing twice") {
    fixture it;
    REQUIRE(it.assign("a", 1) == agent_outcome::done);
    REQUIRE(it.assign("a", 1) == agent_outcome::done);
    REQUIRE(it.engine.calls == calls{"start a 1"});
    REQUIRE(it.status("a").consuming == model::epoch(1));
}

TEST_CASE("agent: a start that fails leaves nothing behind and the same epoch may start again") {
    fixture it;
    it.engine.start_failures["a"] = 1;
    REQUIRE(it.assign("a", 1) == agent_outcome::failed);
    REQUIRE(it.status("a").consuming == model::epoch(0));
    REQUIRE(it.status("a").trouble == "cannot start");
    REQUIRE(it.assign("a", 1) == agent_outcome::done);
    REQUIRE(it.status("a").trouble.empty());
    REQUIRE(it.engine.running.at("a")->valid());
    REQUIRE(it.engine.calls == calls{"start a 1", "start a 1"});
}

TEST_CASE("agent: an epoch below the highest seen is refused") {
    fixture it;
    REQUIRE(it.assign("a", 2) == agent_outcome::done);
    REQUIRE(it.assign("a", 1) == agent_outcome::stale);
    REQUIRE(it.engine.calls == calls{"start a 2"});
}

TEST_CASE("agent: a start that failed counts as seen") {
    fixture it;
    it.engine.start_failures["a"] = 1;
    REQUIRE(it.assign("a", 2) == agent_outcome::failed);
    REQUIRE(it.assign("a", 1) == agent_outcome::stale);
}

TEST_CASE("agent: a released epoch never starts again") {
    fixture it;
    REQUIRE(it.assign("a", 1) == agent_outcome::done);
    REQUIRE(it.release("a", 1) == agent_outcome::done);
    REQUIRE(it.assign("a", 1) == agent_outcome::stale);
    REQUIRE(it.release("a", 1) == agent_outcome::done);
    REQUIRE(it.engine.calls == calls{"start a 1", "stop a 1"});
}

TEST_CASE("agent: an epoch that is released before its assignment arrives never starts") {
    fixture it;
    REQUIRE(it.assign("a", 1) == agent_outcome::done);
    REQUIRE(it.release("a", 2) == agent_outcome::done);
    REQUIRE(it.assign("a", 2) == agent_outcome::stale);
    REQUIRE(it.assign("a", 3) == agent_outcome::done);
    REQUIRE(it.engine.calls == calls{"start a 1", "stop a 1", "start a 3"});
}

TEST_CASE("agent: the release of an older epoch leaves a newer one running") {
    fixture it;
    REQUIRE(it.assign("a", 2) == agent_outcome::done);
    REQUIRE(it.release("a", 1) == agent_outcome::done);
    REQUIRE(it.engine.running.at("a")->valid());
}

TEST_CASE("agent: a message meant for another process or node is refused") {
    fixture it;
    auto assignment = it.assignment("a", 1);
    assignment.process.value += 1;
    REQUIRE(it.told(assignment) == agent_outcome::wrong_process);
    assignment = it.assignment("a", 1);
    assignment.node = model::node_name("n2");
    REQUIRE(it.told(assignment) == agent_outcome::wrong_process);
    REQUIRE(it.assign("a", 1) == agent_outcome::done);
    auto release = it.of("a", 1);
    release.process.value -= 1;
    REQUIRE(it.told(release) == agent_outcome::wrong_process);
    REQUIRE(it.engine.calls == calls{"start a 1"});
}

TEST_CASE("agent: a higher epoch stops the old consumption before it starts") {
    fixture it;
    REQUIRE(it.assign("a", 1) == agent_outcome::done);
    const auto old = it.engine.running.at("a");
    REQUIRE(it.assign("a", 2) == agent_outcome::done);
    REQUIRE(it.engine.calls == calls{"start a 1", "stop a 1", "start a 2"});
    REQUIRE_FALSE(old->valid());
    REQUIRE(it.engine.running.at("a")->valid());
}

TEST_CASE("agent: while the old consumption does not stop, a higher epoch does not start") {
    fixture it;
    REQUIRE(it.assign("a", 1) == agent_outcome::done);
    it.engine.stop_failures["a"] = 2;
    REQUIRE(it.assign("a", 2) == agent_outcome::failed);
    REQUIRE(it.status("a").consuming == model::epoch(1));
    REQUIRE(it.assign("a", 2) == agent_outcome::failed);
    REQUIRE(it.assign("a", 2) == agent_outcome::done);
    REQUIRE(it.engine.calls == calls{"start a 1", "stop a 1", "stop a 1", "stop a 1", "start a 2"});
    REQUIRE(it.engine.broken.empty());
}

TEST_CASE("agent: a consumption that does not stop is not released, nor started again") {
    fixture it;
    REQUIRE(it.assign("a", 1) == agent_outcome::done);
    const auto granted = it.engine.running.at("a");
    it.engine.stop_failures["a"] = 1;
    REQUIRE(it.release("a", 1) == agent_outcome::failed);
    REQUIRE_FALSE(granted->valid());
    REQUIRE(it.status("a").trouble == "cannot stop");
    REQUIRE(it.assign("a", 1) == agent_outcome::stale);
    REQUIRE(it.release("a", 1) == agent_outcome::done);
    REQUIRE(it.engine.calls == calls{"start a 1", "stop a 1", "stop a 1"});
}

TEST_CASE("agent: an assignment that arrives after the session may have ended is refused") {
    fixture it;
    REQUIRE(it.assign("a", 1) == agent_outcome::done);
    const auto granted = it.engine.running.at("a");
    it.loop.run_for(9s);  // nobody renews
    REQUIRE_FALSE(granted->valid());
    REQUIRE(it.assign("b", 2) == agent_outcome::wrong_process);
    REQUIRE(it.engine.calls == calls{"start a 1"});
}

TEST_CASE("agent: a session that ends while an old consumption stops lets nothing new start") {
    fixture it;
    REQUIRE(it.assign("a", 1) == agent_outcome::done);
    it.engine.fast = it.engine.slow = 9s;
    REQUIRE(it.assign("a", 2) == agent_outcome::wrong_process);
    REQUIRE(it.engine.calls == calls{"start a 1", "stop a 1"});
}

TEST_CASE("agent: a commit is carried to the leader with epoch, process and both positions") {
    fixture it;
    REQUIRE(it.assign("a", 7) == agent_outcome::done);
    const auto reply = it.commit(it.engine.running.at("a"), "p1", "p2");
    REQUIRE(reply.outcome == commit_outcome::committed);
    REQUIRE(reply.recorded == model::position("p2"));
    model::commit_request sent;
    transport::decode(it.wire.asked.at(0), sent);
    REQUIRE(sent.channel.value == "a");
    REQUIRE(sent.node.value == "n1");
    REQUIRE(sent.process == it.session.process());
    REQUIRE(sent.epoch == model::epoch(7));
    REQUIRE(sent.from == model::position("p1"));
    REQUIRE(sent.to == model::position("p2"));
}

TEST_CASE("agent: a commit that moves nowhere is refused before anything is sent") {
    fixture it;
    REQUIRE(it.assign("a", 1) == agent_outcome::done);
    const auto granted = it.engine.running.at("a");
    REQUIRE(code_of([&] { it.commit(granted, "p2", "p2"); }) == errc::invalid_argument);
    REQUIRE(code_of([&] { it.commit(granted, "p2", "p1"); }) == errc::invalid_argument);
    REQUIRE(it.wire.asked.empty());
}

TEST_CASE("agent: a commit is repeated, unchanged, until the answer is definite") {
    fixture it;
    it.hold();
    REQUIRE(it.assign("a", 1) == agent_outcome::done);
    it.wire.failures = {errc::unavailable, errc::outcome_unknown, errc::deadline_exceeded,
                        errc::refused};
    REQUIRE(it.commit(it.engine.running.at("a"), "", "p1").outcome == commit_outcome::committed);
    REQUIRE(it.wire.failures.empty());
    REQUIRE(it.wire.asked.size() == 1);
}

TEST_CASE("agent: a mismatch tells the recorded checkpoint and the grant goes on") {
    fixture it;
    REQUIRE(it.assign("a", 1) == agent_outcome::done);
    it.wire.outcomes = {commit_outcome::mismatch};
    it.wire.recorded = model::position("p5");
    const auto reply = it.commit(it.engine.running.at("a"), "p1", "p2");
    REQUIRE(reply.outcome == commit_outcome::mismatch);
    REQUIRE(reply.recorded == model::position("p5"));
    REQUIRE(it.engine.running.at("a")->valid());
}

TEST_CASE("agent: a stale commit ends the grant at once, and the consumer soon") {
    fixture it;
    REQUIRE(it.assign("a", 1) == agent_outcome::done);
    const auto granted = it.engine.running.at("a");
    it.wire.outcomes = {commit_outcome::stale};
    REQUIRE(it.commit(granted, "", "p1").outcome == commit_outcome::stale);
    REQUIRE_FALSE(granted->valid());
    it.loop.run_for(1s);
    REQUIRE(it.engine.calls == calls{"start a 1", "stop a 1"});
    REQUIRE(it.assign("a", 1) == agent_outcome::stale);
    REQUIRE(code_of([&] { it.commit(granted, "", "p1"); }) == errc::fenced);
}

TEST_CASE("agent: a consumer of an ended grant that does not stop is told again, others first") {
    fixture it;
    REQUIRE(it.assign("a", 1) == agent_outcome::done);
    REQUIRE(it.assign("b", 2) == agent_outcome::done);
    it.engine.stop_failures["a"] = 3;
    it.engine.fast = it.engine.slow = 20ms;
    it.wire.outcomes = {commit_outcome::stale, commit_outcome::stale};
    it.commit(it.engine.running.at("a"), "", "p1");
    it.commit(it.engine.running.at("b"), "", "p1");
    it.loop.run_for(5s);
    REQUIRE(it.engine.running.empty());
    REQUIRE(it.engine.calls == calls{"start a 1", "start b 2", "stop a 1", "stop b 2", "stop a 1",
                                     "stop a 1", "stop a 1"});
}

TEST_CASE("agent: what ended is told to stop again, but never the newer grant of its channel") {
    fixture it;
    REQUIRE(it.assign("a", 1) == agent_outcome::done);
    it.engine.stop_failures["a"] = 1;
    it.wire.outcomes = {commit_outcome::stale};
    it.commit(it.engine.running.at("a"), "", "p1");
    it.loop.run_for(5ms);  // the first try has failed
    REQUIRE(it.engine.calls == calls{"start a 1", "stop a 1"});
    REQUIRE(it.assign("a", 2) == agent_outcome::done);
    it.loop.run_for(5s);
    REQUIRE(it.engine.calls == calls{"start a 1", "stop a 1", "stop a 1", "start a 2"});
    REQUIRE(it.engine.running.at("a")->valid());
}

TEST_CASE("agent: a commit under a lost session is fenced, also while it is being repeated") {
    fixture it;
    REQUIRE(it.assign("a", 1) == agent_outcome::done);
    const auto granted = it.engine.running.at("a");
    it.wire.failures.assign(1000, errc::unavailable);
    REQUIRE(code_of([&] { it.commit(granted, "", "p1"); }) == errc::fenced);
    REQUIRE_FALSE(it.session.held());
    REQUIRE(code_of([&] { it.commit(granted, "", "p1"); }) == errc::fenced);
    REQUIRE(it.wire.asked.empty());
}

TEST_CASE("agent: stop_all ends every grant at once and waits for every consumer") {
    fixture it;
    for (const char* channel : {"a", "b", "c"}) {
        REQUIRE(it.assign(channel, 1) == agent_outcome::done);
    }
    const auto granted = it.engine.running;
    it.engine.stop_failures["a"] = 4;
    it.background.spawn(it.agent.stop_all());
    it.loop.run_for(5ms);
    for (const auto& [channel, one] : granted) REQUIRE_FALSE(one->valid());
    REQUIRE(it.engine.running.size() == 1);  // one that does not stop keeps no other running
    REQUIRE(it.assign("d", 2) == agent_outcome::wrong_process);
    REQUIRE(it.release("b", 1) == agent_outcome::wrong_process);
    it.loop.wait(it.strand, it.agent.stop_all());
    REQUIRE(it.engine.running.empty());
}

TEST_CASE("agent: a consumer that is still starting when all stop is stopped once it has started") {
    fixture it;
    it.engine.fast = it.engine.slow = 100ms;
    it.background.spawn([](fixture& on) -> awaitable<void> {
        auto request = on.assignment("a", 1);
        co_await on.agent.assign(std::move(request));
    }(it));
    it.loop.run_ready();
    REQUIRE(it.engine.calls == calls{"start a 1"});
    it.loop.wait(it.strand, it.agent.stop_all());
    REQUIRE(it.engine.calls == calls{"start a 1", "stop a 1"});
    REQUIRE(it.engine.running.empty());
}
