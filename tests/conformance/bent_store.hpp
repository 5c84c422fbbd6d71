#pragma once

#include "conformance/memory_factories.hpp"
#include "reeve/core/error.hpp"
#include "reeve/core/runtime.hpp"
#include "reeve/storage/metadata_store.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace conformance {

namespace storage = reeve::storage;
using reeve::awaitable;
using reeve::backends::memory_database;
using std::chrono::milliseconds;

/// What a bent watcher knows beside the batch.
struct watch_state {
    storage::key_range range;
    storage::revision opened_at;  ///< the store's revision when the watch was opened
};

/// The memory store with one rule broken: each member that is set bends one call. `handle` numbers
/// the handles of one check from 0.
struct bend {
    using store = storage::metadata_store;

    std::function<void(std::optional<storage::record>&, std::size_t handle)> got;
    std::function<void(storage::key_range&, std::size_t& limit)> listing;
    std::function<void(storage::page&)> listed;
    std::function<storage::transaction(const storage::transaction&)> committing;
    std::function<awaitable<storage::commit_result>(store&, storage::transaction)> commit;
    std::function<void(const storage::transaction&, storage::commit_result&, std::size_t handle)>
        committed;
    std::function<void(storage::key_range&, storage::revision&)> watching;
    std::function<void(storage::change_batch&, const watch_state&)> delivered;
    std::function<awaitable<storage::change_batch>(storage::watcher&, std::weak_ptr<void> alive)>
        next;
    std::function<void(milliseconds&)> granting;
    std::function<void(storage::lease_grant&, milliseconds asked)> granted;
    std::function<awaitable<milliseconds>(store&, storage::lease_id)> keep_alive;
    std::function<awaitable<void>(store&, storage::lease_id)> revoke;
    std::function<awaitable<std::optional<storage::record>>(store&, std::string)> get;
    std::function<void(storage::store_limits&)> limits;
    std::function<reeve::errc(reeve::errc)> code;
    bool forgets_on_open = false;
    std::optional<milliseconds> lease_ttl;  ///< that checks ask for
    /// Called when a handle is opened, with what lives as long as it.
    std::function<void(std::weak_ptr<void>)> opened;
    /// Called when a check begins, with its database and strand.
    std::function<void(std::shared_ptr<memory_database>)> begins;
};

/// Opens the memory store with a bend.
class bent_factory final : public memory_metadata_factory {
public:
    explicit bent_factory(bend how) : how_(std::make_shared<bend>(std::move(how))) {}

    void reset() override;
    awaitable<std::unique_ptr<storage::metadata_store>> open(reeve::core::runtime& strand) override;

    [[nodiscard]] milliseconds lease_ttl() const override {
        return how_->lease_ttl.value_or(memory_metadata_factory::lease_ttl());
    }

private:
    std::shared_ptr<bend> how_;
    std::size_t handles_ = 0;
};

/// One broken implementation and the check that must catch it.
struct broken {
    const char* check;
    bend how;
};

std::vector<broken> broken_values();
std::vector<broken> broken_refusals();
std::vector<broken> broken_lists();
std::vector<broken> broken_watches();
std::vector<broken> broken_leases();
std::vector<broken> broken_races();

/// The transaction with only the conditions and writes that the functions accept, or change.
storage::transaction edited(const storage::transaction& change,
                            const std::function<bool(storage::condition&)>& keep_condition,
                            const std::function<bool(storage::operation&)>& keep_operation);
inline bool keep_condition(storage::condition&) { return true; }
inline bool keep_operation(storage::operation&) { return true; }
/// The present record of a key.
std::optional<storage::record> present(memory_database& database, const std::string& key);
/// Runs everything that is ready, `steps` times.
awaitable<void> pause(std::size_t steps);

}  // namespace conformance
