// What happened to Milvus with many channels and at recovery.
#include "catch.hpp"
#include "museum/exhibit.hpp"
#include "museum/players.hpp"
#include "reeve/transport/message_codec.hpp"

#include <chrono>

using namespace museum;
using model::channel_state;
using model::commit_outcome;
using std::chrono::minutes;
using std::chrono::seconds;

namespace {

stage_options many_channels(std::uint32_t channels) {
    stage_options options;
    options.channels = channels;
    options.writes_max = 16;
    return options;
}

}  // namespace

// A watcher ended silently: channels of a node that had gone waited for ever.
// Prevented by S4: a watch that fails lists again, and says so in the status.
TEST_CASE("milvus_23393_35135_watcher_ended_silently") {
    auto play = [](stage& on) {
        const auto gaps = on.leader().status().members_gaps;
        // What is delivered is lost, and the watch with it: the node's end, too.
        on.world().faults().metadata.watch_gap = testing::chance{1'000'000};
        on.node(0).kill();
        on.pass(stage::ttl * 2);
        on.world().heal();
        on.until_registered(on.node(1));
        on.require(on.leader().status().members_gaps > gaps, "the play: no watch was lost");
    };
    exhibit({}, play);
}

// The same with a history that is compacted before it was delivered.
TEST_CASE("milvus_23393_35135_watcher_met_compacted_history") {
    auto play = [](stage& on) {
        const auto gaps = on.leader().status().members_gaps;
        on.world().faults().metadata.watch_compacted = testing::chance{1'000'000};
        on.node(0).kill();
        on.pass(stage::ttl * 2);
        on.world().heal();
        on.until_registered(on.node(1));
        on.require(on.leader().status().members_gaps > gaps, "the play: no watch was lost");
    };
    exhibit({}, play);
}

// A watch that hangs without failing cannot be told from a quiet one, so its age is in the status.
TEST_CASE("milvus_35135_a_watch_that_hangs_shows_its_age") {
    auto play = [](stage& on) {
        on.world().faults().metadata.watch_stalled = testing::chance{1'000'000};
        on.world().faults().metadata.watch_stall = {minutes(3), minutes(3)};
        on.node(0).kill();
        on.pass(minutes(2));
        const auto before = on.leader().status().members_heard;
        on.require(before >= minutes(1), "I4: a watch that hangs looks as if it were fresh");
        on.world().heal();
        on.until_registered(on.node(1));
        on.require(on.leader().status().members_heard < before, "I4: its age does not go back");
    };
    exhibit({}, play);
}

// Too many operations in one transaction: the coordinator panicked, and again at every start.
// Prevented by R7: as many entries per transaction as the store's limits allow. The stage refuses
// larger ones as too_large.
TEST_CASE("milvus_20275_26748_16922_19427_too_many_operations_in_a_transaction") {
    auto play = [](stage& on) {
        on.coordinator(0).restart();
        on.until([&on] { return on.unsettled().empty(); }, "recovered");
        // All channels of a node at once, and back.
        on.node(0).kill();
        on.until([&on] { return on.unsettled().empty(); }, "all are with the other node");
        on.node(0).start();
        on.node(1).kill();
        on.until([&on] { return on.unsettled().empty(); }, "all are back");
    };
    exhibit(many_channels(100), play);
}

// Recovery wrote everything again, or took a request for each record.
// Prevented by section 9 (I5): a clean recovery reads pages and writes nothing but its office.
TEST_CASE("milvus_35582_47952_21452_write_storm_at_recovery") {
    constexpr std::uint32_t channels = 500;
    auto play = [](stage& on) {
        on.require(on.commit(*on.holder(7), 1, 7) == commit_outcome::committed,
                   "I1: the holder cannot commit");
        const auto writes = on.ledger().writes();
        const auto lists = on.lists;
        on.sent.clear();
        on.coordinator(0).restart();
        on.until([&on] { return on.unsettled().empty(); }, "recovered");
        on.pass(minutes(1));
        on.require(on.ledger().writes() == writes, "I5: a clean recovery has written something");
        on.require(on.sent.empty(), "I5: a clean recovery has told somebody something");
        on.require(on.lists - lists < 20, "I5: recovery reads more than a few pages");
    };
    exhibit(many_channels(channels), play);
}

// Records grew with what had happened, until a request could no longer hold one.
// Prevented by bounded records (section 3): an entry says who holds the channel now, no more.
TEST_CASE("milvus_47958_33125_33370_records_grow_past_the_request_limit") {
    auto play = [](stage& on) {
        const auto before = on.record_bytes();
        for (std::uint32_t turn = 1; turn <= 20; ++turn) {
            on.move(turn % 2);
            on.until_registered(on.node(turn % 2));
            on.require(on.commit(on.node(turn % 2), 2) == commit_outcome::committed,
                       "I1: the holder cannot commit");
        }
        // A few digits more in epochs and incarnations, and a checkpoint where there was none.
        on.require(on.record_bytes() <= before + 150, "I6: the records of a channel grow");
    };
    exhibit({}, play);
}

// Requests waited for each other's input and output under one lock, and read whole ranges.
// Prevented by section 6 of the architecture: nothing is locked while the store works, and a
// request reads no range.
TEST_CASE("milvus_30837_53296_requests_wait_for_each_others_io") {
    auto play = [](stage& on) {
        bool first = true;
        on.on_write = [&on, &first](const storage::transaction& change) {
            if (!first || !on.writes_progress(change)) return fate::pass;
            first = false;
            return fate::slow;
        };
        const auto slow = on.begin_commit(*on.holder(0), 1, 0);
        on.until([&first] { return !first; }, "a commit is at the store");
        const auto lists = on.lists;
        for (std::uint32_t at = 1; at < 50; ++at) {
            on.require(on.commit(*on.holder(at), 1, at) == commit_outcome::committed,
                       "I1: the holder cannot commit");
            on.require(
                on.leader().find_channel(model::channel_name(stage::channel(at))).has_value(),
                "I6: a channel is not found");
        }
        on.move(1, 60);
        on.until_registered(on.node(1), 60);
        on.require(!slow->done, "the play: the slow commit was answered");
        on.require(on.lists == lists, "I6: a request read a range");
        on.on_write = nullptr;
        on.answer();
        on.until([&slow] { return slow->done; }, "the slow commit is answered");
        on.require(slow->outcome == commit_outcome::committed, "I1: the holder cannot commit");
    };
    exhibit(many_channels(100), play);
}
