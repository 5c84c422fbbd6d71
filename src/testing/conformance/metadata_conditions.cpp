#include "testing/conformance/metadata_trial.hpp"

#include <utility>

namespace reeve::testing::detail {

namespace {

using trial = metadata_trial;

// Evaluates one condition without writing.
awaitable<bool> holds(trial& it, transaction conditions) {
    const commit_result result = co_await it.commit(std::move(conditions));
    co_return static_cast<bool>(result);
}

awaitable<void> absent(trial& it, std::string key, bool wanted, std::string when) {
    transaction test;
    test.if_absent(std::move(key));
    const bool got = co_await holds(it, std::move(test));
    expect_equal(got, wanted, "if_absent " + when);
}

awaitable<void> created_at(trial& it, std::string key, revision at, bool wanted, std::string when) {
    transaction test;
    test.if_created_at(std::move(key), at);
    const bool got = co_await holds(it, std::move(test));
    expect_equal(got, wanted, "if_created_at " + when);
}

awaitable<void> modified_at(trial& it, std::string key, revision at, bool wanted,
                            std::string when) {
    transaction test;
    test.if_modified_at(std::move(key), at);
    const bool got = co_await holds(it, std::move(test));
    expect_equal(got, wanted, "if_modified_at " + when);
}

awaitable<void> condition_absent(trial& it) {
    co_await absent(it, "key", true, "of a key never written");
    co_await it.put("key", "");
    co_await absent(it, "key", false, "of a record with an empty value");
    co_await absent(it, "ke", true, "of a prefix of a key");
    co_await it.remove("key");
    co_await absent(it, "key", true, "of a removed key");
}

awaitable<void> condition_created_at(trial& it) {
    const revision first = co_await it.put("key", "1");
    co_await created_at(it, "key", first, true, "of its creation");
    const revision second = co_await it.put("key", "2");
    co_await created_at(it, "key", first, true, "of its creation, after an update");
    co_await created_at(it, "key", second, false, "of a later update");
    co_await created_at(it, "missing", first, false, "of a missing key");
    co_await it.remove("key");
    co_await created_at(it, "key", first, false, "of a removed key");
    const revision again = co_await it.put("key", "3");
    co_await created_at(it, "key", first, false, "of a former life");
    co_await created_at(it, "key", again, true, "of the present life");
}

awaitable<void> condition_modified_at(trial& it) {
    const revision first = co_await it.put("key", "1");
    const revision other = co_await it.put("other", "1");
    co_await modified_at(it, "key", first, true, "of its last write");
    co_await modified_at(it, "key", other, false, "of another key's write");
    const revision second = co_await it.put("key", "1");
    co_await modified_at(it, "key", first, false, "of an older write of the same value");
    co_await modified_at(it, "key", second, true, "of its last write");
    co_await modified_at(it, "key", revision(second.value + 1), false, "of the future");
    const revision removed = co_await it.remove("key");
    co_await modified_at(it, "key", second, false, "of a removed key");
    co_await modified_at(it, "key", removed, false, "of a removal");
}

awaitable<void> condition_modified_at_zero_is_absent(trial& it) {
    co_await modified_at(it, "key", revision(), true, "0 of a missing key");
    co_await it.put("key", "1");
    co_await modified_at(it, "key", revision(), false, "0 of an existing key");
    co_await it.remove("key");
    co_await modified_at(it, "key", revision(), true, "0 of a removed key");
}

awaitable<void> rejected_changes_nothing(trial& it) {
    const revision put = co_await it.put("key", "1");
    transaction change;
    change.if_absent("missing").if_absent("key");
    change.put("key", "2").put("new", "2").remove("key2");
    const commit_result result = co_await it.commit(std::move(change));
    expect(!result, "a transaction whose second condition fails was committed");
    const record kept = co_await it.need("key");
    expect_equal(kept.value, std::string("1"), "a value after a rejected transaction");
    expect_equal(kept.modified, put, "modified after a rejected transaction");
    const std::optional<record> created = co_await it.get("new");
    expect(!created, "a rejected transaction created a record");
}

awaitable<void> all_failed_conditions_are_reported(trial& it) {
    const revision put = co_await it.put("key", "1");
    co_await it.put("other", "1");
    transaction change;
    change.if_absent("key")
        .if_modified_at("key", put)
        .if_created_at("missing", put)
        .if_absent("missing")
        .if_modified_at("other", put)
        .if_created_at("key", put)
        .if_created_at("other", put);
    change.put("key", "2");
    const commit_result result = co_await it.commit(std::move(change));
    expect(!result, "a transaction with failing conditions was committed");
    expect_equal(fmt::format("{}", fmt::join(result.failed, ",")), std::string("0,2,4,6"),
                 "the failed conditions");
    expect(result.has_failed(4) && !result.has_failed(5), "has_failed disagrees with `failed`");
    transaction good;
    good.if_modified_at("key", put).put("key", "2");
    const commit_result committed = co_await it.commit(std::move(good));
    expect(static_cast<bool>(committed), "a condition that holds was rejected");
    expect(committed.failed.empty(), "a committed transaction reports failed conditions");
}

awaitable<void> rejected_tells_the_current_revision(trial& it) {
    co_await it.put("key", "1");
    const revision last = co_await it.put("other", "1");
    transaction change;
    change.if_absent("key").put("key", "2");
    const commit_result result = co_await it.commit(std::move(change));
    expect(!result, "if_absent of an existing key was committed");
    expect_equal(result.at, last, "the revision of a rejected transaction");
}

awaitable<void> conditions_come_before_writes(trial& it) {
    transaction create;
    create.if_absent("key").put("key", "1");
    const commit_result created = co_await it.commit(std::move(create));
    expect(static_cast<bool>(created), "if_absent saw the transaction's own put");
    transaction replace;
    replace.if_modified_at("key", created.at).remove("key").if_created_at("key", created.at);
    const commit_result removed = co_await it.commit(std::move(replace));
    expect(static_cast<bool>(removed), "a condition saw the transaction's own removal");
    const std::optional<record> gone = co_await it.get("key");
    expect(!gone, "the removal was not carried out");
}

}  // namespace

metadata_rules metadata_condition_rules() {
    return {
        {"condition_absent", "if_absent holds for keys never written or removed, and only for them",
         condition_absent},
        {"condition_created_at", "if_created_at compares the beginning of the key's present life",
         condition_created_at},
        {"condition_modified_at", "if_modified_at compares the last write of an existing key",
         condition_modified_at},
        {"condition_modified_at_zero_is_absent", "if_modified_at 0 means if_absent",
         condition_modified_at_zero_is_absent},
        {"rejected_changes_nothing", "a rejected transaction changes nothing",
         rejected_changes_nothing},
        {"all_failed_conditions_are_reported",
         "a rejected transaction names all failed conditions, ascending",
         all_failed_conditions_are_reported},
        {"rejected_tells_the_current_revision",
         "a rejected transaction tells the store's current revision",
         rejected_tells_the_current_revision},
        {"conditions_come_before_writes", "conditions are evaluated before the writes",
         conditions_come_before_writes},
    };
}

}  // namespace reeve::testing::detail
