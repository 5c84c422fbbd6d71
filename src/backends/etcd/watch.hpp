#pragma once

#include "backends/etcd/records.hpp"
#include "reeve/storage/metadata_store.hpp"

#include <memory>

namespace reeve::backends::etcd {

/// metadata_store::watch.
awaitable<std::unique_ptr<storage::watcher>> watch_on(store_ptr store, storage::key_range range,
                                                      storage::revision from);

}  // namespace reeve::backends::etcd
