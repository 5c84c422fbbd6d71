#include "reeve/backends/memory_object_store.hpp"

#include "reeve/core/error.hpp"

#include <fmt/format.h>

#include <utility>

namespace reeve::backends {

namespace {

using bucket_ptr = std::shared_ptr<memory_bucket>;
using maybe_version = std::optional<storage::object_version>;

// Coroutines that own what they use: a call may start after its store is gone.

awaitable<storage::object_version> put_in(bucket_ptr bucket, std::string key, std::string bytes) {
    co_return bucket->put(key, std::move(bytes));
}

awaitable<maybe_version> create_in(bucket_ptr bucket, std::string key, std::string bytes) {
    co_return bucket->put_if_absent(key, std::move(bytes));
}

awaitable<maybe_version> replace_in(bucket_ptr bucket, std::string key, std::string bytes,
                                    storage::object_version expected) {
    co_return bucket->put_if_match(key, std::move(bytes), expected);
}

awaitable<std::optional<storage::object>> get_from(bucket_ptr bucket, std::string key,
                                                   storage::byte_range range) {
    co_return bucket->get(key, range);
}

awaitable<std::optional<storage::object_meta>> head_from(bucket_ptr bucket, std::string key) {
    co_return bucket->head(key);
}

awaitable<void> remove_from(bucket_ptr bucket, std::string key) {
    bucket->remove(key);
    co_return;
}

awaitable<std::vector<storage::remove_result>> remove_all(bucket_ptr bucket,
                                                          std::vector<std::string> keys) {
    const auto& limits = bucket->options().limits;
    if (keys.size() > limits.remove_many_max) {
        throw error(errc::too_large, fmt::format("removal of {} objects, at most {} are accepted",
                                                 keys.size(), limits.remove_many_max));
    }
    for (const auto& key : keys) storage::validate_object_key(key, limits);
    std::vector<storage::remove_result> results;
    results.reserve(keys.size());
    for (auto& key : keys) {
        bucket->remove(key);
        results.push_back({std::move(key), {}});
    }
    co_return results;
}

awaitable<storage::object_page> list_from(bucket_ptr bucket, std::string prefix, std::string after,
                                          std::size_t limit) {
    co_return bucket->list(prefix, after, limit);
}

awaitable<core::wall_time> time_of(bucket_ptr bucket) { co_return bucket->server_time(); }

}  // namespace

memory_object_store::memory_object_store(std::shared_ptr<memory_bucket> bucket)
    : bucket_(std::move(bucket)) {}

storage::object_capabilities memory_object_store::capabilities() const noexcept {
    return bucket_->options().capabilities;
}

storage::object_limits memory_object_store::limits() const noexcept {
    return bucket_->options().limits;
}

awaitable<storage::object_version> memory_object_store::put(std::string key, std::string bytes) {
    return put_in(bucket_, std::move(key), std::move(bytes));
}

awaitable<maybe_version> memory_object_store::put_if_absent(std::string key, std::string bytes) {
    return create_in(bucket_, std::move(key), std::move(bytes));
}

awaitable<maybe_version> memory_object_store::put_if_match(std::string key, std::string bytes,
                                                           storage::object_version expected) {
    return replace_in(bucket_, std::move(key), std::move(bytes), std::move(expected));
}

awaitable<std::optional<storage::object>> memory_object_store::get(std::string key,
                                                                   storage::byte_range range) {
    return get_from(bucket_, std::move(key), range);
}

awaitable<std::optional<storage::object_meta>> memory_object_store::head(std::string key) {
    return head_from(bucket_, std::move(key));
}

awaitable<void> memory_object_store::remove(std::string key) {
    return remove_from(bucket_, std::move(key));
}

awaitable<std::vector<storage::remove_result>> memory_object_store::remove_many(
    std::vector<std::string> keys) {
    return remove_all(bucket_, std::move(keys));
}

awaitable<storage::object_page> memory_object_store::list(std::string prefix, std::string after,
                                                          std::size_t limit) {
    return list_from(bucket_, std::move(prefix), std::move(after), limit);
}

awaitable<core::wall_time> memory_object_store::server_time() { return time_of(bucket_); }

}  // namespace reeve::backends
