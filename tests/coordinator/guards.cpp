// What each rule of segments prevents: a play, with the rule and, in a build with switches,
// without.
#include "reeve/core/guards.hpp"
#include "segment_fixture.hpp"

#include <optional>

using namespace coordinator_test;
using rule = core::guard;

namespace {

/// Switches a rule off for one play.
class in_force {
public:
    explicit in_force(rule which) : which_(which) {
#if defined(REEVE_GUARD_SWITCHES)
        force_ = GENERATE(true, false);
        core::set_enforced(which_, force_);
#endif
        UNSCOPED_INFO(core::name(which_) << (force_ ? " in force" : " switched off"));
    }
    ~in_force() {
#if defined(REEVE_GUARD_SWITCHES)
        core::set_enforced(which_, true);
#endif
    }
    in_force(const in_force&) = delete;
    in_force& operator=(const in_force&) = delete;
    explicit operator bool() const noexcept { return force_; }

private:
    rule which_;
    bool force_ = true;
};

/// Is it refused as the sender's mistake?
template <class Function>
bool refused(Function function) {
    return failure_of(function).first == errc::invalid_argument;
}

model::segment_id flushed_segment(segment_world& it) {
    const auto segment = it.allocate(100).parts[0].segment;
    it.make_flushing(segment);
    auto last = it.work(segment, 3, "", "m2");
    last.effect = model::flush_effect::flushes;
    REQUIRE(it.flush(last).outcome == commit_outcome::committed);
    return segment;
}

segment::granted_job grant(segment_world& it, model::segment_id segment) {
    return it.call(it.office(),
                   it.segments().grant_job("compaction", {segment}, model::node_name("n"), {}));
}

/// To nothing: the outputs are not what is tested.
segment::replace_outcome replace(segment_world& it, const segment::granted_job& job) {
    segment::replace_request request;
    request.job = job.job;
    request.epoch = job.record.epoch;
    request.revisions = job.revisions;
    return it.call(it.office(), it.segments().replace(request));
}

}  // namespace

TEST_CASE("guard own_files: else a flush adopts a file that its writer may write again") {
    segment_world it;
    const auto segment = it.allocate(100).parts[0].segment;
    auto request = it.work(segment, 1, "", "m1");
    request.what.groups[0].files[0].id.epoch.value += 1;
    const in_force rule_holds(rule::own_files);
    CHECK(refused([&] { it.flush(request); }) == bool(rule_holds));
}

TEST_CASE("guard settled_refusal: else a flush brings back what a sweep may have deleted") {
    segment_world it;
    const auto segment = it.allocate(100).parts[0].segment;
    REQUIRE(it.flush(it.work(segment, 9, "", "m1")).outcome == commit_outcome::committed);
    const in_force rule_holds(rule::settled_refusal);
    CHECK(refused([&] { it.flush(it.work(segment, 2, "m1", "m2")); }) == bool(rule_holds));
}

TEST_CASE("guard settled_forward: else a late copy moves the checkpoint back") {
    segment_world it;
    const auto segment = it.allocate(100).parts[0].segment;
    REQUIRE(it.flush(it.work(segment, 1, "", "m5")).outcome == commit_outcome::committed);
    const in_force rule_holds(rule::settled_forward);
    auto late = it.work(segment, 5, "m5", "m6");
    late.checkpoint = model::position("m1");
    REQUIRE(it.flush(late).outcome == commit_outcome::committed);
    model::channel_progress progress;
    const auto key = it.keys.progress(model::channel_name("a"));
    for (const auto& one : it.stores.database->dump()) {
        if (one.key == key) catalog::decoder().decode(one.key, one.value, progress);
    }
    CHECK((progress.checkpoint == model::position("m5")) == bool(rule_holds));
}

TEST_CASE("guard tick_epoch: else one who lost the channel ends allocations in it") {
    segment_world it;
    (void)it.allocate(100);
    model::tick_request request;
    request.by.channel = model::channel_name("a");
    request.by.node = model::node_name("nobody");
    request.by.epoch = it.entry("a").epoch;
    request.at = it.now();
    const in_force rule_holds(rule::tick_epoch);
    const auto reply = it.call(it.office(), it.segments().tick(request));
    CHECK((reply.grant == model::standing_of_grant::stale) == bool(rule_holds));
}

TEST_CASE("guard last_flush: else a holder ends a segment before it has come to its last rows") {
    segment_world it;
    const auto early = it.now();
    const auto segment = it.allocate(100).parts[0].segment;
    it.make_flushing(segment);  // by one who has ticked far ahead
    const in_force rule_holds(rule::last_flush);
    CHECK(it.tick(early).flush.empty() == bool(rule_holds));
}

TEST_CASE("guard segment_revision: else a flush overwrites a segment that was dropped") {
    segment_world it;
    const auto segment = it.allocate(100).parts[0].segment;
    const auto info = it.info(segment);
    it.write(it.keys.segment(info.collection, segment),
             catalog::encode(model::tombstone_of(info.record, segment_state::dropped, it.now())));
    const in_force rule_holds(rule::segment_revision);
    const auto outcome = it.flush(it.work(segment, 1, "", "m1")).outcome;
    CHECK((outcome == commit_outcome::dropped) == bool(rule_holds));
}

TEST_CASE("guard allocation_entry: else a segment begins in a channel that is dropped") {
    segment_world it;
    auto entry = it.entry("a");
    entry.state = model::channel_state::dropped;
    it.write("a", entry);
    const in_force rule_holds(rule::allocation_entry);
    const bool given = failure_of([&] { it.allocate(1); }).first == errc();
    CHECK(given != bool(rule_holds));
}

TEST_CASE("guard mark_last: else a channel is dropped without its last rows") {
    segment_world it;
    const auto segment = it.allocate(100).parts[0].segment;
    it.call(it.office(), it.segments().drop_collection(model::collection_id(7), ""));
    model::channel_drop_request request;
    request.checkpoint = model::position("m1");
    request.settled = 1;
    request.last.push_back(it.work(segment, 1, "", "m1").what);
    const in_force rule_holds(rule::mark_last);
    REQUIRE(it.drop(request).outcome == commit_outcome::committed);
    CHECK((it.count_records(it.keys.binlogs(segment)) == 1) == bool(rule_holds));
}

TEST_CASE("guard job_marks: else a job that was superseded replaces what the later one works on") {
    segment_world it;
    const auto segment = flushed_segment(it);
    const in_force rule_holds(rule::job_marks);
    const auto first = grant(it, segment);
    (void)grant(it, segment);
    CHECK((replace(it, first) == segment::replace_outcome::changed) == bool(rule_holds));
}

TEST_CASE("guard job_compared: else a job that has ended replaces segments all the same") {
    segment_world it;
    const auto job = grant(it, flushed_segment(it));
    auto ended = job.record;
    ended.state = model::job_state::ended;
    it.write(it.keys.job(job.job), catalog::encode(ended));
    const in_force rule_holds(rule::job_compared);
    CHECK((replace(it, job) == segment::replace_outcome::ended) == bool(rule_holds));
}
