// A leader, and a store whose commits fail where a test says, for tests of guarded writes.
#pragma once

#include "catalog/faulty_store.hpp"
#include "catalog/support.hpp"
#include "reeve/catalog/guarded.hpp"

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace reeve::support {

struct guarded_fixture : world {
    guarded_fixture() : faulty(store), guard(lead(keys)) {}

    static storage::transaction create(const std::string& key, const std::string& value = "v") {
        storage::transaction item;
        item.if_absent(key).put(key, value);
        return item;
    }
    std::vector<catalog::item_outcome> outcomes(std::vector<storage::transaction> items) {
        std::vector<catalog::item_outcome> all;
        for (const auto& one : run(catalog::commit_items(faulty, guard, std::move(items)))) {
            all.push_back(one.outcome);
        }
        return all;
    }
    std::size_t count(const std::string& prefix) {
        return run(store.list(storage::key_range::prefix(prefix), 10000)).records.size();
    }
    void limit(std::size_t conditions, std::size_t operations, std::size_t bytes) {
        auto limits = store.limits();
        limits.conditions_max = conditions;
        limits.operations_max = operations;
        limits.bytes_max = bytes;
        faulty.set_limits(limits);
    }

    catalog::key_layout keys{"r"};
    faulty_store faulty;
    catalog::leader_guard guard;
};

// k0, k1 and so on.
inline std::vector<storage::transaction> creations(std::size_t many) {
    std::vector<storage::transaction> items;
    for (std::size_t at = 0; at < many; ++at) {
        items.push_back(guarded_fixture::create("k" + std::to_string(at)));
    }
    return items;
}

}  // namespace reeve::support
