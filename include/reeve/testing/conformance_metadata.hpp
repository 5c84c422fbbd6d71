#pragma once

#include "reeve/core/awaitable.hpp"
#include "reeve/core/runtime.hpp"
#include "reeve/storage/metadata_store.hpp"
#include "reeve/testing/conformance.hpp"

#include <chrono>
#include <memory>
#include <vector>

namespace reeve::testing {

/// Opens the metadata store under test. Three functions are needed, the rest are hooks that let
/// more rules be checked: a check whose hook is missing is reported as skipped.
class metadata_store_factory : public check_factory {
public:
    /// Opens the store. Every call since `reset` gives another handle on the same data, as another
    /// client of the same server would have it; after all handles are closed the data is still
    /// there. A store that has only one handle throws check_skipped("needs ...") for the second.
    virtual awaitable<std::unique_ptr<storage::metadata_store>> open(core::runtime& strand) = 0;

    /// Hook: make the store forget history, so that a watch from before `first_kept` is answered
    /// with errc::compacted. The default throws check_skipped.
    virtual awaitable<void> compact(storage::metadata_store& store, storage::revision first_kept);

    /// Hook: let `duration` pass for the store. The default waits on the strand's clock; a host
    /// with virtual time advances it.
    virtual awaitable<void> pass_time(core::runtime& strand, std::chrono::milliseconds duration);

    /// The ttl that checks of lease expiry ask for: the shortest one for which the store's
    /// scheduling delays do not matter. The default is 400 ms.
    [[nodiscard]] virtual std::chrono::milliseconds lease_ttl() const;

    /// How far the store's clock may differ from the strand's while a lease runs; expiry that much
    /// too early is forgiven. The default is 20 ms.
    [[nodiscard]] virtual std::chrono::milliseconds clock_error() const;
};

/// All rules of storage::metadata_store as named checks, in the order of the manual: reading and
/// writing, conditions, refusals and limits, listing, watching, leases, races, cancellation and
/// destruction.
[[nodiscard]] std::vector<check> metadata_store_checks(
    std::shared_ptr<metadata_store_factory> factory);

}  // namespace reeve::testing
