// Counterexamples of the model of garbage (docs/protocols/models/gc), where none of the other tests
// plays them; the README of the models says which test plays which.
#include "museum/segment_play.hpp"

namespace museum_segments {

namespace {

segment::granted_job grant(segment_play& it, model::segment_id segment) {
    return it.call(it.office(),
                   it.segments().grant_job("compaction", {segment}, model::node_name("n"), {}));
}

/// To nothing: the outputs are not what is played.
segment::replace_outcome replace(segment_play& it, const segment::granted_job& job) {
    segment::replace_request request;
    request.job = job.job;
    request.epoch = job.record.epoch;
    request.revisions = job.revisions;
    return it.call(it.office(), it.segments().replace(request));
}

bool lives(segment_play& it, model::epoch epoch) {
    bool found = false;
    it.segments().each_living(
        [&](model::epoch one, std::uint64_t) { found = found || one == epoch; });
    return found;
}

}  // namespace

// R_PROG: settled goes back with a flush whose transaction was built before a later one.
TEST_CASE("model_progress: a flush that lands late does not bring settled back") {
    prevented({guard::continuation}, [] {
        segment_play it;
        const auto one = it.allocate(100).parts[0].segment;
        it.segments().seal(model::collection_id(7));
        REQUIRE(it.run_until([&] { return it.info(one).record.state == segment_state::sealed; }));
        const auto two = it.allocate(100).parts[0].segment;
        REQUIRE(one != two);
        auto early = it.message(one, 1, "", "m1");
        early.settled = 1;
        it.hold(it.keys.binlog(one, {early.by.epoch, 1}));
        CHECK(fails_with(errc::outcome_unknown, [&] { it.arrives(early); }));
        auto later = it.message(two, 3, "", "m2");
        later.settled = 3;
        REQUIRE(it.arrives(later).outcome == commit_outcome::committed);
        REQUIRE(it.progress_of_a().settled == 3);
        const bool landed = it.land();
        return landed && it.progress_of_a().settled < 3;
    });
}

// R_SEG: a flush that was built before its segment was dropped opens it again.
TEST_CASE("model_segment: a flush that lands late does not bring a dropped segment back") {
    prevented({guard::segment_revision}, [] {
        segment_play it;
        const auto segment = it.allocate(100).parts[0].segment;
        const auto info = it.info(segment);
        it.hold(it.keys.binlogs().first());
        const auto late = it.message(segment, 1, "", "m1");
        CHECK(fails_with(errc::outcome_unknown, [&] { it.arrives(late); }));
        const auto key = it.keys.segment(info.collection, segment);
        const auto tombstone =
            catalog::encode(model::tombstone_of(info.record, segment_state::dropped, it.now()));
        it.write(key, tombstone);
        (void)it.land();
        return it.value_of(key) != tombstone;
    });
}

// R_INPUT: an input gains rows after the job has read it, and the replacement drops them.
TEST_CASE("model_input: a replacement of what has changed since it was read is refused") {
    prevented({guard::segment_revision}, [] {
        segment_play it;
        const auto segment = it.flushed_segment();
        const auto job = grant(it, segment);
        auto info = it.info(segment);
        info.record.rows += 1;
        it.write(it.keys.segment(info.collection, segment), catalog::encode(info.record));
        return replace(it, job) == segment::replace_outcome::committed;
    });
}

// R_GRANTONCE: a second copy of a grant lands when its job has ended, and an ended epoch lives.
TEST_CASE("model_grant_once: a grant that lands late does not come back after a later one") {
    prevented({guard::job_marks}, [] {
        segment_play it;
        const auto segment = it.flushed_segment();
        it.hold(it.keys.jobs().first());
        CHECK(fails_with(errc::outcome_unknown, [&] { grant(it, segment); }));
        const auto later = grant(it, segment);
        it.call(it.office(), it.segments().end_job(later.job));
        return it.land();
    });
}

// The same for a copy of a grant that had an answer: its job's record stays, whatever it says.
TEST_CASE("model_grant_once: a second copy of a grant finds its own record, ended") {
    prevented({}, [] {
        segment_play it;
        const auto segment = it.flushed_segment();
        storage::transaction copy;
        it.store->hold = [&](const storage::transaction& change) {
            for (const auto& one : change.operations()) {
                if (one.key.starts_with(it.keys.jobs().first())) copy = change;
            }
            return false;
        };
        const auto job = grant(it, segment);
        it.store->hold = nullptr;
        it.call(it.office(), it.segments().end_job(job.job));
        REQUIRE(!copy.operations().empty());
        CHECK_FALSE(lives(it, job.record.epoch));
        return static_cast<bool>(it.sim.run(it.sim.metadata()->commit(std::move(copy))));
    });
}

// R_ENDSTATE: epochs of channels that nobody holds any more never end, and garbage is left.
TEST_CASE("model_end_state: an epoch ends with the drop of its channel, or with its holder") {
    prevented({}, [] {
        segment_play it;
        const auto held = it.holder_of_a().epoch;
        CHECK(lives(it, held));
        const std::string before = it.holder("a");
        auto& gone = it.node(before == "node-0" ? 0 : 1);
        gone.kill();
        REQUIRE(it.run_until([&] { return !it.holder("a").empty() && it.holder("a") != before; }));
        gone.start();
        REQUIRE(it.settle());
        CHECK_FALSE(lives(it, held));
        const auto again = it.holder_of_a().epoch;
        CHECK(again > held);
        CHECK(lives(it, again));
        it.call(it.office(), it.segments().drop_collection(model::collection_id(7), "gone"));
        model::channel_drop_request drop;
        drop.settled = 1;
        REQUIRE(it.drop(drop).outcome == commit_outcome::committed);
        return lives(it, held) || lives(it, again);
    });
}

// R_LIVE, compaction: what a job that is granted has written is garbage before it commits.
TEST_CASE("model_live: the epoch of a job lives until the job has ended") {
    prevented({}, [] {
        segment_play it;
        const auto segment = it.flushed_segment();
        const auto job = grant(it, segment);
        const bool before = lives(it, job.record.epoch);
        it.change_leader();
        const bool after = lives(it, job.record.epoch);
        REQUIRE(replace(it, job) == segment::replace_outcome::committed);
        CHECK_FALSE(lives(it, job.record.epoch));
        return !before || !after;
    });
}

// R_OWN, compaction: an output names a file of another epoch, which a sweep may have deleted.
TEST_CASE("model_own: a replacement names only files of its own epoch") {
    prevented({guard::own_files}, [] {
        segment_play it;
        const auto segment = it.flushed_segment();
        const auto job = grant(it, segment);
        segment::replace_request request;
        request.job = job.job;
        request.epoch = job.record.epoch;
        request.revisions = job.revisions;
        segment::replace_output output;
        output.segment = job.first_output;
        output.partition = model::partition_id(1);
        output.channel = model::channel_name("a");
        output.rows = 10;
        output.end = model::position("m2");
        model::binlog_group& group = output.groups.emplace_back();
        group.field = model::field_id(1);
        model::binlog_file& file = group.files.emplace_back();
        file.id = {it.holder_of_a().epoch, 4};  // the input's own
        file.bytes = 100;
        file.rows = 10;
        request.outputs.push_back(std::move(output));
        return !fails_with(errc::invalid_argument,
                           [&] { (void)it.call(it.office(), it.segments().replace(request)); });
    });
}

// R_KNOWN: a flush that has landed is answered "refused, below settled", and its rows come again.
TEST_CASE("model_known: a flush that landed unseen is a success, whatever is settled since") {
    prevented({}, [] {
        segment_play it;
        const auto segment = it.allocate(100).parts[0].segment;
        const auto unseen = it.message(segment, 1, "", "m1");
        it.hold(it.keys.binlogs().first());
        CHECK(fails_with(errc::outcome_unknown, [&] { it.arrives(unseen); }));
        REQUIRE(it.land());
        REQUIRE(it.arrives(it.message(segment, 9, "m1", "m2")).outcome ==
                commit_outcome::committed);
        REQUIRE(it.progress_of_a().settled == 9);
        const auto outcome = it.arrives(unseen).outcome;
        it.change_leader();
        const auto later = it.arrives(unseen).outcome;
        return outcome != commit_outcome::committed || later != commit_outcome::committed;
    });
}

}  // namespace museum_segments
