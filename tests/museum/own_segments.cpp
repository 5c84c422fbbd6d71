// What earlier drafts of reeve's segments did (docs/lessons.md), as plays.
#include "museum/segment_play.hpp"

namespace museum_segments {

namespace {

awaitable<void> allocate_and_forget(std::shared_ptr<segment::manager> segments, bool* ended) {
    model::allocate_request request;
    request.collection = model::collection_id(7);
    request.partition = model::partition_id(1);
    request.channel = model::channel_name("a");
    request.rows = 10;
    try {
        (void)co_await segments->allocate(std::move(request));
    } catch (const error&) {
        // Its outcome is unknown.
    }
    *ended = true;
}

awaitable<void> flush_and_forget(std::shared_ptr<segment::manager> segments,
                                 model::flush_request request, bool* ended) {
    try {
        (void)co_await segments->flush(std::move(request));
    } catch (const error&) {
        // Its outcome is unknown.
    }
    *ended = true;
}

/// What a holder of channel "a" is told of its segments; asked in the name of the present one.
awaitable<void> list_segments(std::shared_ptr<segment::manager> segments, model::holder by,
                              std::optional<model::segments_reply>* reply) {
    model::segments_request request;
    request.by = std::move(by);
    while (!*reply) {
        try {
            auto answer = co_await segments->list(request);
            *reply = std::move(answer);
        } catch (const error&) {
            // Asked again, as a node would.
        }
    }
}

}  // namespace

// A channel changed hands while a flush of its old holder was in doubt, and had landed. The new one
// began at the checkpoint that the flush had brought, with the segment's end and rows from before
// it: its reports gave back rows that had come, and the segment was overfilled (S1).
// Prevented by F8: what is in doubt of an earlier grant is read before a holder is told anything.
TEST_CASE("reeve_a_new_holder_is_told_what_its_predecessor_flushed_unseen") {
    prevented({}, [] {
        // The leader looks once at what is in doubt, and then not for a while.
        world_options slow;
        slow.segments.retry.delay_min = 10min;
        slow.segments.retry.delay_max = 10min;
        segment_play it(slow);
        const auto segment = it.allocate(100).parts[0].segment;
        const auto unseen = it.message(segment, 1, "", "m1");
        it.hold(it.keys.binlogs().first());
        CHECK(fails_with(errc::outcome_unknown, [&] { it.arrives(unseen); }));
        it.sim.run_for(1s);
        REQUIRE(it.land());
        const std::string before = it.holder("a");
        it.leader().move(model::channel_name("a"),
                         model::node_name(before == "node-0" ? "node-1" : "node-0"));
        REQUIRE(it.run_until([&] { return !it.holder("a").empty() && it.holder("a") != before; }));
        std::optional<model::segments_reply> reply;
        it.office().spawn(list_segments(it.leader().segments(), it.recorded_holder(), &reply));
        REQUIRE(it.run_until([&] { return reply.has_value(); }));
        REQUIRE(reply->grant == model::standing_of_grant::held);
        REQUIRE(reply->segments.size() == 1);
        return reply->segments.front().end != model::position("m1") ||
               reply->segments.front().rows != 10;
    });
}

// The same while the flush, which had landed, was on its way back: nobody was in doubt yet. And its
// file, which no record named as far as this leader knew, was taken for one of an ended epoch.
TEST_CASE("reeve_a_flush_on_its_way_back_is_waited_for") {
    prevented({}, [] {
        segment_play it;
        const auto segment = it.allocate(100).parts[0].segment;
        const auto slow = it.message(segment, 1, "", "m1");
        it.stall(it.keys.binlogs().first());
        bool ended = false;
        it.office().spawn(flush_and_forget(it.leader().segments(), slow, &ended));
        REQUIRE(it.run_until([&] { return it.store->stalled; }));
        const std::string before = it.holder("a");
        it.leader().move(model::channel_name("a"),
                         model::node_name(before == "node-0" ? "node-1" : "node-0"));
        REQUIRE(it.run_until([&] { return !it.holder("a").empty() && it.holder("a") != before; }));
        bool lives = false;
        it.segments().each_living([&](model::epoch epoch, std::uint64_t settled) {
            lives = lives || (epoch == slow.by.epoch && settled == 0);
        });
        std::optional<model::segments_reply> reply;
        it.office().spawn(list_segments(it.leader().segments(), it.recorded_holder(), &reply));
        it.sim.run_for(5s);
        const bool told_early = reply.has_value();
        it.answer();
        REQUIRE(it.run_until([&] { return ended && reply; }));
        REQUIRE(reply->segments.size() == 1);
        CHECK(reply->segments.front().rows == 10);
        return !lives || told_early;
    });
}

// A segment was being created when its channel got the mark; its creation was known to have landed
// when all other segments had followed. Nobody looked at the channel again, and the drop never
// ended. Prevented by T5: a segment that is learned of in a dropped channel follows the mark, too.
TEST_CASE("reeve_a_segment_that_is_learned_after_the_mark_follows_it") {
    prevented({}, [] {
        segment_play it;
        it.stall(it.keys.segments().first());
        bool ended = false;
        it.office().spawn(allocate_and_forget(it.leader().segments(), &ended));
        REQUIRE(it.run_until([&] { return it.store->stalled; }));
        it.call(it.office(), it.segments().drop_collection(model::collection_id(7), "gone"));
        model::channel_drop_request drop;
        drop.settled = 1;
        REQUIRE(it.drop(drop).outcome == commit_outcome::committed);
        it.sim.run_for(10s);
        it.answer();
        REQUIRE(it.run_until([&] { return ended; }));
        it.sim.run_for(1min);
        const auto far = it.segments().drop_of(model::collection_id(7));
        REQUIRE(far);
        CHECK(far->state == model::drop_state::dropped);
        return far->segments_left != 0 || it.segments().status().growing != 0;
    });
}

}  // namespace museum_segments
