// What earlier drafts of reeve itself did (docs/lessons.md), as plays. The seeds that found them
// are kept in tests/simulation/old_seeds.cpp.
#include "catch.hpp"
#include "museum/exhibit.hpp"
#include "museum/players.hpp"
#include "reeve/transport/message_codec.hpp"

using namespace museum;
using model::channel_state;
using model::commit_outcome;
using std::chrono::seconds;

// A commit of unknown outcome left its channel to be read again, and nobody was told to read it.
// Prevented by one step that marks a channel as uncertain and queues it.
TEST_CASE("reeve_uncertain_channel_is_never_read_again") {
    const fate fates[] = {fate::deaf, fate::lost};
    for (const fate what : fates) {
        auto play = [what](stage& on) {
            int asked = 0;
            on.on_message = [&asked](const message& sent) {
                // The node never comes to repeat it, which would help.
                return sent.is(transport::kind::commit) && ++asked > 1 ? fate::lost : fate::pass;
            };
            on.on_write = [&on, what](const storage::transaction& change) {
                return on.writes_progress(change) ? what : fate::pass;
            };
            on.begin_commit(on.node(0), 1);
            on.until([&asked] { return asked > 1; }, "the outcome is not known");
            on.pass(seconds(10));
            on.require(on.unsettled().empty(), "I4: " + on.unsettled());
            on.on_message = nullptr;
        };
        exhibit({}, play);
    }
}

// A round of the registrar that failed half-way lost the channels that it had taken up.
// Prevented by looking again at whatever a round that was cut short had taken.
TEST_CASE("reeve_a_round_cut_short_loses_its_channels") {
    auto play = [](stage& on) {
        int lost = 0;
        on.on_write = [&lost](const storage::transaction& change) {
            const bool reserves = change.operations().front().key.ends_with("/ids");
            return reserves && lost++ < 3 ? fate::lost : fate::pass;
        };
        on.node(0).kill();  // more channels to be placed than epochs are left
        on.until([&lost] { return lost > 3; }, "a block of epochs is reserved after all");
        on.on_write = nullptr;
    };
    stage_options many;
    many.channels = 60;
    exhibit(many, play);
}

// A leader that did not know that it was deposed refused the commit of its successor's grant as
// stale, and the holder let go. Prevented by judging only grants that it knows.
TEST_CASE("reeve_a_deposed_leader_refuses_a_newer_grant_as_stale") {
    auto play = [](stage& on) {
        auto& deposed = *on.leading();
        deposed.clock().set_drift(-999'999);  // it does not know that time has passed
        deposed.pause();
        on.move(1);
        on.until_registered(on.node(1));
        deposed.resume();
        on.require(stage::coordinator_of(deposed).leading(), "the play: it knows already");
        on.on_message = [](const message& sent) {
            return sent.is(transport::kind::commit) ? fate::held : fate::pass;
        };
        on.begin_commit(on.node(1), 1);
        on.until([&] { return !on.messages.empty(); }, "a commit is on its way");
        message astray = on.messages.front();
        astray.to = deposed.name();
        const std::string reply = on.deliver(astray);
        on.require(reply.find("a later leader") != std::string::npos,
                   "I4: a deposed leader judged a grant that it does not know: " + reply);
        on.on_message = nullptr;
        deposed.clock().set_drift(0);
    };
    stage_options two_leaders;
    two_leaders.coordinators = 2;
    exhibit(two_leaders, play);
}
