#include "testing/conformance/metadata_trial.hpp"

#include <utility>

namespace reeve::testing::detail {

namespace {

using trial = metadata_trial;

std::string bytes(std::initializer_list<unsigned> values) {
    std::string text;
    for (const unsigned each : values) text += static_cast<char>(each);
    return text;
}

awaitable<void> get_of_missing_is_nothing(trial& it) {
    const std::optional<record> never = co_await it.get("never");
    expect(!never, "get of a key that was never written returned a record");
    co_await it.put("near", "1");
    const std::optional<record> prefix = co_await it.get("nea");
    expect(!prefix, "get of a prefix of an existing key returned a record");
    const std::optional<record> longer = co_await it.get("near/");
    expect(!longer, "get of a key longer than an existing one returned a record");
}

awaitable<void> put_is_read_back(trial& it) {
    co_await it.put("key", "value");
    const record first = co_await it.need("key");
    expect_equal(first.key, std::string("key"), "the record's key");
    expect_equal(first.value, std::string("value"), "the record's value");
    expect_equal(first.lease.value, 0U, "the lease of a record without one");
    co_await it.put("key", "other");
    const std::string second = co_await it.value("key");
    expect_equal(second, std::string("other"), "the value after a second put");
}

awaitable<void> any_bytes_are_kept(trial& it) {
    std::string all;
    for (unsigned each = 0; each < 256; ++each) all += static_cast<char>(each);
    std::vector<std::string> keys;
    keys.push_back(bytes({0}));
    keys.push_back(bytes({0, 0}));
    keys.push_back(bytes({'a', 0, 'b'}));
    keys.push_back(bytes({'a', 0}));
    keys.push_back(bytes({0xff}));
    keys.push_back(bytes({0xff, 0xff}));
    keys.push_back(bytes({0xc3, 0x28}));
    keys.push_back("'\"\\%_*?");
    keys.push_back(all);
    for (const auto& key : keys) co_await it.put(key, key + all);
    co_await it.put("a", "short");
    for (const auto& key : keys) {
        const record found = co_await it.need(key);
        expect_equal(found.key, key, "a key of arbitrary bytes");
        expect_equal(found.value, key + all, "a value of arbitrary bytes");
    }
    const std::string plain = co_await it.value("a");
    expect_equal(plain, std::string("short"), "the key \"a\" beside \"a\\x00\"");
}

awaitable<void> empty_value_is_a_value(trial& it) {
    co_await it.put("empty", "");
    const std::optional<record> found = co_await it.get("empty");
    expect(found.has_value(), "a record with an empty value is missing");
    expect_equal(found->value, std::string(), "an empty value");
    const std::vector<record> listed = co_await it.list(key_range::one("empty"));
    expect_equal(listed.size(), 1U, "listed records with an empty value");
}

awaitable<void> record_tells_its_life(trial& it) {
    const revision first = co_await it.put("key", "1");
    const record one = co_await it.need("key");
    expect_equal(one.created, first, "created after the first put");
    expect_equal(one.modified, first, "modified after the first put");
    expect_equal(one.version, 1U, "version after the first put");
    const revision second = co_await it.put("key", "2");
    const revision third = co_await it.put("key", "3");
    expect(second < third, "two puts have the same revision");
    const record three = co_await it.need("key");
    expect_equal(three.created, first, "created after three puts");
    expect_equal(three.modified, third, "modified after three puts");
    expect_equal(three.version, 3U, "version after three puts");
}

awaitable<void> removal_ends_a_life(trial& it) {
    co_await it.put("key", "1");
    co_await it.put("key", "2");
    const revision removed = co_await it.remove("key");
    const std::optional<record> gone = co_await it.get("key");
    expect(!gone, "a removed key is still there");
    const revision again = co_await it.put("key", "3");
    expect(removed < again, "a put after a removal has no larger revision");
    const record next = co_await it.need("key");
    expect_equal(next.created, again, "created in the second life");
    expect_equal(next.modified, again, "modified in the second life");
    expect_equal(next.version, 1U, "version in the second life");
}

awaitable<void> revisions_increase(trial& it) {
    revision before;
    for (int round = 0; round < 20; ++round) {
        const std::string key = fmt::format("key{}", round % 3);
        const revision at = co_await it.put(key, fmt::format("{}", round));
        expect(before < at, fmt::format("revision {} does not exceed {} before it", at, before));
        const record found = co_await it.need(key);
        expect_equal(found.modified, at, "modified, against the commit's result");
        before = at;
        if (round % 5 != 4) continue;
        const revision removed = co_await it.remove(key);
        expect(before < removed, "a removal has no larger revision");
        before = removed;
    }
}

awaitable<void> equal_put_is_a_write(trial& it) {
    const revision first = co_await it.put("key", "same");
    const revision second = co_await it.put("key", "same");
    expect(first < second, "writing the same value again did not advance the revision");
    const record found = co_await it.need("key");
    expect_equal(found.version, 2U, "version after writing the same value twice");
    expect_equal(found.modified, second, "modified after writing the same value twice");
}

awaitable<void> transaction_has_one_revision(trial& it) {
    const revision before = co_await it.put("c", "old");
    transaction change;
    change.put("b", "1").put("a", "2").put("c", "3");
    const commit_result result = co_await it.commit(std::move(change));
    expect(static_cast<bool>(result), "a transaction without conditions was rejected");
    expect(before < result.at, "a transaction did not advance the revision");
    const std::vector<std::string> keys{"a", "b", "c"};
    for (const auto& key : keys) {
        const record found = co_await it.need(key);
        expect_equal(found.modified, result.at, "modified of a record of the transaction");
    }
    const record old = co_await it.need("c");
    expect_equal(old.created, before, "created of a record that was there before");
}

awaitable<void> transaction_writes_all(trial& it) {
    co_await it.put("gone", "1");
    co_await it.put("kept", "1");
    transaction change;
    change.put("new", "2").remove("gone").put("kept", "2");
    const commit_result result = co_await it.commit(std::move(change));
    expect(static_cast<bool>(result), "a transaction without conditions was rejected");
    const std::string created = co_await it.value("new");
    const std::string gone = co_await it.value("gone");
    const std::string kept = co_await it.value("kept");
    expect_equal(created, std::string("2"), "the first write of a transaction");
    expect_equal(gone, std::string("(none)"), "the second write of a transaction");
    expect_equal(kept, std::string("2"), "the third write of a transaction");
}

awaitable<void> remove_of_missing_changes_nothing(trial& it) {
    const revision before = co_await it.put("other", "1");
    auto watch = co_await it.watch(key_range::prefix(""), revision(before.value + 1));
    transaction change;
    change.remove("missing");
    const commit_result result = co_await it.commit(std::move(change));
    expect(static_cast<bool>(result), "removing a missing key was rejected");
    expect(before <= result.at, "the revision went back");
    const revision after = co_await it.put("other", "2");
    const std::vector<change_batch> seen = co_await it.batches(*watch, after);
    expect_equal(seen.size(), 1U, "batches with changes, where only one commit changed something");
    expect_equal(seen[0].changes[0].now.key, std::string("other"), "the key that changed");
}

awaitable<void> empty_transaction_only_evaluates(trial& it) {
    const revision put = co_await it.put("key", "1");
    transaction holds;
    holds.if_modified_at("key", put).if_absent("missing");
    const commit_result yes = co_await it.commit(std::move(holds));
    expect(static_cast<bool>(yes), "conditions that hold were rejected without writes");
    transaction fails;
    fails.if_absent("key");
    const commit_result no = co_await it.commit(std::move(fails));
    expect(!no, "a condition that does not hold was committed without writes");
    transaction nothing;
    const commit_result empty = co_await it.commit(std::move(nothing));
    expect(static_cast<bool>(empty), "an empty transaction was rejected");
    const record found = co_await it.need("key");
    expect_equal(found.modified, put, "modified after transactions without writes");
}

}  // namespace

metadata_rules metadata_value_rules() {
    return {
        {"get_of_missing_is_nothing", "a key that was never written reads as nothing",
         get_of_missing_is_nothing},
        {"put_is_read_back", "get returns the latest committed record", put_is_read_back},
        {"any_bytes_are_kept", "keys and values hold any bytes, NUL and 0xff included",
         any_bytes_are_kept},
        {"empty_value_is_a_value", "an empty value differs from no record", empty_value_is_a_value},
        {"record_tells_its_life", "created, modified and version count within one life of a key",
         record_tells_its_life},
        {"removal_ends_a_life", "a removed key is gone, and a later put begins a new life",
         removal_ends_a_life},
        {"revisions_increase", "every commit that changes something has a larger revision",
         revisions_increase},
        {"equal_put_is_a_write", "writing the same value again is a write", equal_put_is_a_write},
        {"transaction_has_one_revision", "all writes of a transaction have its one revision",
         transaction_has_one_revision},
        {"transaction_writes_all", "a committed transaction carries out all of its writes",
         transaction_writes_all},
        {"remove_of_missing_changes_nothing",
         "removing a missing key succeeds and gives no change event",
         remove_of_missing_changes_nothing},
        {"empty_transaction_only_evaluates", "a transaction without writes only evaluates",
         empty_transaction_only_evaluates},
    };
}

}  // namespace reeve::testing::detail
