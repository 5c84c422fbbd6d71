#pragma once

#include "reeve/storage/metadata_store.hpp"

#include <string>
#include <string_view>

namespace reeve::backends::etcd {

/// A range as etcd asks for it.
struct wire_range {
    std::string key;
    std::string end;     ///< "\0": no end
    bool empty = false;  ///< no key can lie inside, which etcd must not be asked for
};

/// Turns the keys of a store into those of the server and back.
class key_space {
public:
    /// All keys of the server that begin with `prefix`.
    explicit key_space(std::string prefix) : prefix_(std::move(prefix)) {}

    [[nodiscard]] std::size_t prefix_bytes() const noexcept { return prefix_.size(); }
    /// The server's key.
    [[nodiscard]] std::string outer(std::string_view key) const;
    /// True if `outer_key` is the server's key of `key`.
    [[nodiscard]] bool names(std::string_view outer_key, std::string_view key) const noexcept {
        return holds(outer_key) && outer_key.substr(prefix_.size()) == key;
    }
    /// The server's range.
    [[nodiscard]] wire_range outer(const storage::key_range& range) const;
    /// The server's range from the first key of `range` to the end of the store's keys.
    [[nodiscard]] wire_range outer_from(const storage::key_range& range) const;
    /// A key that is certain to belong to the store, and that nobody writes.
    [[nodiscard]] std::string some_key() const;
    /// True if the server's key belongs to the store.
    [[nodiscard]] bool holds(std::string_view key) const noexcept {
        return key.substr(0, prefix_.size()) == prefix_;
    }
    /// Makes the server's key the store's. It must belong to it.
    void strip(std::string& key) const { key.erase(0, prefix_.size()); }

private:
    std::string prefix_;
};

}  // namespace reeve::backends::etcd
