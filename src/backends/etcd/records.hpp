#pragma once

#include "backends/etcd/key_space.hpp"
#include "backends/etcd/session.hpp"
#include "reeve/storage/metadata_store.hpp"

#include <memory>
#include <optional>
#include <string>

namespace reeve::backends::etcd {

/// What the calls of a store need.
struct store_core {
    store_core(core::runtime& on, etcd_options options, storage::store_limits limits_of_it)
        : keys(options.key_prefix),
          limits(limits_of_it),
          session(std::make_shared<etcd::session>(on, std::move(options))) {}

    key_space keys;
    storage::store_limits limits;
    session_ptr session;
};
using store_ptr = std::shared_ptr<const store_core>;

/// What follows from the options: see open_etcd_metadata_store.
[[nodiscard]] storage::store_limits limits_of(const etcd_options& options);

// metadata_store's functions. They own what they use: a call may start after its store is gone.
awaitable<std::optional<storage::record>> get_from(store_ptr store, std::string key);
awaitable<storage::page> list_from(store_ptr store, storage::key_range range, std::size_t limit);
awaitable<storage::commit_result> commit_to(store_ptr store, storage::transaction change);
awaitable<std::uint64_t> cluster_of(store_ptr store);
std::string trouble_of(const store_core& store);

/// The revision that the store has reached at least. Linearizable. Asks for the server's `key`,
/// which we must be allowed to read; it need not exist.
awaitable<storage::revision> revision_of(store_ptr store, std::string key);

/// True if the history from `from` on is kept, as far as it has happened. `key` as above.
awaitable<bool> history_is_kept(store_ptr store, std::string key, storage::revision from);

/// Turns the server's records into the store's. Throws errc::corrupt if they do not lie in `asked`
/// in ascending order, as they must.
void adopt(const key_space& keys, const wire_range& asked, std::vector<storage::record>& records);

}  // namespace reeve::backends::etcd
