#include "testing/conformance/metadata_trial.hpp"

#include <utility>

namespace reeve::testing::detail {

namespace {

using trial = metadata_trial;
using std::chrono::milliseconds;

template <class T>
void expect_read_ending(const observed<T>& read, std::string_view what) {
    if (read.how == ending::value || read.how == ending::aborted) return;
    throw check_failure(
        fmt::format("a cancelled {} must throw operation_aborted, but threw {}", what, read.text));
}

// True if the write may have happened, false if it certainly has not.
template <class T>
bool may_have_happened(const observed<T>& write, std::string_view what) {
    if (write.how == ending::value) return true;
    if (write.how == ending::aborted) {
        throw check_failure(fmt::format(
            "a cancelled {} threw operation_aborted, which does not say whether it happened",
            what));
    }
    if (*write.code == errc::outcome_unknown) return true;
    if (classify(*write.code) == error_class::not_applied) return false;
    throw check_failure(
        fmt::format("a cancelled {} must throw outcome_unknown, but threw {}", what, write.text));
}

awaitable<void> cancelled_reads_abort(trial& it) {
    const revision put = co_await it.put("key", "1");
    for (std::size_t step = 0; step < cancel_steps; ++step) {
        auto get = it.store().get("key");
        const auto got =
            co_await cancel_after<std::optional<record>>(it.strand, step, std::move(get), "get");
        expect_read_ending(*got, "get");
        if (got->how == ending::value) {
            expect(got->value->has_value(),
                   "a get that raced with its cancellation lost the value");
        }
        auto list = it.store().list(key_range::prefix(""), 10);
        const auto listed = co_await cancel_after<page>(it.strand, step, std::move(list), "list");
        expect_read_ending(*listed, "list");
        auto watch = it.store().watch(key_range::prefix(""), put);
        const auto watched = co_await cancel_after<std::unique_ptr<watcher>>(
            it.strand, step, std::move(watch), "watch");
        expect_read_ending(*watched, "watch");
        const std::string value = co_await it.value("key");
        expect_equal(value, std::string("1"), "a value read after cancelled reads");
    }
}

awaitable<void> cancelled_next_loses_nothing(trial& it) {
    revision seen = co_await it.put("key", "0");
    auto watch = co_await it.watch(key_range::one("key"), revision(seen.value + 1));
    int expected = 1;
    for (std::size_t step = 0; step < cancel_steps; ++step) {
        auto idle = watch->next();
        const auto first =
            co_await cancel_after<change_batch>(it.strand, step, std::move(idle), "next");
        expect_read_ending(*first, "next");
        const std::string value = fmt::format("{}", expected);
        const revision at = co_await it.put("key", value);
        auto busy = watch->next();
        const auto second =
            co_await cancel_after<change_batch>(it.strand, step, std::move(busy), "next");
        expect_read_ending(*second, "next");
        std::vector<change> got;
        if (second->how == ending::value) got = second->value->changes;
        if (second->how != ending::value || second->value->up_to < at) {
            const std::vector<change> rest = co_await it.changes(*watch, at);
            got.insert(got.end(), rest.begin(), rest.end());
        }
        expect_equal(got.size(), std::size_t{1}, "changes delivered around a cancelled next");
        expect_equal(got[0].now.value, value, "the change delivered around a cancelled next");
        ++expected;
    }
}

awaitable<void> cancelled_commit_lands_at_most_once(trial& it) {
    co_await it.put("key", "0");
    for (std::size_t step = 0; step < cancel_steps; ++step) {
        const record before = co_await it.need("key");
        transaction change;
        change.if_modified_at("key", before.modified).put("key", fmt::format("{}", step));
        change.put("beside", fmt::format("{}", step));
        auto call = it.store().commit(std::move(change));
        const auto result =
            co_await cancel_after<commit_result>(it.strand, step, std::move(call), "commit");
        const bool maybe = may_have_happened(*result, "commit");
        const record now = co_await it.need("key");
        const auto landed = now.version - before.version;
        expect(landed <= 1, "a cancelled commit landed more than once");
        expect(maybe || landed == 0, "a cancelled commit that claims not to be applied landed");
        if (result->how == ending::value) {
            expect(static_cast<bool>(*result->value),
                   "a commit whose condition holds was rejected");
            expect(now.modified == result->value->at, "a commit that returned is not there");
        }
        transaction settle;  // whatever the cancelled commit still does, it cannot land after this
        settle.if_modified_at("key", now.modified).put("key", "settled");
        const commit_result settled = co_await it.commit(std::move(settle));
        const record after = co_await it.need("key");
        const std::uint64_t added = settled ? 1 : 0;
        expect(after.version - before.version <= 1 + added, "a cancelled commit landed twice");
        const std::optional<record> beside = co_await it.get("beside");
        const bool half = landed == 1 && (!beside || beside->modified < now.modified);
        expect(!half, "a cancelled commit landed in part");
    }
}

awaitable<void> cancelled_lease_calls_tell_the_truth(trial& it) {
    for (std::size_t step = 0; step < cancel_steps; ++step) {
        auto grant = it.store().grant(std::chrono::minutes(10));
        const auto granted =
            co_await cancel_after<lease_grant>(it.strand, step, std::move(grant), "grant");
        may_have_happened(*granted, "grant");
        const lease_grant lease = co_await it.grant();
        co_await it.put("key", "1", lease.id);
        auto keep = it.store().keep_alive(lease.id);
        const auto kept =
            co_await cancel_after<milliseconds>(it.strand, step, std::move(keep), "keep_alive");
        may_have_happened(*kept, "keep_alive");
        const std::string still = co_await it.value("key");
        expect_equal(still, std::string("1"), "a key whose lease's renewal was cancelled");
        auto revoke = it.store().revoke(lease.id);
        const auto revoked =
            co_await cancel_after<void>(it.strand, step, std::move(revoke), "revoke");
        const bool maybe = may_have_happened(*revoked, "revoke");
        const std::string after = co_await it.value("key");
        if (revoked->how == ending::value) {
            expect_equal(after, std::string("(none)"), "a key after its lease's revocation");
        }
        expect(maybe || after == "1", "a revocation that claims not to be applied was");
        co_await it.revoke(lease.id);
        const std::string gone = co_await it.value("key");
        expect_equal(gone, std::string("(none)"), "a key after a second revocation");
    }
}

}  // namespace

metadata_rules metadata_cancel_rules() {
    return {
        {"cancelled_reads_abort",
         "a read cancelled at any step returns or throws operation_aborted, and the store goes on",
         cancelled_reads_abort},
        {"cancelled_next_loses_nothing",
         "a next cancelled at any step loses no change: the following next delivers it",
         cancelled_next_loses_nothing},
        {"cancelled_commit_lands_at_most_once",
         "a commit cancelled at any step returns or throws outcome_unknown, and lands at most once",
         cancelled_commit_lands_at_most_once},
        {"cancelled_lease_calls_tell_the_truth",
         "grant, keep_alive and revoke cancelled at any step return or throw outcome_unknown",
         cancelled_lease_calls_tell_the_truth},
    };
}

}  // namespace reeve::testing::detail
