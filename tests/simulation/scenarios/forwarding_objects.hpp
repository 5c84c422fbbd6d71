#pragma once

#include "reeve/storage/object_store.hpp"

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace simulated {

/// An object store that passes everything on to the one below: derive and override what is to be
/// seen.
class forwarding_objects : public reeve::storage::object_store {
public:
    explicit forwarding_objects(std::shared_ptr<reeve::storage::object_store> below)
        : below_(std::move(below)) {}

    [[nodiscard]] reeve::storage::object_capabilities capabilities() const noexcept override {
        return below_->capabilities();
    }
    [[nodiscard]] reeve::storage::object_limits limits() const noexcept override {
        return below_->limits();
    }
    reeve::awaitable<reeve::storage::object_version> put(std::string key,
                                                         std::string bytes) override {
        return below_->put(std::move(key), std::move(bytes));
    }
    reeve::awaitable<std::optional<reeve::storage::object_version>> put_if_absent(
        std::string key, std::string bytes) override {
        return below_->put_if_absent(std::move(key), std::move(bytes));
    }
    reeve::awaitable<std::optional<reeve::storage::object_version>> put_if_match(
        std::string key, std::string bytes, reeve::storage::object_version expected) override {
        return below_->put_if_match(std::move(key), std::move(bytes), std::move(expected));
    }
    reeve::awaitable<std::optional<reeve::storage::object>> get(
        std::string key, reeve::storage::byte_range range) override {
        return below_->get(std::move(key), range);
    }
    reeve::awaitable<std::optional<reeve::storage::object_meta>> head(std::string key) override {
        return below_->head(std::move(key));
    }
    reeve::awaitable<void> remove(std::string key) override {
        return below_->remove(std::move(key));
    }
    reeve::awaitable<std::vector<reeve::storage::remove_result>> remove_many(
        std::vector<std::string> keys) override {
        return below_->remove_many(std::move(keys));
    }
    reeve::awaitable<reeve::storage::object_page> list(std::string prefix, std::string after,
                                                       std::size_t limit) override {
        return below_->list(std::move(prefix), std::move(after), limit);
    }
    reeve::awaitable<reeve::core::wall_time> server_time() override {
        return below_->server_time();
    }

protected:
    [[nodiscard]] reeve::storage::object_store& below() noexcept { return *below_; }

private:
    std::shared_ptr<reeve::storage::object_store> below_;
};

}  // namespace simulated
