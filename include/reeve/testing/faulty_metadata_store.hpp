#pragma once

#include "reeve/storage/metadata_store.hpp"
#include "reeve/testing/faults.hpp"
#include "reeve/testing/process.hpp"

#include <memory>

namespace reeve::testing {

namespace detail {
struct remote_link;
}

/// A simulated process's connection to any metadata store that lives in the world, with faults: see
/// metadata_faults. Requests are carried out on the world's runtime, so that they land even when
/// the process is dead; its watches lag, fail and are compacted; leases may end early or late
/// (through revoke and keep_alive of the store behind). Keeps every promise of
/// storage::metadata_store while doing so. Writes pass the simulation's effect gate.
class faulty_metadata_store final : public storage::metadata_store {
public:
    /// For the life that `caller` has now. `faults` is read at every call and must outlive the
    /// simulation's use of it; process::open_metadata is the usual way here.
    faulty_metadata_store(process& caller, std::shared_ptr<storage::metadata_store> backing,
                          const metadata_faults& faults);
    ~faulty_metadata_store() override;

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
    std::shared_ptr<detail::remote_link> link_;
    std::shared_ptr<storage::metadata_store> backing_;
    const metadata_faults* faults_;
};

}  // namespace reeve::testing
