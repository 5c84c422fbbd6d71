// What happened to IoTDB, Helix and users of etcd's locks.
#include "catch.hpp"
#include "museum/exhibit.hpp"
#include "museum/players.hpp"
#include "reeve/transport/message_codec.hpp"

#include <fmt/format.h>

using namespace museum;
using core::guard;
using model::channel_state;
using model::commit_outcome;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

// A leader that had been deposed sent its routes late, over those of its successor.
// Prevented by the term: each write of a coordinator compares it where it takes effect.
TEST_CASE("iotdb_18265_late_write_of_a_deposed_leader") {
    auto play = [](stage& on) {
        on.on_write = [&on](const storage::transaction& change) {
            return on.entry_in(change) ? fate::held : fate::pass;
        };
        auto* deposed = on.leading();
        on.move(1);
        on.until([&] { return !on.writes.empty(); }, "a release is on its way");
        deposed->kill();
        on.on_write = nullptr;
        on.leader();
        on.require(on.leading() != deposed, "the play: nobody took over");
        for (const auto& late : on.writes) {
            on.require(!on.land(late), "I8: a deposed leader's write took effect");
        }
    };
    stage_options two_leaders;
    two_leaders.coordinators = 2;
    exhibit(two_leaders, play, {{{guard::term}, "I8"}});
}

// A cache was cleared between a check and the use of what had been checked.
// Prevented by views that change as a whole: while a lost watch is being repaired, the nodes known
// before stay known.
TEST_CASE("iotdb_11622_cache_cleared_between_check_and_use") {
    auto play = [](stage& on) {
        auto* leads = on.leading();
        auto& leader = on.leader();
        const auto gaps = leader.status().members_gaps;
        const auto written = leader.status().channels.transactions;
        // Every delivery fails, so that the view is read again and again, page by page and slowly.
        on.world().faults().metadata.watch_gap = testing::chance{1'000'000};
        on.world().faults().metadata.requests.delay = {milliseconds(300), milliseconds(300)};
        for (int look = 0; look < 200; ++look) {
            if (look % 20 == 0) {  // something to be delivered
                const model::node_name stranger(fmt::format("stranger-{}", look));
                on.world().run(leader.drain(stranger, "the play"));
            }
            on.pass(milliseconds(100));
            on.require(on.leading() == leads, "the play: the leader has lost its office");
            on.require(leader.status().nodes == 2, "I6: a node is forgotten meanwhile");
            on.require(on.unsettled().empty(), "I6: a channel is to move meanwhile");
        }
        on.world().heal();
        on.world().faults().metadata.requests.delay = testing::request_faults().delay;
        on.require(leader.status().members_gaps >= gaps + 5, "the play: no watch was lost");
        on.require(leader.status().channels.transactions == written,
                   "I6: a channel was changed meanwhile");
    };
    exhibit({}, play);
}

// A rebalancer moved partitions to and fro.
// Prevented by I6: what has been balanced is balanced, so nothing more is planned.
TEST_CASE("helix_931_rebalancer_bounces") {
    stage_options many;
    many.nodes = 3;
    many.channels = 10;  // which three nodes cannot share evenly
    many.balance.interval = seconds(5);
    many.balance.quiet = seconds(5);
    auto play = [&many](stage& on) {
        std::map<testing::process*, int> held;
        on.until(
            [&] {
                held.clear();
                for (std::uint32_t at = 0; at < many.channels; ++at) ++held[on.holder(at)];
                return held.size() == 3 && on.unsettled().empty() && held[&on.node(0)] == 4;
            },
            "three nodes share ten channels");
        on.pass(seconds(30));
        const auto writes = on.ledger().writes();
        on.pass(minutes(10));
        on.require(on.ledger().writes() == writes, "I6: a balanced channel has moved");
    };
    exhibit(many, play);
}

// The holder of a lock was paused, the lock ended, and the holder wrote in the belief to have it.
// Prevented by C1: the epoch is compared at the effect, whatever a clock says.
TEST_CASE("jepsen_etcd_lock_paused_holder_writes") {
    stage_options misbehaving;
    misbehaving.polite = false;
    auto play = [](stage& on) {
        // Its clock stands still with it, so that it knows of nothing when it goes on.
        auto& paused = on.node(0);
        paused.clock().set_drift(-999'999);
        paused.pause();
        on.until_registered(on.node(1));
        on.require(on.commit(on.node(1), 2) == commit_outcome::committed,
                   "I1: the holder cannot commit");
        paused.resume();
        on.require(stage::node_of(paused).consuming(stage::channel()).value != 0,
                   "the play: it knows that it holds nothing");
        const auto late = on.begin_commit(paused, 3);
        on.until([&] { return late->done; }, "it has an answer");
        on.require(late->outcome == commit_outcome::stale, "I1: it wrote without the lock");
        paused.clock().set_drift(0);
    };
    exhibit(
        misbehaving, play,
        {{{guard::commit_epoch}, "I1"}, {{guard::self_fencing}, ""}, {{guard::continuation}, ""}});
}
