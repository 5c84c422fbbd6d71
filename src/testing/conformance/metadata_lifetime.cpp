#include "testing/conformance/metadata_trial.hpp"

#include <utility>

namespace reeve::testing::detail {

namespace {

using trial = metadata_trial;

// One call of each kind, under way.
struct in_flight {
    observed_ptr<std::optional<record>> get;
    observed_ptr<page> list;
    observed_ptr<commit_result> commit;
    observed_ptr<std::unique_ptr<watcher>> watch;
    observed_ptr<lease_grant> grant;
    observed_ptr<std::chrono::milliseconds> keep_alive;
    observed_ptr<void> revoke;
};

in_flight start_all(trial& it, lease_id lease) {
    metadata_store& store = it.store();
    in_flight calls;
    calls.get = start<std::optional<record>>(it.strand, store.get("key"));
    calls.list = start<page>(it.strand, store.list(key_range::prefix(""), 10));
    transaction change;
    change.put("late", "1");
    calls.commit = start<commit_result>(it.strand, store.commit(std::move(change)));
    calls.watch =
        start<std::unique_ptr<watcher>>(it.strand, store.watch(key_range::prefix(""), revision(1)));
    calls.grant = start<lease_grant>(it.strand, store.grant(std::chrono::minutes(10)));
    calls.keep_alive = start<std::chrono::milliseconds>(it.strand, store.keep_alive(lease));
    calls.revoke = start<void>(it.strand, store.revoke(lease_id(0x7fffffffff)));
    return calls;
}

template <class T>
void expect_sane(const observed_ptr<T>& call, const char* what) {
    if (!call->other) return;
    try {
        std::rethrow_exception(call->other);
    } catch (const std::exception& failure) {
        throw check_failure(fmt::format("{} in flight when the store was destroyed threw {}", what,
                                        failure.what()));
    }
}

awaitable<void> store_dies_with_calls_in_flight(trial& it) {
    co_await it.put("key", "1");
    const lease_grant lease = co_await it.grant();
    for (std::size_t step = 0; step < cancel_steps; ++step) {
        const in_flight calls = start_all(it, lease.id);
        co_await yield(it.strand, step);
        std::unique_ptr<metadata_store> dying = it.take();
        dying.reset();
        co_await yield(it.strand, 10);
        co_await it.open();
        const std::string value = co_await it.value("key");
        expect_equal(value, std::string("1"), "a value read by a new handle");
        expect_sane(calls.get, "get");
        expect_sane(calls.list, "list");
        expect_sane(calls.commit, "commit");
        expect_sane(calls.watch, "watch");
        expect_sane(calls.grant, "grant");
        expect_sane(calls.keep_alive, "keep_alive");
        expect_sane(calls.revoke, "revoke");
    }
}

awaitable<void> watcher_dies_with_next_waiting(trial& it) {
    revision last = co_await it.put("key", "0");
    for (std::size_t step = 0; step < cancel_steps; ++step) {
        auto watch = co_await it.watch(key_range::one("key"), revision(last.value + 1));
        auto call = watch->next();
        const observed_ptr<change_batch> waiting = start<change_batch>(it.strand, std::move(call));
        co_await yield(it.strand, step);
        const bool early = waiting->how != ending::waiting;  // an empty batch is allowed
        watch.reset();
        last = co_await it.put("key", fmt::format("{}", step));
        co_await yield(it.strand, 20);
        if (waiting->other) std::rethrow_exception(waiting->other);
        const bool quiet = waiting->how == ending::waiting || waiting->how == ending::aborted;
        const bool empty = waiting->how == ending::value && waiting->value->changes.empty();
        expect(early || quiet || empty,
               "a next whose watcher was destroyed neither waits nor throws operation_aborted");
    }
}

awaitable<void> strand_ends_with_calls_in_flight(trial& it) {
    const revision put = co_await it.put("key", "1");
    const lease_grant lease = co_await it.grant();
    const in_flight calls = start_all(it, lease.id);
    co_await yield(it.strand, 1);
    const in_flight more = start_all(it, lease.id);
    auto watch = co_await it.watch(key_range::one("key"), revision(put.value + 100));
    auto call = watch->next();
    const auto waiting = start<change_batch>(it.strand, std::move(call));
    for (const auto* each : {&calls, &more}) {
        it.in_flight.emplace_back(each->get);
        it.in_flight.emplace_back(each->list);
        it.in_flight.emplace_back(each->commit);
        it.in_flight.emplace_back(each->watch);
        it.in_flight.emplace_back(each->grant);
        it.in_flight.emplace_back(each->keep_alive);
        it.in_flight.emplace_back(each->revoke);
    }
    it.in_flight.emplace_back(waiting);
}

awaitable<void> data_outlives_its_handles(trial& it) {
    const lease_grant lease = co_await it.grant();
    const revision put = co_await it.put("key", "1");
    co_await it.put("leased", "1", lease.id);
    const record before = co_await it.need("key");
    it.close();
    co_await it.open();
    const record after = co_await it.need("key");
    expect(before == after, "a record differs after all handles were closed");
    const record leased = co_await it.need("leased");
    expect_equal(leased.lease, lease.id, "the lease of a record after all handles were closed");
    const revision next = co_await it.put("key", "2");
    expect(put < next, "revisions went back after all handles were closed");
    auto watch = co_await it.watch(key_range::one("key"), put);
    const std::vector<change> seen = co_await it.changes(*watch, next);
    expect_equal(seen.size(), std::size_t{2}, "the history after all handles were closed");
    co_await it.revoke(lease.id);
    const std::optional<record> gone = co_await it.get("leased");
    expect(!gone, "a lease cannot be revoked after all handles were closed");
}

}  // namespace

metadata_rules metadata_lifetime_rules() {
    return {
        {"store_dies_with_calls_in_flight",
         "a store may be destroyed with calls in flight, after any number of steps",
         store_dies_with_calls_in_flight},
        {"watcher_dies_with_next_waiting", "a watcher may be destroyed with a next waiting",
         watcher_dies_with_next_waiting},
        {"strand_ends_with_calls_in_flight",
         "the strand may be shut down with calls in flight, before the store is destroyed",
         strand_ends_with_calls_in_flight, closing::shutdown},
        {"data_outlives_its_handles", "records, leases and history outlive the handles",
         data_outlives_its_handles},
    };
}

}  // namespace reeve::testing::detail
