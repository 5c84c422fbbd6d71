// G5: whose files lie below a data root; and the switches that stop sweeps.
#include "gc/support.hpp"

namespace reeve::sweeping {
namespace {

struct marking : fixture {
    const std::string marker = gc::marker_name(*names);

    catalog::root_info of(const std::string& cluster, std::uint64_t lineage) {
        catalog::root_info made;
        made.cluster = cluster;
        made.lineage = model::lineage(lineage);
        return made;
    }
    errc claim(const catalog::root_info& mine, gc::claim how = gc::claim::empty) {
        return failure_of(gc::claim_data_root(objects, *names, mine, how));
    }
    errc check(const catalog::root_info& mine) {
        return failure_of(gc::check_marker(objects, *names, mine));
    }
};

}  // namespace

TEST_CASE_METHOD(marking, "the marker says whose files lie beside it, and no file is called so") {
    CHECK(marker == "data/reeve-marker");
    CHECK_FALSE(names->parse(marker));
    CHECK_FALSE(model::valid_file_name("reeve-marker"));
    CHECK(check(of("ours", 1)) == errc{});
    CHECK(check(of("theirs", 1)) == errc::foreign);
    CHECK(last_failure.find("\"theirs\"") != std::string::npos);
    CHECK(last_failure.find("\"ours\"") != std::string::npos);
    CHECK(check(of("ours", 2)) == errc::foreign);
    stores.bucket->remove(marker);
    CHECK(check(of("ours", 1)) == errc::foreign);
    CHECK(last_failure.find("missing") != std::string::npos);
}

TEST_CASE_METHOD(marking, "a data root is claimed once; a repeat changes nothing") {
    const auto version = stores.bucket->head(marker)->version;
    CHECK(claim(of("ours", 1)) == errc{});
    CHECK(stores.bucket->head(marker)->version == version);
    CHECK(claim(of("theirs", 1)) == errc::foreign);
    CHECK(claim(of("theirs", 1), gc::claim::adopt) == errc::foreign);
    CHECK(stores.bucket->head(marker)->version == version);
}

TEST_CASE_METHOD(marking, "a data root with files in it is claimed only by those who say so") {
    stores.bucket->remove(marker);
    object("data/x");
    CHECK(claim(of("ours", 1)) == errc::refused);
    CHECK(last_failure.find("data/x") != std::string::npos);
    CHECK_FALSE(there(marker));
    CHECK(claim(of("ours", 1), gc::claim::adopt) == errc{});
    CHECK(check(of("ours", 1)) == errc{});
    // What lies beside the root is not below it.
    stores.bucket->remove(marker);
    stores.bucket->remove("data/x");
    object("database/x");
    CHECK(claim(of("ours", 1)) == errc{});
}

TEST_CASE_METHOD(marking,
                 "after a restore the marker of the earlier lineage is taken over by hand") {
    CHECK(claim(of("ours", 2)) == errc::foreign);
    CHECK(check(of("ours", 2)) == errc::foreign);
    CHECK(claim(of("ours", 2), gc::claim::adopt) == errc{});
    CHECK(check(of("ours", 2)) == errc{});
    // And the store that was not restored may not go on.
    CHECK(check(of("ours", 1)) == errc::foreign);
    CHECK(claim(of("ours", 1), gc::claim::adopt) == errc::foreign);
}

TEST_CASE_METHOD(marking, "a marker that cannot be read is neither believed nor overwritten") {
    for (const std::string& garbage :
         {std::string(), std::string("{}"), std::string("ours"), std::string("\0\xff", 2),
          std::string(5000, ' '), encode(of("ours", 1)) + "x", std::string(10'000'000, '{')}) {
        INFO(garbage.size() << ": " << garbage.substr(0, 20));
        stores.bucket->put(marker, garbage);
        CHECK(check(of("ours", 1)) == errc::corrupt);
        CHECK(last_failure.find("reeve-marker") != std::string::npos);
        CHECK(claim(of("ours", 1), gc::claim::adopt) == errc::corrupt);
        CHECK(stores.bucket->head(marker)->size == garbage.size());
    }
    stores.bucket->put(marker, R"({"v":2,"min_reader":2,"cluster":"ours","lineage":1})");
    CHECK(check(of("ours", 1)) == errc::unsupported_format);
}

TEST_CASE_METHOD(marking, "the marker of a store without conditional writes is written, too") {
    backends::memory_bucket_options without;
    without.capabilities = {};
    hooked_objects plain(std::make_shared<backends::memory_bucket>(without));
    CHECK(failure_of(gc::claim_data_root(plain, *names, of("ours", 1))) == errc{});
    CHECK(failure_of(gc::check_marker(plain, *names, of("ours", 1))) == errc{});
}

TEST_CASE_METHOD(marking, "pauses are kept, for one collection or for all, until they are ended") {
    const auto now_paused = [&] { return run(gc::read_pauses(*world.metadata(), keys)); };
    CHECK_FALSE(now_paused().paused(model::collection_id(1)));
    pause(1, model::gc_state::paused);
    CHECK(now_paused().paused(model::collection_id(1)));
    CHECK_FALSE(now_paused().paused(model::collection_id(2)));
    CHECK(now_paused().collections.at(model::collection_id(1)).why == "a test");
    pause({}, model::gc_state::paused);
    CHECK(now_paused().all);
    CHECK(now_paused().paused(model::collection_id(2)));
    pause(1, model::gc_state::running);
    pause({}, model::gc_state::running);
    CHECK_FALSE(now_paused().paused(model::collection_id(1)));
    pause({}, model::gc_state::running);
    put(keys.gc_paused(model::collection_id(3)), "{}");
    CHECK(failure_of(gc::read_pauses(*world.metadata(), keys)) == errc::corrupt);
}

TEST_CASE_METHOD(marking,
                 "a pause that lands late does not outlive the resume that came after it") {
    metadata.faults[0] = support::fault::ghost;
    const auto set = [&](model::gc_state state) {
        return failure_of(gc::set_paused(metadata, keys, std::nullopt, state, "", {}));
    };
    CHECK(set(model::gc_state::paused) == errc::outcome_unknown);
    CHECK(set(model::gc_state::running) == errc{});
    run(metadata.land());
    CHECK_FALSE(run(gc::read_pauses(*world.metadata(), keys)).all);
}

TEST_CASE_METHOD(marking, "the journal keeps the newest entries, the oldest first") {
    gc::journal small(world.world_runtime(), metadata, keys, guard, 3);
    const auto write = [&](gc::journal& into, std::size_t many) {
        std::vector<model::journal_object> lines(many);
        for (auto& one : lines) {
            one.name = std::string(5000, 'x');
            one.why = "garbage";
        }
        return failure_of(into.write(model::gc_sweep::orphans, std::move(lines)));
    };
    CHECK(write(small, 250) == errc{});
    auto all = run(gc::read_journal(metadata, keys));
    REQUIRE(all.size() == 3);
    CHECK(all[0].number == 1);
    CHECK(all[0].objects.size() == 100);
    CHECK(all[0].objects[0].name.size() == model::object_name_bytes_max);
    CHECK(all[2].objects.size() == 50);
    CHECK(write(small, 1) == errc{});
    // A later leader goes on behind it, whatever its size.
    gc::journal larger(world.world_runtime(), metadata, keys, guard, 5);
    CHECK(write(larger, 1) == errc{});
    all = run(gc::read_journal(metadata, keys));
    REQUIRE_FALSE(all.empty());
    CHECK(all.back().number == 5);
    CHECK(all.size() <= 5);
    CHECK(write(small, 101) == errc{});  // the slots are not as it knew them
    CHECK(run(gc::read_journal(metadata, keys)).back().number == 7);
    CHECK(write(small, 0) == errc{});
}

TEST_CASE_METHOD(marking, "a journal of unknown outcome goes on, and a deposed one does not") {
    gc::journal one(world.world_runtime(), metadata, keys, guard, 3);
    const auto write = [&] {
        std::vector<model::journal_object> lines(1);
        lines[0].name = "a";
        lines[0].why = "garbage";
        return failure_of(one.write(model::gc_sweep::dropped, std::move(lines)));
    };
    CHECK(write() == errc{});
    for (const auto what : {support::fault::no_reply, support::fault::lost}) {
        metadata.faults[metadata.commits] = what;
        CHECK(write() == errc::outcome_unknown);
        CHECK(write() == errc{});
    }
    lead();
    CHECK(write() == errc::fenced);
    put(keys.gc_journal(1), "garbage");
    CHECK(failure_of(gc::read_journal(metadata, keys)) == errc::corrupt);
}

}  // namespace reeve::sweeping
