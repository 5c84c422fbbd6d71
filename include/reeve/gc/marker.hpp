#pragma once

#include "reeve/catalog/codec.hpp"
#include "reeve/catalog/path_layout.hpp"
#include "reeve/core/awaitable.hpp"
#include "reeve/storage/object_store.hpp"

#include <cstdint>
#include <string>

// The marker of a data root: an object that says whose files lie beside it. Without it no sweep
// deletes anything there (docs/protocols/segments.md, G5).
namespace reeve::gc {

/// The name of a data root's marker: `<root>reeve-marker`. No layout writes it, since the names of
/// files end in `<epoch>-<number>`, and no imported file has it, since those lie deeper.
[[nodiscard]] std::string marker_name(const catalog::path_layout& names);

/// What a data root must be like before it is claimed.
enum class claim : std::uint8_t {
    empty,  ///< nothing lies below it but, perhaps, this store's own marker
    /// Whatever it is like: the files of an engine that moves to reeve; or this store was restored
    /// from a backup, and its lineage raised.
    adopt,
};

/// Writes the marker of a data root for the store whose root record is `mine`: once, by the host or
/// an operator, when data root and store first meet, and again after the lineage was raised. A
/// sweep never writes it: a sweep that finds the wrong bucket must stop. A marker that is there
/// already and says the same is a success.
///
/// Throws errc::foreign if the marker is another cluster's, or of a later lineage, or of an earlier
/// one unless how is claim::adopt; errc::refused if objects lie there and `how` is claim::empty;
/// errc::corrupt for a marker that cannot be read; and what the store throws. After
/// errc::outcome_unknown repeat it.
[[nodiscard]] awaitable<void> claim_data_root(storage::object_store& objects,
                                              const catalog::path_layout& names,
                                              catalog::root_info mine, claim how = claim::empty);

/// Throws unless the marker is there and is that of `mine`: errc::foreign, naming both, if it is
/// missing or another's; errc::corrupt if it cannot be read; and what the store throws.
[[nodiscard]] awaitable<void> check_marker(storage::object_store& objects,
                                           const catalog::path_layout& names,
                                           catalog::root_info mine);

}  // namespace reeve::gc
