#include "conformance/bent_store.hpp"

#include <map>
#include <memory>
#include <set>
#include <utility>

namespace conformance {

namespace {

using storage::change;
using storage::change_batch;
using storage::commit_result;
using storage::condition;
using storage::lease_grant;
using storage::lease_id;
using storage::operation;
using storage::record;
using storage::transaction;

bend with_writes(const std::function<void(operation&, memory_database&)>& bent) {
    const auto database = std::make_shared<std::shared_ptr<memory_database>>();
    bend how;
    how.begins = [database](std::shared_ptr<memory_database> of_check) {
        *database = std::move(of_check);
    };
    how.committing = [database, bent](const transaction& all) {
        auto change_it = [&](operation& each) {
            if (each.what == operation::kind::put) bent(each, **database);
            return true;
        };
        return edited(all, keep_condition, change_it);
    };
    return how;
}

void keeps_first_lease(operation& put, memory_database& database) {
    const auto now = present(database, put.key);
    if (put.lease && now && now->lease) put.lease = now->lease;
}

void keeps_lease_without_one(operation& put, memory_database& database) {
    const auto now = present(database, put.key);
    if (!put.lease && now) put.lease = now->lease;
}

bend remembers_leases_of_removed_keys() {
    const auto leases = std::make_shared<std::map<std::string, lease_id>>();
    bend how = with_writes([leases](operation& put, memory_database& database) {
        if (put.lease) (*leases)[put.key] = put.lease;
        const auto former = leases->find(put.key);
        if (!put.lease && former != leases->end() && !present(database, put.key)) {
            put.lease = former->second;
        }
    });
    return how;
}

awaitable<milliseconds> renews_nothing(storage::metadata_store&, lease_id) {
    co_return milliseconds(60);
}

awaitable<milliseconds> tells_half(storage::metadata_store& store, lease_id lease) {
    const milliseconds ttl = co_await store.keep_alive(lease);
    co_return ttl / 2;
}

awaitable<milliseconds> never_fails(storage::metadata_store& store, lease_id lease) {
    milliseconds ttl(60);
    try {
        ttl = co_await store.keep_alive(lease);
    } catch (const reeve::error& failure) {
        if (failure.code_value() != reeve::errc::lease_not_found) throw;
    }
    co_return ttl;
}

awaitable<void> leaves_the_keys(storage::metadata_store& store, lease_id lease) {
    co_await store.keep_alive(lease);
}

awaitable<void> once_only(storage::metadata_store& store, lease_id lease) {
    co_await store.keep_alive(lease);
    co_await store.revoke(lease);
}

awaitable<commit_result> applies_the_rest(storage::metadata_store& store, transaction asked) {
    auto without = [](operation& each) { return !each.lease; };
    transaction rest = edited(asked, keep_condition, without);
    bool dead = false;
    commit_result result;
    try {
        result = co_await store.commit(std::move(asked));
    } catch (const reeve::error& failure) {
        if (failure.code_value() != reeve::errc::lease_not_found) throw;
        dead = true;
    }
    if (!dead) co_return result;
    co_await store.commit(std::move(rest));
    throw reeve::error(reeve::errc::lease_not_found, "after half of the work");
}

void removes_one_of_many(change_batch& batch, const watch_state&) {
    if (batch.changes.size() > 1 && batch.changes[0].what == change::kind::removed) {
        batch.changes.resize(1);
    }
}

}  // namespace

std::vector<broken> broken_leases() {
    std::vector<broken> all;
    bend shorter;
    shorter.granted = [](lease_grant& lease, milliseconds) { lease.ttl -= milliseconds(1); };
    all.push_back({"grant_gives_what_was_asked", shorter});
    bend nameless;
    nameless.got = [](std::optional<record>& found, std::size_t) {
        if (found) found->lease = {};
    };
    all.push_back({"record_names_its_lease", nameless});
    bend partial;
    partial.delivered = removes_one_of_many;
    all.push_back({"expiry_removes_keys_in_one_commit", partial});
    bend hasty;  // a tenth of a long time, so that a slow machine sees it end too early, too
    hasty.lease_ttl = milliseconds(3000);
    hasty.granting = [](milliseconds& ttl) { ttl /= 10; };
    hasty.granted = [](lease_grant& lease, milliseconds asked) { lease.ttl = asked; };
    all.push_back({"lease_lasts_its_ttl", hasty});
    bend idle;
    idle.keep_alive = renews_nothing;
    all.push_back({"keep_alive_extends", idle});
    bend half;
    half.keep_alive = tells_half;
    all.push_back({"keep_alive_tells_the_ttl", half});
    bend deaf;
    deaf.keep_alive = never_fails;
    all.push_back({"keep_alive_of_ended_lease_fails", deaf});
    bend lazy;
    lazy.revoke = leaves_the_keys;
    all.push_back({"revoke_removes_keys_in_one_commit", lazy});
    bend once;
    once.revoke = once_only;
    all.push_back({"revoke_twice_is_fine", once});
    all.push_back({"put_rebinds_the_lease", with_writes(keeps_first_lease)});
    all.push_back({"put_without_lease_detaches", with_writes(keeps_lease_without_one)});
    all.push_back({"removed_key_leaves_its_lease", remembers_leases_of_removed_keys()});
    bend partly;
    partly.commit = applies_the_rest;
    all.push_back({"commit_with_dead_lease_is_not_applied", partly});
    return all;
}

}  // namespace conformance
