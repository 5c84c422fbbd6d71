#pragma once

#include "reeve/core/awaitable.hpp"
#include "reeve/storage/metadata_store.hpp"

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace reeve::testing {

/// A metadata store that hands every call on to another one: the base of stores that record, delay
/// or break one of them. Promises, errors and threading are those of the store below.
class forwarding_metadata_store : public storage::metadata_store {
public:
    /// Shares the store below.
    explicit forwarding_metadata_store(std::shared_ptr<storage::metadata_store> below)
        : below_(std::move(below)) {}
    /// The store below must outlive it.
    explicit forwarding_metadata_store(storage::metadata_store& below)
        : below_(std::shared_ptr<void>(), &below) {}

    [[nodiscard]] storage::store_limits limits() const noexcept override {
        return below_->limits();
    }
    awaitable<std::optional<storage::record>> get(std::string key) override {
        return below_->get(std::move(key));
    }
    awaitable<storage::page> list(storage::key_range range, std::size_t limit) override {
        return below_->list(std::move(range), limit);
    }
    awaitable<storage::commit_result> commit(storage::transaction change) override {
        return below_->commit(std::move(change));
    }
    awaitable<std::unique_ptr<storage::watcher>> watch(storage::key_range range,
                                                       storage::revision from) override {
        return below_->watch(std::move(range), from);
    }
    awaitable<storage::lease_grant> grant(std::chrono::milliseconds ttl) override {
        return below_->grant(ttl);
    }
    awaitable<std::chrono::milliseconds> keep_alive(storage::lease_id lease) override {
        return below_->keep_alive(lease);
    }
    awaitable<void> revoke(storage::lease_id lease) override { return below_->revoke(lease); }

protected:
    /// Where the calls go.
    [[nodiscard]] storage::metadata_store& below() const noexcept { return *below_; }

private:
    std::shared_ptr<storage::metadata_store> below_;
};

}  // namespace reeve::testing
