#include "conformance/bent_store.hpp"

#include <boost/asio/async_result.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

#include <memory>
#include <optional>
#include <stdexcept>
#include <utility>
#include <vector>

namespace conformance {

namespace {

using storage::change_batch;
using storage::commit_result;
using storage::condition;
using storage::lease_grant;
using storage::lease_id;
using storage::operation;
using storage::record;
using storage::transaction;

bool no_condition(condition&) { return false; }
bool no_write(operation&) { return false; }

awaitable<commit_result> tests_then_writes(storage::metadata_store& store, transaction asked) {
    transaction tests = edited(asked, keep_condition, no_write);
    transaction writes = edited(asked, no_condition, keep_operation);
    const commit_result tested = co_await store.commit(std::move(tests));
    if (!tested) co_return tested;
    co_await pause(1);
    co_return co_await store.commit(std::move(writes));
}

awaitable<commit_result> writes_one_by_one(storage::metadata_store& store, transaction asked) {
    commit_result result;
    for (std::size_t index = 0; index < asked.operations().size(); ++index) {
        std::size_t at = 0;
        auto only = [&at, index](operation&) { return at++ == index; };
        transaction part = edited(asked, no_condition, only);
        result = co_await store.commit(std::move(part));
        co_await pause(1);
    }
    co_return result;
}

bend reads_what_it_read_before() {
    const auto cache = std::make_shared<std::vector<std::optional<record>>>();
    bend how;
    how.begins = [cache](const std::shared_ptr<memory_database>&) { cache->clear(); };
    how.got = [cache](std::optional<record>& found, std::size_t) {
        cache->push_back(found);
        if (cache->size() > 1) found = (*cache)[cache->size() - 2];
    };
    return how;
}

awaitable<std::optional<record>> unsure_get(storage::metadata_store& store, std::string key) {
    std::optional<record> found = co_await store.get(std::move(key));
    try {
        co_await pause(4);
    } catch (const boost::system::system_error&) {
        throw reeve::error(reeve::errc::outcome_unknown, "cancelled read");
    }
    co_return found;
}

awaitable<change_batch> late_next(storage::watcher& inner, std::weak_ptr<void>) {
    change_batch batch = co_await inner.next();
    co_await pause(4);
    co_return batch;
}

awaitable<commit_result> late_reply(storage::metadata_store& store, transaction asked) {
    const commit_result result = co_await store.commit(std::move(asked));
    co_await pause(4);
    co_return result;
}

awaitable<void> late_revoke(storage::metadata_store& store, lease_id lease) {
    co_await store.revoke(lease);
    co_await pause(4);
}

awaitable<change_batch> insists_on_its_watcher(storage::watcher&, std::weak_ptr<void> alive) {
    while (!alive.expired()) co_await pause(1);
    throw std::logic_error("a watcher was used after its end");
}

// Suspends where no strand knows of it.
using handler = std::function<void()>;
awaitable<commit_result> waits_elsewhere(std::shared_ptr<std::vector<handler>> elsewhere) {
    auto initiate = [elsewhere](auto resume) {
        auto shared = std::make_shared<decltype(resume)>(std::move(resume));
        elsewhere->emplace_back([shared] {});
    };
    auto wait = boost::asio::async_initiate<const boost::asio::use_awaitable_t<>, void()>(
        std::move(initiate), boost::asio::use_awaitable);
    co_await std::move(wait);
    co_return commit_result();
}

bend store_bound_commit() {
    // Each handle's life; a commit that outlives it touches what is gone.
    bend how;
    const auto lives = std::make_shared<std::weak_ptr<void>>();
    how.opened = [lives](std::weak_ptr<void> life) { *lives = std::move(life); };
    auto bound = [](storage::metadata_store& store, transaction asked,
                    std::weak_ptr<void> life) -> awaitable<commit_result> {
        const commit_result result = co_await store.commit(std::move(asked));
        co_await pause(3);
        if (life.expired()) throw std::logic_error("a store was used after its end");
        co_return result;
    };
    how.commit = [lives, bound](storage::metadata_store& store, transaction asked) {
        return bound(store, std::move(asked), *lives);
    };
    return how;
}

bend leaks_waiting_commits() {
    const auto elsewhere = std::make_shared<std::vector<handler>>();
    bend how;
    how.commit = [elsewhere](storage::metadata_store& store, transaction asked) {
        const bool late = !asked.operations().empty() && asked.operations()[0].key == "late";
        if (late) return waits_elsewhere(elsewhere);
        return store.commit(std::move(asked));
    };
    return how;
}

template <class Instead>
bend commit(Instead instead) {
    bend how;
    how.commit = instead;
    return how;
}

}  // namespace

std::vector<broken> broken_races() {
    std::vector<broken> all;
    all.push_back({"one_creation_wins", commit(tests_then_writes)});
    all.push_back({"counter_loses_no_increment", commit(tests_then_writes)});
    all.push_back({"reads_follow_commits", reads_what_it_read_before()});
    all.push_back({"transactions_are_atomic_to_readers", commit(writes_one_by_one)});
    bend unsure;
    unsure.get = unsure_get;
    all.push_back({"cancelled_reads_abort", unsure});
    bend forgetful;
    forgetful.next = late_next;
    all.push_back({"cancelled_next_loses_nothing", forgetful});
    all.push_back({"cancelled_commit_lands_at_most_once", commit(late_reply)});
    bend vague;
    vague.revoke = late_revoke;
    all.push_back({"cancelled_lease_calls_tell_the_truth", vague});
    all.push_back({"store_dies_with_calls_in_flight", store_bound_commit()});
    bend attached;
    attached.next = insists_on_its_watcher;
    all.push_back({"watcher_dies_with_next_waiting", attached});
    all.push_back({"strand_ends_with_calls_in_flight", leaks_waiting_commits()});
    bend volatile_data;
    volatile_data.forgets_on_open = true;
    all.push_back({"data_outlives_its_handles", volatile_data});
    return all;
}

}  // namespace conformance
