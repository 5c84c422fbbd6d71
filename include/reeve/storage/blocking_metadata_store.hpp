#pragma once

#include "reeve/core/callback.hpp"
#include "reeve/core/runtime.hpp"
#include "reeve/storage/metadata_store.hpp"

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace reeve::storage {

/// The same promises as metadata_store, as plain functions: what a host overrides whose client
/// library blocks. Functions may be called at once from several threads of the executor given to
/// `from_blocking`.
class blocking_metadata_store {
public:
    virtual ~blocking_metadata_store() = default;

    /// See metadata_store::limits. Called from any thread.
    [[nodiscard]] virtual store_limits limits() const noexcept = 0;
    /// See metadata_store::get.
    virtual std::optional<record> get(const std::string& key) = 0;
    /// See metadata_store::list.
    virtual page list(const key_range& range, std::size_t limit) = 0;
    /// See metadata_store::commit. Already validated against `limits`.
    virtual commit_result commit(const transaction& change) = 0;
    /// The changes of `range` in the commits from `from` on, at most about `limit`, but whole
    /// commits only; waits up to `patience` for the first, then returns an empty batch. Throws
    /// errc::compacted as metadata_store::watch does.
    virtual change_batch changes(const key_range& range, revision from, std::size_t limit,
                                 std::chrono::milliseconds patience) = 0;
    /// See metadata_store::grant.
    virtual lease_grant grant(std::chrono::milliseconds ttl) = 0;
    /// See metadata_store::keep_alive.
    virtual std::chrono::milliseconds keep_alive(lease_id lease) = 0;
    /// See metadata_store::revoke.
    virtual void revoke(lease_id lease) = 0;
};

/// A metadata_store over blocking functions that run on `workers`. A cancelled call is detached: it
/// goes on, its result is dropped, and a commit reports errc::outcome_unknown. `strand` must
/// outlive the store. A running watch keeps one worker busy while it waits for changes: with fewer
/// threads than watches and one more, every other call waits for a watch's patience to end.
[[nodiscard]] std::unique_ptr<metadata_store> from_blocking(
    core::runtime& strand, std::shared_ptr<blocking_metadata_store> store,
    core::blocking_executor workers);

}  // namespace reeve::storage
