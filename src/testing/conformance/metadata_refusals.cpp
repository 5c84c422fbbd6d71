#include "testing/conformance/metadata_trial.hpp"

#include <utility>

namespace reeve::testing::detail {

namespace {

using trial = metadata_trial;

// Larger limits are not tried to their end: the check would need too much memory.
constexpr std::size_t tried_bytes_max = 64U << 20U;
constexpr std::size_t tried_count_max = 100'000;

awaitable<void> refused(trial& it, transaction change, errc wanted, std::string what) {
    const revision before = co_await it.put("guard", "1");
    change.put("guard", "2");
    auto call = it.store().commit(std::move(change));
    co_await expect_error<commit_result>(std::move(call), wanted, what);
    const record kept = co_await it.need("guard");
    expect_equal(kept.modified, before, what + ": a write of the refused transaction");
}

awaitable<void> empty_key_is_refused(trial& it) {
    transaction put;
    put.put("", "value");
    co_await refused(it, std::move(put), errc::invalid_argument, "a put of the empty key");
    transaction remove;
    remove.remove("");
    co_await refused(it, std::move(remove), errc::invalid_argument, "a remove of the empty key");
    transaction test;
    test.if_absent("");
    co_await refused(it, std::move(test), errc::invalid_argument, "a condition on the empty key");
}

awaitable<void> key_written_twice_is_refused(trial& it) {
    transaction puts;
    puts.put("key", "1").put("other", "1").put("key", "2");
    co_await refused(it, std::move(puts), errc::invalid_argument, "two puts of one key");
    transaction mixed;
    mixed.put("key", "1").remove("key");
    co_await refused(it, std::move(mixed), errc::invalid_argument, "a put and a remove of one key");
    transaction removes;
    removes.remove("key").remove("key");
    co_await refused(it, std::move(removes), errc::invalid_argument, "two removes of one key");
    const std::optional<record> none = co_await it.get("key");
    expect(!none, "a refused transaction wrote a record");
}

awaitable<void> refusal_comes_before_conditions(trial& it) {
    co_await it.put("key", "1");
    transaction change;
    change.if_absent("key").put("twice", "1").put("twice", "2");
    co_await refused(it, std::move(change), errc::invalid_argument,
                     "two puts of one key behind a failing condition");
}

void need_count(std::size_t limit, const char* what) {
    expect(limit > 0, fmt::format("limits().{} is 0", what));
    if (limit > tried_count_max) {
        throw check_skipped(fmt::format("needs limits().{} of at most {}", what, tried_count_max));
    }
}

transaction many_conditions(std::size_t count) {
    transaction change;
    for (std::size_t index = 0; index < count; ++index) change.if_absent(fmt::format("c{}", index));
    return change;
}

awaitable<void> limit_of_conditions(trial& it) {
    const std::size_t most = it.store().limits().conditions_max;
    need_count(most, "conditions_max");
    transaction full = many_conditions(most);
    full.put("full", "1");
    const commit_result result = co_await it.commit(std::move(full));
    expect(static_cast<bool>(result), "a transaction of conditions_max conditions was rejected");
    transaction past = many_conditions(most + 1);
    co_await refused(it, std::move(past), errc::too_large, "conditions_max + 1 conditions");
}

awaitable<void> limit_of_operations(trial& it) {
    const std::size_t most = it.store().limits().operations_max;
    need_count(most, "operations_max");
    transaction full;
    for (std::size_t index = 0; index < most; ++index) full.put(fmt::format("p{}", index), "");
    const commit_result result = co_await it.commit(std::move(full));
    expect(static_cast<bool>(result), "a transaction of operations_max writes was rejected");
    const std::vector<record> written = co_await it.list(key_range::prefix("p"), 1000);
    expect_equal(written.size(), most, "records written by a transaction of operations_max");
    transaction past;
    for (std::size_t index = 0; index < most; ++index) past.remove(fmt::format("p{}", index));
    co_await refused(it, std::move(past), errc::too_large, "operations_max + 1 writes");
}

// A transaction of exactly `bytes` bytes, in values as large as allowed.
transaction of_bytes(std::size_t bytes, const storage::store_limits& limits) {
    transaction change;
    std::size_t index = 0;
    while (change.bytes() < bytes) {
        const std::string key = fmt::format("b{:07}", index++);
        const std::size_t left = bytes - change.bytes();
        std::size_t size = std::min(left, limits.value_bytes_max);
        if (left - size > 0 && left - size <= key.size()) size -= key.size() + 1;
        if (size < key.size()) {
            change.put(std::string(size, 'k'), "");
        } else {
            change.put(key, std::string(size - key.size(), 'v'));
        }
    }
    return change;
}

awaitable<void> limit_of_bytes(trial& it) {
    const storage::store_limits limits = it.store().limits();
    if (limits.bytes_max > tried_bytes_max) {
        throw check_skipped(fmt::format("needs limits().bytes_max of at most {}", tried_bytes_max));
    }
    transaction full = of_bytes(limits.bytes_max, limits);
    expect_equal(full.bytes(), limits.bytes_max, "transaction::bytes()");
    if (full.operations().size() > limits.operations_max) {
        throw check_skipped("needs operations_max * value_bytes_max of at least bytes_max");
    }
    const commit_result result = co_await it.commit(std::move(full));
    expect(static_cast<bool>(result), "a transaction of bytes_max bytes was rejected");
    transaction past = of_bytes(limits.bytes_max - 5, limits);  // "guard" and "2" make it one past
    co_await refused(it, std::move(past), errc::too_large, "bytes_max + 1 bytes");
}

awaitable<void> limit_of_value(trial& it) {
    const storage::store_limits limits = it.store().limits();
    if (limits.value_bytes_max > tried_bytes_max) {
        throw check_skipped(
            fmt::format("needs limits().value_bytes_max of at most {}", tried_bytes_max));
    }
    const std::string key = "key";
    std::string most(limits.value_bytes_max - key.size(), '\xff');
    most[most.size() / 2] = '\0';
    co_await it.put(key, most);
    const std::string read = co_await it.value(key);
    expect(read == most, "a value of the largest size reads back differently");
    transaction past;
    past.put(key, most + "1");
    auto call = it.store().commit(std::move(past));
    co_await expect_error<commit_result>(std::move(call), errc::too_large,
                                         "one byte more than value_bytes_max");
    const std::string kept = co_await it.value(key);
    expect(kept == most, "a refused put changed the value");
}

awaitable<void> list_limit_zero_is_refused(trial& it) {
    co_await it.put("key", "1");
    auto call = it.store().list(key_range::prefix(""), 0);
    co_await expect_error<page>(std::move(call), errc::invalid_argument, "list with limit 0");
}

awaitable<void> watch_from_zero_is_refused(trial& it) {
    co_await it.put("key", "1");
    auto call = it.store().watch(key_range::prefix(""), revision());
    co_await expect_error<std::unique_ptr<watcher>>(std::move(call), errc::invalid_argument,
                                                    "watch from revision 0");
}

awaitable<void> lease_of_zero_is_refused(trial& it) {
    auto zero = it.store().grant(std::chrono::milliseconds(0));
    co_await expect_error<lease_grant>(std::move(zero), errc::invalid_argument, "grant of 0 ms");
    auto negative = it.store().grant(std::chrono::milliseconds(-5));
    co_await expect_error<lease_grant>(std::move(negative), errc::invalid_argument,
                                       "grant of -5 ms");
}

}  // namespace

metadata_rules metadata_refusal_rules() {
    return {
        {"empty_key_is_refused", "an empty key is an invalid argument and nothing is written",
         empty_key_is_refused},
        {"key_written_twice_is_refused",
         "a key written twice in a transaction is an invalid argument",
         key_written_twice_is_refused},
        {"refusal_comes_before_conditions",
         "an invalid transaction is refused whatever its conditions say",
         refusal_comes_before_conditions},
        {"limit_of_conditions", "conditions_max conditions are accepted, one more is too large",
         limit_of_conditions},
        {"limit_of_operations", "operations_max writes are accepted, one more is too large",
         limit_of_operations},
        {"limit_of_bytes", "bytes_max bytes are accepted, one more is too large", limit_of_bytes},
        {"limit_of_value", "value_bytes_max bytes are accepted, one more is too large",
         limit_of_value},
        {"list_limit_zero_is_refused", "a page of no records is an invalid argument",
         list_limit_zero_is_refused},
        {"watch_from_zero_is_refused", "a watch from revision 0 is an invalid argument",
         watch_from_zero_is_refused},
        {"lease_of_zero_is_refused", "a lease shorter than 1 ms is an invalid argument",
         lease_of_zero_is_refused},
    };
}

}  // namespace reeve::testing::detail
