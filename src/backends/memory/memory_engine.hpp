#pragma once

#include "backends/memory/memory_hub.hpp"
#include "reeve/backends/kv_machine.hpp"
#include "reeve/backends/memory_metadata_store.hpp"

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <utility>

namespace reeve::backends::detail {

/// The machine, the deadlines of its leases, and who is told of changes. From any thread.
class memory_engine {
public:
    explicit memory_engine(const memory_database_options& options);

    [[nodiscard]] const storage::store_limits& limits() const noexcept { return options_.limits; }
    void join(const std::shared_ptr<memory_hub>& hub);

    std::optional<storage::record> get(std::string_view key);
    storage::page list(const storage::key_range& range, std::size_t limit);
    storage::commit_result commit(const kv_commit& change);
    storage::lease_grant grant(std::chrono::milliseconds ttl);
    std::chrono::milliseconds keep_alive(storage::lease_id lease);
    bool end_lease(storage::lease_id lease);
    bool delay_lease(storage::lease_id lease, std::chrono::milliseconds by);

    /// Checks where a watch starts; returns the generation that it belongs to.
    std::uint64_t check_watch(storage::revision from);
    /// As kv_machine::changes; errc::unavailable after a restore.
    storage::change_batch changes(const storage::key_range& range, storage::revision from,
                                  std::uint64_t generation);
    /// Time until the next lease ends; nothing if none will.
    std::optional<std::chrono::nanoseconds> next_expiry();

    void compact(storage::revision up_to);
    std::vector<storage::lease_id> leases();
    storage::revision revision();
    std::vector<storage::record> dump();
    std::string snapshot();
    void restore(std::string_view bytes);

private:
    class access;

    // All of these with the mutex held, by an `access`.
    kv_result apply(const kv_command& command);
    void set_deadline(storage::lease_id lease, core::time_point deadline);
    void forget_deadline(storage::lease_id lease);
    void end_due();
    [[nodiscard]] core::time_point first_deadline() const noexcept;
    [[nodiscard]] core::time_point now() const noexcept { return clock_->now(); }

    const memory_database_options options_;
    const core::clock* clock_;
    std::mutex mutex_;
    kv_machine machine_;
    std::map<storage::lease_id, core::time_point> deadlines_;
    std::set<std::pair<core::time_point, storage::lease_id>> order_;
    std::uint64_t generation_ = 0;  // raised by restore
    memory_hubs hubs_;
};

}  // namespace reeve::backends::detail
