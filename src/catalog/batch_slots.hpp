#pragma once

#include "reeve/catalog/codec.hpp"
#include "reeve/catalog/commit_large.hpp"
#include "reeve/catalog/guarded.hpp"
#include "reeve/catalog/key_layout.hpp"
#include "reeve/core/awaitable.hpp"
#include "reeve/core/error.hpp"
#include "reeve/storage/metadata_store.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace reeve::catalog {

// A slot as it was read. One that was never written is idle, at revision 0.
struct seen_slot {
    std::uint32_t number = 0;
    batch_slot slot;
    storage::revision modified;
};

// How often a step whose outcome stays unknown is repeated before the caller is told.
inline constexpr int step_tries_max = 4;

// May a step that failed so be tried again, because it was not applied or may have been?
[[nodiscard]] inline bool may_repeat(const error& failure) noexcept {
    return failure.kind() == error_class::not_applied || is_outcome_unknown(failure);
}

// `guard` and "the slot is still as seen", then `into` in the slot.
[[nodiscard]] storage::transaction move_slot(const leader_guard& guard, const key_layout& keys,
                                             const seen_slot& from, const batch_slot& into);
// Where in such a transaction the slot's condition stands.
[[nodiscard]] std::size_t slot_condition(const leader_guard& guard);

// All slots, by number.
[[nodiscard]] awaitable<std::vector<seen_slot>> read_slots(storage::metadata_store& store,
                                                           const key_layout& keys);
[[nodiscard]] awaitable<seen_slot> read_slot(storage::metadata_store& store, const key_layout& keys,
                                             std::uint32_t number);

// Finishes the batch of a slot, whatever its state, until the slot is idle: open is aborted first,
// parts of an aborted batch are removed, marks of a committed one are cleared (B4 to B6). Throws
// errc::unavailable or errc::outcome_unknown when the store does not let it; then it is repeated.
[[nodiscard]] awaitable<void> finish_slot(storage::metadata_store& store, const key_layout& keys,
                                          leader_guard guard, std::uint32_t number);

}  // namespace reeve::catalog
