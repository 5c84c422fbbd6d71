#pragma once

#include "conformance/memory_factories.hpp"
#include "reeve/core/error.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace conformance {

/// The memory object store with one rule broken: a member that is set replaces or bends one call.
struct object_bend {
    using store = reeve::storage::object_store;
    using version = reeve::storage::object_version;
    template <class T>
    using awaitable = reeve::awaitable<T>;

    std::function<void(std::string& key)> naming;  ///< of every call
    std::function<void(std::string& bytes)> putting;
    std::function<awaitable<version>(store&, std::string, std::string)> put;
    std::function<awaitable<std::optional<version>>(store&, std::string, std::string)> if_absent;
    std::function<awaitable<std::optional<version>>(store&, std::string, std::string, version)>
        if_match;
    std::function<void(std::optional<reeve::storage::object>&, reeve::storage::byte_range asked)>
        got;
    std::function<void(reeve::storage::byte_range&)> getting;
    std::function<awaitable<std::optional<reeve::storage::object>>(store&, std::string)> get;
    std::function<awaitable<void>(store&, std::string)> remove;
    std::function<void(std::vector<reeve::storage::remove_result>&)> removed_many;
    std::function<void(std::string& prefix, std::string& after, std::size_t& limit)> listing;
    std::function<void(reeve::storage::object_page&)> listed;
    std::function<void(reeve::core::wall_time&)> time;
    std::function<void(reeve::storage::object_capabilities&)> capabilities;
    std::function<void(reeve::storage::object_limits&)> limits;
    std::function<void()> begins;  ///< called when a check begins
    bool forgets_on_open = false;
    bool lacks_conditions = false;  ///< of the bucket inside
};

/// Opens the memory object store with a bend.
class bent_object_factory final : public memory_object_factory {
public:
    explicit bent_object_factory(object_bend how)
        : how_(std::make_shared<object_bend>(std::move(how))) {}

    void reset() override;
    reeve::awaitable<std::unique_ptr<reeve::storage::object_store>> open(
        reeve::core::runtime& strand) override;
    [[nodiscard]] std::uint64_t tried_bytes_max() const override { return 1U << 20U; }

private:
    void fresh_bucket();

    std::shared_ptr<object_bend> how_;
    std::size_t handles_ = 0;
};

}  // namespace conformance
