#pragma once

#include "reeve/catalog/key_layout.hpp"
#include "reeve/core/awaitable.hpp"
#include "reeve/core/clock.hpp"
#include "reeve/model/gc.hpp"
#include "reeve/storage/metadata_store.hpp"

#include <map>
#include <optional>
#include <string>

namespace reeve::gc {

/// Which garbage collection is paused.
struct pause_set {
    std::optional<model::gc_pause> all;                           ///< all of it
    std::map<model::collection_id, model::gc_pause> collections;  ///< that of these

    /// Is that of the collection?
    [[nodiscard]] bool paused(model::collection_id collection) const {
        return all || collections.contains(collection);
    }
};

/// What is paused now. Throws what the store throws, and errc::corrupt or errc::unsupported_format
/// for a record that cannot be read.
[[nodiscard]] awaitable<pause_set> read_pauses(storage::metadata_store& store,
                                               const catalog::key_layout& keys);

/// Pauses garbage collection, or lets it run again: that of one collection, or all of it
/// (nothing). Kept in the store: it holds for every later leader. Any process may; each change
/// compares what it changes. Both sweeps look again before each batch of deletes, so at most the
/// one that is under way still lands. `why` is for people, at most 1000 bytes of UTF-8; `now` too.
/// Always writes, so that an earlier request of unknown outcome cannot land any more. Throws
/// errc::invalid_argument, errc::corrupt, errc::unavailable, errc::outcome_unknown (repeat it).
[[nodiscard]] awaitable<void> set_paused(storage::metadata_store& store,
                                         const catalog::key_layout& keys,
                                         std::optional<model::collection_id> scope,
                                         model::gc_state state, std::string why,
                                         core::wall_time now);

}  // namespace reeve::gc
