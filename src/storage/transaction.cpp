#include "reeve/storage/metadata_store.hpp"

#include <algorithm>

namespace reeve::storage {

transaction& transaction::if_absent(std::string key) {
    bytes_ += key.size();
    conditions_.push_back({condition::kind::absent, std::move(key), revision{}});
    return *this;
}

transaction& transaction::if_created_at(std::string key, revision expected) {
    bytes_ += key.size();
    conditions_.push_back({condition::kind::created_at, std::move(key), expected});
    return *this;
}

transaction& transaction::if_modified_at(std::string key, revision expected) {
    if (!expected) return if_absent(std::move(key));
    bytes_ += key.size();
    conditions_.push_back({condition::kind::modified_at, std::move(key), expected});
    return *this;
}

transaction& transaction::put(std::string key, std::string value, lease_id lease) {
    bytes_ += key.size() + value.size();
    operations_.push_back({operation::kind::put, std::move(key), std::move(value), lease});
    return *this;
}

transaction& transaction::remove(std::string key) {
    bytes_ += key.size();
    operations_.push_back({operation::kind::remove, std::move(key), {}, {}});
    return *this;
}

transaction& transaction::append(const transaction& more) {
    conditions_.insert(conditions_.end(), more.conditions_.begin(), more.conditions_.end());
    operations_.insert(operations_.end(), more.operations_.begin(), more.operations_.end());
    bytes_ += more.bytes_;
    return *this;
}

bool commit_result::has_failed(std::size_t index) const noexcept {
    return std::binary_search(failed.begin(), failed.end(), index);
}

}  // namespace reeve::storage
