// O1 to O5: what the orphan sweep deletes, what stops it, and where it goes on.
#include "reeve/gc/orphan_sweep.hpp"

#include "gc/support.hpp"

#include <limits>

namespace reeve::sweeping {
namespace {

struct sweeping_orphans : fixture {
    model::gc_cursor cursor() {
        const auto found = run(world.metadata()->get(keys.gc_cursor("data")));
        model::gc_cursor read;
        if (found) catalog::decoder().decode(found->key, found->value, read);
        return read;
    }
    // So many objects of each kind, old enough.
    void mixed() {
        segment(1, 20, segment_state::flushed);
        for (std::uint64_t at = 1; at <= 5; ++at) flush(1, 20, at);
        for (std::uint64_t at = 1; at <= 3; ++at) orphan(at);
        channel("c", 30, 5);
        object(file(1, 51, 30, 4));
        object(file(1, 51, 30, 5));
        object("data/some/where");
        age(48h);
    }
};

}  // namespace

TEST_CASE_METHOD(sweeping_orphans,
                 "a sweep deletes garbage and nothing else, and says what it saw") {
    mixed();
    const auto young = orphan(4);
    const auto report = sweep();
    CHECK(report.complete);
    CHECK(report.seen() == 12);
    CHECK(report.count(verdict::referenced) == 5);
    CHECK(report.count(verdict::garbage) == 4);
    CHECK(report.count(verdict::in_use) == 1);
    CHECK(report.count(verdict::young) == 1);
    CHECK(report.count(verdict::unreadable) == 1);
    CHECK(report.unreadable == std::vector<std::string>{"data/some/where"});
    CHECK(report.deleted.objects == 4);
    CHECK(report.deleted.bytes == 40);
    CHECK(report.deleted.failed == 0);
    CHECK(objects_left() == 8);
    CHECK(there(young));
    CHECK(there(file(1, 51, 30, 5)));
    CHECK_FALSE(there(file(1, 51, 30, 4)));
    CHECK(there("data/some/where"));
    CHECK(gc::text(report).find("4 deleted (40 bytes)") != std::string::npos);
    // S6: after the retention nothing is left to do.
    age(25h);
    CHECK(sweep().deleted.objects == 1);
    CHECK(sweep().deleted.objects == 0);
}

TEST_CASE_METHOD(sweeping_orphans, "G1: a flush that lands between listing and judging is seen") {
    segment(1, 50, segment_state::flushed);
    const auto committed = orphan(1);
    channel("c", 9, 0);
    age(48h);
    objects.listed = [this](storage::object_page&) -> awaitable<void> {
        // The flush lands, then its epoch ends.
        model::binlog_record record;
        auto& group = record.groups.emplace_back();
        group.files.resize(1);
        group.files[0].id = {model::epoch(9), 1};
        storage::transaction change;
        model::channel_entry entry;
        entry.state = model::channel_state::unassigned;
        change.put(keys.binlog(model::segment_id(50), {model::epoch(9), 1}), encode(record))
            .put(keys.channel(model::channel_name("c")), encode(entry));
        co_await world.metadata()->commit(std::move(change));
    };
    CHECK(sweep().count(verdict::referenced) == 1);
    CHECK(there(committed));
}

TEST_CASE_METHOD(sweeping_orphans, "the facts are asked for anew for each page") {
    for (std::uint64_t at = 1; at <= 7; ++at) orphan(at);
    age(48h);
    options.page = 2;
    CHECK(sweep().deleted.objects == 7);
    CHECK(known.refreshed == 4);
}

TEST_CASE_METHOD(sweeping_orphans, "a leader that cannot know deletes nothing") {
    orphan(1);
    age(48h);
    known.away = true;
    CHECK(sweep_failure() == errc::unavailable);
    CHECK(objects_left() == 1);
    known.away = false;
    metadata.list_failure = errc::unavailable;
    CHECK(sweep_failure() == errc::unavailable);
    CHECK(objects_left() == 1);
}

TEST_CASE_METHOD(sweeping_orphans, "G5: without its own marker a sweep deletes nothing") {
    orphan(1);
    age(48h);
    const auto marker = gc::marker_name(*names);
    SECTION("missing") {
        stores.bucket->remove(marker);
        CHECK(sweep_failure() == errc::foreign);
    }
    SECTION("of another cluster") {
        root.cluster = "theirs";
        stores.bucket->put(marker, encode(root));
        CHECK(sweep_failure() == errc::foreign);
    }
    SECTION("of another lineage") {
        run(catalog::raise_lineage(*world.metadata(), keys));
        CHECK(sweep_failure() == errc::foreign);
    }
    SECTION("garbage") {
        stores.bucket->put(marker, "\xff");
        CHECK(sweep_failure() == errc::corrupt);
    }
    SECTION("no root record to compare it with") {
        erase(keys.root_record());
        CHECK(sweep_failure() == errc::not_found);
    }
    SECTION("it goes while the sweep runs") {
        for (std::uint64_t at = 2; at <= 6; ++at) orphan(at);
        age(48h);
        options.page = 2;
        objects.listed = [this, marker](storage::object_page&) -> awaitable<void> {
            stores.bucket->remove(marker);
            co_return;
        };
        CHECK(sweep_failure() == errc::foreign);
        CHECK(stores.bucket->keys().size() == 6);
    }
    CHECK(there(file(1, 50, 9, 1)));
}

TEST_CASE_METHOD(sweeping_orphans, "an epoch that was never given out stops the sweep, by name") {
    orphan(1);
    const auto future = object(file(1, 50, 100, 1));
    age(48h);
    CHECK(sweep_failure() == errc::refused);
    CHECK(last_failure.find(future) != std::string::npos);
    CHECK(objects_left() == 2);
    put(keys.ids(), encode(catalog::id_counter{101}));
    CHECK(sweep().deleted.objects == 2);
}

TEST_CASE_METHOD(sweeping_orphans, "garbage of an unknown or a future time stops the sweep") {
    const auto one = orphan(1);
    age(48h);
    std::optional<core::wall_time> written;
    objects.listed = [&written](storage::object_page& page) -> awaitable<void> {
        if (written) {
            for (auto& object : page.objects) object.last_modified = *written;
        }
        co_return;
    };
    const auto moment = world.clock().wall_now();
    written = core::wall_time();
    CHECK(sweep_failure() == errc::refused);
    CHECK(last_failure.find(one) != std::string::npos);
    written = moment + 1s;
    CHECK(sweep_failure() == errc::refused);
    CHECK(there(one));
    // Forced: it is left alone and counted.
    options.pass_suspicious = true;
    auto report = sweep();
    CHECK(report.count(verdict::suspicious) == 1);
    REQUIRE(report.suspicious.size() == 1);
    CHECK(report.suspicious[0].find(one) != std::string::npos);
    CHECK(there(one));
    written = moment - 24h;
    CHECK(sweep().deleted.objects == 1);
}

TEST_CASE_METHOD(sweeping_orphans, "age is by the object store's clock, wherever ours has gone") {
    const auto one = orphan(1);
    objects.time = world.clock().wall_now() + 24h - 1ms;
    age(480h);
    CHECK(sweep().count(verdict::young) == 1);
    CHECK(there(one));
    objects.time = *objects.time + 1ms;
    CHECK(sweep().deleted.objects == 1);
}

TEST_CASE_METHOD(sweeping_orphans, "too much garbage in a window stops the sweep") {
    segment(1, 20, segment_state::flushed);
    for (std::uint64_t at = 1; at <= 4; ++at) flush(1, 20, at);
    for (std::uint64_t at = 1; at <= 4; ++at) orphan(at);
    age(48h);
    options.few_deletes = 0;
    options.delete_fraction_max = 0.5;
    SECTION("just what is accepted") { CHECK(sweep().deleted.objects == 4); }
    SECTION("one more") {
        orphan(5);
        age(48h);
        CHECK(sweep_failure() == errc::refused);
        CHECK(last_failure.find("5 of 9") != std::string::npos);
        CHECK(objects_left() == 9);
        options.any_fraction = true;
        CHECK(sweep().deleted.objects == 5);
    }
    SECTION("a few are never too many") {
        orphan(5);
        age(48h);
        options.few_deletes = 5;
        CHECK(sweep().deleted.objects == 5);
    }
    SECTION("a fraction of nothing") {
        options.delete_fraction_max = 0;
        CHECK(sweep_failure() == errc::refused);
        options.delete_fraction_max = 1;
        CHECK(sweep().deleted.objects == 4);
    }
    SECTION("each window by itself: what earlier ones deleted stays deleted") {
        // In the order of the listing: the four of segment 20, then the orphans of 50.
        options.window = 4;
        options.page = 2;
        CHECK(sweep_failure() == errc::refused);
        CHECK(objects_left() == 8);
        CHECK(cursor().after == file(1, 20, 8, 4));
    }
}

TEST_CASE_METHOD(sweeping_orphans,
                 "a delete that fails is counted, named, and done by the next sweep") {
    for (std::uint64_t at = 1; at <= 5; ++at) orphan(at);
    age(48h);
    const auto stuck = file(1, 50, 9, 3);
    objects.stuck.insert(stuck);
    auto report = sweep();
    CHECK(report.complete);
    CHECK(report.deleted.objects == 4);
    CHECK(report.deleted.failed == 1);
    REQUIRE(report.deleted.failures.size() == 1);
    CHECK(report.deleted.failures[0].find(stuck) != std::string::npos);
    CHECK(there(stuck));
    objects.stuck.clear();
    CHECK(sweep().deleted.objects == 1);

    for (std::uint64_t at = 1; at <= 5; ++at) orphan(at);
    age(48h);
    objects.removal_failure = errc::permission_denied;
    options.pace.samples_max = 2;
    report = sweep();
    CHECK(report.deleted.objects == 0);
    CHECK(report.deleted.failed == 5);
    CHECK(report.deleted.failures.size() == 2);
    objects.removal_failure.reset();
    CHECK(sweep().deleted.objects == 5);
}

TEST_CASE_METHOD(sweeping_orphans,
                 "deletes go in batches of the size that is wanted and accepted") {
    for (std::uint64_t at = 1; at <= 23; ++at) orphan(at);
    age(48h);
    options.pace.delete_batch = 5;
    options.pace.deletes_at_once = 2;
    CHECK(sweep().deleted.objects == 23);
    CHECK(objects.remove_most == 5);
    CHECK(objects.remove_calls == 5);
}

TEST_CASE_METHOD(sweeping_orphans, "a round goes on at its cursor, under another leader, too") {
    for (std::uint64_t at = 1; at <= 9; ++at) orphan(at);
    age(48h);
    options.page = 2;
    options.window = 2;
    std::size_t pages = 0;
    objects.listed = [&pages](storage::object_page&) -> awaitable<void> {
        if (++pages == 3) throw error(errc::unavailable, "the object store is away");
        co_return;
    };
    CHECK(sweep_failure() == errc::unavailable);
    CHECK(objects_left() == 5);
    CHECK(cursor().after == file(1, 50, 9, 4));
    CHECK(cursor().rounds == 0);
    CHECK(sweep_failure() == errc{});
    CHECK(objects_left() == 0);
    CHECK(cursor().after.empty());
    CHECK(cursor().rounds == 1);
    CHECK(cursor().finished_ms == static_cast<std::int64_t>(now().value));
    // Behind the cursor nothing was looked at, and the next round begins at the beginning.
    orphan(1);
    age(48h);
    guard = lead();
    CHECK(sweep().deleted.objects == 1);
    CHECK(cursor().rounds == 2);
}

TEST_CASE_METHOD(sweeping_orphans, "a deposed leader stops at its next cursor") {
    for (std::uint64_t at = 1; at <= 9; ++at) orphan(at);
    age(48h);
    options.page = 2;
    options.window = 2;
    lead();
    CHECK(sweep_failure() == errc::fenced);
    // What it deleted until then was garbage for ever.
    CHECK(objects_left() == 7);
}

TEST_CASE_METHOD(sweeping_orphans,
                 "objects that come and go while a listing goes on are judged as they are") {
    for (std::uint64_t at = 10; at <= 19; ++at) orphan(at);
    age(48h);
    segment(1, 50, segment_state::flushed);
    options.page = 3;
    options.window = 1000;
    std::size_t pages = 0;
    objects.listed = [this, &pages](storage::object_page&) -> awaitable<void> {
        ++pages;
        stores.bucket->remove(file(1, 50, 9, 19));  // before it is listed
        object(file(1, 50, 9, 10 + pages * 10));    // young
        co_return;
    };
    const auto report = sweep();
    CHECK(report.deleted.objects == 9);
    CHECK(report.deleted.failed == 0);
    // All that came, but the one after the last listing.
    CHECK(objects_left() == pages);
    CHECK(report.count(verdict::young) == pages - 1);
}

TEST_CASE_METHOD(sweeping_orphans,
                 "a deleted file that a late upload brings back is deleted again") {
    const auto one = orphan(1);
    age(48h);
    objects.removing = [this, one](const std::vector<std::string>&) -> awaitable<void> {
        stores.bucket->remove(one);
        object(one);  // the ghost lands just before the delete, and once more after it
        co_return;
    };
    CHECK(sweep().deleted.objects == 1);
    objects.removing = {};
    object(one);
    CHECK(sweep().count(verdict::young) == 1);
    age(48h);
    CHECK(sweep().deleted.objects == 1);
    CHECK(objects_left() == 0);
}

TEST_CASE_METHOD(sweeping_orphans,
                 "a pause stops the sweep, and a pause of a collection keeps its files") {
    for (std::uint64_t at = 1; at <= 4; ++at) orphan(at, 1);
    for (std::uint64_t at = 1; at <= 4; ++at) orphan(at + 10, 2);
    age(48h);
    options.page = 2;
    options.window = 4;
    SECTION("all") {
        pause({}, model::gc_state::paused);
        const auto report = sweep();
        CHECK(report.paused);
        CHECK_FALSE(report.complete);
        CHECK(report.seen() == 0);
        CHECK(objects_left() == 8);
        pause({}, model::gc_state::running);
        CHECK(sweep().deleted.objects == 8);
    }
    SECTION("one collection") {
        pause(1, model::gc_state::paused);
        const auto report = sweep();
        CHECK(report.complete);
        CHECK(report.kept_by_pause == 4);
        CHECK(report.deleted.objects == 4);
        CHECK(objects_left() == 4);
        pause(1, model::gc_state::running);
        CHECK(sweep().deleted.objects == 4);
    }
    SECTION("all, while it lists") {
        std::size_t pages = 0;
        objects.listed = [this, &pages](storage::object_page&) -> awaitable<void> {
            if (++pages != 3) co_return;
            co_await gc::set_paused(*world.metadata(), keys, std::nullopt, model::gc_state::paused,
                                    "", world.clock().wall_now());
        };
        CHECK(sweep().paused);
        CHECK(objects_left() == 4);
        CHECK_FALSE(cursor().after.empty());
        pause({}, model::gc_state::running);
        CHECK(sweep().deleted.objects == 4);
        CHECK(objects_left() == 0);
    }
    SECTION("all, while it deletes") {
        options.window = 1000;
        options.pace.delete_batch = 3;
        options.pace.deletes_at_once = 1;
        objects.removing = [this](const std::vector<std::string>&) -> awaitable<void> {
            co_await gc::set_paused(*world.metadata(), keys, std::nullopt, model::gc_state::paused,
                                    "", world.clock().wall_now());
        };
        CHECK(sweep().paused);
        CHECK(objects_left() == 5);
        CHECK(cursor().after.empty());
        CHECK(cursor().rounds == 0);
    }
}

TEST_CASE_METHOD(sweeping_orphans, "the journal says what was deleted and why, before it is") {
    for (std::uint64_t at = 1; at <= 3; ++at) orphan(at);
    age(48h);
    gc::journal lines(world.world_runtime(), metadata, keys, guard);
    journal = &lines;
    std::size_t before = 0;
    objects.removing = [this, &before](const std::vector<std::string>&) -> awaitable<void> {
        const auto all = co_await gc::read_journal(*world.metadata(), keys);
        before = all.size();
    };
    CHECK(sweep().deleted.objects == 3);
    CHECK(before == 1);
    const auto all = run(gc::read_journal(metadata, keys));
    REQUIRE(all.size() == 1);
    REQUIRE(all[0].objects.size() == 3);
    CHECK(all[0].sweep == model::gc_sweep::orphans);
    CHECK(all[0].objects[0].name == file(1, 50, 9, 1));
    CHECK(all[0].objects[0].bytes == 10);
    CHECK(all[0].objects[0].why == "no record names it, and its epoch has ended");
    // Without a line nothing goes.
    orphan(1);
    age(48h);
    metadata.faults[metadata.commits] = support::fault::away;
    CHECK(sweep_failure() == errc::unavailable);
    CHECK(there(file(1, 50, 9, 1)));
}

TEST_CASE_METHOD(sweeping_orphans, "objects per second are kept, and progress is told") {
    for (std::uint64_t at = 1; at <= 100; ++at) orphan(at);
    age(48h);
    options.page = 10;
    options.pace.objects_per_second = 20;
    const auto begun = world.world_runtime().now();
    gc::orphan_sweep one(site(), known, options);
    std::vector<std::uint64_t> seen;
    one.on_progress([&](const gc::orphan_report& report) { seen.push_back(report.seen()); });
    CHECK(run(one.sweep()).deleted.objects == 100);
    const auto took = world.world_runtime().now() - begun;
    CHECK(took >= 9s);  // 100 listed and 100 deleted
    CHECK(took <= 11s);
    REQUIRE(seen.size() >= 10);
    CHECK(seen.front() <= 10);
    CHECK(seen.back() == 100);
}

TEST_CASE_METHOD(sweeping_orphans, "options outside the stated ranges are refused") {
    const auto refused = [&](const std::function<void(gc::orphan_options&)>& bend) {
        auto bent = options;
        bend(bent);
        try {
            const gc::orphan_sweep made(site(), known, bent);
        } catch (const error& failure) {
            return failure.code_value() == errc::invalid_argument;
        }
        return false;
    };
    using o = gc::orphan_options;
    CHECK_FALSE(refused([](o&) {}));
    CHECK(refused([](o& it) { it.page = 0; }));
    CHECK(refused([](o& it) { it.window = 0; }));
    CHECK(refused([](o& it) { it.delete_fraction_max = 1.01; }));
    CHECK(refused([](o& it) { it.delete_fraction_max = -0.01; }));
    CHECK(
        refused([](o& it) { it.delete_fraction_max = std::numeric_limits<double>::quiet_NaN(); }));
    CHECK(refused([](o& it) { it.retention = -1ms; }));
    CHECK(refused([](o& it) { it.interval = -1ms; }));
    CHECK(refused([](o& it) { it.interval = std::chrono::milliseconds::max(); }));
    CHECK(refused([](o& it) { it.pace.delete_batch = 0; }));
    CHECK(refused([](o& it) { it.pace.deletes_at_once = 0; }));
    CHECK(refused([](o& it) { it.pace.delete_batch = 1'000'001; }));
    CHECK(refused([](o& it) { it.pace.pause_poll = 0ms; }));
    CHECK(refused([](o& it) { it.pace.retry.delay_min = 0ms; }));
    CHECK_FALSE(refused([](o& it) { it.retention = std::chrono::milliseconds::max(); }));
}

}  // namespace reeve::sweeping
