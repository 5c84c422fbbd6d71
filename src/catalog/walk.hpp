#pragma once

#include "reeve/catalog/codec.hpp"
#include "reeve/catalog/inspect.hpp"
#include "reeve/catalog/key_layout.hpp"
#include "reeve/core/awaitable.hpp"
#include "reeve/storage/metadata_store.hpp"

#include <functional>
#include <string>
#include <string_view>

namespace reeve::catalog {

// Calls `each` for every record below the root, in key order.
[[nodiscard]] awaitable<walk_summary> walk(storage::metadata_store& store, const key_layout& keys,
                                           std::function<void(const storage::record&)> each);

// Has this release records of that kind? Not of unknown keys, nor of those that are reserved for
// what is not built yet.
[[nodiscard]] bool has_record(key_layout::kind what) noexcept;

// Why the value of a record of this kind cannot be read; empty: it can.
[[nodiscard]] std::string unreadable(decoder& reader, key_layout::kind what, std::string_view key,
                                     std::string_view value);

}  // namespace reeve::catalog
