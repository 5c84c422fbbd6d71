#include "reeve/catalog/guarded.hpp"

#include "catalog/guarded_fixture.hpp"
#include "reeve/catalog/commit_large.hpp"

#include <string>
#include <vector>

using namespace reeve;
using catalog::commit_items;
using catalog::item_outcome;
using support::creations;
using support::fault;
using fixture = support::guarded_fixture;

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
        const auto all = outcomes(creations(30));
        const std::size_t sent = 5 * catalog::transactions_in_flight_max;
        for (std::size_t at = 0; at < 30; ++at) {
            INFO(at);
            CHECK(all[at] == (at / 5 == 1 ? of_second
                              : at < sent ? item_outcome::committed
                                          : item_outcome::not_applied));
        }
        CHECK(faulty.commits == catalog::transactions_in_flight_max);
        CHECK(count("k") == stored);
    };
    SECTION("away") { expect(fault::away, item_outcome::not_applied, 15); }
    SECTION("unknown, and applied") { expect(fault::no_reply, item_outcome::unknown, 20); }
    SECTION("unknown, and lost") { expect(fault::lost, item_outcome::unknown, 15); }
    SECTION("unknown, and it lands later") {
        expect(fault::ghost, item_outcome::unknown, 15);
        run(faulty.land());
        CHECK(count("k") == 20);
    }
}

TEST_CASE_METHOD(fixture, "an empty batch is no transaction") {
    CHECK(outcomes({}).empty());
    CHECK(faulty.commits == 0);
}
