// The loops of both sweeps: when they begin, what stops them, and that neither waits for the other.
#include "gc/support.hpp"
#include "reeve/core/event.hpp"
#include "reeve/core/task_scope.hpp"

namespace reeve::sweeping {
namespace {

struct looping : fixture {
    looping() {
        options.pace.retry = {1000ms, 8000ms};
        dropped.pace.retry = options.pace.retry;
    }
    void spawn(awaitable<void> loop) {
        tasks.spawn(std::move(loop), [this](std::exception_ptr thrown) {
            try {
                std::rethrow_exception(thrown);
            } catch (const error& failure) {
                ended_by = failure.code_value();
            }
        });
    }

    core::task_scope tasks{world.world_runtime()};
    errc ended_by{};
};

}  // namespace

TEST_CASE_METHOD(looping,
                 "the next round begins an interval after the last one, whoever leads then") {
    {
        gc::orphan_sweep first(site(), known, options);
        spawn(first.run());
        world.run_for(1h);
        orphan(1);
        world.run_for(46h);  // rounds at 0 h and 24 h
        CHECK(first.status().sweeps == 2);
        CHECK(objects_left() == 1);
        run(tasks.stop());
    }
    guard = lead();
    gc::orphan_sweep second(site(), known, options);
    spawn(second.run());
    world.run_for(59min);
    CHECK(second.status().sweeps == 0);
    CHECK(objects_left() == 1);
    world.run_for(2min);
    CHECK(second.status().sweeps == 1);
    CHECK(objects_left() == 0);
    run(tasks.stop());
}

TEST_CASE_METHOD(looping, "a stopped sweep is shown, tried again, and goes on when it is mended") {
    orphan(1);
    age(48h);
    const auto marker = gc::marker_name(*names);
    stores.bucket->remove(marker);
    gc::orphan_sweep one(site(), known, options);
    spawn(one.run());
    world.run_for(1min);
    CHECK(one.status().stopped >= 5);
    CHECK(one.status().sweeps == 0);
    CHECK(one.status().trouble.find("reeve-marker") != std::string::npos);
    CHECK(objects_left() == 0);  // the orphan alone is there
    CHECK(there(file(1, 50, 9, 1)));
    stores.bucket->put(marker, encode(root));
    world.run_for(10s);
    CHECK(one.status().sweeps == 1);
    CHECK(one.status().trouble.empty());
    CHECK_FALSE(there(file(1, 50, 9, 1)));
    run(tasks.stop());
}

TEST_CASE_METHOD(looping, "a paused loop looks again and goes on where it was") {
    orphan(1);
    segment(1, 20, segment_state::dropped);
    age(48h);
    pause({}, model::gc_state::paused);
    gc::orphan_sweep one(site(), known, options);
    gc::dropped_sweep two(site(), known, dropped);
    spawn(one.run());
    spawn(two.run());
    world.run_for(10min);
    CHECK(one.status().paused);
    CHECK(two.status().paused);
    CHECK(one.status().sweeps + two.status().sweeps == 0);
    CHECK(objects_left() == 1);
    pause({}, model::gc_state::running);
    world.run_for(options.pace.pause_poll + 1s);
    CHECK_FALSE(one.status().paused);
    CHECK(one.status().sweeps == 1);
    CHECK(two.status().sweeps == 1);
    CHECK(objects_left() == 0);
    CHECK(state_of(1, 20) == segment_state::collected);
    run(tasks.stop());
}

TEST_CASE_METHOD(looping, "a deposed leader's loops end") {
    orphan(1);
    segment(1, 20, segment_state::dropped);
    age(48h);
    lead();
    SECTION("orphans") {
        gc::orphan_sweep one(site(), known, options);
        spawn(one.run());
        world.run_for(1min);
        CHECK(ended_by == errc::fenced);
    }
    SECTION("dropped segments") {
        gc::dropped_sweep one(site(), known, dropped);
        spawn(one.run());
        world.run_for(1min);
        CHECK(ended_by == errc::fenced);
        CHECK(state_of(1, 20) == segment_state::dropped);
    }
    CHECK(tasks.running() == 0);
}

TEST_CASE_METHOD(looping, "neither sweep waits for the other: milvus#49585") {
    orphan(1);
    segment(1, 20, segment_state::dropped);
    flush(1, 20, 1, "old/20");
    age(48h);
    core::event never(world.world_runtime());
    gc::orphan_sweep one(site(), known, options);
    gc::dropped_sweep two(site(), known, dropped);
    SECTION("a listing that never ends") {
        objects.listed = [&never](storage::object_page&) -> awaitable<void> {
            co_await never.wait();
        };
        spawn(one.run());
        spawn(two.run());
        world.run_for(1h);
        CHECK(one.status().sweeps == 0);
        CHECK(two.status().sweeps >= 5);
        CHECK(state_of(1, 20) == segment_state::collected);
    }
    SECTION("a segment whose files cannot be deleted") {
        objects.stuck = {"data/old/20"};
        spawn(one.run());
        spawn(two.run());
        world.run_for(1h);
        CHECK(one.status().sweeps == 1);
        CHECK(state_of(1, 20) == segment_state::collecting);
        CHECK_FALSE(there(file(1, 50, 9, 1)));
    }
    run(tasks.stop());
}

TEST_CASE_METHOD(looping, "a loop that is cancelled ends at once, wherever it waits") {
    for (std::uint64_t at = 1; at <= 30; ++at) orphan(at);
    age(48h);
    options.pace.objects_per_second = 1;
    options.page = 10;
    gc::orphan_sweep one(site(), known, options);
    spawn(one.run());
    world.run_for(5s);
    CHECK(one.status().running);
    run(tasks.stop());
    CHECK(tasks.running() == 0);
    CHECK(ended_by == errc{});
}

}  // namespace reeve::sweeping
