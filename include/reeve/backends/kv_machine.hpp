#pragma once

#include "reeve/core/error.hpp"
#include "reeve/storage/metadata_store.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace reeve::backends {

/// Command: decide and apply a transaction.
class kv_commit {
public:
    /// Holds the transaction.
    explicit kv_commit(storage::transaction content) : change(std::move(content)) {}
    storage::transaction change;  ///< limits are not the machine's business: validate it before
};

/// Command: a new lease. Its deadline is kept outside of the machine.
struct kv_grant {
    std::chrono::milliseconds ttl;  ///< at least 1 ms
};

/// Command: the lease has expired or is revoked; its records are removed in one commit.
struct kv_end_lease {
    storage::lease_id lease;  ///< may have ended before: then nothing happens
};

/// Command: forget the changes of all commits up to and including `up_to`. Records stay.
struct kv_compact {
    storage::revision up_to;  ///< cut to the current revision; lower than before: nothing happens
};

/// Everything that changes a kv_machine.
using kv_command = std::variant<kv_commit, kv_grant, kv_end_lease, kv_compact>;

/// What a command did.
struct kv_result {
    errc failure{};                 ///< 0: none; else nothing was changed
    std::string context;            ///< of the failure
    storage::commit_result commit;  ///< of kv_commit
    storage::lease_grant grant{};   ///< of kv_grant

    /// Throws the failure as a reeve::error, if there is one.
    void throw_failure() const;
};

/// The state behind a metadata store: records, leases and the history of changes, as a pure machine
/// without clock, randomness and I/O. Equal commands in equal order give equal machines with equal
/// snapshots, so that a replicated store can apply its log to it. Leases have no deadlines here:
/// whoever owns the machine keeps time and issues kv_end_lease.
///
/// Not thread-safe. Copies are independent and share the unchanged records.
class kv_machine {
public:
    /// Applies one command. A refused command (errc::lease_not_found,
    /// errc::invalid_argument) says so in the result and changes nothing. A commit evaluates all
    /// conditions first; only if they hold it looks at leases.
    kv_result apply(const kv_command& command);

    /// The record, or nothing.
    [[nodiscard]] std::optional<storage::record> get(std::string_view key) const;
    /// A page at the current revision. `limit` must be at least 1.
    [[nodiscard]] storage::page list(const storage::key_range& range, std::size_t limit) const;
    /// The changes of `range` in the commits from `from` on; whole commits, ending with the one
    /// that brings the batch to `limit` changes or more. `up_to` lies below `from` if there is no
    /// such commit yet. Throws errc::compacted if commits from `from` on are forgotten.
    [[nodiscard]] storage::change_batch changes(const storage::key_range& range,
                                                storage::revision from, std::size_t limit) const;

    /// The revision of the last commit; 0 before the first.
    [[nodiscard]] storage::revision revision() const noexcept { return revision_; }
    /// Changes of commits up to this one are forgotten.
    [[nodiscard]] storage::revision compacted() const noexcept { return compacted_; }
    /// How many changes the history holds.
    [[nodiscard]] std::size_t history_size() const noexcept { return history_size_; }
    /// The lowest revision to give to kv_compact so that at most `changes_max` changes remain.
    [[nodiscard]] storage::revision compaction_for(std::size_t changes_max) const noexcept;
    /// How many records exist.
    [[nodiscard]] std::size_t size() const noexcept { return records_.size(); }
    /// The granted time of a lease, or nothing if it has ended or never was.
    [[nodiscard]] std::optional<std::chrono::milliseconds> ttl(storage::lease_id lease) const;
    /// The leases that have not ended, ascending.
    [[nodiscard]] std::vector<storage::lease_id> leases() const;

    /// The whole state as bytes, with a checksum. Equal states give equal bytes.
    [[nodiscard]] std::string snapshot() const;
    /// Becomes the machine of a snapshot. Throws errc::corrupt (wrong checksum, cut or inconsistent
    /// bytes) or errc::unsupported_format (of a newer release), and then is unchanged.
    void restore(std::string_view bytes);

private:
    friend class kv_snapshot;
    using record_ptr = std::shared_ptr<const storage::record>;
    struct lease_state {
        std::chrono::milliseconds ttl;
        std::set<std::string, std::less<>> keys;
    };
    struct logged_change {
        storage::change::kind what;
        record_ptr now;
    };
    using logged_commit = std::vector<logged_change>;

    kv_result apply_one(const kv_commit& command);
    kv_result apply_one(const kv_grant& command);
    kv_result apply_one(const kv_end_lease& command);
    kv_result apply_one(const kv_compact& command);
    [[nodiscard]] bool holds(const storage::condition& condition) const;
    void put(const storage::operation& write, logged_commit& log);
    void remove(std::string_view key, logged_commit& log);
    void unbind(const storage::record& was);
    void close_commit(logged_commit log);

    std::map<std::string_view, record_ptr> records_;  // keys point into the records
    std::map<storage::lease_id, lease_state> leases_;
    std::deque<logged_commit> history_;  // of the revisions compacted_ + 1, + 2, ... revision_
    std::size_t history_size_ = 0;
    storage::revision revision_;
    storage::revision compacted_;
    std::uint64_t last_lease_ = 0;
};

}  // namespace reeve::backends
