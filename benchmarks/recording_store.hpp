// A metadata store that passes everything on and remembers what was written.
#pragma once

#include "reeve/storage/metadata_store.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace bench {

/// `below` must outlive it. One strand.
class recording_store final : public reeve::storage::metadata_store {
public:
    explicit recording_store(reeve::storage::metadata_store& below) : below_(below) {}

    /// Transactions that were committed and wrote something, in order, since `forget`.
    [[nodiscard]] const std::vector<reeve::storage::transaction>& written() const noexcept {
        return written_;
    }
    /// Begins anew.
    void forget() { written_.clear(); }

    [[nodiscard]] reeve::storage::store_limits limits() const noexcept override {
        return below_.limits();
    }
    reeve::awaitable<std::optional<reeve::storage::record>> get(std::string key) override {
        return below_.get(std::move(key));
    }
    reeve::awaitable<reeve::storage::page> list(reeve::storage::key_range range,
                                                std::size_t limit) override {
        return below_.list(std::move(range), limit);
    }
    reeve::awaitable<reeve::storage::commit_result> commit(
        reeve::storage::transaction change) override {
        auto copy = change;
        auto result = co_await below_.commit(std::move(change));
        if (result && !copy.operations().empty()) written_.push_back(std::move(copy));
        co_return result;
    }
    reeve::awaitable<std::unique_ptr<reeve::storage::watcher>> watch(
        reeve::storage::key_range range, reeve::storage::revision from) override {
        return below_.watch(std::move(range), from);
    }
    reeve::awaitable<reeve::storage::lease_grant> grant(std::chrono::milliseconds ttl) override {
        return below_.grant(ttl);
    }
    reeve::awaitable<std::chrono::milliseconds> keep_alive(
        reeve::storage::lease_id lease) override {
        return below_.keep_alive(lease);
    }
    reeve::awaitable<void> revoke(reeve::storage::lease_id lease) override {
        return below_.revoke(lease);
    }

private:
    reeve::storage::metadata_store& below_;
    std::vector<reeve::storage::transaction> written_;
};

}  // namespace bench
