// What garbage collection did to Milvus and its neighbours, played with reeve's sweeps over a store
// whose records and objects a play writes as it likes.
#include "gc/support.hpp"
#include "museum/exhibit.hpp"
#include "reeve/core/event.hpp"
#include "reeve/core/task_scope.hpp"
#include "reeve/gc/collector.hpp"

namespace reeve::sweeping {
namespace {

using core::guard;
using museum::prevented;

/// A sweep that may stop with an error; what stopped it.
errc try_to_sweep(fixture& it) {
    gc::orphan_sweep one(it.site(), it.known, it.options);
    return it.failure_of(one.sweep());
}

/// A flush names the file, in one transaction.
storage::transaction naming(const fixture& it, std::uint64_t epoch, std::uint64_t number) {
    model::binlog_record record;
    auto& group = record.groups.emplace_back();
    group.files.resize(1);
    group.files[0].id = {model::epoch(epoch), number};
    storage::transaction change;
    change.put(it.keys.binlog(model::segment_id(50), {model::epoch(epoch), number}),
               encode(record));
    return change;
}

}  // namespace

// The metadata was read before the bucket was listed: what was flushed in between was listed,
// unknown, and deleted. Prevented by G1: list, then ask for the epoch, then for the references.
TEST_CASE("milvus_27202_metadata_read_before_the_listing") {
    prevented({guard::reading_order}, [] {
        fixture it;
        it.options.retention = 0ms;
        const std::string flushed = it.file(1, 50, 30, 1);
        // Between what is asked before the listing and the listing: a channel is granted, its
        // holder uploads and commits, and the channel is taken back.
        it.objects.listed = [&it, &flushed](storage::object_page& page) -> awaitable<void> {
            it.stores.bucket->put(flushed, "0123456789");
            auto change = naming(it, 30, 1);
            co_await it.world.metadata()->commit(std::move(change));
            page = it.stores.bucket->list("data/", "", 1000);
        };
        (void)try_to_sweep(it);
        return !it.there(flushed);
    });
}

// One serial loop did all of garbage collection: while it was at one thing, everything else grew.
// Prevented by section 13: each sweep has a loop of its own and waits for no other.
TEST_CASE("milvus_49585_one_loop_starves_the_other") {
    prevented({}, [] {
        fixture it;
        it.segment(1, 20, segment_state::dropped);
        it.flush(1, 20, 1, "old/20");
        it.age(48h);
        core::event never(it.world.world_runtime());
        it.objects.listed = [&never](storage::object_page&) -> awaitable<void> {
            co_await never.wait();
        };
        gc::orphan_sweep endless(it.site(), it.known, it.options);
        gc::dropped_sweep other(it.site(), it.known, it.dropped);
        core::task_scope loops(it.world.world_runtime());
        loops.spawn(endless.run(), [](std::exception_ptr) {});
        loops.spawn(other.run(), [](std::exception_ptr) {});
        it.age(2h);
        const bool starved = it.state_of(1, 20) != segment_state::collected;
        CHECK(endless.status().running);
        it.run(loops.stop());
        return starved;
    });
}

// Names that the present layout does not know were skipped without a word, for ever.
// Prevented by G2, *unreadable*: left alone, counted and named in every report.
TEST_CASE("milvus_50591_unknown_layout_skipped_for_ever") {
    prevented({}, [] {
        fixture it;
        const auto old_layout = it.object("data/insert_log/1/2/3/4");
        it.orphan(1);
        it.age(48h);
        const auto report = it.sweep();
        CHECK(it.there(old_layout));
        CHECK(report.deleted.objects == 1);
        const bool told = report.count(verdict::unreadable) == 1 && report.unreadable.size() == 1 &&
                          report.unreadable.front().find("insert_log") != std::string::npos;
        return !told;
    });
}

// A coordinator with another cluster's metadata root saw only garbage in the bucket.
// Prevented by G5: the marker beside the files says whose they are.
TEST_CASE("milvus_21731_45267_metadata_of_another_cluster") {
    prevented({guard::data_marker}, [] {
        fixture it;
        const auto theirs = it.orphan(1);
        auto owner = it.root;
        owner.cluster = "theirs";
        it.stores.bucket->put(gc::marker_name(*it.names), encode(owner));
        it.age(48h);
        const auto stopped_by = try_to_sweep(it);
        if (it.there(theirs)) CHECK(stopped_by == errc::foreign);
        return !it.there(theirs);
    });
}

// A coordinator whose metadata root had become empty did so, too: same cluster, no records.
// Prevented by O3: facts by which so much is garbage are likely to be wrong.
TEST_CASE("milvus_21731_45267_empty_metadata_root") {
    prevented({guard::delete_fraction}, [] {
        fixture it;
        for (std::uint64_t number = 1; number <= 300; ++number) it.orphan(number);
        it.age(48h);
        const auto stopped_by = try_to_sweep(it);
        if (it.objects_left() == 300) CHECK(stopped_by == errc::refused);
        return it.objects_left() != 300;
    });
}

// Garbage collection held every object and every dropped segment in memory at once.
// Prevented by O2 and D5: windows and batches, whose sizes are options.
TEST_CASE("milvus_42592_collection_takes_everything_into_memory") {
    prevented({}, [] {
        fixture it;
        it.options.page = 50;
        it.options.window = 200;
        it.options.few_deletes = 1000;
        it.options.pace.delete_batch = 40;
        for (std::uint64_t number = 1; number <= 3000; ++number) it.orphan(number);
        it.age(48h);
        std::size_t most_listed = 0;
        std::size_t most_left_before = 0;  // listed, and not deleted yet
        std::size_t listed = 0;
        std::size_t removed = 0;
        it.objects.listed = [&](storage::object_page& page) -> awaitable<void> {
            most_listed = std::max(most_listed, page.objects.size());
            listed += page.objects.size();
            most_left_before = std::max(most_left_before, listed - removed);
            co_return;
        };
        it.objects.removing = [&](const std::vector<std::string>& keys) -> awaitable<void> {
            removed += keys.size();
            co_return;
        };
        const auto report = it.sweep();
        CHECK(report.deleted.objects == 3000);
        CHECK(it.objects_left() == 0);
        // The marker is listed as well, and a page may reach over the window.
        return most_listed > 50 || most_left_before > 251 || it.objects.remove_most > 40;
    });
}

// A store that gave no time of writing (zero) made everything look old enough to delete.
// Prevented by G3: an unknown age is never old, and stops the sweep.
TEST_CASE("amoro_2924_last_modified_of_zero") {
    prevented({guard::object_age}, [] {
        fixture it;
        const auto young = it.orphan(1);
        it.objects.listed = [](storage::object_page& page) -> awaitable<void> {
            for (auto& one : page.objects) one.last_modified = core::wall_time();
            co_return;
        };
        const auto stopped_by = try_to_sweep(it);
        if (it.there(young)) CHECK(stopped_by == errc::refused);
        return !it.there(young);
    });
}

// Collection raced with an upload whose metadata was not written yet.
// Prevented by G2, *in use*: what a living epoch has not settled is no garbage, however old it is.
TEST_CASE("doris_16803_collection_races_an_upload") {
    prevented({guard::live_numbers}, [] {
        fixture it;
        it.channel("c", 30, 5);
        const auto uploaded = it.object(it.file(1, 51, 30, 5));
        const auto settled = it.object(it.file(1, 51, 30, 4));
        it.age(48h);  // the holder was paused before its commit
        (void)try_to_sweep(it);
        CHECK_FALSE(it.there(settled));
        return !it.there(uploaded);
    });
}

// A zombie's view of the metadata made its collection delete what its successor had written.
// Prevented by G1: whoever judges by memory proves, after everything that it reads, that its term
// still leads.
TEST_CASE("opensearch_21998_a_zombies_collection") {
    prevented({}, [] {
        fixture it;
        gc::collector_options options;
        options.objects = &it.objects;
        options.names = it.names;
        options.orphans.retention = 0ms;
        // It knows no segment manager: a leader that is deposed must not ask one.
        gc::collector zombie(it.world.world_runtime(), it.metadata, it.keys, it.guard, options);
        (void)it.lead();
        const auto fresh = it.object(it.file(1, 50, 30, 1));
        it.age(1h);
        CHECK(it.failure_of(zombie.orphans().sweep()) == errc::fenced);
        return !it.there(fresh);
    });
}

}  // namespace reeve::sweeping
