#include "reeve/catalog/guarded.hpp"

#include "catalog/faulty_store.hpp"
#include "catalog/support.hpp"
#include "reeve/catalog/commit_large.hpp"

#include <string>
#include <vector>

using namespace reeve;
using catalog::commit_items;
using catalog::item_outcome;
using support::fault;
using support::faulty_store;

namespace {

struct fixture : support::world {
    fixture() : faulty(store), guard(lead(keys)) {}

    static storage::transaction create(const std::string& key, const std::string& value = "v") {
        storage::transaction item;
        item.if_absent(key).put(key, value);
        return item;
    }
    std::vector<item_outcome> outcomes(std::vector<storage::transaction> items) {
        std::vector<item_outcome> all;
        for (const auto& one : run(commit_items(faulty, guard, std::move(items)))) {
            all.push_back(one.outcome);
        }
        return all;
    }
    std::size_t count(const std::string& prefix) {
        return run(store.list(storage::key_range::prefix(prefix), 10000)).records.size();
    }
    void limit(std::size_t conditions, std::size_t operations, std::size_t bytes) {
        auto limits = store.limits();
        limits.conditions_max = conditions;
        limits.operations_max = operations;
        limits.bytes_max = bytes;
        faulty.set_limits(limits);
    }

    catalog::key_layout keys{"r"};
    faulty_store faulty;
    catalog::leader_guard guard;
};

std::vector<storage::transaction> creations(std::size_t many) {
    std::vector<storage::transaction> items;
    for (std::size_t at = 0; at < many; ++at) {
        items.push_back(fixture::create("k" + std::to_string(at)));
    }
    return items;
}

}  // namespace

TEST_CASE_METHOD(fixture, "a guarded write of the present leader is committed") {
    auto change = guard.begin();
    change.put("k", "v");
    const auto result = run(store.commit(std::move(change)));
    CHECK(result);
    guard.check(result);
}

TEST_CASE_METHOD(fixture, "a deposed leader's write changes nothing and is fenced") {
    lead(keys);
    auto change = guard.begin();
    change.put("k", "v");
    const auto result = run(store.commit(std::move(change)));
    CHECK_FALSE(result);
    CHECK_FALSE(get("k"));
    CHECK_THROWS_AS(guard.check(result), error);
    CHECK(failure_of(commit_items(store, guard, creations(3))) == errc::fenced);
    CHECK(count("k") == 0);
}

TEST_CASE_METHOD(fixture, "a rejection that the guard did not cause is not fencing") {
    put("k", "v");
    auto change = guard.begin();
    change.if_absent("k").put("k", "w");
    const auto result = run(store.commit(std::move(change)));
    CHECK_FALSE(result);
    CHECK_NOTHROW(guard.check(result));
}

TEST_CASE_METHOD(fixture, "without a term nothing is written") {
    const catalog::leader_guard none;
    CHECK_THROWS_AS(none.begin(), error);
    CHECK(failure_of(commit_items(store, none, creations(1))) == errc::fenced);
}

TEST_CASE_METHOD(fixture, "a batch takes as few transactions as the limits allow") {
    SECTION("by conditions: the guard is one of them") { limit(11, 1000, 1 << 20); }
    SECTION("by operations") { limit(1000, 10, 1 << 20); }
    SECTION("by bytes: leader key 8, item 2 + 2 + 1") { limit(1000, 1000, 8 + 10 * 5); }
    std::vector<storage::transaction> items;
    for (char letter = 'a'; letter <= 'y'; ++letter) {
        items.push_back(create(std::string("k") + letter));
    }
    const auto all = outcomes(std::move(items));
    CHECK(all == std::vector(25, item_outcome::committed));
    CHECK(faulty.commits == 3);
    CHECK(count("k") == 25);
    for (const auto& one : faulty.sent) {
        CHECK(one.conditions().front().key == keys.leader());
        CHECK(one.conditions().front().what == storage::condition::kind::created_at);
    }
}

TEST_CASE_METHOD(fixture, "an item that can never fit is refused before anything is sent") {
    limit(5, 5, 1000);
    auto items = creations(3);
    SECTION("bytes") {
        items.push_back(create("big", std::string(1000, 'x')));
        CHECK(failure_of(commit_items(faulty, guard, items)) == errc::too_large);
    }
    SECTION("conditions, with the guard") {
        storage::transaction item;
        for (const auto* key : {"a", "b", "c", "d", "e"}) item.if_absent(key);
        items.push_back(item.put("a", "v"));
        CHECK(failure_of(commit_items(faulty, guard, items)) == errc::too_large);
    }
    SECTION("a key twice") {
        items.push_back(create("a").put("a", "w"));
        CHECK(failure_of(commit_items(faulty, guard, items)) == errc::invalid_argument);
    }
    SECTION("a value that a recovery would take for a part of a large transaction") {
        items.push_back(create("a", catalog::mark(7, "v")));
        CHECK(failure_of(commit_items(faulty, guard, items)) == errc::invalid_argument);
    }
    CHECK(faulty.commits == 0);
}

TEST_CASE_METHOD(fixture, "a value that only resembles a mark is a value like any other") {
    for (const char* value : {"reeve-batch", "reeve-batch:", "reeve-batch:0:v", "reeve-batch:01:v",
                              "reeve-batch:1", " reeve-batch:1:v"}) {
        INFO(value);
        CHECK(outcomes({create(value, value)}) ==
              std::vector<item_outcome>{item_outcome::committed});
    }
}

TEST_CASE_METHOD(fixture, "an item at exactly the limits fits") {
    limit(4, 3, 8 + 6 + 3 + 3);
    storage::transaction item;
    for (const auto* key : {"k1", "k2", "k3"}) item.if_absent(key);
    for (const auto* key : {"a", "b", "c"}) item.put(key, "v");
    CHECK(item.bytes() == 12);
    CHECK(outcomes({item}) == std::vector{item_outcome::committed});
}

TEST_CASE_METHOD(fixture, "rejected items do not hold back the others") {
    for (const auto* key : {"k2", "k5", "k6"}) put(key, "before");
    const auto all = outcomes(creations(9));
    for (std::size_t at = 0; at < 9; ++at) {
        INFO(at);
        const bool taken = at == 2 || at == 5 || at == 6;
        CHECK(all[at] == (taken ? item_outcome::rejected : item_outcome::committed));
        CHECK(get("k" + std::to_string(at))->value == (taken ? "before" : "v"));
    }
    CHECK(faulty.commits == 2);
}

TEST_CASE_METHOD(fixture, "an item with several conditions is rejected by any of them, whole") {
    put("there", "x");
    storage::transaction item;
    item.if_absent("a").if_absent("b").if_absent("there").put("a", "1").put("b", "2");
    const auto all = outcomes({create("before"), item, create("behind")});
    CHECK(all ==
          std::vector{item_outcome::committed, item_outcome::rejected, item_outcome::committed});
    CHECK_FALSE(get("a"));
    CHECK_FALSE(get("b"));
}

TEST_CASE_METHOD(fixture, "items on one key are committed in order, in transactions of their own") {
    std::vector<storage::transaction> items;
    items.push_back(create("k", "1"));
    items.push_back(storage::transaction().put("k", "2"));
    items.push_back(create("other"));
    items.push_back(storage::transaction().put("k", "3"));
    items.push_back(create("k", "late"));
    const auto all = outcomes(std::move(items));
    CHECK(all == std::vector{item_outcome::committed, item_outcome::committed,
                             item_outcome::committed, item_outcome::committed,
                             item_outcome::rejected});
    CHECK(get("k")->value == "3");
    CHECK(get("k")->version == 3);
    CHECK(faulty.commits == 4);
}

TEST_CASE_METHOD(fixture, "an item that compares what another writes sees it, in order") {
    const auto at = put("k", "0");
    storage::transaction reader;
    reader.if_modified_at("k", at).put("seen", "v");
    storage::transaction writer;
    writer.if_modified_at("k", at).put("k", "1");
    SECTION("reader first: both succeed") {
        CHECK(outcomes({reader, writer}) ==
              std::vector{item_outcome::committed, item_outcome::committed});
    }
    SECTION("writer first: the reader is rejected") {
        CHECK(outcomes({writer, reader}) ==
              std::vector{item_outcome::committed, item_outcome::rejected});
    }
}

TEST_CASE_METHOD(fixture, "thousands of items with rejections and shared keys are all decided") {
    limit(20, 20, 1 << 20);
    std::vector<storage::transaction> items;
    for (int at = 0; at < 3000; ++at) {
        if (at % 7 == 0) {
            items.push_back(storage::transaction().put("shared", std::to_string(at)));
        } else if (at % 11 == 0) {
            items.push_back(create("k1", "again"));
        } else {
            items.push_back(create("k" + std::to_string(at)));
        }
    }
    const auto all = outcomes(items);
    for (std::size_t at = 0; at < all.size(); ++at) {
        const bool again = at % 7 != 0 && at % 11 == 0;
        if (all[at] != (again ? item_outcome::rejected : item_outcome::committed)) {
            INFO(at);
            CHECK(all[at] == item_outcome::committed);
        }
    }
    CHECK(get("shared")->value == "2996");
}

TEST_CASE_METHOD(fixture, "a failure of the store says what became of each item") {
    limit(6, 5, 1 << 20);
    const auto expect = [&](fault what, item_outcome of_second, std::size_t stored) {
        faulty.faults[1] = what;
        const auto all = outcomes(creations(15));
        for (std::size_t at = 0; at < 15; ++at) {
            INFO(at);
            CHECK(all[at] == (at < 5    ? item_outcome::committed
                              : at < 10 ? of_second
                                        : item_outcome::not_applied));
        }
        CHECK(faulty.commits == 2);
        CHECK(count("k") == stored);
    };
    SECTION("away") { expect(fault::away, item_outcome::not_applied, 5); }
    SECTION("unknown, and applied") { expect(fault::no_reply, item_outcome::unknown, 10); }
    SECTION("unknown, and lost") { expect(fault::lost, item_outcome::unknown, 5); }
    SECTION("unknown, and it lands later") {
        expect(fault::ghost, item_outcome::unknown, 5);
        run(faulty.land());
        CHECK(count("k") == 10);
    }
}

TEST_CASE_METHOD(fixture, "fenced in the middle: what was committed stays, the rest is not sent") {
    limit(6, 5, 1 << 20);
    faulty.before_commit = [this](std::size_t number) -> awaitable<void> {
        if (number != 1) co_return;
        storage::transaction gone;
        gone.remove(keys.leader());
        co_await store.commit(std::move(gone));
    };
    CHECK(failure_of(commit_items(faulty, guard, creations(15))) == errc::fenced);
    CHECK(faulty.commits == 2);
    CHECK(count("k") == 5);
}

TEST_CASE_METHOD(fixture, "what each transaction decided is told before the next one is sent") {
    limit(6, 5, 1 << 20);
    put("k1", "already there");
    const auto expect = [&](std::vector<std::size_t> of_second, item_outcome outcome) {
        std::vector<std::vector<std::size_t>> told;
        std::vector<std::size_t> sent;
        std::vector<item_outcome> last;
        catalog::on_decided decided = [&](std::span<const std::size_t> numbers,
                                          const std::vector<catalog::item_result>& results) {
            told.emplace_back(numbers.begin(), numbers.end());
            sent.push_back(faulty.commits);
            last.push_back(results[numbers.back()].outcome);
        };
        run(commit_items(faulty, guard, creations(7), std::move(decided)));
        // The first transaction is rejected because of k1 alone; the others of it are sent again.
        CHECK(told == std::vector<std::vector<std::size_t>>{{1}, of_second});
        CHECK(sent == std::vector<std::size_t>{1, 2});
        CHECK(last == std::vector{item_outcome::rejected, outcome});
    };
    SECTION("committed") {
        limit(7, 6, 1 << 20);
        expect({0, 2, 3, 4, 5, 6}, item_outcome::committed);
    }
    SECTION("unknown; what was never sent is not told") {
        faulty.faults[1] = fault::lost;
        expect({0, 2, 3, 4, 5}, item_outcome::unknown);
    }
}

TEST_CASE_METHOD(fixture, "an empty batch is no transaction") {
    CHECK(outcomes({}).empty());
    CHECK(faulty.commits == 0);
}
