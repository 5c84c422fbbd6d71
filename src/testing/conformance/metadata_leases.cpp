#include "testing/conformance/metadata_trial.hpp"

#include <utility>

namespace reeve::testing::detail {

namespace {

using trial = metadata_trial;
using std::chrono::milliseconds;

revision after(revision at) { return revision(at.value + 1); }

awaitable<void> grant_gives_what_was_asked(trial& it) {
    const auto asked = it.factory.lease_ttl();
    const lease_grant first = co_await it.grant(asked);
    const lease_grant second = co_await it.grant(asked);
    expect(static_cast<bool>(first.id), "a granted lease has the id 0, which means none");
    expect(first.id != second.id, "two leases have one id");
    expect(first.ttl >= asked,
           fmt::format("granted {} ms, asked {} ms", first.ttl.count(), asked.count()));
    co_await it.revoke(first.id);
    co_await it.revoke(second.id);
    const lease_grant third = co_await it.grant();
    expect(third.id != first.id && third.id != second.id, "the id of an ended lease came again");
}

awaitable<void> record_names_its_lease(trial& it) {
    const lease_grant lease = co_await it.grant();
    const revision begun = co_await it.put("other", "1");
    auto watch = co_await it.watch(key_range::one("key"), after(begun));
    co_await it.put("key", "1", lease.id);
    const change_batch batch = co_await it.next(*watch);
    expect_equal(batch.changes[0].now.lease, lease.id, "the lease in a watched change");
    const record found = co_await it.need("key");
    expect_equal(found.lease, lease.id, "the lease in a record");
    co_await it.revoke(lease.id);
}

// The first batch of the watch, while the store's time passes until a lease has ended.
awaitable<change_batch> await_end(trial& it, watcher& watch) {
    const auto step = it.factory.lease_ttl() / 8;
    auto call = watch.next();
    observed_ptr<change_batch> running = start<change_batch>(it.strand, std::move(call));
    for (int round = 0; round < 400; ++round) {
        if (running->how == ending::waiting) {
            co_await it.factory.pass_time(it.strand, step);
            continue;
        }
        if (running->how != ending::value || !running->value->changes.empty()) break;
        auto again = watch.next();
        running = start<change_batch>(it.strand, std::move(again));
    }
    co_await settle<change_batch>(it.strand, running, "the change that a lease's end makes");
    expect(running->how == ending::value, "next failed while a lease ended: " + running->text);
    expect(!running->value->changes.empty(), "a lease did not end");
    co_return std::move(*running->value);
}

awaitable<void> expiry_removes_keys_in_one_commit(trial& it) {
    co_await it.put("other", "stays");
    const std::vector<std::string> keys{"key", "kez"};
    const leased made = co_await it.put_leased(keys);
    auto watch = co_await it.watch(key_range::prefix(""), after(made.at));
    const change_batch batch = co_await await_end(it, *watch);
    expect_equal(batch.changes.size(), std::size_t{2}, "changes in the commit of a lease's end");
    for (const auto& each : batch.changes) {
        expect(each.what == change::kind::removed, "a lease's end delivered a put");
        expect_equal(each.now.modified, batch.changes[0].now.modified,
                     "the revisions of the keys that ended with one lease");
    }
    const std::string gone = co_await it.value("key");
    const std::string stays = co_await it.value("other");
    expect_equal(gone, std::string("(none)"), "a key whose lease has ended");
    expect_equal(stays, std::string("stays"), "a key without a lease");
}

awaitable<void> lease_lasts_its_ttl(trial& it) {
    std::vector<std::string> keys;
    keys.emplace_back("key");
    const leased made = co_await it.put_leased(keys);
    auto watch = co_await it.watch(key_range::one("key"), after(made.at));
    co_await await_end(it, *watch);
    const auto lasted = it.strand.now() - made.asked_at;
    if (lasted + it.factory.clock_error() < made.lease.ttl) {
        throw check_failure(fmt::format("a lease of {} ms ended after {} ms",
                                        made.lease.ttl.count(),
                                        std::chrono::duration_cast<milliseconds>(lasted).count()));
    }
}

// One reading of the key that is sure to lie within a renewed lease's time, and late enough that
// the lease would have ended without renewal. Nothing if this process was too slow to be sure.
awaitable<std::optional<bool>> survives_by_renewal(trial& it) {
    std::vector<std::string> keys;
    keys.emplace_back("key");
    const leased made = co_await it.put_leased(keys);
    const auto ttl = made.lease.ttl;
    const auto long_enough = it.strand.now() + 2 * ttl + it.factory.clock_error();
    auto renewed_at = made.asked_at;
    std::optional<bool> answer;
    while (it.strand.now() < long_enough) {
        co_await it.factory.pass_time(it.strand, ttl / 4);
        const auto asked_at = it.strand.now();
        auto call = it.store().keep_alive(made.lease.id);
        const std::optional<errc> code = co_await code_of<milliseconds>(std::move(call));
        const bool in_time = it.strand.now() + it.factory.clock_error() < renewed_at + ttl;
        if (code) {
            if (in_time) answer = false;
            co_return answer;
        }
        renewed_at = asked_at;
    }
    const std::optional<record> found = co_await it.get("key");
    const bool in_time = it.strand.now() + it.factory.clock_error() < renewed_at + ttl;
    if (found || in_time) answer = found.has_value();
    co_await it.revoke(made.lease.id);
    co_return answer;
}

awaitable<void> keep_alive_extends(trial& it) {
    for (int attempt = 0; attempt < 20; ++attempt) {
        const std::optional<bool> answer = co_await survives_by_renewal(it);
        if (!answer) continue;
        expect(*answer, "a lease ended although it was renewed in time");
        co_return;
    }
    throw check_skipped("needs a machine that runs this process more often than every lease ttl");
}

awaitable<void> keep_alive_tells_the_ttl(trial& it) {
    const lease_grant lease = co_await it.grant();
    auto call = it.store().keep_alive(lease.id);
    const milliseconds ttl =
        co_await within<milliseconds>(it.strand, std::move(call), "keep_alive");
    expect_equal(ttl.count(), lease.ttl.count(), "the ttl that keep_alive returns");
    co_await it.revoke(lease.id);
}

awaitable<void> keep_alive_of_ended_lease_fails(trial& it) {
    const lease_grant lease = co_await it.grant();
    co_await it.revoke(lease.id);
    auto revoked = it.store().keep_alive(lease.id);
    co_await expect_error<milliseconds>(std::move(revoked), errc::lease_not_found,
                                        "keep_alive of a revoked lease");
    auto unknown = it.store().keep_alive(lease_id(0x7ffffffffff));
    co_await expect_error<milliseconds>(std::move(unknown), errc::lease_not_found,
                                        "keep_alive of a lease that never was");
    std::vector<std::string> keys;
    keys.emplace_back("key");
    const leased expiring = co_await it.put_leased(keys);
    auto watch = co_await it.watch(key_range::one("key"), after(expiring.at));
    co_await await_end(it, *watch);
    auto expired = it.store().keep_alive(expiring.lease.id);
    co_await expect_error<milliseconds>(std::move(expired), errc::lease_not_found,
                                        "keep_alive of an expired lease");
}

awaitable<void> revoke_removes_keys_in_one_commit(trial& it) {
    const lease_grant lease = co_await it.grant();
    const revision begun = co_await it.put("z", "1");
    transaction change;
    change.put("b", "1", lease.id).put("a", "1", lease.id);
    const commit_result result = co_await it.commit(std::move(change));
    expect(static_cast<bool>(result), "a put with a lease was rejected");
    auto watch = co_await it.watch(key_range("a", "z"), after(result.at));
    co_await it.revoke(lease.id);
    const std::optional<record> gone = co_await it.get("a");
    expect(!gone, "a key is still there after its lease was revoked");
    const change_batch batch = co_await it.next(*watch);
    expect_equal(batch.changes.size(), std::size_t{2}, "changes in the commit of a revocation");
    expect(batch.changes[0].now.modified == batch.changes[1].now.modified &&
               batch.changes[0].now.modified > begun,
           "a revocation has not one new revision");
    co_await it.put("a", "2");
    const record again = co_await it.need("a");
    expect_equal(again.version, 1U, "version of the life after a revocation");
}

awaitable<void> revoke_twice_is_fine(trial& it) {
    const lease_grant lease = co_await it.grant();
    co_await it.revoke(lease.id);
    auto second = it.store().revoke(lease.id);
    const std::optional<errc> code = co_await code_of<void>(std::move(second));
    expect(!code, "revoking an ended lease failed");
}

awaitable<void> put_rebinds_the_lease(trial& it) {
    const lease_grant first = co_await it.grant();
    const lease_grant second = co_await it.grant();
    co_await it.put("key", "1", first.id);
    co_await it.put("key", "2", second.id);
    co_await it.revoke(first.id);
    const std::string kept = co_await it.value("key");
    expect_equal(kept, std::string("2"), "a key rebound to another lease, when the first ended");
    co_await it.revoke(second.id);
    const std::string gone = co_await it.value("key");
    expect_equal(gone, std::string("(none)"), "a key whose second lease ended");
}

awaitable<void> put_without_lease_detaches(trial& it) {
    const lease_grant lease = co_await it.grant();
    co_await it.put("key", "1", lease.id);
    co_await it.put("key", "2");
    const record found = co_await it.need("key");
    expect_equal(found.lease.value, 0U, "the lease after a put without one");
    co_await it.revoke(lease.id);
    const std::string kept = co_await it.value("key");
    expect_equal(kept, std::string("2"), "a key detached from its lease, when that ended");
}

awaitable<void> removed_key_leaves_its_lease(trial& it) {
    const lease_grant lease = co_await it.grant();
    co_await it.put("key", "1", lease.id);
    co_await it.remove("key");
    co_await it.put("key", "2");
    co_await it.revoke(lease.id);
    const std::string kept = co_await it.value("key");
    expect_equal(kept, std::string("2"),
                 "a key written anew, when the lease of its former life "
                 "ended");
}

awaitable<void> commit_with_dead_lease_is_not_applied(trial& it) {
    const lease_grant lease = co_await it.grant();
    co_await it.revoke(lease.id);
    const revision before = co_await it.put("other", "1");
    transaction change;
    change.put("other", "2").put("key", "1", lease.id);
    auto call = it.store().commit(std::move(change));
    co_await expect_error<commit_result>(std::move(call), errc::lease_not_found,
                                         "a put with an ended lease");
    const record kept = co_await it.need("other");
    expect_equal(kept.modified, before, "another write of a transaction with an ended lease");
    const std::optional<record> none = co_await it.get("key");
    expect(!none, "a put with an ended lease was applied");
}

}  // namespace

metadata_rules metadata_lease_rules() {
    return {
        {"grant_gives_what_was_asked", "a lease has a fresh id and at least the ttl asked for",
         grant_gives_what_was_asked},
        {"record_names_its_lease", "records and changes name their lease", record_names_its_lease},
        {"expiry_removes_keys_in_one_commit",
         "a lease that ends removes exactly its keys, in one commit that watches see",
         expiry_removes_keys_in_one_commit},
        {"lease_lasts_its_ttl", "a lease does not end before its ttl", lease_lasts_its_ttl},
        {"keep_alive_extends", "keep_alive starts the lease's time again", keep_alive_extends},
        {"keep_alive_tells_the_ttl", "keep_alive returns the lease's ttl",
         keep_alive_tells_the_ttl},
        {"keep_alive_of_ended_lease_fails", "keep_alive of an ended lease is lease_not_found",
         keep_alive_of_ended_lease_fails},
        {"revoke_removes_keys_in_one_commit",
         "revoke removes the lease's keys at once, in one "
         "commit",
         revoke_removes_keys_in_one_commit},
        {"revoke_twice_is_fine", "revoking an ended lease succeeds", revoke_twice_is_fine},
        {"put_rebinds_the_lease", "a put replaces the record's lease", put_rebinds_the_lease},
        {"put_without_lease_detaches", "a put without a lease detaches the record from its lease",
         put_without_lease_detaches},
        {"removed_key_leaves_its_lease", "a removed key no longer belongs to its lease",
         removed_key_leaves_its_lease},
        {"commit_with_dead_lease_is_not_applied",
         "a commit that names an ended lease is lease_not_found, and nothing of it is applied",
         commit_with_dead_lease_is_not_applied},
    };
}

}  // namespace reeve::testing::detail
