#pragma once

#include "reeve/core/clock.hpp"
#include "reeve/core/runtime.hpp"
#include "reeve/storage/metadata_store.hpp"

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace reeve::backends {

namespace detail {
class memory_engine;
struct memory_hub;
}  // namespace detail

/// Who ends leases.
enum class lease_clock {
    real,    ///< the database, when their deadline has passed on its clock
    by_hand  ///< only memory_database::expire and revoke: an operator or a simulation decides
};

/// How a memory_database behaves.
struct memory_database_options {
    /// What transactions and pages may hold; the defaults are etcd's.
    storage::store_limits limits{128, 128, 1536 * 1024, 1536 * 1024, 10000};
    std::size_t history_max = 100000;        ///< changes kept for watches; older ones are compacted
    lease_clock leases = lease_clock::real;  ///< who ends leases
    const core::clock* clock = nullptr;      ///< of lease deadlines; nullptr: the machine's. Must
                                             ///< outlive the database
};

/// The contents behind memory_metadata_stores: a kv_machine and the deadlines of its leases. Any
/// number of stores, on runtimes of any threads, share one: together they are the processes around
/// one server that never fails.
///
/// A lease ends as soon as anybody looks at the database after its deadline, or a watch waits for
/// it: nothing needs a thread. Functions may be called from any thread; none blocks for longer than
/// the work it does. They are the operator's side; programs use memory_metadata_store.
class memory_database {
public:
    /// An empty database.
    explicit memory_database(memory_database_options options = {});
    ~memory_database();
    memory_database(const memory_database&) = delete;
    memory_database& operator=(const memory_database&) = delete;

    /// Forgets the changes up to and including `up_to`: watches from there get errc::compacted.
    void compact(storage::revision up_to);
    /// Ends a lease now, however long it has been granted for. False if it has ended or never was.
    bool expire(storage::lease_id lease);
    /// Moves the deadline of a lease `by` later (or earlier, if negative) without its holder's
    /// doing. False if it has ended or never was.
    bool delay(storage::lease_id lease, std::chrono::milliseconds by);
    /// The leases that have not ended, ascending.
    [[nodiscard]] std::vector<storage::lease_id> leases();
    /// The revision of the last commit.
    [[nodiscard]] storage::revision revision();
    /// All records, in key order.
    [[nodiscard]] std::vector<storage::record> dump();
    /// Everything, for restore.
    [[nodiscard]] std::string snapshot();
    /// Goes back (or forth) to a snapshot, as an operator does with a backup: running watches end
    /// with errc::unavailable, leases start their time again. Throws what kv_machine::restore
    /// throws, and then nothing has changed.
    void restore(std::string_view bytes);

    /// What it is made of, for the stores.
    [[nodiscard]] const std::shared_ptr<detail::memory_engine>& engine() const noexcept {
        return engine_;
    }

private:
    std::shared_ptr<detail::memory_engine> engine_;
};

/// A metadata store that keeps nothing on disk, for tests, simulations and programs without state.
/// Calls complete without suspending, so a call once begun is never cut short by cancellation; only
/// a watcher's `next` waits.
class memory_metadata_store final : public storage::metadata_store {
public:
    /// A store on `strand`, which must outlive it, over a database that others may share.
    memory_metadata_store(core::runtime& strand, std::shared_ptr<memory_database> database);
    /// Watchers go on.
    ~memory_metadata_store() override;

    [[nodiscard]] storage::store_limits limits() const noexcept override;
    awaitable<std::optional<storage::record>> get(std::string key) override;
    awaitable<storage::page> list(storage::key_range range, std::size_t limit) override;
    awaitable<storage::commit_result> commit(storage::transaction change) override;
    awaitable<std::unique_ptr<storage::watcher>> watch(storage::key_range range,
                                                       storage::revision from) override;
    awaitable<storage::lease_grant> grant(std::chrono::milliseconds ttl) override;
    awaitable<std::chrono::milliseconds> keep_alive(storage::lease_id lease) override;
    awaitable<void> revoke(storage::lease_id lease) override;

private:
    std::shared_ptr<detail::memory_engine> engine_;
    std::shared_ptr<detail::memory_hub> hub_;
};

}  // namespace reeve::backends
