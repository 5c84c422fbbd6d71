// What strangers leave below a data root, and records that somebody has spoilt.
#include "gc/support.hpp"
#include "reeve/core/random.hpp"

namespace reeve::sweeping {
namespace {

struct strange : fixture {
    strange() { options.few_deletes = 1'000'000; }
};

}  // namespace

TEST_CASE_METHOD(strange, "files of strangers are counted, told of in part, and left alone") {
    std::set<std::string> theirs;
    const auto add = [&](std::string key) { theirs.insert(object(key)); };
    for (const char* key :
         {"data/", "data/reeve-marker/1", "data/reeve-marke", "data/1/7/50/insert/0/9-01",
          "data/1/7/50/insert/0/9-1/", "data/1/7/50/insert/0/9-1/x", "data/1/7/50/insert/0/09-1",
          "data/1/7/50/insert//9-1", "data//1/7/50/insert/0/9-1", "data/1/7/0/insert/0/9-1",
          "data/1/7/50/rows/0/9-1", "data/1/7/50/insert/0/0-1", "data/1/7/50/insert/0/9-",
          "data/1/7/50/insert/0/-1", "data/1/7/50/insert/0/9-18446744073709551616",
          "data/../1/7/50/insert/0/9-1", "data/1/7/50/INSERT/0/9-1", "data/old/file.bin"}) {
        add(key);
    }
    add("data/" + std::string(1019, 'x'));  // as long as a name may be
    add("data/" + std::string(500, '/'));
    add("data/1/7/50/insert/0/9-" + std::string(1000, '1'));
    add("data/\xff\xfe\x01\n\x7f\x1b[2J");
    const auto ours = orphan(1);
    age(48h);
    const auto report = sweep();
    CHECK(report.count(verdict::unreadable) == theirs.size());
    CHECK(report.unreadable.size() == options.pace.samples_max);
    for (const auto& line : report.unreadable) {
        CHECK(std::all_of(line.begin(), line.end(),
                          [](char byte) { return byte >= ' ' && byte <= '~'; }));
    }
    CHECK(report.deleted.objects == 1);
    CHECK_FALSE(there(ours));
    for (const auto& key : theirs) CHECK(there(key));
    CHECK(sweep().count(verdict::unreadable) == theirs.size());
}

TEST_CASE_METHOD(strange,
                 "names that are nearly ours: only what the layout would write is judged") {
    core::random random(5);
    const auto base = file(1, 50, 9, 17);
    std::set<std::string> readable;
    std::set<std::string> other;
    for (int round = 0; round < 3000; ++round) {
        auto name = base;
        for (auto left = random.between(1, 2); left > 0; --left) {
            const auto at = random.between(5, name.size() - 1);
            switch (random.below(3)) {
                case 0:
                    name[at] = static_cast<char>(random.between(1, 255));
                    break;
                case 1:
                    name.erase(at, 1);
                    break;
                default:
                    name.insert(at, 1, static_cast<char>(random.between('-', '9')));
                    break;
            }
        }
        const auto parsed = names->parse(name);
        const bool swept = parsed && parsed->file.epoch.value < 100;
        if (parsed && !swept) continue;  // of an epoch that was never given out
        if (swept) CHECK(names->format(*parsed) == name);
        (swept ? readable : other).insert(object(name));
    }
    REQUIRE(readable.size() > 100);
    REQUIRE(other.size() > 100);
    age(48h);
    options.page = 7;
    CHECK(sweep().deleted.objects == readable.size());
    for (const auto& key : other) CHECK(there(key));
    CHECK(objects_left() == other.size());
}

TEST_CASE_METHOD(strange,
                 "a cursor that cannot be read stops the sweep; one that leads nowhere does not") {
    orphan(1);
    age(48h);
    put(keys.gc_cursor("data"), "garbage");
    CHECK(sweep_failure() == errc::corrupt);
    CHECK(last_failure.find("gc/cursor/data") != std::string::npos);
    CHECK(objects_left() == 1);
    for (const std::string& after : {std::string("zzz"), std::string("data/\xff")}) {
        put(keys.gc_cursor("data"), encode(model::gc_cursor{after, 1, 0}));
        CHECK(sweep().seen() == 0);
        CHECK(objects_left() == 1);
    }
    put(keys.gc_cursor("data"), encode(model::gc_cursor{"a", 1, 0}));
    CHECK(sweep().deleted.objects == 1);
}

TEST_CASE_METHOD(strange, "a cursor in strange names goes on behind them") {
    for (int at = 0; at < 5; ++at) {
        object("data/" + std::string(1000, static_cast<char>(0xf0 + at)));
    }
    orphan(1);
    age(48h);
    options.page = 1;
    options.window = 1;
    std::size_t pages = 0;
    objects.listed = [&pages](storage::object_page&) -> awaitable<void> {
        if (++pages == 4) throw error(errc::unavailable, "away");
        co_return;
    };
    CHECK(sweep_failure() == errc::unavailable);
    const auto rest = sweep();
    CHECK(rest.complete);
    CHECK(rest.seen() <= 4);
    CHECK(pages <= 4 + 4);
}

TEST_CASE_METHOD(strange, "a listing that does not advance is an error, not an endless sweep") {
    orphan(1);
    orphan(2);
    age(48h);
    options.page = 1;
    objects.listed = [](storage::object_page& page) -> awaitable<void> {
        page.resume_after = "data/";
        co_return;
    };
    CHECK(sweep_failure() == errc::corrupt);
    CHECK(last_failure.find("advance") != std::string::npos);
}

TEST_CASE_METHOD(strange, "a pause that cannot be read stops both sweeps") {
    orphan(1);
    segment(1, 20, segment_state::dropped);
    age(48h);
    put(keys.gc_paused(model::collection_id(9)), "garbage");
    CHECK(sweep_failure() == errc::corrupt);
    CHECK(dropped_failure() == errc::corrupt);
    CHECK(objects_left() == 1);
    CHECK(state_of(1, 20) == segment_state::dropped);
}

TEST_CASE_METHOD(strange,
                 "memory that gives segments without order is an error, not an endless sweep") {
    struct unordered final : gc::dropped_segments {
        awaitable<model::timestamp> before(std::chrono::milliseconds) override {
            co_return model::timestamp(1);
        }
        std::vector<gc::segment_place> due(model::timestamp, model::segment_id,
                                           std::size_t) const override {
            return {{model::collection_id(1), model::segment_id(5)}};
        }
        void learned(const gc::segment_place&, const model::segment_record&,
                     storage::revision) override {}
        void forgotten(const gc::segment_place&, const model::flush_id&,
                       const model::binlog_record&) override {}
    };
    unordered bad;
    gc::dropped_sweep one(site(), bad, dropped);
    CHECK(failure_of(one.sweep()) == errc::corrupt);
}

TEST_CASE_METHOD(strange, "an answer of the object store about other keys counts as no answer") {
    struct forgetful final : storage::object_store {
        explicit forgetful(storage::object_store& below) : below_(below) {}
        [[nodiscard]] storage::object_capabilities capabilities() const noexcept override {
            return below_.capabilities();
        }
        [[nodiscard]] storage::object_limits limits() const noexcept override {
            return below_.limits();
        }
        awaitable<storage::object_version> put(std::string key, std::string bytes) override {
            return below_.put(std::move(key), std::move(bytes));
        }
        awaitable<std::optional<storage::object_version>> put_if_absent(
            std::string key, std::string bytes) override {
            return below_.put_if_absent(std::move(key), std::move(bytes));
        }
        awaitable<std::optional<storage::object_version>> put_if_match(
            std::string key, std::string bytes, storage::object_version expected) override {
            return below_.put_if_match(std::move(key), std::move(bytes), std::move(expected));
        }
        awaitable<std::optional<storage::object>> get(std::string key,
                                                      storage::byte_range range) override {
            return below_.get(std::move(key), range);
        }
        awaitable<std::optional<storage::object_meta>> head(std::string key) override {
            return below_.head(std::move(key));
        }
        awaitable<void> remove(std::string key) override { return below_.remove(std::move(key)); }
        awaitable<std::vector<storage::remove_result>> remove_many(
            std::vector<std::string>) override {
            co_return std::vector<storage::remove_result>();
        }
        awaitable<storage::object_page> list(std::string prefix, std::string after,
                                             std::size_t limit) override {
            return below_.list(std::move(prefix), std::move(after), limit);
        }
        awaitable<core::wall_time> server_time() override { return below_.server_time(); }
        storage::object_store& below_;
    };
    for (std::uint64_t at = 1; at <= 3; ++at) orphan(at);
    age(48h);
    forgetful store(objects);
    gc::sweep_site around{world.world_runtime(), metadata, store, keys, names, guard, nullptr};
    gc::orphan_sweep one(around, known, options);
    const auto report = run(one.sweep());
    CHECK(report.deleted.objects == 0);
    CHECK(report.deleted.failed == 3);
}

}  // namespace reeve::sweeping
