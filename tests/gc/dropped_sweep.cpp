// D1 to D7: from a dropped segment to its tombstone, and what keeps it.
#include "reeve/gc/dropped_sweep.hpp"

#include "gc/support.hpp"

namespace reeve::sweeping {
namespace {

struct collecting : fixture {
    // A dropped segment with so many flushes of two files.
    void dropped_segment(std::uint64_t collection, std::uint64_t id, std::uint64_t flushes,
                         segment_state state = segment_state::dropped) {
        segment(collection, id, state);
        for (std::uint64_t at = 1; at <= flushes; ++at) {
            flush(collection, id, at + id * 100, fmt::format("old/{}/{}", id, at));
        }
    }
    gc::pin_result pin(std::uint64_t collection, std::uint64_t id) {
        gc::pins pins(world.world_runtime(), *world.metadata(), keys, names, "reader");
        return run(pins.pin({{model::collection_id(collection), model::segment_id(id)}}, "r"));
    }
    bool unpin(std::uint64_t number) {
        gc::pins pins(world.world_runtime(), *world.metadata(), keys, names, "reader-2");
        return run(pins.unpin(number));
    }
};

}  // namespace

TEST_CASE_METHOD(collecting,
                 "a segment that was dropped for long enough leaves a tombstone alone") {
    dropped_segment(1, 20, 3);
    dropped_segment(1, 21, 0);
    segment(1, 22, segment_state::flushed);
    flush(1, 22, 5, "old/22/1");
    age(25h);
    const auto report = sweep_dropped();
    CHECK(report.due == 2);
    CHECK(report.marked == 2);
    CHECK(report.collected == 2);
    CHECK(report.deleted.objects == 6);
    CHECK(report.deleted.bytes == 60);
    CHECK(state_of(1, 20) == segment_state::collected);
    CHECK(state_of(1, 21) == segment_state::collected);
    CHECK(state_of(1, 22) == segment_state::flushed);
    CHECK(flushes_of(20) == 0);
    CHECK(flushes_of(22) == 1);
    CHECK(objects_left() == 2);
    // The tombstone says when it was dropped, and who asked is told of every step.
    const auto key = keys.segment(model::collection_id(1), model::segment_id(20));
    model::segment_record record;
    const auto found = run(metadata.get(key));
    catalog::decoder().decode(key, found->value, record);
    CHECK(record.dropped_at.value + 25 * 3'600'000 == now().value);
    CHECK(record.rows == 5);
    CHECK(known.gone.size() == 3);
    REQUIRE_FALSE(known.told.empty());
    CHECK(
        std::get<2>(known.told.back()) ==
        run(metadata.get(keys.segment(model::collection_id(1), model::segment_id(21))))->modified);
    CHECK(gc::text(report).find("2 collected") != std::string::npos);
    CHECK(sweep_dropped().due == 0);
}

TEST_CASE_METHOD(collecting,
                 "D1: a drop waits for the longer of its retention and of time travel") {
    dropped_segment(1, 20, 1);
    dropped.drop_retention = 2h;
    dropped.time_travel = 1h;
    age(2h - 1ms);
    CHECK(sweep_dropped().due == 0);
    dropped.time_travel = 3h;
    age(1ms);
    CHECK(sweep_dropped().due == 0);
    dropped.time_travel = 2h;
    CHECK(sweep_dropped().collected == 1);
}

TEST_CASE_METHOD(collecting, "D2: the record decides, whatever memory says is due") {
    dropped_segment(1, 20, 1);
    segment(1, 21, segment_state::flushed);
    flush(1, 21, 7);
    segment(1, 22, segment_state::collected);
    for (const std::uint64_t id : {20U, 21U, 22U, 23U}) known.wrong.insert(model::segment_id(id));
    const auto report = sweep_dropped();
    CHECK(report.due == 4);
    CHECK(report.early == 2);
    CHECK(report.moved == 1);  // there is no such segment
    CHECK(report.collected == 0);
    CHECK(state_of(1, 20) == segment_state::dropped);
    CHECK(state_of(1, 21) == segment_state::flushed);
    CHECK(objects_left() == 3);
}

TEST_CASE_METHOD(collecting, "D3: a pinned segment stays until it is unpinned") {
    dropped_segment(1, 20, 1);
    dropped_segment(1, 21, 1);
    const auto made = pin(1, 20);
    REQUIRE(made);
    age(25h);
    auto report = sweep_dropped();
    CHECK(report.pinned == 1);
    CHECK(report.collected == 1);
    CHECK(state_of(1, 20) == segment_state::dropped);
    CHECK(flushes_of(20) == 1);
    CHECK(there("data/old/20/1"));
    CHECK(unpin(made.number));
    CHECK(sweep_dropped().collected == 1);
    CHECK(objects_left() == 0);
}

TEST_CASE_METHOD(collecting,
                 "D3: a segment stays while one of its names is pinned, imported or not") {
    dropped_segment(1, 20, 3);
    const auto prefix = GENERATE(as<std::string>(), "data/1/7/20/insert/0/8-2003", "data/old/20/3",
                                 "data/1/", "data/", "d");
    INFO(prefix);
    gc::pins pins(world.world_runtime(), metadata, keys, names, "reader");
    const auto made = run(pins.pin_prefix(prefix, "backup"));
    age(25h);
    dropped.flushes = 2;
    CHECK(sweep_dropped().pinned == 1);
    CHECK(objects_left() == 6);
    CHECK(run(pins.unpin(made.number)));
    CHECK(run(pins.pin_prefix("data/old/2/", "backup")));
    CHECK(sweep_dropped().collected == 1);
}

TEST_CASE_METHOD(collecting, "D4: a pin that comes between reading and marking wins") {
    dropped_segment(1, 20, 1);
    dropped_segment(1, 21, 1);
    age(25h);
    metadata.before_commit = [this](std::size_t number) -> awaitable<void> {
        if (number != 0) co_return;
        gc::pins pins(world.world_runtime(), *world.metadata(), keys, names, "reader");
        std::vector<model::pinned_segment> what(1);
        what[0] = model::pinned_segment{model::collection_id(1), model::segment_id(20)};
        const auto made = co_await pins.pin(std::move(what), "just in time");
        CHECK(made);
    };
    const auto report = sweep_dropped();
    CHECK(report.pinned == 1);
    CHECK(report.collected == 1);
    CHECK(state_of(1, 20) == segment_state::dropped);
    CHECK(there("data/old/20/1"));
}

TEST_CASE_METHOD(collecting, "D4: a pin that comes after marking is refused") {
    dropped_segment(1, 20, 1);
    age(25h);
    auto outcome = gc::pin_outcome::pinned;
    objects.removing = [this, &outcome](const std::vector<std::string>&) -> awaitable<void> {
        gc::pins pins(world.world_runtime(), *world.metadata(), keys, names, "reader");
        std::vector<model::pinned_segment> what(1);
        what[0] = model::pinned_segment{model::collection_id(1), model::segment_id(20)};
        const auto made = co_await pins.pin(std::move(what), "too late");
        outcome = made.outcome;
    };
    CHECK(sweep_dropped().collected == 1);
    CHECK(outcome == gc::pin_outcome::collecting);
}

TEST_CASE_METHOD(collecting,
                 "pins that come and go all the time do not keep what they do not hold") {
    dropped_segment(1, 20, 1);
    segment(1, 30, segment_state::flushed);
    age(25h);
    metadata.before_commit = [this](std::size_t number) -> awaitable<void> {
        if (number >= 5) co_return;
        gc::pins pins(world.world_runtime(), *world.metadata(), keys, names,
                      fmt::format("reader-{}", number));
        std::vector<model::pinned_segment> what(1);
        what[0] = model::pinned_segment{model::collection_id(1), model::segment_id(30)};
        co_await pins.pin(std::move(what), "another");
    };
    CHECK(sweep_dropped().collected == 1);
}

TEST_CASE_METHOD(collecting, "D4: a record that changes meanwhile is looked at again") {
    dropped_segment(1, 20, 1);
    age(25h);
    metadata.before_commit = [this](std::size_t number) -> awaitable<void> {
        if (number != 0) co_return;
        const auto key = keys.segment(model::collection_id(1), model::segment_id(20));
        const auto found = co_await world.metadata()->get(key);
        storage::transaction change;
        change.put(key, found->value);
        co_await world.metadata()->commit(std::move(change));
    };
    CHECK(sweep_dropped().collected == 1);
}

TEST_CASE_METHOD(collecting, "D6: records go only when each of their files is known to be gone") {
    dropped_segment(1, 20, 3);
    age(25h);
    objects.stuck.insert("data/old/20/2");
    dropped.pace.delete_batch = 2;
    dropped.pace.deletes_at_once = 1;  // a flush at a time
    auto report = sweep_dropped();
    CHECK(report.collected == 0);
    CHECK(report.unfinished == 1);
    CHECK(report.deleted.objects == 5);
    CHECK(report.deleted.failed == 1);
    CHECK(report.deleted.failures.at(0).find("data/old/20/2") != std::string::npos);
    CHECK(state_of(1, 20) == segment_state::collecting);
    CHECK(flushes_of(20) == 1);
    objects.stuck.clear();
    report = sweep_dropped();
    CHECK(report.marked == 0);
    CHECK(report.collected == 1);
    CHECK(objects_left() == 0);
}

TEST_CASE_METHOD(collecting, "a record that cannot be read keeps its segment and nobody else's") {
    dropped_segment(1, 20, 1);
    dropped_segment(1, 21, 1);
    dropped_segment(1, 22, 1);
    put(keys.segment(model::collection_id(1), model::segment_id(20)), "garbage");
    put(keys.binlog(model::segment_id(21), {model::epoch(8), 2101}), std::string(100'000, '{'));
    age(25h);
    const auto report = sweep_dropped();
    CHECK(report.collected == 1);
    CHECK(report.unfinished == 2);
    REQUIRE(report.troubles.size() == 2);
    CHECK(report.troubles[0].find("segments/1/20") != std::string::npos);
    CHECK(report.troubles[1].find("binlogs/21/") != std::string::npos);
    CHECK(there("data/old/20/1"));
    CHECK(there("data/old/21/1"));
    // Who cannot read the pins collects nothing at all.
    dropped_segment(1, 23, 1);
    put(keys.pin(1), "garbage");
    age(25h);
    CHECK(dropped_failure() == errc::corrupt);
    CHECK(state_of(1, 23) == segment_state::dropped);
}

TEST_CASE_METHOD(collecting,
                 "a flush whose files cannot be known keeps its segment from a pinned name") {
    dropped_segment(1, 20, 1);
    dropped_segment(1, 21, 1);
    put(keys.binlog(model::segment_id(20), {model::epoch(8), 2001}), "garbage");
    gc::pins pins(world.world_runtime(), metadata, keys, names, "reader");
    CHECK(run(pins.pin_prefix("data/9/", "backup")));
    age(25h);
    const auto report = sweep_dropped();
    CHECK(report.unfinished == 1);
    CHECK(report.collected == 1);
    CHECK(state_of(1, 20) == segment_state::dropped);
}

TEST_CASE_METHOD(collecting,
                 "parts of a large transaction that is not finished are left to a later sweep") {
    dropped_segment(1, 20, 2);
    const auto key = keys.binlog(model::segment_id(20), {model::epoch(8), 2002});
    const auto value = run(metadata.get(key))->value;
    put(key, catalog::mark(5, value));
    age(25h);
    auto report = sweep_dropped();
    CHECK(report.unfinished == 1);
    CHECK(state_of(1, 20) == segment_state::collecting);
    CHECK(flushes_of(20) == 1);
    CHECK(there("data/old/20/2"));
    put(key, value);
    CHECK(sweep_dropped().collected == 1);
    CHECK(objects_left() == 0);
}

TEST_CASE_METHOD(collecting, "G5: without its own marker nothing is marked and nothing deleted") {
    dropped_segment(1, 20, 1);
    age(25h);
    stores.bucket->remove(gc::marker_name(*names));
    CHECK(dropped_failure() == errc::foreign);
    CHECK(state_of(1, 20) == segment_state::dropped);
    CHECK(there("data/old/20/1"));
}

TEST_CASE_METHOD(collecting, "a pause keeps what it names, marked already or not") {
    dropped_segment(1, 20, 1);
    dropped_segment(2, 21, 1);
    dropped_segment(1, 22, 1, segment_state::collecting);
    age(25h);
    pause(1, model::gc_state::paused);
    auto report = sweep_dropped();
    CHECK(report.paused_segments == 2);
    CHECK(report.collected == 1);
    CHECK(state_of(1, 20) == segment_state::dropped);
    CHECK(state_of(1, 22) == segment_state::collecting);
    pause({}, model::gc_state::paused);
    CHECK(sweep_dropped().paused);
    pause({}, model::gc_state::running);
    pause(1, model::gc_state::running);
    CHECK(sweep_dropped().collected == 2);
}

TEST_CASE_METHOD(collecting, "a pause is seen between two pages of flushes") {
    dropped_segment(1, 20, 4);
    age(25h);
    dropped.flushes = 2;
    objects.removing = [this](const std::vector<std::string>&) -> awaitable<void> {
        co_await gc::set_paused(*world.metadata(), keys, std::nullopt, model::gc_state::paused, "",
                                world.clock().wall_now());
    };
    const auto report = sweep_dropped();
    CHECK(report.paused);
    CHECK(flushes_of(20) == 2);
    CHECK(state_of(1, 20) == segment_state::collecting);
    objects.removing = {};
    pause({}, model::gc_state::running);
    CHECK(sweep_dropped().collected == 1);
}

TEST_CASE_METHOD(collecting,
                 "a deposed leader marks nothing and deletes nothing of a dropped segment") {
    dropped_segment(1, 20, 1);
    age(25h);
    lead();
    CHECK(dropped_failure() == errc::fenced);
    CHECK(state_of(1, 20) == segment_state::dropped);
    CHECK(objects_left() == 2);
}

TEST_CASE_METHOD(collecting, "requests of unknown outcome are found out by the next sweep") {
    dropped_segment(1, 20, 2);
    age(25h);
    const auto which = GENERATE(0U, 1U, 2U);
    const auto what = GENERATE(support::fault::no_reply, support::fault::lost, support::fault::away,
                               support::fault::ghost);
    INFO(which << " " << static_cast<int>(what));
    metadata.faults[which] = what;
    const auto first = sweep_dropped();
    CHECK(first.collected == 0);
    CHECK(first.moved + first.unfinished == 1);
    sweep_dropped();
    run(metadata.land());
    sweep_dropped();
    CHECK(state_of(1, 20) == segment_state::collected);
    CHECK(flushes_of(20) == 0);
    CHECK(objects_left() == 0);
}

TEST_CASE_METHOD(collecting,
                 "many segments go in batches, each looked at once, some of them stuck") {
    for (std::uint64_t id = 1; id <= 25; ++id) dropped_segment(1, id, 1);
    objects.stuck.insert("data/old/3/1");
    REQUIRE(pin(1, 7));
    age(25h);
    dropped.segments = 4;
    std::size_t told = 0;
    gc::dropped_sweep one(site(), known, dropped);
    one.on_progress([&](const gc::dropped_report&) { ++told; });
    const auto report = run(one.sweep());
    CHECK(report.due == 25);
    CHECK(report.marked == 24);
    CHECK(report.collected == 23);
    CHECK(report.pinned == 1);
    CHECK(report.unfinished == 1);
    CHECK(told == 25);
}

TEST_CASE_METHOD(collecting, "the journal says which files went with their segments") {
    dropped_segment(1, 20, 2);
    age(25h);
    gc::journal lines(world.world_runtime(), metadata, keys, guard);
    journal = &lines;
    CHECK(sweep_dropped().collected == 1);
    const auto all = run(gc::read_journal(metadata, keys));
    REQUIRE(all.size() == 1);
    CHECK(all[0].sweep == model::gc_sweep::dropped);
    REQUIRE(all[0].objects.size() == 4);
    CHECK(all[0].objects[1].name == "data/old/20/1");
    CHECK(all[0].objects[1].why == "its segment was dropped");
}

TEST_CASE_METHOD(collecting, "options of the dropped sweep outside the stated ranges are refused") {
    const auto refused = [&](const std::function<void(gc::dropped_options&)>& bend) {
        auto bent = dropped;
        bend(bent);
        try {
            const gc::dropped_sweep made(site(), known, bent);
        } catch (const error& failure) {
            return failure.code_value() == errc::invalid_argument;
        }
        return false;
    };
    using o = gc::dropped_options;
    CHECK_FALSE(refused([](o&) {}));
    CHECK(refused([](o& it) { it.segments = 0; }));
    CHECK(refused([](o& it) { it.flushes = 0; }));
    CHECK(refused([](o& it) { it.drop_retention = -1ms; }));
    CHECK(refused([](o& it) { it.time_travel = -1ms; }));
    CHECK(refused([](o& it) { it.interval = -1ms; }));
    CHECK(refused([](o& it) { it.pace.delete_batch = 0; }));
}

}  // namespace reeve::sweeping
