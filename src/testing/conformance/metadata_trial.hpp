#pragma once

#include "reeve/testing/conformance_metadata.hpp"
#include "testing/conformance/support.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace reeve::testing::detail {

using storage::change;
using storage::change_batch;
using storage::commit_result;
using storage::key_range;
using storage::lease_grant;
using storage::lease_id;
using storage::metadata_store;
using storage::page;
using storage::record;
using storage::revision;
using storage::transaction;
using storage::watcher;

/// Keys written with a lease that will end by itself.
struct leased {
    lease_grant lease;
    core::time_point asked_at;  ///< before the lease was asked for
    revision at;                ///< of the commit that wrote the keys
};

/// What a check of the metadata store works with: a store and short ways to use it. Each waits a
/// bounded time.
class metadata_trial {
public:
    metadata_trial(core::runtime& on, metadata_store_factory& by) : strand(on), factory(by) {}

    /// Opens the first handle.
    awaitable<void> begin();
    /// Opens another handle on the same data, kept until the end of the check.
    awaitable<metadata_store*> open();
    /// The first handle.
    [[nodiscard]] metadata_store& store() const { return *handles_.front(); }
    /// Closes all handles.
    void close() { handles_.clear(); }
    /// Gives the first handle to the check.
    [[nodiscard]] std::unique_ptr<metadata_store> take();

    /// Commits; any decision is returned.
    awaitable<commit_result> commit(transaction change);
    /// Writes one key, which must commit; returns its revision.
    awaitable<revision> put(std::string key, std::string value, lease_id lease = {});
    /// Removes one key; returns the revision of the commit.
    awaitable<revision> remove(std::string key);
    /// Reads one key.
    awaitable<std::optional<record>> get(std::string key);
    /// Reads one key that must be there.
    awaitable<record> need(std::string key);
    /// The value of a key, or "(none)".
    awaitable<std::string> value(std::string key);
    /// All records of a range, read in pages of `limit`.
    awaitable<std::vector<record>> list(key_range range, std::size_t limit = 100);
    /// Grants a lease that does not end during the check unless `ttl` is short.
    awaitable<lease_grant> grant(std::chrono::milliseconds ttl = std::chrono::minutes(10));
    /// Writes `keys` with a lease of the factory's short ttl. Tries again if this process was too
    /// slow for the lease.
    awaitable<leased> put_leased(std::vector<std::string> keys);
    /// Ends a lease.
    awaitable<void> revoke(lease_id lease);
    /// Watches with the first handle.
    awaitable<std::unique_ptr<watcher>> watch(key_range range, revision from);
    /// The next batch that has changes.
    awaitable<change_batch> next(watcher& from);
    /// The batches with changes up to and including revision `last`.
    awaitable<std::vector<change_batch>> batches(watcher& from, revision last);
    /// The changes up to and including revision `last`.
    awaitable<std::vector<change>> changes(watcher& from, revision last);

    core::runtime& strand;
    metadata_store_factory& factory;
    std::vector<std::weak_ptr<void>> in_flight;

private:
    std::vector<std::unique_ptr<metadata_store>> handles_;
};

using metadata_rules = std::vector<definition<metadata_trial>>;

metadata_rules metadata_value_rules();
metadata_rules metadata_condition_rules();
metadata_rules metadata_refusal_rules();
metadata_rules metadata_list_rules();
metadata_rules metadata_watch_rules();
metadata_rules metadata_history_rules();
metadata_rules metadata_lease_rules();
metadata_rules metadata_race_rules();
metadata_rules metadata_cancel_rules();
metadata_rules metadata_lifetime_rules();

}  // namespace reeve::testing::detail
