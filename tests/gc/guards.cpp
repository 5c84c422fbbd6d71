// What each rule of garbage collection prevents: a play, with the rule and without it.
#include "reeve/core/guards.hpp"
#include "gc/support.hpp"

namespace reeve::sweeping {
namespace {

using rule = core::guard;

struct guarded : fixture {
    guarded() { options.few_deletes = 1000; }
    ~guarded() { switch_to(true); }
    guarded(const guarded&) = delete;
    guarded& operator=(const guarded&) = delete;

    // With the rule first; in a build with switches, then without it.
    bool in_force(rule which) {
        off_ = which;
        bool force = true;
#if defined(REEVE_GUARD_SWITCHES)
        force = GENERATE(true, false);
#endif
        INFO(core::name(which));
        switch_to(force);
        return force;
    }
    void switch_to([[maybe_unused]] bool on) {
#if defined(REEVE_GUARD_SWITCHES)
        if (off_) core::set_enforced(*off_, on);
#endif
    }
    // A sweep that may stop with an error.
    void try_to_sweep() {
        gc::orphan_sweep one(site(), known, options);
        (void)failure_of(one.sweep());
    }
    gc::pin_outcome pin(std::uint64_t id) {
        gc::pins pins(world.world_runtime(), *world.metadata(), keys, names,
                      fmt::format("reader-{}", ++pinned_));
        return run(pins.pin({{model::collection_id(1), model::segment_id(id)}}, "r")).outcome;
    }
    void reference(std::uint64_t number) {
        model::binlog_record record;
        auto& group = record.groups.emplace_back();
        group.files.resize(1);
        group.files[0].id = {model::epoch(9), number};
        put(keys.binlog(model::segment_id(50), {model::epoch(9), number}), encode(record));
    }

    std::optional<rule> off_;
    int pinned_ = 0;
};

}  // namespace

TEST_CASE_METHOD(guarded, "guard reading_order: else a flush that lands meanwhile loses its file") {
    const auto committed = orphan(1);
    channel("c", 9, 0);
    age(48h);
    const bool force = in_force(rule::reading_order);
    objects.listed = [this](storage::object_page&) -> awaitable<void> {
        model::binlog_record record;
        auto& group = record.groups.emplace_back();
        group.files.resize(1);
        group.files[0].id = {model::epoch(9), 1};
        storage::transaction change;
        change.put(keys.binlog(model::segment_id(50), {model::epoch(9), 1}), encode(record));
        co_await world.metadata()->commit(std::move(change));
    };
    // The epoch has ended before anything is asked, so only the order of the questions counts.
    erase(keys.channel(model::channel_name("c")));
    try_to_sweep();
    CHECK(there(committed) == force);
}

TEST_CASE_METHOD(guarded, "guard live_numbers: else a file is gone before its flush is committed") {
    channel("c", 30, 5);
    const auto uploaded = object(file(1, 51, 30, 5));
    age(48h);
    const bool force = in_force(rule::live_numbers);
    try_to_sweep();
    CHECK(there(uploaded) == force);
}

TEST_CASE_METHOD(guarded,
                 "guard unknown_epochs: else a restored store deletes what came after it") {
    const auto future = object(file(1, 50, 100, 1));
    age(48h);
    const bool force = in_force(rule::unknown_epochs);
    try_to_sweep();
    CHECK(there(future) == force);
}

TEST_CASE_METHOD(guarded, "guard object_age: else a clock that runs ahead ends the time to undo") {
    const auto one = orphan(1);
    objects.time = world.clock().wall_now();
    age(48h);  // of the sweeper's machine only
    const bool force = in_force(rule::object_age);
    try_to_sweep();
    CHECK(there(one) == force);
}

TEST_CASE_METHOD(guarded, "guard data_marker: else another cluster's bucket is swept") {
    const auto theirs = orphan(1);
    age(48h);
    auto other = root;
    other.cluster = "theirs";
    stores.bucket->put(gc::marker_name(*names), encode(other));
    const bool force = in_force(rule::data_marker);
    try_to_sweep();
    CHECK(there(theirs) == force);
}

TEST_CASE_METHOD(guarded, "guard data_lineage: else a restored store sweeps before it is adopted") {
    const auto one = orphan(1);
    age(48h);
    run(catalog::raise_lineage(*world.metadata(), keys));
    const bool force = in_force(rule::data_lineage);
    try_to_sweep();
    CHECK(there(one) == force);
}

TEST_CASE_METHOD(guarded,
                 "guard delete_fraction: else a store that lost its records deletes it all") {
    for (std::uint64_t at = 1; at <= 10; ++at) orphan(at);
    age(48h);
    options.few_deletes = 0;
    const bool force = in_force(rule::delete_fraction);
    try_to_sweep();
    CHECK(objects_left() == (force ? 10 : 0));
}

TEST_CASE_METHOD(guarded, "guard judged_again: else a plan deletes what was referenced since") {
    const auto one = orphan(1);
    age(48h);
    const bool force = in_force(rule::judged_again);
    gc::orphan_sweep sweep_one(site(), known, options);
    auto plan = run(sweep_one.plan(10));
    reference(1);
    run(sweep_one.apply(std::move(plan)));
    CHECK(there(one) == force);
}

TEST_CASE_METHOD(guarded, "guard pins: else a segment is collected under its reader") {
    segment(1, 20, segment_state::dropped);
    flush(1, 20, 1, "old/20");
    CHECK(pin(20) == gc::pin_outcome::pinned);
    age(48h);
    const bool force = in_force(rule::pins);
    sweep_dropped();
    CHECK(there("data/old/20") == force);
}

TEST_CASE_METHOD(guarded, "guard pin_comparison: else a reader pins what is being deleted") {
    segment(1, 20, segment_state::collecting);
    const bool force = in_force(rule::pin_comparison);
    CHECK((pin(20) == gc::pin_outcome::pinned) == !force);
}

TEST_CASE_METHOD(guarded,
                 "guard collecting: else a reader pins while the files are being deleted") {
    segment(1, 20, segment_state::dropped);
    flush(1, 20, 1, "old/20");
    age(48h);
    const bool force = in_force(rule::collecting);
    auto outcome = gc::pin_outcome::unknown;
    objects.removing = [this, &outcome](const std::vector<std::string>&) -> awaitable<void> {
        gc::pins pins(world.world_runtime(), *world.metadata(), keys, names, "late");
        std::vector<model::pinned_segment> what(1);
        what[0] = model::pinned_segment{model::collection_id(1), model::segment_id(20)};
        const auto made = co_await pins.pin(std::move(what), "late");
        outcome = made.outcome;
    };
    sweep_dropped();
    CHECK_FALSE(there("data/old/20"));
    CHECK((outcome == gc::pin_outcome::pinned) == !force);
}

TEST_CASE_METHOD(guarded, "guard files_first: else a file that could not be deleted is forgotten") {
    segment(1, 20, segment_state::dropped);
    flush(1, 20, 1, "old/20");
    age(48h);
    const bool force = in_force(rule::files_first);
    objects.stuck = {"data/old/20"};
    sweep_dropped();
    CHECK(there("data/old/20"));
    CHECK((flushes_of(20) == 1) == force);
    objects.stuck.clear();
    for (int round = 0; round < 3; ++round) {
        sweep_dropped();
        try_to_sweep();
    }
    CHECK(there("data/old/20") == !force);
}

}  // namespace reeve::sweeping
