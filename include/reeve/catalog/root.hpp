#pragma once

#include "reeve/catalog/codec.hpp"
#include "reeve/catalog/key_layout.hpp"
#include "reeve/core/awaitable.hpp"
#include "reeve/storage/metadata_store.hpp"

#include <optional>
#include <string>

namespace reeve::catalog {

/// The store's root record, if it has one. Throws errc::corrupt, errc::unsupported_format.
[[nodiscard]] awaitable<std::optional<root_info>> read_root(storage::metadata_store& store,
                                                            const key_layout& keys);

/// Makes sure that the store belongs to `cluster`: writes the root record into an empty store,
/// throws errc::foreign if it belongs to another. Returns what is recorded. Idempotent; safe to
/// race.
[[nodiscard]] awaitable<root_info> claim_root(storage::metadata_store& store,
                                              const key_layout& keys, std::string cluster);

/// The operator's step after a restore from a backup: raises the lineage, so that nodes and files
/// of the lost future are recognised. Returns the new root. Throws errc::not_found without a root
/// record.
[[nodiscard]] awaitable<root_info> raise_lineage(storage::metadata_store& store,
                                                 const key_layout& keys);

}  // namespace reeve::catalog
