#include "backends/etcd/key_space.hpp"

namespace reeve::backends::etcd {

namespace {

// The smallest key there is; as an end it means that there is none.
const std::string& nul() {
    static const std::string one(1, '\0');
    return one;
}

}  // namespace

std::string key_space::outer(std::string_view key) const {
    std::string into;
    into.reserve(prefix_.size() + key.size());
    into += prefix_;
    into += key;
    return into;
}

wire_range key_space::outer(const storage::key_range& range) const {
    wire_range into = outer_from(range);
    if (range.last().empty()) return into;
    into.end = outer(range.last());
    into.empty = range.first() >= range.last();
    return into;
}

wire_range key_space::outer_from(const storage::key_range& range) const {
    wire_range into;
    into.key = outer(range.first());
    if (into.key.empty()) into.key = nul();
    into.end = storage::key_range::prefix(prefix_).last();
    if (into.end.empty()) into.end = nul();
    return into;
}

std::string key_space::some_key() const { return prefix_ + nul(); }

}  // namespace reeve::backends::etcd
