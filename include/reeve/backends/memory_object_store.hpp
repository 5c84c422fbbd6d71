#pragma once

#include "reeve/core/clock.hpp"
#include "reeve/storage/object_store.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace reeve::backends {

/// How a memory_bucket behaves.
struct memory_bucket_options {
    /// What it offers: all, unless a test wants to see how code lives without.
    storage::object_capabilities capabilities{true, true, true};
    storage::object_limits limits;       ///< accepted sizes
    const core::clock* clock = nullptr;  ///< of last_modified; nullptr: the machine's. Must outlive
                                         ///< the bucket
};

/// The objects behind memory_object_stores. Functions may be called from any thread; each is atomic
/// and does what the method of storage::object_store of that name promises. Version tokens are
/// unique in a bucket.
class memory_bucket {
public:
    /// No objects.
    explicit memory_bucket(memory_bucket_options options = {});

    /// The options given.
    [[nodiscard]] const memory_bucket_options& options() const noexcept { return options_; }
    /// Writes.
    storage::object_version put(const std::string& key, std::string bytes);
    /// Writes if absent.
    std::optional<storage::object_version> put_if_absent(const std::string& key, std::string bytes);
    /// Replaces a version.
    std::optional<storage::object_version> put_if_match(const std::string& key, std::string bytes,
                                                        const storage::object_version& expected);
    /// Reads a part.
    [[nodiscard]] std::optional<storage::object> get(const std::string& key,
                                                     storage::byte_range range) const;
    /// Reads about it.
    [[nodiscard]] std::optional<storage::object_meta> head(const std::string& key) const;
    /// Removes.
    void remove(const std::string& key);
    /// Lists.
    [[nodiscard]] storage::object_page list(const std::string& prefix, const std::string& after,
                                            std::size_t limit) const;
    /// By the clock given.
    [[nodiscard]] core::wall_time server_time() const noexcept;
    /// The keys of all objects, in order.
    [[nodiscard]] std::vector<std::string> keys() const;

private:
    struct content {
        std::shared_ptr<const std::string> bytes;
        storage::object_version version;
        core::wall_time last_modified;
    };
    using objects = std::map<std::string, content, std::less<>>;

    void check(const std::string& key, std::size_t bytes) const;
    storage::object_version write(const std::string& key, std::string bytes);
    static storage::object_meta meta_of(const objects::value_type& one);

    memory_bucket_options options_;
    mutable std::mutex mutex_;
    objects objects_;
    std::uint64_t last_version_ = 0;
};

/// An object store that keeps nothing on disk. Calls complete without suspending, so a call once
/// begun is never cut short by cancellation. Any number of stores, on any threads, share a bucket.
class memory_object_store final : public storage::object_store {
public:
    /// A store over a bucket that others may share.
    explicit memory_object_store(std::shared_ptr<memory_bucket> bucket);

    [[nodiscard]] storage::object_capabilities capabilities() const noexcept override;
    [[nodiscard]] storage::object_limits limits() const noexcept override;
    awaitable<storage::object_version> put(std::string key, std::string bytes) override;
    awaitable<std::optional<storage::object_version>> put_if_absent(std::string key,
                                                                    std::string bytes) override;
    awaitable<std::optional<storage::object_version>> put_if_match(
        std::string key, std::string bytes, storage::object_version expected) override;
    awaitable<std::optional<storage::object>> get(std::string key,
                                                  storage::byte_range range) override;
    awaitable<std::optional<storage::object_meta>> head(std::string key) override;
    awaitable<void> remove(std::string key) override;
    awaitable<std::vector<storage::remove_result>> remove_many(
        std::vector<std::string> keys) override;
    awaitable<storage::object_page> list(std::string prefix, std::string after,
                                         std::size_t limit) override;
    awaitable<core::wall_time> server_time() override;

private:
    std::shared_ptr<memory_bucket> bucket_;
};

}  // namespace reeve::backends
