#pragma once

#include "reeve/core/awaitable.hpp"
#include "reeve/core/backoff.hpp"
#include "reeve/core/runtime.hpp"
#include "reeve/storage/metadata_store.hpp"

#include <chrono>
#include <string>

namespace reeve::cluster {

/// How a lease is kept.
struct lease_options {
    std::chrono::milliseconds ttl{10000};  ///< asked of the store
    std::chrono::milliseconds margin{
        2000};  ///< the holder stops this long before the lease may end; below ttl / 2
    std::chrono::milliseconds request{1500};  ///< limit of a single request
    core::backoff_options retry;              ///< between failed requests
};

/// A lease, and what its holder may conclude about it from its own monotonic clock alone: the lease
/// is counted from the moment the last successful renewal was *sent*, so that however long the
/// answer took, `held` ends before the lease does.
class lease_keeper {
public:
    /// `store` must outlive it. Throws errc::invalid_argument if margin >= ttl / 2 or ttl is below
    /// 10 ms.
    lease_keeper(core::runtime& strand, storage::metadata_store& store, lease_options options);

    /// Asks for a lease. Throws what metadata_store::grant throws; a lease of unknown outcome ends
    /// by itself.
    [[nodiscard]] awaitable<void> acquire();
    /// One renewal, at most until the lease may have ended. True: renewed. False: it has ended.
    /// Throws reeve::error otherwise.
    [[nodiscard]] awaitable<bool> renew();
    /// Renews in time, and returns as soon as the lease can no longer be relied upon.
    [[nodiscard]] awaitable<void> keep();
    /// Ends the lease now, at best effort: when the store is away, it ends by itself.
    [[nodiscard]] awaitable<void> give_up();

    /// The lease; 0 before `acquire`.
    [[nodiscard]] storage::lease_id id() const noexcept { return id_; }
    /// As granted.
    [[nodiscard]] std::chrono::milliseconds ttl() const noexcept { return ttl_; }
    /// The moment from which the lease may have ended, less the margin.
    [[nodiscard]] core::time_point safe_until() const noexcept { return safe_until_; }
    /// May the holder still act? Cheap.
    [[nodiscard]] bool held() const noexcept;
    /// Say that the lease is lost although time has not passed (someone else owns the key).
    void lose() noexcept { lost_ = true; }

private:
    core::runtime& strand_;
    storage::metadata_store& store_;
    lease_options options_;
    storage::lease_id id_;
    std::chrono::milliseconds ttl_{0};
    core::time_point safe_until_;
    bool lost_ = true;
};

}  // namespace reeve::cluster
