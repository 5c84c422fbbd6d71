#include "reeve/catalog/root.hpp"

#include "reeve/core/error.hpp"
#include "storage/printable.hpp"

#include <fmt/format.h>

#include <limits>
#include <utility>

namespace reeve::catalog {

namespace {

struct seen_root {
    seen_root() {}
    root_info info;
    storage::revision modified;  // 0: there is none
};

awaitable<seen_root> look(storage::metadata_store& store, std::string key) {
    const auto found = co_await store.get(key);
    seen_root seen;
    if (found) {
        decoder().decode(key, found->value, seen.info);
        seen.modified = found->modified;
    }
    co_return seen;
}

root_info checked(const seen_root& seen, const std::string& key, const std::string& cluster) {
    if (seen.info.cluster != cluster) {
        throw error(errc::foreign,
                    fmt::format("record {}: the store belongs to cluster {}, not to {}",
                                storage::printable(key), storage::printable(seen.info.cluster),
                                storage::printable(cluster)));
    }
    return seen.info;
}

}  // namespace

awaitable<std::optional<root_info>> read_root(storage::metadata_store& store,
                                              const key_layout& keys) {
    const auto key = keys.root_record();
    const auto seen = co_await look(store, key);
    if (!seen.modified) co_return std::nullopt;
    co_return seen.info;
}

awaitable<root_info> claim_root(storage::metadata_store& store, const key_layout& keys,
                                std::string cluster) {
    const auto key = keys.root_record();
    root_info mine;
    mine.cluster = cluster;
    mine.lineage = model::lineage(1);
    const auto value = encode(mine);
    while (true) {
        const auto seen = co_await look(store, key);
        if (seen.modified) co_return checked(seen, key, cluster);
        // A counter without a root: the root record was lost, and with it the lineage.
        const auto counter_key = keys.ids();
        const auto counter = co_await store.get(counter_key);
        const auto again = co_await look(store, key);
        if (counter && !again.modified) {
            throw error(errc::corrupt,
                        fmt::format("record {}: missing in a store that has {}",
                                    storage::printable(key), storage::printable(counter_key)));
        }
        storage::transaction change;
        change.if_absent(key).put(key, value);
        storage::commit_result result;
        try {
            result = co_await store.commit(std::move(change));
        } catch (const error& failure) {
            if (!is_outcome_unknown(failure)) throw;
            // Somebody's may be there now, perhaps ours: the next look tells. If none is, the
            // caller repeats; a late copy lands only while there is none.
        }
        if (result) co_return mine;
        const auto after = co_await look(store, key);
        if (after.modified) co_return checked(after, key, cluster);
        if (result.failed.empty()) {
            throw error(errc::outcome_unknown,
                        fmt::format("record {}: claim of the store", storage::printable(key)));
        }
    }
}

awaitable<root_info> raise_lineage(storage::metadata_store& store, const key_layout& keys) {
    const auto key = keys.root_record();
    while (true) {
        auto seen = co_await look(store, key);
        if (!seen.modified) {
            throw error(errc::not_found,
                        fmt::format("record {}: there is no root record", storage::printable(key)));
        }
        if (seen.info.lineage.value == std::numeric_limits<std::uint64_t>::max()) {
            throw error(errc::corrupt, fmt::format("record {}: the lineage cannot be raised",
                                                   storage::printable(key)));
        }
        ++seen.info.lineage.value;
        storage::transaction change;
        change.if_modified_at(key, seen.modified).put(key, encode(seen.info));
        const auto result = co_await store.commit(std::move(change));
        if (result) co_return seen.info;
    }
}

}  // namespace reeve::catalog
