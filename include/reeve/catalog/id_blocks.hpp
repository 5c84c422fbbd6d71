#pragma once

#include "reeve/catalog/guarded.hpp"
#include "reeve/catalog/key_layout.hpp"
#include "reeve/core/awaitable.hpp"
#include "reeve/storage/metadata_store.hpp"

#include <cstdint>

namespace reeve::catalog {

/// Numbers that are unique across the store and increase: epochs and ids. Reserved in blocks of one
/// term; a block whose reservation has an unknown outcome is never used, and what a term leaves
/// unused is lost (architecture, term rule). One strand; calls may overlap.
class id_blocks {
public:
    /// Reserves at least `block` numbers at a time. `store` and `keys` must outlive it.
    id_blocks(storage::metadata_store& store, const key_layout& keys, leader_guard guard,
              std::uint64_t block = 1000);

    /// The first of `count` numbers in a row, each larger than all given out before in any term.
    /// Throws errc::fenced, errc::unavailable, errc::outcome_unknown (no number is given out, try
    /// again), errc::corrupt, errc::invalid_argument if `count` is 0.
    [[nodiscard]] awaitable<std::uint64_t> take(std::uint64_t count);

private:
    [[nodiscard]] awaitable<void> reserve(std::uint64_t count);

    storage::metadata_store& store_;
    const key_layout& keys_;
    leader_guard guard_;
    std::uint64_t block_;
    std::uint64_t next_ = 0;
    std::uint64_t end_ = 0;
};

}  // namespace reeve::catalog
