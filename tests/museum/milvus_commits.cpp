// What happened to Milvus when checkpoints were written.
#include "catch.hpp"
#include "museum/exhibit.hpp"
#include "museum/players.hpp"
#include "reeve/transport/message_codec.hpp"

using namespace museum;
using core::guard;
using model::channel_state;
using model::commit_outcome;

namespace {

bool is_commit(const message& sent) { return sent.is(transport::kind::commit); }

commit_outcome answer_to(stage& on, const message& late) {
    model::commit_reply reply;
    transport::decode(on.deliver(late), reply);
    return reply.outcome;
}

}  // namespace

// A node's flush was accepted after the channel had gone to another: the rows were stored twice.
// Prevented by C1: the epoch is compared in the transaction that takes effect.
TEST_CASE("milvus_41028_double_flush") {
    auto play = [](stage& on) {
        on.on_message = [](const message& sent) {
            return is_commit(sent) ? fate::held : fate::pass;
        };
        on.begin_commit(on.node(0), 1);
        on.until([&] { return !on.messages.empty(); }, "the flush is on its way");
        on.move(1);
        on.until_registered(on.node(1));
        const auto outcome = answer_to(on, on.messages.front());
        on.require(outcome == commit_outcome::stale, "I1: an old holder's flush was accepted");
        on.on_message = nullptr;
        on.require(on.commit(on.node(1), 2) == commit_outcome::committed,
                   "I1: the holder cannot commit");
    };
    exhibit({}, play,
            {{{guard::commit_epoch}, "I1"},
             {{guard::commit_epoch, guard::continuation}, "I1"},
             {{guard::continuation}, ""},
             {{guard::commit_incarnation}, ""}});
}

// A late copy of an old checkpoint was written over a newer one.
// Prevented by C5 and C1: each commit compares the checkpoint that it continues from.
TEST_CASE("milvus_31470_checkpoint_goes_back") {
    auto play = [](stage& on) {
        on.on_write = [&on](const storage::transaction& change) {
            return on.writes_progress(change) && on.writes.empty() ? fate::held : fate::pass;
        };
        // The node repeats what had no answer.
        on.require(on.commit(on.node(0), 1, 0, true) == commit_outcome::committed,
                   "I1: the holder cannot commit");
        on.require(on.commit(on.node(0), 2, 0, true) == commit_outcome::committed,
                   "I1: the holder cannot commit");
        on.require(!on.land(on.writes.front()), "I3: an old checkpoint was written");
    };
    exhibit({}, play, {{{guard::continuation}, "I3"}});
}

// What was written late to a channel that had been dropped stayed for ever.
// Prevented by C1: the tombstone stays, and every commit compares it.
TEST_CASE("milvus_38817_17636_31470_late_write_after_a_drop") {
    auto play = [](stage& on) {
        on.on_message = [](const message& sent) {
            return is_commit(sent) ? fate::held : fate::pass;
        };
        on.begin_commit(on.node(0), 1);
        on.until([&] { return !on.messages.empty(); }, "a commit is on its way to the leader");
        const auto request = on.messages.front();
        on.on_message = nullptr;
        on.on_write = [&on](const storage::transaction& change) {
            return on.writes_progress(change) ? fate::held : fate::pass;
        };
        on.deliver(request);
        on.until([&] { return !on.writes.empty(); }, "and another on its way to the store");
        on.drop();
        for (const auto writes = on.writes; const auto& late : writes) {
            on.require(!on.land(late), "I1: a transaction was accepted after the drop");
        }
        on.on_write = nullptr;
        on.require(answer_to(on, request) == commit_outcome::stale,
                   "I1: a commit was accepted after the drop");
        on.coordinator(0).restart();
        on.leader();
        on.require(answer_to(on, request) == commit_outcome::stale,
                   "I1: a commit was accepted after the drop, by the next leader");
    };
    exhibit({}, play, {{{guard::commit_epoch}, "I1"}});
}
