#pragma once

#include "reeve/core/awaitable.hpp"
#include "reeve/core/strong.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace reeve::storage {

/// Position in a store's single history: every committed transaction has its own, larger than all
/// before. 0 = never.
using revision = core::strong<struct revision_tag>;
/// Names a lease. 0 = none: the record lives until removed.
using lease_id = core::strong<struct lease_tag>;

/// One record as it was at some revision.
struct record {
    std::string key;            ///< any bytes
    std::string value;          ///< any bytes
    revision created;           ///< when this life of the key began
    revision modified;          ///< when this value was written
    std::uint64_t version = 0;  ///< writes in this life of the key, 1 for the first
    lease_id lease;             ///< 0 = lives until removed

    friend bool operator==(const record&, const record&) = default;
};

/// Keys in [first, last) by byte order; an empty `last` means to the end.
class key_range {
public:
    /// [first, last).
    key_range(std::string first, std::string last)
        : first_(std::move(first)), last_(std::move(last)) {}
    /// All keys that begin with `head`: prefix("a/") is [a/, a0). An empty head means all keys.
    [[nodiscard]] static key_range prefix(std::string_view head);
    /// Exactly one key.
    [[nodiscard]] static key_range one(std::string_view key);

    /// The first key that may be inside.
    [[nodiscard]] const std::string& first() const noexcept { return first_; }
    /// The first key that is past it; empty: there is none.
    [[nodiscard]] const std::string& last() const noexcept { return last_; }
    /// True if `key` lies inside.
    [[nodiscard]] bool contains(std::string_view key) const noexcept {
        return key >= first_ && (last_.empty() || key < last_);
    }

private:
    std::string first_;
    std::string last_;
};

/// A test on one key at the moment of the commit.
struct condition {
    /// What is tested.
    enum class kind : std::uint8_t {
        absent,       ///< the key does not exist
        created_at,   ///< the key exists and its life began at `expected`
        modified_at,  ///< the key exists and was last written at `expected`
    };
    kind what;          ///< the test
    std::string key;    ///< the key tested
    revision expected;  ///< unused for `absent`
};

/// A write of one key.
struct operation {
    /// What is done.
    enum class kind : std::uint8_t {
        put,     ///< write the value
        remove,  ///< remove the key; removing a missing key changes nothing
    };
    kind what;          ///< the write
    std::string key;    ///< the key written
    std::string value;  ///< unused for `remove`
    lease_id
        lease;  ///< the record ends with this lease; 0 = none. A put replaces the record's lease
};

/// "Commit only if": conditions on what is there, then writes. All or nothing; a key may be written
/// once. An empty key, or one written twice, is refused by the store with errc::invalid_argument.
///
///     storage::transaction change;
///     change.if_modified_at(key, seen).put(key, encoded).remove(pending_key);
///     const auto result = co_await store.commit(std::move(change));
///
/// Write at least one key that you compare: then a commit whose outcome was unknown can land at
/// most once, however late. A class with a user-declared constructor, so that it is safe beside
/// `co_await` (gcc 12.2).
class transaction {
public:
    /// No conditions, no writes.
    transaction() {}

    /// Only if `key` does not exist.
    transaction& if_absent(std::string key);
    /// Only if `key` exists and its life began at `expected`.
    transaction& if_created_at(std::string key, revision expected);
    /// Only if `key` exists and was last written at `expected`; `expected` 0 means if_absent.
    transaction& if_modified_at(std::string key, revision expected);
    /// Write `value`, bound to `lease` (0 = none).
    transaction& put(std::string key, std::string value, lease_id lease = {});
    /// Remove the key, if it is there.
    transaction& remove(std::string key);
    /// The conditions and writes of `more`, behind its own.
    transaction& append(const transaction& more);

    /// The conditions, in order of addition: `commit_result::failed` counts in this order.
    [[nodiscard]] const std::vector<condition>& conditions() const noexcept { return conditions_; }
    /// The writes, in order of addition.
    [[nodiscard]] const std::vector<operation>& operations() const noexcept { return operations_; }
    /// Bytes of all keys and values, those of conditions included.
    [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }

private:
    std::vector<condition> conditions_;
    std::vector<operation> operations_;
    std::size_t bytes_ = 0;
};

/// Outcome of a transaction that was decided. `rejected` is not an error: nothing changed, and
/// `failed` says which conditions (by their order) did not hold at that moment: so the caller tells
/// "I am no longer leader" from "someone else was faster".
struct commit_result {
    /// How it was decided.
    enum class decision : std::uint8_t {
        committed,  ///< all conditions held; all writes are durable
        rejected,   ///< a condition did not hold; nothing changed
    };
    decision what = decision::rejected;  ///< how it was decided
    revision at;  ///< of the commit, or the store's current revision when rejected
    std::vector<std::size_t> failed;  ///< indexes of the conditions that did not hold, ascending

    /// True when committed.
    explicit operator bool() const noexcept { return what == decision::committed; }
    /// True if condition number `index` did not hold.
    [[nodiscard]] bool has_failed(std::size_t index) const noexcept;
};

/// What one transaction may hold. Callers split by all four. etcd: 128, 128, 1.4 MiB, 1.4 MiB.
struct store_limits {
    std::size_t conditions_max = 0;    ///< conditions in a transaction
    std::size_t operations_max = 0;    ///< writes in a transaction
    std::size_t bytes_max = 0;         ///< transaction::bytes()
    std::size_t value_bytes_max = 0;   ///< of one key and its value
    std::size_t page_records_max = 0;  ///< records in a page; larger limits are cut to it
};

/// A part of a range, all of it at the one revision that it states. Ask again from `resume_at`
/// until it is empty; later pages may be newer (catalog::follow turns pages and changes into one
/// consistent view).
struct page {
    std::vector<record> records;  ///< in key order
    std::string resume_at;        ///< the first key not seen; empty: the range is exhausted
    revision at;                  ///< the store's revision when the page was read
};

/// One change of a watched key.
struct change {
    /// What happened.
    enum class kind : std::uint8_t {
        put,      ///< the record was written
        removed,  ///< the key was removed, or its lease ended
    };
    kind what;   ///< what happened
    record now;  ///< for `removed`: the key, and in `modified` the revision of the removal; all
                 ///< else empty

    friend bool operator==(const change&, const change&) = default;
};

/// Changes of a watched range in commit order, in key order within a commit. All changes of one
/// commit arrive in one batch.
struct change_batch {
    std::vector<change> changes;  ///< may be empty: only `up_to` advanced
    revision up_to;               ///< everything up to here has been delivered
};

/// A running watch. Never ends silently: `next` either delivers or throws. May be destroyed with a
/// `next` waiting, which then throws operation_aborted or stays suspended until its coroutine is
/// dropped.
class watcher {
public:
    virtual ~watcher() = default;

    /// The next batch. One call at a time. While nothing in the range changes, empty batches tell
    /// how far the store has come: `up_to` follows its revision within about a second. Throws
    /// reeve::error: errc::compacted (list again, then watch from there), errc::unavailable
    /// (already retried; watch again from the last `up_to` + 1).
    virtual awaitable<change_batch> next() = 0;
};

/// A lease as the store granted it.
struct lease_grant {
    lease_id id;                    ///< never reused
    std::chrono::milliseconds ttl;  ///< granted; the store may round up what was asked
};

/// A linearizable, ordered map of small records with one history of revisions, conditional commits,
/// watches and leases: the shape of etcd v3. Everything reeve must remember goes through here.
///
/// Threading: calls may overlap without limit, on the strand that the store was opened on. A store
/// may be destroyed with calls in flight: they hold what they need. Failure: the store may be away,
/// and a request whose caller gave up may still take effect later. Every operation says which it
/// was: errc::unavailable = certainly not applied and never will be; errc::outcome_unknown = may
/// have been applied or may still be; read before deciding. Reads never throw outcome_unknown.
/// Bytes that cannot be trusted: errc::corrupt. Full: errc::resource_exhausted. Cancellation: at
/// any time, at once. A cancelled commit, grant, keep_alive or revoke that may have been sent
/// throws errc::outcome_unknown; a cancelled read throws operation_aborted.
class metadata_store {
public:
    virtual ~metadata_store() = default;

    /// What one transaction may hold. Constant.
    [[nodiscard]] virtual store_limits limits() const noexcept = 0;

    /// The latest committed record, or nothing if the key was never written or is removed.
    /// Linearizable.
    virtual awaitable<std::optional<record>> get(std::string key) = 0;

    /// Up to `limit` records in key order, at one revision. Linearizable. A page may hold fewer
    /// than `limit` records and still say where to go on. Throws errc::invalid_argument if `limit`
    /// is 0.
    virtual awaitable<page> list(key_range range, std::size_t limit) = 0;

    /// Decide and apply in one atomic step. Conditions are evaluated before the writes. A
    /// transaction without writes is allowed and only evaluates; one that committed but changed
    /// nothing need not advance the revision. Throws errc::too_large before sending if `limits()`
    /// are exceeded, errc::invalid_argument if a key is empty or written twice,
    /// errc::lease_not_found if a lease is gone (nothing applied).
    virtual awaitable<commit_result> commit(transaction change) = 0;

    /// Follow a range from `from` on, inclusive; 0 is invalid, a future revision waits for it.
    /// Returns when the watch is established. Throws errc::compacted if the store no longer knows
    /// that far back.
    virtual awaitable<std::unique_ptr<watcher>> watch(key_range range, revision from) = 0;

    /// A lease that ends `ttl` after the last renewal, as the store counts time; it then removes
    /// its keys in one commit. A store that was down may extend a lease, never shorten it. `ttl`
    /// must be at least 1 ms.
    virtual awaitable<lease_grant> grant(std::chrono::milliseconds ttl) = 0;

    /// Start the lease's time again; returns its ttl. Throws errc::lease_not_found once it has
    /// ended.
    virtual awaitable<std::chrono::milliseconds> keep_alive(lease_id lease) = 0;

    /// End the lease now. Ending an ended lease is a success.
    virtual awaitable<void> revoke(lease_id lease) = 0;
};

/// Checks what every store refuses before sending: limits, empty keys, keys written twice. Throws
/// errc::too_large or errc::invalid_argument, naming the key and the limit. For implementers.
void validate(const transaction& change, const store_limits& limits);

}  // namespace reeve::storage
