#include "sqlite_fixture.hpp"

#include <thread>
#include <vector>

using namespace sqlite_test;
using reeve::backends::open_sqlite_metadata_file;
using reeve::storage::change;
using reeve::storage::commit_result;

TEST_CASE("sqlite: what was committed is read back, also by a store opened later") {
    const scratch dir;
    const std::string bytes("a\0b\xff", 4);
    {
        const auto store = open_sqlite_metadata_file(sqlite_options(dir.file()));
        REQUIRE_FALSE(store->get("k"));
        REQUIRE(put(*store, "k", bytes) == revision(1));
        REQUIRE(put(*store, "k", "") == revision(2));
        REQUIRE(put(*store, bytes, bytes) == revision(3));
    }
    const auto store = open_sqlite_metadata_file(sqlite_options(dir.file()));
    const auto found = store->get("k");
    REQUIRE(found);
    REQUIRE(found->value.empty());
    REQUIRE(found->created == revision(1));
    REQUIRE(found->modified == revision(2));
    REQUIRE(found->version == 2);
    REQUIRE(store->get(bytes)->value == bytes);
}

TEST_CASE("sqlite: a transaction is applied if all conditions hold, and else says which do not") {
    const scratch dir;
    const auto store = open_sqlite_metadata_file(sqlite_options(dir.file()));
    put(*store, "a", "1");
    put(*store, "a", "2");
    transaction change;
    change.if_absent("a").if_created_at("a", revision(1)).if_modified_at("a", revision(1));
    change.if_modified_at("b", revision(0)).if_created_at("b", revision(1));
    change.put("a", "3").put("b", "3");
    const auto refused = store->commit(change);
    REQUIRE_FALSE(refused);
    REQUIRE(refused.failed == std::vector<std::size_t>{0, 2, 4});
    REQUIRE(refused.at == revision(2));
    REQUIRE(store->get("a")->value == "2");
    REQUIRE_FALSE(store->get("b"));

    transaction right;
    right.if_created_at("a", revision(1)).if_modified_at("a", revision(2)).if_absent("b");
    right.put("b", "4").remove("a").remove("never there");
    const auto done = store->commit(right);
    REQUIRE(done);
    REQUIRE(done.at == revision(3));
    REQUIRE_FALSE(store->get("a"));
    const auto batch = store->changes(key_range::prefix(""), revision(3), 100, 0ms);
    REQUIRE(batch.changes.size() == 2);
    REQUIRE(batch.changes[0].what == change::kind::removed);
    REQUIRE(batch.changes[0].now.modified == revision(3));
    REQUIRE(batch.changes[1].now == *store->get("b"));
}

TEST_CASE("sqlite: a transaction that changes nothing takes no revision") {
    const scratch dir;
    const auto store = open_sqlite_metadata_file(sqlite_options(dir.file()));
    put(*store, "a", "1");
    transaction nothing;
    nothing.remove("b");
    REQUIRE(store->commit(nothing).at == revision(1));
    transaction only_asks;
    only_asks.if_absent("b");
    const auto asked = store->commit(only_asks);
    REQUIRE(asked);
    REQUIRE(asked.at == revision(1));
}

TEST_CASE("sqlite: what exceeds a limit or has no proper key is refused before it is written") {
    const scratch dir;
    sqlite_options options(dir.file());
    options.limits = {2, 2, 64, 32, 3};
    const auto store = open_sqlite_metadata_file(options);
    const auto refused = [&](const transaction& change) {
        return code_of([&] { store->commit(change); });
    };
    REQUIRE(refused(transaction().put("a", "").put("b", "").put("c", "")) == errc::too_large);
    REQUIRE(refused(transaction().if_absent("a").if_absent("b").if_absent("c")) == errc::too_large);
    REQUIRE(refused(transaction().put("a", std::string(32, 'x'))) == errc::too_large);
    REQUIRE_FALSE(refused(transaction().put("a", std::string(31, 'x'))));
    REQUIRE(refused(transaction().put("", "x")) == errc::invalid_argument);
    REQUIRE(refused(transaction().put("a", "x").remove("a")) == errc::invalid_argument);
    REQUIRE(code_of([&] { store->list(key_range::prefix(""), 0); }) == errc::invalid_argument);
    REQUIRE(put(*store, "last", "") == revision(2));
}

TEST_CASE("sqlite: pages go through a range in byte order and say where they stop") {
    const scratch dir;
    sqlite_options options(dir.file());
    options.limits.page_records_max = 3;
    const auto store = open_sqlite_metadata_file(options);
    for (const char* key : {"b/2", "a", "b/1", "b0", "b/\xff", "b/3"}) put(*store, key, key);
    const auto first = store->list(key_range::prefix("b/"), 100);
    REQUIRE(first.records.size() == 3);
    REQUIRE(first.at == revision(6));
    REQUIRE(first.resume_at == "b/\xff");
    const auto rest = store->list(key_range(first.resume_at, "b0"), 100);
    REQUIRE(rest.records.size() == 1);
    REQUIRE(rest.resume_at.empty());
    const auto exact = store->list(key_range("b/", ""), 3);
    REQUIRE(exact.records.back().key == "b/3");
    REQUIRE(store->list(key_range("b/\xff", ""), 100).records.size() == 2);
}

TEST_CASE("sqlite: changes come in whole commits, with the values of their time") {
    const scratch dir;
    const auto store = open_sqlite_metadata_file(sqlite_options(dir.file()));
    store->commit(transaction().put("w/2", "old").put("w/1", "x").put("other", "x"));
    store->commit(transaction().put("w/2", "new"));
    store->commit(transaction().remove("w/1"));
    put(*store, "other", "y");
    const auto range = key_range::prefix("w/");
    const auto first = store->changes(range, revision(1), 1, 0ms);
    REQUIRE(first.changes.size() == 2);
    REQUIRE(first.changes[0].now.key == "w/1");
    REQUIRE(first.changes[1].now.value == "old");
    REQUIRE(first.up_to == revision(1));
    const auto rest = store->changes(range, revision(2), 100, 0ms);
    REQUIRE(rest.changes.size() == 2);
    REQUIRE(rest.changes[0].now.value == "new");
    REQUIRE(rest.changes[0].now.version == 2);
    REQUIRE(rest.changes[1].what == change::kind::removed);
    REQUIRE(rest.up_to == revision(4));
    const auto none = store->changes(range, revision(5), 100, 0ms);
    REQUIRE(none.changes.empty());
    REQUIRE(none.up_to == revision(4));
    REQUIRE(store->changes(range, revision(9), 100, 0ms).up_to == revision(8));
    REQUIRE(code_of([&] { store->changes(range, revision(0), 1, 0ms); }) == errc::invalid_argument);
}

TEST_CASE("sqlite: a waiting watch is woken by a commit of the same process") {
    const scratch dir;
    const auto store = open_sqlite_metadata_file(sqlite_options(dir.file()));
    std::vector<std::thread> watchers;
    std::vector<reeve::storage::change_batch> seen(4);
    for (auto& into : seen) {
        watchers.emplace_back(
            [&store, &into] { into = store->changes(key_range::one("k"), revision(1), 10, 60s); });
    }
    put(*store, "before", "x");
    put(*store, "k", "v");
    for (auto& one : watchers) one.join();
    for (const auto& batch : seen) {
        REQUIRE(batch.changes.size() == 1);
        REQUIRE(batch.changes[0].now.value == "v");
        REQUIRE(batch.up_to == revision(2));
    }
}

TEST_CASE("sqlite: old changes are forgotten by count, and watches from there are told") {
    const scratch dir;
    sqlite_options options(dir.file());
    options.history_commits_max = 50;
    const auto store = open_sqlite_metadata_file(options);
    for (int at = 0; at < 1000; ++at) put(*store, "k", std::to_string(at));
    const auto range = key_range::prefix("");
    REQUIRE(code_of([&] { store->changes(range, revision(1), 1, 0ms); }) == errc::compacted);
    REQUIRE(code_of([&] { store->changes(range, revision(800), 1, 0ms); }) == errc::compacted);
    REQUIRE(store->changes(range, revision(951), 1, 0ms).changes[0].now.value == "950");
    REQUIRE(store->get("k")->version == 1000);
}

TEST_CASE("sqlite: old changes are forgotten by age, but the last commit stays known") {
    const scratch dir;
    machine host;
    auto options = host.options(dir.file());
    options.history_age_max = 10s;
    const auto store = open_sqlite_metadata_file(options);
    for (int at = 0; at < 300; ++at) put(*store, "k", "old");
    const auto range = key_range::prefix("");
    REQUIRE(store->changes(range, revision(1), 1, 0ms).changes.size() == 1);
    host.up += 11s;
    for (int at = 0; at < 300; ++at) put(*store, "k", "new");
    REQUIRE(code_of([&] { store->changes(range, revision(100), 1, 0ms); }) == errc::compacted);
    REQUIRE(store->changes(range, revision(301), 1, 0ms).changes[0].now.value == "new");
    host.up += 11s;
    store->commit([] {
        transaction many;
        for (int at = 0; at < 400; ++at) many.put("m" + std::to_string(at), "");
        return many;
    }());
    REQUIRE(code_of([&] { store->changes(range, revision(600), 1, 0ms); }) == errc::compacted);
    REQUIRE(store->changes(range, revision(601), 1, 0ms).changes.size() == 400);
    REQUIRE(put(*store, "k", "x") == revision(602));
}
