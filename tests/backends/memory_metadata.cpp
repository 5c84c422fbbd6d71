#include "catch.hpp"
#include "core/manual_loop.hpp"
#include "reeve/backends/memory_metadata_store.hpp"
#include "reeve/core/error.hpp"
#include "reeve/core/timeout.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>

#include <chrono>
#include <memory>
#include <string>

using namespace std::chrono_literals;
using namespace reeve;
using storage::key_range;
using storage::revision;
using storage::transaction;

namespace {

struct fixture {
    explicit fixture(backends::memory_database_options options = {}) {
        options.clock = &loop;
        database = std::make_shared<backends::memory_database>(options);
        store = std::make_unique<backends::memory_metadata_store>(strand, database);
    }

    storage::commit_result commit(transaction change) {
        return loop.wait(strand, store->commit(std::move(change)));
    }
    revision put(const std::string& key, const std::string& value, storage::lease_id lease = {}) {
        const auto result = commit(transaction().put(key, value, lease));
        REQUIRE(result);
        return result.at;
    }
    std::optional<storage::record> get(const std::string& key) {
        return loop.wait(strand, store->get(key));
    }
    std::unique_ptr<storage::watcher> watch(const std::string& prefix, revision from) {
        return loop.wait(strand, store->watch(key_range::prefix(prefix), from));
    }
    storage::change_batch next(storage::watcher& from) { return loop.wait(strand, from.next()); }
    storage::lease_grant grant(std::chrono::milliseconds ttl) {
        return loop.wait(strand, store->grant(ttl));
    }

    manual_loop loop;
    core::runtime strand{loop, loop.options()};
    std::shared_ptr<backends::memory_database> database;
    std::unique_ptr<backends::memory_metadata_store> store;
};

template <class Function>
errc code_of(Function function) {
    try {
        function();
    } catch (const error& failure) {
        return failure.code_value();
    }
    return errc{};
}

}  // namespace

TEST_CASE("memory store: a committed record is read back with its revisions") {
    fixture it;
    const revision first = it.put("a", "1");
    const revision second = it.put("a", "2");
    REQUIRE(first < second);
    const auto found = it.get("a");
    REQUIRE(found);
    REQUIRE(found->value == "2");
    REQUIRE(found->created == first);
    REQUIRE(found->modified == second);
    REQUIRE(found->version == 2);
    REQUIRE_FALSE(it.get("b"));
}

TEST_CASE("memory store: a rejected commit names every failed condition and changes nothing") {
    fixture it;
    const revision at = it.put("a", "1");
    const auto result = it.commit(
        transaction().if_absent("a").if_modified_at("a", at).if_created_at("b", at).put("c", "3"));
    REQUIRE_FALSE(result);
    REQUIRE(result.failed == std::vector<std::size_t>{0, 2});
    REQUIRE(result.has_failed(2));
    REQUIRE_FALSE(result.has_failed(1));
    REQUIRE(result.at == at);
    REQUIRE_FALSE(it.get("c"));
}

TEST_CASE("memory store: pages cover a range exactly once and say where to go on") {
    fixture it;
    for (const char* key : {"a/1", "a/2", "a/3", "b"}) it.put(key, key);
    auto page = it.loop.wait(it.strand, it.store->list(key_range::prefix("a/"), 2));
    REQUIRE(page.records.size() == 2);
    REQUIRE(page.resume_at == "a/3");
    REQUIRE(page.at == revision(4));
    page = it.loop.wait(it.strand, it.store->list(key_range("a/3", "a0"), 2));
    REQUIRE(page.records.size() == 1);
    REQUIRE(page.resume_at.empty());
    const auto zero = [&] { it.loop.wait(it.strand, it.store->list(key_range::prefix(""), 0)); };
    REQUIRE(code_of(zero) == errc::invalid_argument);
}

TEST_CASE("memory store: what exceeds a limit is refused before anything is written") {
    backends::memory_database_options options;
    options.limits = {1, 1, 10, 8, 2};
    fixture it(options);
    const auto refuse = [&](transaction change) {
        return code_of([&] { it.commit(std::move(change)); });
    };
    REQUIRE(refuse(transaction().if_absent("a").if_absent("b")) == errc::too_large);
    REQUIRE(refuse(transaction().put("a", "").put("b", "")) == errc::too_large);
    REQUIRE(refuse(transaction().put("a", "12345678")) == errc::too_large);
    REQUIRE(refuse(transaction().if_absent("aaaa").put("a", "123456")) == errc::too_large);
    REQUIRE(refuse(transaction().put("", "1")) == errc::invalid_argument);
    REQUIRE(refuse(transaction().if_absent("")) == errc::invalid_argument);
    REQUIRE(it.database->revision() == revision(0));
    REQUIRE(it.commit(transaction().if_absent("aa").put("aa", "123456")));
}

TEST_CASE("memory store: a watch delivers whole commits in order, in key order within one") {
    fixture it;
    const revision first = it.put("a/1", "1");
    auto watch = it.watch("a/", first);
    it.commit(transaction().put("a/3", "x").put("a/2", "y").remove("a/1").put("b", "z"));
    auto batch = it.next(*watch);
    REQUIRE(batch.up_to == revision(2));
    REQUIRE(batch.changes.size() == 4);
    REQUIRE(batch.changes[0].now.value == "1");
    REQUIRE(batch.changes[1].what == storage::change::kind::removed);
    REQUIRE(batch.changes[1].now.key == "a/1");
    REQUIRE(batch.changes[1].now.modified == revision(2));
    REQUIRE(batch.changes[2].now.key == "a/2");
    REQUIRE(batch.changes[3].now.key == "a/3");
}

TEST_CASE("memory store: a waiting watch wakes when another runtime's store commits") {
    fixture it;
    manual_loop other_loop;
    core::runtime other(other_loop, other_loop.options());
    backends::memory_metadata_store other_store(other, it.database);
    auto watch = it.watch("", revision(1));
    std::optional<storage::change_batch> seen;
    auto done = [&](const std::exception_ptr&, storage::change_batch batch) { seen = batch; };
    boost::asio::co_spawn(it.strand.executor(), watch->next(), done);
    it.loop.run_ready();
    REQUIRE_FALSE(seen);
    other_loop.wait(other, other_store.commit(transaction().put("k", "v")));
    it.loop.run_ready();
    REQUIRE(seen);
    REQUIRE(seen->changes.at(0).now.key == "k");
}

TEST_CASE("memory store: a lease removes its records in one commit when nobody renews it") {
    fixture it;
    const auto lease = it.grant(100ms);
    it.put("s/1", "x", lease.id);
    it.put("s/2", "y", lease.id);
    const revision before = it.database->revision();
    it.loop.advance(99ms);
    REQUIRE(it.get("s/1"));
    REQUIRE(it.loop.wait(it.strand, it.store->keep_alive(lease.id)) == 100ms);
    it.loop.advance(99ms);
    REQUIRE(it.get("s/1"));
    it.loop.advance(1ms);
    REQUIRE_FALSE(it.get("s/1"));
    REQUIRE_FALSE(it.get("s/2"));
    REQUIRE(it.database->revision().value == before.value + 1);
    const auto renew = [&] { it.loop.wait(it.strand, it.store->keep_alive(lease.id)); };
    REQUIRE(code_of(renew) == errc::lease_not_found);
    const auto bind = [&] { it.put("s/3", "z", lease.id); };
    REQUIRE(code_of(bind) == errc::lease_not_found);
    it.loop.wait(it.strand, it.store->revoke(lease.id));
}

TEST_CASE("memory store: a waiting watch sees a lease end though no other call is made") {
    fixture it;
    auto watch = it.watch("", revision(1));
    std::optional<storage::change_batch> seen;
    const auto lease = it.grant(50ms);
    const revision at = it.put("s", "x", lease.id);
    REQUIRE(it.next(*watch).up_to == at);
    auto done = [&](const std::exception_ptr&, storage::change_batch batch) { seen = batch; };
    boost::asio::co_spawn(it.strand.executor(), watch->next(), done);
    it.loop.run_for(49ms);
    REQUIRE_FALSE(seen);
    it.loop.run_for(1ms);
    REQUIRE(seen);
    REQUIRE(seen->changes.at(0).what == storage::change::kind::removed);
}

TEST_CASE("memory store: a lease granted while a watch waits is noticed by that watch") {
    fixture it;
    auto watch = it.watch("", revision(1));
    const auto longer = it.grant(1h);
    std::optional<storage::change_batch> seen;
    auto done = [&](const std::exception_ptr&, storage::change_batch batch) { seen = batch; };
    it.put("s", "x", longer.id);
    REQUIRE(it.next(*watch).changes.size() == 1);
    boost::asio::co_spawn(it.strand.executor(), watch->next(), done);
    it.loop.run_ready();
    const auto shorter = it.grant(10ms);
    it.loop.run_ready();
    REQUIRE(it.commit(transaction().put("t", "y", shorter.id)));
    it.loop.run_ready();
    REQUIRE(seen);
    seen.reset();
    auto again = [&](const std::exception_ptr&, storage::change_batch batch) { seen = batch; };
    boost::asio::co_spawn(it.strand.executor(), watch->next(), again);
    it.loop.run_for(10ms);
    REQUIRE(seen);
    REQUIRE(seen->changes.at(0).now.key == "t");
}

TEST_CASE("memory store: an operator ends a lease early, or late") {
    backends::memory_database_options options;
    options.leases = backends::lease_clock::by_hand;
    fixture by_hand(options);
    const auto kept = by_hand.grant(1ms);
    by_hand.put("k", "v", kept.id);
    by_hand.loop.advance(1h);
    REQUIRE(by_hand.get("k"));
    REQUIRE(by_hand.database->leases() == std::vector<storage::lease_id>{kept.id});
    REQUIRE(by_hand.database->expire(kept.id));
    REQUIRE_FALSE(by_hand.get("k"));
    REQUIRE_FALSE(by_hand.database->expire(kept.id));

    fixture timed;
    const auto late = timed.grant(10ms);
    timed.put("k", "v", late.id);
    REQUIRE(timed.database->delay(late.id, 10ms));
    timed.loop.advance(19ms);
    REQUIRE(timed.get("k"));
    timed.loop.advance(1ms);
    REQUIRE_FALSE(timed.get("k"));
}

TEST_CASE("memory store: a put replaces the lease that a record is bound to") {
    fixture it;
    const auto lease = it.grant(1s);
    it.put("k", "v", lease.id);
    it.put("k", "w");
    REQUIRE(it.database->expire(lease.id));
    REQUIRE(it.get("k")->value == "w");
}

TEST_CASE("memory store: a watch from a forgotten revision, or that lags behind, is told so") {
    fixture it;
    for (int n = 0; n < 5; ++n) it.put("k", std::to_string(n));
    auto lagging = it.watch("", revision(2));
    it.database->compact(revision(3));
    REQUIRE(code_of([&] { it.next(*lagging); }) == errc::compacted);
    REQUIRE(code_of([&] { it.watch("", revision(3)); }) == errc::compacted);
    auto good = it.watch("", revision(4));
    REQUIRE(it.next(*good).changes.size() == 2);
    REQUIRE(code_of([&] { it.watch("", revision(0)); }) == errc::invalid_argument);
}

TEST_CASE("memory store: history beyond its limit is compacted by itself") {
    backends::memory_database_options options;
    options.history_max = 3;
    fixture it(options);
    for (int n = 0; n < 10; ++n) it.put("k", std::to_string(n));
    REQUIRE(code_of([&] { it.watch("", revision(7)); }) == errc::compacted);
    auto watch = it.watch("", revision(8));
    REQUIRE(it.next(*watch).changes.size() == 3);
}

TEST_CASE("memory store: a watch of a future revision waits for it") {
    fixture it;
    auto watch = it.watch("", revision(3));
    it.put("a", "1");
    it.put("b", "2");
    it.put("c", "3");
    const auto batch = it.next(*watch);
    REQUIRE(batch.changes.size() == 1);
    REQUIRE(batch.changes[0].now.key == "c");
}

TEST_CASE("memory store: a cancelled wait loses no change") {
    fixture it;
    auto watch = it.watch("", revision(1));
    const auto deadline = it.loop.now() + 10ms;
    const auto timed_out = [&] {
        auto bounded = core::with_deadline(it.strand, watch->next(), deadline,
                                           errc::deadline_exceeded, "watch");
        it.loop.wait(it.strand, std::move(bounded));
    };
    REQUIRE(code_of(timed_out) == errc::deadline_exceeded);
    it.put("a", "1");
    REQUIRE(it.next(*watch).changes.size() == 1);
}

TEST_CASE("memory store: calls and waits survive their store, their watcher and their runtime") {
    manual_loop loop;
    auto database = std::make_shared<backends::memory_database>();
    auto strand = std::make_unique<core::runtime>(loop, loop.options());
    auto store = std::make_unique<backends::memory_metadata_store>(*strand, database);
    auto watch = loop.wait(*strand, store->watch(key_range::prefix(""), revision(1)));
    auto late_get = store->get("a");
    bool resumed = false;
    auto done = [&](const std::exception_ptr&, const storage::change_batch&) { resumed = true; };
    boost::asio::co_spawn(strand->executor(), watch->next(), done);
    loop.run_ready();
    store.reset();
    database.reset();
    REQUIRE_FALSE(loop.wait(*strand, std::move(late_get)));
    watch.reset();
    strand.reset();
    loop.run_ready();
    REQUIRE_FALSE(resumed);
}

TEST_CASE("memory store: restoring a backup goes back in time and ends running watches") {
    fixture it;
    it.put("a", "1");
    const std::string backup = it.database->snapshot();
    it.put("a", "2");
    auto watch = it.watch("", revision(2));
    it.database->restore(backup);
    REQUIRE(it.get("a")->value == "1");
    REQUIRE(it.database->revision() == revision(1));
    REQUIRE(code_of([&] { it.next(*watch); }) == errc::unavailable);
    REQUIRE(code_of([&] { it.database->restore("nonsense"); }) == errc::corrupt);
    REQUIRE(it.database->dump().size() == 1);
}
