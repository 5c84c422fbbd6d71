#pragma once

#include "backends/sqlite/database.hpp"
#include "backends/sqlite/store_clock.hpp"
#include "reeve/storage/blocking_metadata_store.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace reeve::backends::sqlite {

/// The kind of file that a metadata store is.
[[nodiscard]] const file_kind& metadata_kind() noexcept;

/// A metadata store in an SQLite file; see open_sqlite_metadata_file.
///
/// Tables: `records` (what is there), `changes` (the history: one row per changed key, numbered
/// revision * 2^20 + place in the commit, value included), `leases`, `meta`. Revisions have no
/// gaps and every one has a change, so the current revision is that of the last change, and what
/// was compacted is what lies before the first.
class metadata_file final : public storage::blocking_metadata_store {
public:
    explicit metadata_file(sqlite_options options);

    [[nodiscard]] storage::store_limits limits() const noexcept override { return options_.limits; }
    std::optional<storage::record> get(const std::string& key) override;
    storage::page list(const storage::key_range& range, std::size_t limit) override;
    storage::commit_result commit(const storage::transaction& change) override;
    storage::change_batch changes(const storage::key_range& range, storage::revision from,
                                  std::size_t limit, std::chrono::milliseconds patience) override;
    storage::lease_grant grant(std::chrono::milliseconds ttl) override;
    std::chrono::milliseconds keep_alive(storage::lease_id lease) override;
    void revoke(storage::lease_id lease) override;

private:
    /// What `body` reads, once all leases whose time has come are ended.
    template <class Body>
    auto read(Body body);
    bool overdue(connection& db) const;
    void end_due_leases();
    void start_boot();

    sqlite_options options_;
    store_clock clock_;
    database database_;
    // Changes written here since some were last forgotten. Only by whoever writes.
    std::size_t written_since_compaction_;
};

}  // namespace reeve::backends::sqlite
