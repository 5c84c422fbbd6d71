#pragma once

#include "reeve/catalog/guarded.hpp"
#include "reeve/catalog/key_layout.hpp"
#include "reeve/core/awaitable.hpp"
#include "reeve/core/runtime.hpp"
#include "reeve/model/gc.hpp"
#include "reeve/storage/metadata_store.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace reeve::gc {

/// What sweeps deleted and why, kept in the store: a ring of records, each written before its
/// objects are deleted, the oldest overwritten. Costs one transaction for each
/// model::journal_objects_max objects. Of one term. One strand; calls may overlap, so that both
/// sweeps share one.
class journal {
public:
    /// At most `slots` records, at least 1. `strand`, `store` and `keys` must outlive it.
    journal(core::runtime& strand, storage::metadata_store& store, const catalog::key_layout& keys,
            catalog::leader_guard guard, std::size_t slots = 1000);

    /// Records objects that are about to be deleted; names are cut at model::object_name_bytes_max.
    /// Throws errc::fenced, errc::corrupt, errc::unavailable, errc::outcome_unknown: then they must
    /// not be deleted yet.
    [[nodiscard]] awaitable<void> write(model::gc_sweep sweep,
                                        std::vector<model::journal_object> objects);

private:
    [[nodiscard]] awaitable<void> load();
    [[nodiscard]] awaitable<void> write_entry(model::journal_entry entry);

    core::runtime& strand_;
    storage::metadata_store& store_;
    const catalog::key_layout& keys_;
    catalog::leader_guard guard_;
    std::vector<storage::revision> slots_;  // 0: empty
    std::uint64_t last_ = 0;                // number of the last entry
    bool loaded_ = false;
};

/// All entries of the journal, the oldest first. Throws what the store throws, and errc::corrupt or
/// errc::unsupported_format for a record that cannot be read.
[[nodiscard]] awaitable<std::vector<model::journal_entry>> read_journal(
    storage::metadata_store& store, const catalog::key_layout& keys);

}  // namespace reeve::gc
