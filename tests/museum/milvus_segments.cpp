// What happened to Milvus when segments were flushed, dropped and loaded.
#include "museum/segment_play.hpp"

namespace museum_segments {

// A node's flush was accepted after the channel had gone to another.
// Prevented by F4: the entry, which carries the epoch, is compared in the flush's own transaction.
TEST_CASE("milvus_41028_double_flush_of_a_segment") {
    prevented({guard::commit_epoch}, [] {
        segment_play it;
        const auto segment = it.allocate(100).parts[0].segment;
        const auto late = it.message(segment, 1, "", "m1");
        it.move_a();
        const bool accepted = it.arrives(late).outcome == commit_outcome::committed;
        // The new holder reads the same stretch again, and fills the same segment.
        const auto again = it.flush(it.work(segment, 1, "", "m1"));
        CHECK((again.outcome == commit_outcome::committed) == !accepted);
        return accepted;
    });
}

// The same, when only its transaction was on its way.
TEST_CASE("milvus_41028_double_flush_whose_transaction_lands_late") {
    prevented({guard::commit_epoch}, [] {
        segment_play it;
        const auto segment = it.allocate(100).parts[0].segment;
        const auto late = it.message(segment, 1, "", "m1");
        it.hold(it.keys.binlogs().first());
        CHECK(fails_with(errc::outcome_unknown, [&] { it.arrives(late); }));
        it.move_a();
        return it.land();
    });
}

// A late copy of an old checkpoint was written over a newer one.
// Prevented by F6: neither the checkpoint nor settled goes back, whatever a late copy says.
TEST_CASE("milvus_31470_checkpoint_goes_back_with_a_flush") {
    prevented({guard::settled_forward}, [] {
        segment_play it;
        const auto segment = it.allocate(100).parts[0].segment;
        REQUIRE(it.flush(it.work(segment, 3, "", "m5")).outcome == commit_outcome::committed);
        auto late = it.work(segment, 5, "m5", "m6");
        late.checkpoint = model::position("m1");
        late.settled = 2;
        REQUIRE(it.flush(late).outcome == commit_outcome::committed);
        const auto now = it.progress_of_a();
        return now.checkpoint < model::position("m5") || now.settled < 3;
    });
}

// What was written after a drop leaked: nobody looked at it again.
// Prevented by L3: the transaction that begins a segment compares the channel's entry.
TEST_CASE("milvus_38817_17636_a_segment_begins_after_the_drop") {
    prevented({guard::allocation_entry}, [] {
        segment_play it;
        it.hold(it.keys.segments().first());
        CHECK(fails_with(errc::outcome_unknown, [&] { it.allocate(10); }));
        auto entry = it.entry("a");
        entry.state = model::channel_state::dropped;
        it.write("a", entry);
        return it.land();
    });
}

// Prevented by T1: the tombstone of the collection is compared as well, for its channels are
// dropped one after the other.
TEST_CASE("milvus_38817_17636_a_segment_begins_after_the_tombstone") {
    prevented({guard::tombstone}, [] {
        segment_play it;
        it.hold(it.keys.segments().first());
        CHECK(fails_with(errc::outcome_unknown, [&] { it.allocate(10); }));
        it.call(it.office(), it.segments().drop_collection(model::collection_id(7), "gone"));
        return it.land();
    });
}

// Prevented by F4 and section 4: the mark, and the record, are compared by every late flush.
TEST_CASE("milvus_38817_17636_31470_a_flush_after_the_drop") {
    prevented({}, [] {
        segment_play it;
        const auto segment = it.allocate(100).parts[0].segment;
        const auto late = it.message(segment, 1, "", "m1");
        it.hold(it.keys.binlogs().first());
        CHECK(fails_with(errc::outcome_unknown, [&] { it.arrives(late); }));
        it.call(it.office(), it.segments().drop_collection(model::collection_id(7), "gone"));
        model::channel_drop_request drop;
        drop.checkpoint = model::position("m1");
        drop.settled = 1;
        REQUIRE(it.drop(drop).outcome == commit_outcome::committed);
        REQUIRE(it.run_until([&] { return it.segments().status().dropping == 0; }));
        bool accepted = it.land();
        accepted = accepted || it.arrives(late).outcome == commit_outcome::committed;
        it.change_leader();
        accepted = accepted || it.arrives(late).outcome == commit_outcome::committed;
        return accepted || it.count_records(it.keys.binlogs(segment)) != 0;
    });
}

// An insert during the drop created again what was being dropped.
// Prevented by T1: the tombstone comes first, and refuses creation for ever.
TEST_CASE("iotdb_9754_insert_during_a_drop") {
    prevented({}, [] {
        segment_play it;
        it.call(it.office(), it.segments().drop_collection(model::collection_id(7), "gone"));
        const auto created = [&](const std::string& channel) {
            return !fails_with(errc::refused, [&] { it.allocate(10, channel); });
        };
        bool again = created("a") || created("new");
        model::channel_drop_request drop;
        drop.settled = 1;
        REQUIRE(it.drop(drop).outcome == commit_outcome::committed);
        REQUIRE(it.run_until([&] { return it.segments().status().dropping == 0; }));
        again = again || created("a") || created("new");
        it.change_leader();
        return again || created("a") || created("new") || it.count_records(it.keys.segments()) != 0;
    });
}

// Too many operations in one transaction: a drop that could never be carried out.
// Prevented by T3 and the protocol of large transactions: any number, all or nothing.
TEST_CASE("milvus_20275_26748_16922_19427_too_many_last_flushes_of_a_drop") {
    prevented({}, [] {
        constexpr std::uint64_t many = 300;
        segment_play it;
        REQUIRE(it.sim.metadata()->limits().operations_max < many);
        std::vector<std::pair<std::string, std::string>> records;
        for (std::uint64_t id = 5001; id < 5001 + many; ++id) {
            const auto key = it.keys.segment(model::collection_id(7), model::segment_id(id));
            records.emplace_back(key,
                                 catalog::encode(segment_play::recorded(segment_state::growing)));
        }
        it.write_all(records);
        it.change_leader();
        it.call(it.office(), it.segments().drop_collection(model::collection_id(7), "gone"));
        model::channel_drop_request drop;
        drop.checkpoint = model::position("m2");
        drop.settled = 1;
        for (std::uint64_t number = 1; number <= many; ++number) {
            const model::segment_id segment(5000 + number);
            drop.last.push_back(it.work(segment, 2 * number, "m1", "m2").what);
        }
        const auto outcome = it.drop(drop).outcome;
        REQUIRE(it.run_until([&] { return it.segments().status().dropping == 0; }));
        const auto flushes = it.count_records(it.keys.binlogs());
        return outcome != commit_outcome::committed || flushes != many;
    });
}

// Lists inside a record grew until no request could hold it.
// Prevented by section 2: a flush is a key of its own, and two small records change with it.
TEST_CASE("milvus_47958_33125_33370_records_of_a_segment_grow") {
    prevented({}, [] {
        segment_play it;
        const auto segment = it.allocate(10'000).parts[0].segment;
        const auto key = it.keys.segment(model::collection_id(7), segment);
        const auto progress = it.keys.progress(model::channel_name("a"));
        const auto flush = [&](std::uint64_t number) {
            const auto at = [](std::uint64_t n) { return n == 0 ? "" : fmt::format("m{:04}", n); };
            const auto work = it.work(segment, 2 * number, at(number - 1), at(number), 1);
            REQUIRE(it.flush(work).outcome == commit_outcome::committed);
        };
        flush(1);
        const auto before = it.value_of(key)->size() + it.value_of(progress)->size();
        for (std::uint64_t number = 2; number <= 100; ++number) flush(number);
        CHECK(it.count_records(it.keys.binlogs(segment)) == 100);
        const auto after = it.value_of(key)->size() + it.value_of(progress)->size();
        // A few digits more in counts and numbers.
        return after > before + 20;
    });
}

// 151,000 dropped segments did not fit into memory: the coordinator could not start.
// Prevented by section 2: what is left of a dropped segment is a tombstone of at most 64 bytes.
TEST_CASE("milvus_29439_151000_dropped_segments_at_start") {
    prevented({}, [] {
        constexpr std::uint64_t many = 151'000;
        segment_play it;
        std::vector<std::pair<std::string, std::string>> records;
        const auto tombstone = catalog::encode(segment_play::recorded(segment_state::collected));
        for (std::uint64_t id = 5001; id < 5001 + many; ++id) {
            const auto key = it.keys.segment(model::collection_id(7), model::segment_id(id));
            records.emplace_back(key, tombstone);
        }
        it.write_all(records);
        it.change_leader();
        REQUIRE(it.segments().status().dropped == many);
        INFO(it.segments().memory() << " bytes");
        return it.segments().memory() > many * 64 + 100'000;
    });
}

// After a restart a segment was flushed while rows of an allocation from before were on their way.
// Prevented by L6: what an earlier leader may have given out is waited for, by the persisted mark.
TEST_CASE("milvus_25316_flushed_while_an_earlier_allocation_is_written") {
    prevented({guard::expiry_mark}, [] {
        world_options patient;
        patient.segments.allocation.lifetime_max = 60s;
        segment_play it(patient);
        const auto part = it.allocate(100).parts[0];
        it.change_leader();
        it.segments().seal(model::collection_id(7));
        for (int second = 0; second < 5; ++second) {
            (void)it.tick(it.now());
            it.sim.run_for(1s);
        }
        REQUIRE(it.now() < part.expires_at);
        const bool flushing = it.info(part.segment).record.state == segment_state::flushing;
        // And when it has ended nothing keeps the segment.
        it.sim.run_for(2min);
        (void)it.tick(it.now());
        CHECK(it.run_until(
            [&] { return it.info(part.segment).record.state == segment_state::flushing; }));
        return flushing;
    });
}

// Recovery wrote every segment again.
// Prevented by section 1 of the architecture: a clean recovery writes nothing but its office.
TEST_CASE("milvus_35582_47952_21452_segments_written_again_at_recovery") {
    prevented({}, [] {
        segment_play it;
        const auto done = it.flushed_segment();
        const auto open = it.allocate(100).parts[0].segment;
        REQUIRE(it.flush(it.work(open, 5, "m2", "m3")).outcome == commit_outcome::committed);
        const auto before = it.records_but_mark();
        const auto lists = it.store->lists;
        it.change_leader();
        it.sim.run_for(1min);
        CHECK(it.info(done).record.state == segment_state::flushed);
        CHECK(it.info(open).record.rows == 10);
        CHECK(it.store->lists - lists < 30);
        return it.records_but_mark() != before;
    });
}

// Requests scanned ranges of the metadata, each longer than the one before.
// Prevented by section 6 of the architecture: every access path has an index.
TEST_CASE("milvus_30837_53296_requests_of_segments_scan_ranges") {
    prevented({}, [] {
        segment_play it;
        const auto segment = it.allocate(1000).parts[0].segment;
        const auto lists = it.store->lists;
        for (std::uint64_t number = 1; number <= 20; ++number) {
            (void)it.allocate(10);
            const auto from = number == 1 ? std::string() : fmt::format("m{:03}", number - 1);
            const auto to = fmt::format("m{:03}", number);
            REQUIRE(it.flush(it.work(segment, 2 * number, from, to, 1)).outcome ==
                    commit_outcome::committed);
            (void)it.tick(it.now());
            CHECK(it.list({segment}).size() == 1);
        }
        return it.store->lists != lists;
    });
}

// A rule of one design: files whose metadata could not be written in time are deleted. The write
// landed after the delete. Prevented by F3: what is below settled is refused for ever, and only
// that, or what has an ended epoch, is deleted.
TEST_CASE("design_delete_on_timeout_the_write_lands_after_the_delete") {
    prevented({guard::settled_refusal}, [] {
        segment_play it;
        const auto segment = it.allocate(100).parts[0].segment;
        const auto given_up = it.message(segment, 1, "", "m1");  // and its files are 2
        REQUIRE(it.flush(it.work(segment, 9, "", "m1")).outcome == commit_outcome::committed);
        std::uint64_t settled = 0;
        it.segments().each_living([&](model::epoch epoch, std::uint64_t number) {
            if (epoch == given_up.by.epoch) settled = number;
        });
        CHECK(settled == 9);  // below it a sweep may delete
        auto late = given_up;
        late.what.from = model::position("m1");
        late.what.to = model::position("m2");
        return !fails_with(errc::invalid_argument, [&] { it.arrives(late); });
    });
}

}  // namespace museum_segments
