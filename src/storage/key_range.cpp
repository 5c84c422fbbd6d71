#include "reeve/storage/metadata_store.hpp"

namespace reeve::storage {

key_range key_range::prefix(std::string_view head) {
    std::string last(head);
    // The first key past all that begin with `head`: raise the last byte that can be raised.
    while (!last.empty() && static_cast<unsigned char>(last.back()) == 0xff) last.pop_back();
    if (!last.empty()) {
        last.back() = static_cast<char>(static_cast<unsigned char>(last.back()) + 1);
    }
    return {std::string(head), std::move(last)};
}

key_range key_range::one(std::string_view key) {
    std::string last(key);
    last.push_back('\0');
    return {std::string(key), std::move(last)};
}

}  // namespace reeve::storage
