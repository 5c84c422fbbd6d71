// A metadata store that passes everything on and remembers what was written.
#pragma once

#include "reeve/testing/forwarding_metadata_store.hpp"

#include <utility>
#include <vector>

namespace bench {

/// `below` must outlive it. One strand.
class recording_store final : public reeve::testing::forwarding_metadata_store {
public:
    explicit recording_store(reeve::storage::metadata_store& below)
        : forwarding_metadata_store(below) {}

    /// Transactions that were committed and wrote something, in order, since `forget`.
    [[nodiscard]] const std::vector<reeve::storage::transaction>& written() const noexcept {
        return written_;
    }
    /// The revision of each of them.
    [[nodiscard]] const std::vector<reeve::storage::revision>& revisions() const noexcept {
        return revisions_;
    }
    /// Begins anew.
    void forget() {
        written_.clear();
        revisions_.clear();
    }

    reeve::awaitable<reeve::storage::commit_result> commit(
        reeve::storage::transaction change) override {
        auto copy = change;
        auto result = co_await below().commit(std::move(change));
        if (result && !copy.operations().empty()) {
            written_.push_back(std::move(copy));
            revisions_.push_back(result.at);
        }
        co_return result;
    }

private:
    std::vector<reeve::storage::transaction> written_;
    std::vector<reeve::storage::revision> revisions_;
};

}  // namespace bench
