#pragma once

#include "reeve/catalog/key_layout.hpp"
#include "reeve/core/awaitable.hpp"
#include "reeve/model/ids.hpp"
#include "reeve/storage/metadata_store.hpp"

#include <cstddef>
#include <string>

namespace reeve::cluster {

// For a host that knows that a process has ended, because it saw it end or owns a lock that the
// process held: what the process held is ended now, instead of when its lease runs out.
//
// A lease belongs to one process and its number is never used again, so that a late revocation
// hurts nobody else. To be wrong about the death is impolite, not unsafe: what the process still
// sends is refused by its term, or by its incarnation and epoch. All throw what
// storage::metadata_store's `get`, `list` and `revoke` throw; repeating is harmless.

/// Ends the session of `node`, all of whose processes so far have ended. Call it before the next
/// one is started. Returns the process whose session it was, for coordinator::confirm_dead; 0 if
/// there was none. Throws errc::invalid_argument for a bad name.
[[nodiscard]] awaitable<model::incarnation> end_session(storage::metadata_store& store,
                                                        const catalog::key_layout& keys,
                                                        model::node_name node);

/// Ends the leadership of `coordinator`, all of whose processes so far have ended, so that another
/// can be elected at once. Call it before the next one is started. Returns the term that it ended;
/// 0 if another coordinator leads, or none. Throws errc::corrupt and errc::unsupported_format if
/// the leader key cannot be read.
[[nodiscard]] awaitable<model::term> end_leadership(storage::metadata_store& store,
                                                    const catalog::key_layout& keys,
                                                    std::string coordinator);

/// Ends all sessions and the leadership: no process of the cluster runs. Returns how many.
[[nodiscard]] awaitable<std::size_t> end_all_sessions(storage::metadata_store& store,
                                                      const catalog::key_layout& keys);

}  // namespace reeve::cluster
