// Looking without deleting, and deleting what was looked at.
#include "gc/support.hpp"

namespace reeve::sweeping {
namespace {

struct planning : fixture {
    gc::deletion_plan plan(std::size_t most = 1000) {
        gc::orphan_sweep one(site(), known, options);
        return run(one.plan(most));
    }
    gc::apply_report apply(gc::deletion_plan what) {
        gc::orphan_sweep one(site(), known, options);
        return run(one.apply(std::move(what)));
    }
    void three_of_ten() {
        segment(1, 20, segment_state::flushed);
        for (std::uint64_t at = 1; at <= 7; ++at) flush(1, 20, at);
        for (std::uint64_t at = 1; at <= 3; ++at) orphan(at);
        age(48h);
    }
};

}  // namespace

TEST_CASE_METHOD(planning,
                 "a dry run says of every object what is thought of it, and writes nothing") {
    three_of_ten();
    object("data/\xff\n");
    const auto before = stores.database->dump().size();
    gc::orphan_sweep one(site(), known, options);
    std::vector<std::string> lines;
    const auto report =
        run(one.look([&](const gc::judged_object& it) { lines.push_back(gc::text(it)); }));
    CHECK(report.complete);
    CHECK(report.seen() == 11);
    CHECK(lines.size() == 11);
    CHECK(lines.front() == "referenced data/1/7/20/insert/0/8-1 (10 bytes): a record names it");
    CHECK(lines.back() == R"(unreadable data/\xff\x0a (10 bytes): not a name of this layout)");
    CHECK(objects_left() == 11);
    CHECK(metadata.commits == 0);
    CHECK(stores.database->dump().size() == before);
    CHECK(objects.remove_calls == 0);
}

TEST_CASE_METHOD(planning, "a dry run stops at nothing but a marker that is not its own") {
    three_of_ten();
    object(file(1, 50, 100, 1));
    CHECK(plan().report.count(verdict::suspicious) == 1);
    stores.bucket->remove(gc::marker_name(*names));
    gc::orphan_sweep one(site(), known, options);
    CHECK(failure_of(one.plan(10)) == errc::foreign);
}

TEST_CASE_METHOD(planning, "a plan that is applied leaves nothing to plan") {
    three_of_ten();
    auto made = plan();
    REQUIRE(made.garbage.size() == 3);
    CHECK(made.garbage[0].object.key == file(1, 50, 9, 1));
    CHECK(made.garbage[0].why == "no record names it, and its epoch has ended");
    CHECK(objects_left() == 10);
    gc::journal lines(world.world_runtime(), metadata, keys, guard);
    journal = &lines;
    const auto applied = apply(std::move(made));
    CHECK(applied.deleted.objects == 3);
    CHECK(applied.refused == 0);
    CHECK(objects_left() == 7);
    CHECK(plan().garbage.empty());
    CHECK(run(gc::read_journal(metadata, keys)).size() == 1);
}

TEST_CASE_METHOD(planning, "a plan is cut at what was asked for, and says what it leaves out") {
    three_of_ten();
    auto made = plan(2);
    CHECK(made.garbage.size() == 2);
    CHECK(made.omitted == 1);
    CHECK(apply(std::move(made)).deleted.objects == 2);
    CHECK(plan(0).omitted == 1);
}

TEST_CASE_METHOD(planning, "what has moved since it was planned is refused, each with its reason") {
    three_of_ten();
    auto made = plan();
    const auto first = file(1, 50, 9, 1);
    const auto second = file(1, 50, 9, 2);
    SECTION("another object of that name") {
        object(first);
        age(48h);
        const auto applied = apply(std::move(made));
        CHECK(applied.refused == 1);
        REQUIRE(applied.refusals.size() == 1);
        CHECK(applied.refusals[0] == first + ": another object than was planned");
        CHECK(applied.deleted.objects == 2);
        CHECK(there(first));
    }
    SECTION("gone already") {
        stores.bucket->remove(second);
        const auto applied = apply(std::move(made));
        CHECK(applied.gone == 1);
        CHECK(applied.deleted.objects == 2);
    }
    SECTION("referenced by now") {
        model::binlog_record record;
        auto& group = record.groups.emplace_back();
        group.files.resize(1);
        group.files[0].id = {model::epoch(9), 2};
        put(keys.binlog(model::segment_id(50), {model::epoch(9), 2}), encode(record));
        const auto applied = apply(std::move(made));
        REQUIRE(applied.refusals.size() == 1);
        CHECK(applied.refusals[0] == second + ": a record names it");
        CHECK(there(second));
        CHECK(applied.deleted.objects == 2);
    }
    SECTION("pinned by now") {
        gc::pins pins(world.world_runtime(), metadata, keys, names, "reader");
        CHECK(run(pins.pin_prefix("data/1/7/50/", "backup")));
        CHECK(apply(std::move(made)).refused == 3);
        CHECK(objects_left() == 10);
    }
    SECTION("the collection is paused") {
        pause(1, model::gc_state::paused);
        CHECK(apply(std::move(made)).refused == 3);
        CHECK(objects_left() == 10);
    }
    SECTION("not garbage, whoever made the plan") {
        made.garbage[0].object = *stores.bucket->head(file(1, 20, 8, 1));
        made.garbage[1].object = *stores.bucket->head(gc::marker_name(*names));
        const auto applied = apply(std::move(made));
        CHECK(applied.refused == 2);
        CHECK(applied.deleted.objects == 1);
        CHECK(there(file(1, 20, 8, 1)));
        CHECK(there(gc::marker_name(*names)));
    }
}

TEST_CASE_METHOD(planning, "a plan of too much, or below another's marker, is not applied") {
    three_of_ten();
    options.few_deletes = 0;
    options.delete_fraction_max = 0.29;
    auto made = plan();
    gc::orphan_sweep strict(site(), known, options);
    CHECK(failure_of(strict.apply(made)) == errc::refused);
    options.delete_fraction_max = 0.3;
    stores.bucket->remove(gc::marker_name(*names));
    gc::orphan_sweep lost(site(), known, options);
    CHECK(failure_of(lost.apply(made)) == errc::foreign);
    CHECK(stores.bucket->keys().size() == 10);
}

TEST_CASE_METHOD(planning, "a delete of a plan that fails is counted") {
    three_of_ten();
    options.pace.delete_batch = 1;
    objects.stuck.insert(file(1, 50, 9, 2));
    const auto applied = apply(plan());
    CHECK(applied.deleted.objects == 2);
    CHECK(applied.deleted.failed == 1);
    CHECK(applied.deleted.failures.size() == 1);
}

}  // namespace reeve::sweeping
