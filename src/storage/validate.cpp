#include "reeve/core/error.hpp"
#include "reeve/storage/metadata_store.hpp"
#include "reeve/storage/object_store.hpp"
#include "storage/printable.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace reeve::storage {

namespace {

void check_at_most(std::size_t found, std::size_t limit, const char* what) {
    if (found <= limit) return;
    throw error(errc::too_large,
                fmt::format("transaction with {} {}, at most {} are accepted", found, what, limit));
}

void check_keys(const transaction& change) {
    for (const condition& one : change.conditions()) {
        if (one.key.empty()) {
            throw error(errc::invalid_argument, "transaction with a condition on the empty key");
        }
    }
    std::vector<std::string_view> keys;
    keys.reserve(change.operations().size());
    for (const operation& one : change.operations()) {
        if (one.key.empty()) {
            throw error(errc::invalid_argument, "transaction that writes the empty key");
        }
        keys.push_back(one.key);
    }
    std::sort(keys.begin(), keys.end());
    const auto twice = std::adjacent_find(keys.begin(), keys.end());
    if (twice != keys.end()) {
        throw error(errc::invalid_argument,
                    "transaction that writes " + printable(*twice) + " more than once");
    }
}

}  // namespace

void validate(const transaction& change, const store_limits& limits) {
    check_at_most(change.conditions().size(), limits.conditions_max, "conditions");
    check_at_most(change.operations().size(), limits.operations_max, "writes");
    check_at_most(change.bytes(), limits.bytes_max, "bytes of keys and values");
    for (const operation& one : change.operations()) {
        const std::size_t bytes = one.key.size() + one.value.size();
        if (bytes <= limits.value_bytes_max) continue;
        throw error(errc::too_large,
                    fmt::format("record {} of {} bytes, at most {} are accepted",
                                printable(one.key), bytes, limits.value_bytes_max));
    }
    check_keys(change);
}

void validate_object_key(std::string_view key, const object_limits& limits) {
    if (key.empty()) throw error(errc::invalid_argument, "the empty object key");
    if (key.size() > limits.key_bytes_max) {
        throw error(errc::too_large,
                    fmt::format("object key {} of {} bytes, at most {} are accepted",
                                printable(key), key.size(), limits.key_bytes_max));
    }
    if (key.find('\0') != std::string_view::npos) {
        throw error(errc::invalid_argument, "object key " + printable(key) + " holds a NUL");
    }
}

}  // namespace reeve::storage
