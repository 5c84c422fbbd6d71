// The counterexamples of docs/protocols/models/channels that no exhibit from elsewhere is, played
// against the code; docs/protocols/channels.md says which test plays which.
#include "catch.hpp"
#include "museum/exhibit.hpp"
#include "museum/players.hpp"
#include "reeve/transport/message_codec.hpp"

#include <algorithm>

using namespace museum;
using core::guard;
using model::channel_state;
using model::commit_outcome;
using std::chrono::seconds;

namespace {

fate keep_assignments(const message& sent) {
    return sent.is(transport::kind::assign) ? fate::copy : fate::pass;
}

std::vector<message> assignments_to(stage& on, const testing::process& to) {
    std::vector<message> found;
    for (const auto& one : on.messages) {
        if (one.is(transport::kind::assign) && one.to == to.name()) found.push_back(one);
    }
    on.require(!found.empty(), "the play: nothing was told to " + to.name());
    return found;
}

bool has_session(testing::process& node) { return stage::node_of(node).process().value != 0; }

}  // namespace

// R1, R3, H1, H3: the entry is as it was read.
TEST_CASE("model_entry_comparison: a late release does not bring an older epoch back") {
    auto play = [](stage& on) {
        on.on_write = [&on](const storage::transaction& change) {
            const bool first = on.writes.empty();
            return first && on.writes_entry(change, channel_state::releasing) ? fate::held
                                                                              : fate::pass;
        };
        on.move(1);
        on.until_registered(on.node(1));
        on.require(!on.land(on.writes.front()), "I2: a late release was accepted");
    };
    exhibit({}, play, {{{guard::entry_comparison}, "I2"}});
}

// R5: after an unknown outcome only the whole entry counts, as it is recorded.
TEST_CASE("model_whole_entry: a leader does not believe what it could not write") {
    stage_options two_leaders;
    two_leaders.coordinators = 2;
    auto play = [](stage& on) {
        auto* first = on.leading();
        auto* second = first == &on.coordinator(0) ? &on.coordinator(1) : &on.coordinator(0);
        stage::coordinator_of(*second).set_fit(model::node_name("node-1"), channel::fitness::unfit);
        bool lost = false;
        on.on_write = [&](const storage::transaction& change) {
            if (lost || !on.writes_entry(change, channel_state::pending)) return fate::pass;
            lost = true;
            first->cut_stores();
            return fate::lost;
        };
        on.move(1);
        on.until([&] { return on.leading() == second; }, "another leads");
        on.until_registered(on.node(0));
        on.pass(seconds(10));
        on.require(stage::node_of(on.node(1)).consuming(stage::channel()).value == 0,
                   "I7: a node consumes what was never recorded");
    };
    // That two leaders take one number for two grants is excluded by the blocks of numbers, so
    // that commit_epoch would refuse what commit_incarnation need not.
    exhibit(two_leaders, play, {{{guard::whole_entry}, "I7"}});
}

// R2, H2: a message names the incarnation that it is meant for.
TEST_CASE("model_message_incarnation: an old assignment does not start a restarted process") {
    auto play = [](stage& on) {
        const auto old = assignments_to(on, on.node(0)).front();
        on.on_message = nullptr;
        // It is told to the successor while the entry still names the predecessor.
        on.node(0).restart();
        on.until([&] { return has_session(on.node(0)); }, "it has a session");
        on.deliver(old);
        if (stage::node_of(on.node(0)).consuming(stage::channel()).value != 0) {
            on.require(on.commit(on.node(0), 1) == commit_outcome::stale,
                       "I1: a process committed under the epoch of another");
        }
        // And it arrives while another node consumes.
        on.node(0).kill();
        on.until_registered(on.node(1));
        on.node(0).start();
        on.until([&] { return has_session(on.node(0)); }, "it has a session");
        on.deliver(old);
        on.pass(seconds(1));
    };
    auto first_keep = [play](stage& on) {
        on.on_message = keep_assignments;
        on.move(1);
        on.until_registered(on.node(1));
        on.move(0);
        on.until_registered(on.node(0));
        play(on);
    };
    exhibit({}, first_keep,
            {{{guard::message_incarnation}, "I7"},
             {{guard::message_incarnation, guard::commit_incarnation}, "I1"}});
}

// R4: a pending entry is told only to the incarnation that it records.
TEST_CASE("model_pending_incarnation: a pending grant is not told to the next process") {
    auto play = [](stage& on) {
        on.on_message = [](const message& sent) {
            return sent.is(transport::kind::assign) ? fate::deaf : fate::pass;
        };
        on.node(0).restart();  // an assignment to node 0 that stays pending
        on.until([&] { return stage::node_of(on.node(0)).consuming(stage::channel()).value != 0; },
                 "it consumes");
        on.require(on.entry().state == channel_state::pending, "the play: it is not pending");
        on.require(on.commit(on.node(0), 1) == commit_outcome::committed,
                   "I1: the holder cannot commit");
        const auto granted = on.entry();
        on.node(0).cut_stores();
        on.twin().start();
        on.until([&] { return has_session(on.twin()); }, "the next process has a session");
        on.pass(seconds(3));
        const auto consumed = stage::node_of(on.twin()).consuming(stage::channel());
        if (consumed == granted.epoch && on.entry() == granted) {
            on.require(on.commit(on.twin(), 1) == commit_outcome::stale,
                       "I1: two processes committed under one epoch");
        }
        on.on_message = nullptr;
        on.until_registered(on.twin());
    };
    exhibit({}, play,
            {{{guard::pending_incarnation}, "I7"},
             {{guard::pending_incarnation, guard::commit_incarnation}, "I1"}});
}

// R1: recording an assignment compares the progress that gave its start; C1 compares it again.
TEST_CASE("model_starting_checkpoint: a grant does not start before what was committed meanwhile") {
    auto play = [](stage& on) {
        on.on_write = [&on](const storage::transaction& change) {
            return on.writes_progress(change) ? fate::slow : fate::pass;
        };
        on.begin_commit(on.node(0), 1);  // it is durable, and the leader does not know
        on.until([&] { return on.ledger().channels()[stage::channel()].covered == 1; },
                 "it is durable");
        const auto gone = on.entry();
        on.node(0).kill();
        on.leader().confirm_dead(gone.node, gone.process);
        on.until_registered(on.node(1));
        on.on_write = nullptr;
        on.answer();
        const auto outcome = on.commit(on.node(1), 2);
        on.require(outcome != commit_outcome::stale, "I1: the holder cannot commit");
    };
    exhibit({}, play,
            {{{guard::starting_checkpoint, guard::continuation}, "I3"},
             {{guard::starting_checkpoint}, ""},
             {{guard::continuation}, ""}});
}

// Section 6 (b): a new incarnation does not prove that the old process is dead.
TEST_CASE("model_handover: a new incarnation does not prove the old process dead") {
    auto play = [](stage& on) {
        on.node(0).cut_stores();
        on.twin().start();
        on.until([&] { return has_session(on.twin()); }, "the next process has a session");
        on.pass(seconds(1));
        on.require(stage::node_of(on.node(0)).consuming(stage::channel()).value != 0,
                   "the play: the old process has stopped already");
        on.until_registered(on.twin());
    };
    exhibit({}, play, {{{guard::handover}, "I7"}});
}

// R2: an epoch below the highest seen is refused; in the code, one that is over is refused as well.
TEST_CASE("model_lower_epoch: an old assignment does not take a node back from a newer epoch") {
    auto play = [](stage& on) {
        on.on_message = keep_assignments;
        on.move(1);
        on.until_registered(on.node(1));
        on.move(0);
        on.until_registered(on.node(0));
        on.move(1);
        on.until_registered(on.node(1));
        const auto old = assignments_to(on, on.node(1)).front();
        on.on_message = nullptr;
        on.deliver(old);
        on.pass(seconds(1));
        on.require(on.unsettled().empty(), "I4: " + on.unsettled());
    };
    exhibit({}, play,
            {{{guard::lower_epoch, guard::release_memory}, "I4"}, {{guard::lower_epoch}, ""}});
}

// H2: a release raises the highest epoch seen, even of an assignment that has not arrived yet.
TEST_CASE("model_release_memory: what was released before it arrived does not start later") {
    auto play = [](stage& on) {
        on.on_message = [&on](const message& sent) {
            const bool late = sent.is(transport::kind::assign) && sent.to == on.node(1).name();
            return late ? fate::held : fate::pass;
        };
        on.move(1);
        on.until([&] { return !on.messages.empty(); }, "its assignment is on its way");
        on.move(0);
        on.until_registered(on.node(0));
        on.on_message = nullptr;
        for (const auto late = on.messages; const auto& one : late) on.deliver(one);
        on.pass(seconds(1));
        on.require(stage::node_of(on.node(1)).consuming(stage::channel()).value == 0,
                   "I7: a grant that is over has started");
    };
    exhibit({}, play, {{{guard::release_memory}, "I7"}});
}

// The same of an epoch that was consumed: it is remembered after its release.
TEST_CASE("model_release_memory: what was consumed and released does not start again") {
    auto play = [](stage& on) {
        on.on_message = keep_assignments;
        on.move(1);
        on.until_registered(on.node(1));
        on.move(0);
        on.until_registered(on.node(0));
        on.on_message = nullptr;
        for (const auto& one : assignments_to(on, on.node(1))) on.deliver(one);
        on.pass(seconds(1));
        on.require(stage::node_of(on.node(1)).consuming(stage::channel()).value == 0,
                   "I7: a grant that is over has started");
    };
    exhibit({}, play, {{{guard::release_memory}, "I7"}});
}

// S3: a node stops when its session may have ended, by its own clock.
TEST_CASE("model_self_fencing: who cannot renew has stopped before the next one begins") {
    auto play = [](stage& on) {
        on.node(0).cut_stores();
        on.until_registered(on.node(1));
        on.pass(seconds(1));
    };
    exhibit({}, play, {{{guard::self_fencing}, "I7"}});
}

// R4, H2: pending and releasing entries are told again.
TEST_CASE("model_retell: a lost message is not the end") {
    auto lost_once = [](std::string_view kind) {
        return [kind](stage& on) {
            bool lost = false;
            on.on_message = [&lost, kind](const message& sent) {
                if (lost || !sent.is(kind)) return fate::pass;
                lost = true;
                return fate::lost;
            };
            on.move(1);
            on.until([&] { return lost; }, "it was lost");
            on.pass(seconds(30));
            on.on_message = nullptr;
        };
    };
    SECTION("an assignment") {
        exhibit({}, lost_once(transport::kind::assign), {{{guard::retell}, "I4"}});
    }
    SECTION("a release") {
        exhibit({}, lost_once(transport::kind::release), {{{guard::retell}, "I4"}});
    }
}
