// What happened to Milvus when channels were assigned, released and watched.
#include "catch.hpp"
#include "museum/exhibit.hpp"
#include "museum/players.hpp"
#include "reeve/transport/message_codec.hpp"

using namespace museum;
using core::guard;
using model::channel_state;
using std::chrono::seconds;

// A release failed, and so did the watch that followed: two nodes had the channel.
// Prevented by the handover (section 6): a release that was not answered lets nobody else in.
TEST_CASE("milvus_25015_17270_release_and_watch_failed") {
    auto play = [](stage& on) {
        auto& old_holder = on.node(0);
        on.on_message = [](const message& sent) {
            return sent.is(transport::kind::release) ? fate::lost : fate::pass;
        };
        on.leader().set_fit(model::node_name("node-0"), channel::fitness::unfit);
        on.until([&] { return on.entry().state == channel_state::releasing; }, "it is releasing");
        on.pass(stage::ttl * 3);
        on.require(on.holder() == &old_holder, "I7: it has another holder");
        const auto last = on.commit(old_holder, 2);
        on.require(last == model::commit_outcome::committed, "I1: the holder cannot commit");
        // It lets go now, and the node that comes next does not hear of it.
        on.on_message = [](const message& sent) {
            return sent.is(transport::kind::assign) ? fate::lost : fate::pass;
        };
        on.until([&] { return on.entry().state == channel_state::pending; }, "it is pending");
        on.pass(stage::ttl * 3);
        on.on_message = nullptr;
        on.until_registered(on.node(1));
    };
    exhibit({}, play, {{{guard::handover}, "I7"}});
}

// Watching a channel twice started two consumptions.
// Prevented by R2: the same epoch told again is one registration.
TEST_CASE("milvus_33054_watch_is_not_idempotent") {
    auto play = [](stage& on) {
        // Each assignment arrives, nobody hears the answer, and a copy of it arrives later.
        on.on_message = [&on](const message& sent) {
            if (!sent.is(transport::kind::assign)) return fate::pass;
            on.messages.push_back(sent);
            return fate::deaf;
        };
        on.move(1);
        on.until([&] { return on.sent[std::string(transport::kind::assign)] >= 4; },
                 "it is told again and again");
        for (const auto copies = on.messages; const auto& one : copies) on.deliver(one);
        on.require(on.starts(on.node(1), on.entry()) == 1, "I7: one grant was started twice");
        const auto outcome = on.commit(on.node(1), 1);
        on.require(outcome == model::commit_outcome::committed, "I1: the holder cannot commit");
        on.on_message = nullptr;
        on.until_registered(on.node(1));
        on.require(on.starts(on.node(1), on.entry()) == 1, "I7: one grant was started twice");
    };
    exhibit({}, play);
}

// A watch that failed left something behind, on which every later try failed.
// Prevented by R2: a start that fails leaves nothing behind, and is tried again (R6).
TEST_CASE("milvus_33013_a_failed_watch_poisons_every_retry") {
    auto play = [](stage& on) {
        on.failing_starts[on.node(1).name()] = 3;
        on.move(1);
        on.until_registered(on.node(1));
        on.require(on.starts(on.node(1), on.entry()) == 4, "the play: not so many tries");
        const auto outcome = on.commit(on.node(1), 2);
        on.require(outcome == model::commit_outcome::committed, "I1: the holder cannot commit");
    };
    exhibit({}, play);
}

// The last flush of a node that was being emptied was refused, since the channel was no longer its.
// Prevented by S5: the epoch counts until the release is acknowledged, and not a moment longer.
TEST_CASE("milvus_28246_last_flush_of_a_draining_node, on its way before the release") {
    auto play = [](stage& on) {
        auto& draining = on.node(0);
        on.stops_wait = true;
        on.on_message = [](const message& sent) {
            return sent.is(transport::kind::commit) ? fate::held : fate::pass;
        };
        const auto flush = on.begin_commit(draining, 2);
        on.until([&] { return !on.messages.empty(); }, "the flush is on its way");
        auto& leader = on.leader();
        on.world().run(leader.drain(model::node_name("node-0"), "the play"));
        on.until([&] { return on.sent[std::string(transport::kind::release)] > 0; },
                 "it is asked to let go");
        on.require(on.entry().state == channel_state::releasing, "the play: it is not releasing");
        const auto request = on.messages.front();
        model::commit_reply reply;
        transport::decode(on.deliver(request), reply);
        on.require(reply.outcome == model::commit_outcome::committed,
                   "I3: the last flush of a draining node was refused");
        on.stops_wait = false;
        stage::node_of(draining).wake();
        on.until_registered(on.node(1));
        on.require(on.entry().start == after_row(2), "I3: the successor does not go on after it");
        on.until([&] { return flush->done; }, "the flush has ended");
    };
    exhibit({}, play);
}

// The same of what the engine flushes when it is told to stop.
TEST_CASE("milvus_28246_last_flush_of_a_draining_node, made while it stops") {
    auto play = [](stage& on) {
        on.rows_at_stop = 2;
        auto& leader = on.leader();
        on.world().run(leader.drain(model::node_name("node-0"), "the play"));
        on.until_registered(on.node(1));
        on.rows_at_stop = 0;
        on.require(on.flushed_at_stop && on.flushed_at_stop->done, "the play: nothing was flushed");
        on.require(on.flushed_at_stop->outcome == model::commit_outcome::committed,
                   "I3: the last flush of a draining node was refused");
        on.require(on.entry().start == after_row(2), "I3: the successor does not go on after it");
    };
    exhibit({}, play);
}
