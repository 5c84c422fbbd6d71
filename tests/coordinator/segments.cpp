#include "segment_fixture.hpp"

#include <set>

using namespace coordinator_test;

TEST_CASE("segments: the first allocation creates a segment, the next ones find room in it") {
    segment_world it;
    const auto first = it.allocate(100);
    REQUIRE(first.parts.size() == 1);
    CHECK(first.parts[0].rows == 100);
    CHECK(first.parts[0].expires_at > first.now);
    const auto revision = it.revision();
    const auto second = it.allocate(50);
    REQUIRE(second.parts.size() == 1);
    CHECK(second.parts[0].segment == first.parts[0].segment);
    CHECK(it.revision() == revision);  // nothing was written
    CHECK(it.info(first.parts[0].segment).record.state == segment_state::growing);
    CHECK(it.count_records(it.keys.segments()) == 1);
}

TEST_CASE("segments: an allocation in a channel that nobody knows registers it first") {
    segment_world it;
    const auto given = it.allocate(1, "new");
    REQUIRE(given.parts.size() == 1);
    CHECK(it.entry("new").collection == model::collection_id(7));
}

TEST_CASE("segments: what cannot be allocated is refused clearly, and nothing is written") {
    segment_world it;
    it.ensure({"other"}, 5s, model::collection_id(8));
    REQUIRE(it.settle());
    const auto before = it.records_but_mark();
    CHECK(failure_of([&] { it.allocate(0); }).first == errc::invalid_argument);
    CHECK(failure_of([&] { it.allocate(1, "bad/name"); }).first == errc::invalid_argument);
    const auto foreign = failure_of([&] { it.allocate(1, "other"); });
    CHECK(foreign.first == errc::invalid_argument);
    CHECK(foreign.second.find("other") != std::string::npos);
    CHECK(failure_of([&] { it.allocate(~std::uint64_t{0}); }).first == errc::invalid_argument);
    CHECK(it.records_but_mark() == before);
}

TEST_CASE("segments: a segment goes from its first row to its last flush") {
    segment_world it;
    const auto segment = it.allocate(100).parts[0].segment;
    REQUIRE(it.flush(it.work(segment, 1, "", "m1")).outcome == commit_outcome::committed);
    CHECK(it.info(segment).record.rows == 10);
    CHECK(it.info(segment).record.bytes == 100);
    CHECK(it.info(segment).record.end == model::position("m1"));
    it.make_flushing(segment);
    CHECK(it.tick({}).flush.empty());  // it says nothing of how far its sender has come
    const auto told = it.tick(it.now());
    CHECK(told.grant == model::standing_of_grant::held);
    CHECK(told.flush == std::vector<model::segment_id>{segment});
    auto last = it.work(segment, 3, "m1", "m2");
    last.effect = model::flush_effect::flushes;
    REQUIRE(it.flush(last).outcome == commit_outcome::committed);
    CHECK(it.info(segment).record.state == segment_state::flushed);
    CHECK(it.info(segment).record.sealed == model::seal_reason::requested);
    CHECK(it.tick(it.now()).flush.empty());
    CHECK(it.count_records(it.keys.binlogs(segment)) == 2);
}

TEST_CASE("segments: a flush that is repeated is a success without effect, whatever came since") {
    segment_world it;
    const auto segment = it.allocate(100).parts[0].segment;
    const auto first = it.work(segment, 1, "", "m1");
    REQUIRE(it.flush(first).outcome == commit_outcome::committed);
    REQUIRE(it.flush(it.work(segment, 3, "m1", "m2")).outcome == commit_outcome::committed);
    const auto before = it.records();
    CHECK(it.flush(first).outcome == commit_outcome::committed);
    CHECK(it.records() == before);
    CHECK(it.info(segment).record.rows == 20);
}

TEST_CASE("segments: another flush under a recorded number is refused, not called committed") {
    segment_world it;
    const auto segment = it.allocate(100).parts[0].segment;
    const auto first = it.work(segment, 1, "", "m1");
    REQUIRE(it.flush(first).outcome == commit_outcome::committed);
    const auto before = it.records();
    const auto refused = [&](const std::function<void(model::flush_request&)>& spoil) {
        auto request = first;
        spoil(request);
        CHECK(failure_of([&] { it.flush(request); }).first == errc::invalid_argument);
        CHECK(it.records() == before);
    };
    refused([](auto& one) { one.what.rows += 1; });
    refused([](auto& one) { one.what.to = model::position("m2"); });
    refused([](auto& one) { one.what.groups[0].files[0].id.number += 100; });
    refused([](auto& one) { one.what.groups.clear(); });
    CHECK(it.flush(first).outcome == commit_outcome::committed);
}

TEST_CASE("segments: a flush from elsewhere than the recorded end is told where the segment ends") {
    segment_world it;
    const auto segment = it.allocate(100).parts[0].segment;
    REQUIRE(it.flush(it.work(segment, 1, "", "m1")).outcome == commit_outcome::committed);
    const auto before = it.records();
    for (const std::string from : {"", "m0", "m2"}) {
        const auto reply = it.flush(it.work(segment, 5, from, "m9"));
        CHECK(reply.outcome == commit_outcome::mismatch);
        CHECK(reply.recorded == model::position("m1"));
    }
    CHECK(it.records() == before);
}

TEST_CASE("segments: what a flush may never name is refused, and nothing changes") {
    segment_world it;
    const auto segment = it.allocate(100).parts[0].segment;
    auto begun = it.work(segment, 4, "", "m1");
    REQUIRE(it.flush(begun).outcome == commit_outcome::committed);  // 4 and above
    const auto before = it.records();
    const auto refused = [&](const std::function<void(model::flush_request&)>& spoil) {
        auto request = it.work(segment, 10, "m1", "m2");
        spoil(request);
        const auto failure = failure_of([&] { it.flush(request); });
        CHECK(failure.first == errc::invalid_argument);
        CHECK(it.records() == before);
        return failure.second;
    };
    refused([](auto& one) { one.what.segment = model::segment_id(999'999); });
    refused([](auto& one) { one.what.number = 0; });
    refused([](auto& one) { one.what.groups[0].files[0].id.epoch.value += 1; });
    refused([](auto& one) { one.what.groups[0].files[0].id.number = one.what.number; });
    refused([](auto& one) { one.what.groups[0].files.push_back(one.what.groups[0].files[0]); });
    refused([](auto& one) { one.what.to = model::position("m0"); });
    refused([](auto& one) { one.what.rows = ~std::uint64_t{0}; });
    refused([](auto& one) { one.what.groups[0].files[0].bytes = ~std::uint64_t{0}; });
    refused([](auto& one) {
        auto& files = one.what.groups[0].files;
        files.push_back(files[0]);
        files[1].id.number += 1;
        files[1].bytes = ~std::uint64_t{0};
    });
    refused([](auto& one) { one.settled = one.what.number + 1; });
    refused([](auto& one) { one.effect = model::flush_effect::flushes; });  // it grows
    const auto settled = refused([](auto& one) {
        one.what.number = 2;
        one.settled = 2;
    });
    CHECK(settled.find("settled") != std::string::npos);
    const auto imported = refused([](auto& one) {
        one.what.groups[0].files[0].id = {};
        one.what.groups[0].files[0].imported = "../../etc/passwd";
    });
    CHECK(imported.find("imported") != std::string::npos);
}

TEST_CASE("segments: a segment of another channel gets nothing from this one's holder") {
    segment_world it;
    const auto other = it.allocate(1, "b").parts[0].segment;
    const auto failure = failure_of([&] { it.flush(it.work(other, 1, "", "m1")); });
    CHECK(failure.first == errc::invalid_argument);
}

TEST_CASE("segments: neither checkpoint nor settled go back with a flush that says less") {
    segment_world it;
    const auto segment = it.allocate(100).parts[0].segment;
    auto first = it.work(segment, 5, "", "m1");
    first.checkpoint = model::position("k5");
    REQUIRE(it.flush(first).outcome == commit_outcome::committed);
    auto late = it.work(segment, 7, "m1", "m2");
    late.checkpoint = model::position("k1");
    late.settled = 1;
    REQUIRE(it.flush(late).outcome == commit_outcome::committed);
    model::channel_progress progress;
    for (const auto& one : it.stores.database->dump()) {
        if (one.key != it.keys.progress(model::channel_name("a"))) continue;
        catalog::decoder().decode(one.key, one.value, progress);
    }
    CHECK(progress.checkpoint == model::position("k5"));
    CHECK(progress.settled == 5);
    CHECK(progress.flush == 7);
}

TEST_CASE("segments: a new leader knows every segment, and gives out no rows of old ones at once") {
    segment_world it;
    const auto segment = it.allocate(100).parts[0].segment;
    REQUIRE(it.flush(it.work(segment, 1, "", "m1")).outcome == commit_outcome::committed);
    it.change_leader();
    CHECK(it.info(segment).record.rows == 10);
    CHECK(it.info(segment).flushes == 1);
    CHECK(it.info(segment).files == 1);
    // All of it may have been allocated by the leader before: the next rows go elsewhere.
    const auto next = it.allocate(100);
    CHECK(next.parts[0].segment != segment);
    // Once that can be no more, and the node says what has come, it fills up.
    it.sim.run_for(10s);
    (void)it.tick(it.now(), {{segment, 10, 100}});
    const auto again = it.allocate(100);
    CHECK((again.parts[0].segment == segment || again.parts[0].segment == next.parts[0].segment));
}

TEST_CASE("segments: a longer lifetime of the leader before is waited for") {
    world_options longer;
    longer.segments.allocation.lifetime_max = 60s;
    segment_world it(longer);
    const auto segment = it.allocate(100).parts[0].segment;
    it.options.segments.allocation.lifetime_max = 2s;
    it.change_leader();
    it.sim.run_for(20s);
    (void)it.tick(it.now(), {{segment, 0, 0}});
    CHECK(it.allocate(1).parts[0].segment != segment);
    it.sim.run_for(60s);
    (void)it.tick(it.now(), {{segment, 0, 0}});
    std::set<model::segment_id> given;
    for (int count = 0; count < 3; ++count) given.insert(it.allocate(500'000).parts[0].segment);
    CHECK(given.contains(segment));
}

TEST_CASE("segments: a tick that this leader has not given out does nothing, and may be repeated") {
    segment_world it;
    const auto segment = it.allocate(100).parts[0].segment;
    it.segments().seal(model::collection_id(7));
    REQUIRE(it.run_until([&] { return it.info(segment).record.state == segment_state::sealed; }));
    model::tick_request request;
    request.by.channel = model::channel_name("a");
    request.by.node = it.entry("a").node;
    request.by.process = it.entry("a").process;
    request.by.epoch = it.entry("a").epoch;
    request.at = model::timestamp(~std::uint64_t{0});
    const auto failure = failure_of([&] { it.call(it.office(), it.segments().tick(request)); });
    CHECK(failure.first == errc::unavailable);
    it.sim.run_for(1s);
    CHECK(it.info(segment).record.state == segment_state::sealed);
}

TEST_CASE("segments: a tick of a holder that was replaced says nothing") {
    segment_world it;
    const auto segment = it.allocate(100).parts[0].segment;
    const auto [on, granted] = it.holder_of("a");
    auto& old_node = on->program<node_program>().node();
    model::tick_request request;
    request.by.channel = granted->what().channel;
    request.by.node = model::node_name(on->name());
    request.by.process = granted->process();
    request.by.epoch = granted->what().epoch;
    const std::string to = on->name() == "node-0" ? "node-1" : "node-0";
    it.leader().move(model::channel_name("a"), model::node_name(to));
    REQUIRE(it.run_until([&] { return it.holder("a") == to; }));
    request.at = it.now();
    const auto reply = it.call(it.office(), it.segments().tick(request));
    CHECK(reply.grant == model::standing_of_grant::stale);
    CHECK_FALSE(reply.why.empty());
    CHECK(it.info(segment).record.state == segment_state::growing);
    (void)old_node;
}

TEST_CASE("drop: nothing new begins, the holder flushes what it has, and all segments are gone") {
    segment_world it;
    const auto flushed = it.allocate(100).parts[0].segment;
    REQUIRE(it.flush(it.work(flushed, 1, "", "m1")).outcome == commit_outcome::committed);
    it.call(it.office(), it.segments().drop_collection(model::collection_id(7), "by the test"));
    CHECK(failure_of([&] { it.allocate(1); }).first == errc::refused);
    CHECK(failure_of([&] { it.ensure({"fresh"}, 5s, model::collection_id(7)); }).first ==
          errc::refused);
    CHECK(it.tick({}).dropping);
    auto far = it.segments().drop_of(model::collection_id(7));
    REQUIRE(far);
    CHECK(far->channels_left == 1);
    model::channel_drop_request request;
    request.checkpoint = model::position("m9");
    request.settled = 3;
    request.last.push_back(it.work(flushed, 3, "m1", "m2").what);
    REQUIRE(it.drop(request).outcome == commit_outcome::committed);
    CHECK(it.entry("a").state == model::channel_state::dropped);
    REQUIRE(it.run_until([&] {
        far = it.segments().drop_of(model::collection_id(7));
        return far && far->state == model::drop_state::dropped;
    }));
    CHECK(far->channels_left == 0);
    CHECK(far->segments_left == 0);
    CHECK(it.info(flushed).record.state == segment_state::dropped);
    CHECK(it.count_records(it.keys.binlogs(flushed)) == 2);  // for those who travel back in time
    // The engine is told to let go, and nobody gets the channel any more.
    REQUIRE(it.run_until([&] { return it.stopped.size() == 1; }));
    it.change_leader();
    CHECK(it.info(flushed).record.state == segment_state::dropped);
    CHECK(it.segments().drop_of(model::collection_id(7))->state == model::drop_state::dropped);
    CHECK(failure_of([&] { it.allocate(1); }).first == errc::refused);
}

TEST_CASE("drop: a channel of a collection that is not dropped is not dropped either") {
    segment_world it;
    const auto before = it.records_but_mark();
    model::channel_drop_request request;
    request.checkpoint = model::position("m9");
    const auto failure = failure_of([&] { it.drop(request); });
    CHECK(failure.first == errc::invalid_argument);
    CHECK(it.records_but_mark() == before);
}

TEST_CASE("drop: a flush that drops the last segment of a channel marks the channel") {
    segment_world it;
    const auto segment = it.allocate(100).parts[0].segment;
    it.call(it.office(), it.segments().drop_collection(model::collection_id(7), ""));
    auto last = it.work(segment, 1, "", "m1");
    last.effect = model::flush_effect::drops;
    REQUIRE(it.flush(last).outcome == commit_outcome::committed);
    CHECK(it.entry("a").state == model::channel_state::dropped);
    CHECK(it.info(segment).record.state == segment_state::dropped);
}

TEST_CASE("jobs: a replacement drops its inputs and brings its outputs in one step") {
    segment_world it;
    const auto segment = it.allocate(100).parts[0].segment;
    it.make_flushing(segment);
    auto last = it.work(segment, 3, "", "m2");
    last.effect = model::flush_effect::flushes;
    REQUIRE(it.flush(last).outcome == commit_outcome::committed);
    const auto grant = [&] {
        return it.call(it.office(), it.segments().grant_job("compaction", {segment},
                                                            model::node_name("node-0"), {}));
    };
    const auto first = grant();
    const auto second = grant();  // takes the segment from the first
    const auto result_of = [&](const segment::granted_job& job) {
        segment::replace_request request;
        request.job = job.job;
        request.epoch = job.record.epoch;
        request.revisions = job.revisions;
        segment::replace_output& output = request.outputs.emplace_back();
        output.segment = job.first_output;
        output.partition = model::partition_id(1);
        output.channel = model::channel_name("a");
        output.rows = 10;
        output.end = model::position("m2");
        model::binlog_group& group = output.groups.emplace_back();
        group.files.emplace_back().id = {job.record.epoch, 1};
        return request;
    };
    const auto replace = [&](const segment::replace_request& request) {
        return it.call(it.office(), it.segments().replace(request));
    };
    CHECK(replace(result_of(first)) == segment::replace_outcome::changed);
    CHECK(it.info(segment).record.state == segment_state::flushed);
    CHECK(replace(result_of(second)) == segment::replace_outcome::committed);
    CHECK(it.info(segment).record.state == segment_state::dropped);
    CHECK(replace(result_of(second)) == segment::replace_outcome::committed);  // a repetition
    std::size_t alive = 0;
    it.segments().each(std::nullopt, [&](const segment::segment_info& one) {
        ++alive;
        CHECK(one.record.rows == 10);
        CHECK(one.record.state == segment_state::flushed);
    });
    CHECK(alive == 1);
    it.call(it.office(), it.segments().end_job(first.job));
    CHECK(replace(result_of(first)) == segment::replace_outcome::ended);
    CHECK(it.segments().status().jobs == 0);
}

TEST_CASE("jobs: what cannot be an input is refused, and nothing is written") {
    segment_world it;
    const auto growing = it.allocate(100).parts[0].segment;
    const auto revision = it.revision();
    const auto refused = [&](std::vector<model::segment_id> inputs) {
        return failure_of([&] {
                   it.call(it.office(),
                           it.segments().grant_job("compaction", inputs, model::node_name(), {}));
               }).first == errc::invalid_argument;
    };
    CHECK(refused({}));
    CHECK(refused({growing}));
    CHECK(refused({model::segment_id(123'456)}));
    CHECK(it.revision() == revision);
}
