#pragma once

#include "reeve/catalog/codec.hpp"
#include "reeve/catalog/key_layout.hpp"
#include "reeve/model/channel.hpp"
#include "reeve/storage/metadata_store.hpp"
#include "reeve/testing/forwarding_metadata_store.hpp"
#include "reeve/testing/simulation.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace simulated {

using namespace reeve;

/// What is known of one channel by its committed records alone.
struct channel_facts {
    model::channel_entry entry;
    model::channel_progress progress;
    std::uint64_t appended = 0;                   ///< rows 1..appended are in the stream
    std::uint64_t covered = 0;                    ///< rows 1..covered are durable
    std::map<std::uint64_t, std::string> at_row;  ///< position of each row appended
};

/// The invariants of docs/protocols/channels.md, checked at the effect: a metadata store that looks
/// at every transaction that has just been committed in the store below it. I1, I2, I3, I8 here; I7
/// by the consumers; I4-I6 by the scenarios.
class channel_ledger final : public testing::forwarding_metadata_store {
public:
    channel_ledger(testing::simulation& world, std::shared_ptr<storage::metadata_store> below,
                   const catalog::key_layout& keys)
        : forwarding_metadata_store(std::move(below)), world_(world), keys_(keys) {}

    awaitable<storage::commit_result> commit(storage::transaction change) override;

    /// The feeder has appended a row.
    void appended(const std::string& channel, std::uint64_t row, const std::string& position);
    /// By channel name.
    [[nodiscard]] std::map<std::string, channel_facts>& channels() noexcept { return channels_; }
    /// Transactions since the start that wrote anything but sessions and the leader key.
    [[nodiscard]] std::uint64_t writes() const noexcept { return writes_; }
    /// True when every row that was appended is durable.
    [[nodiscard]] bool all_covered() const;

private:
    void look(const storage::transaction& change, storage::revision at);
    void look_at_entry(const std::string& channel, const storage::operation& write);
    void look_at_progress(const std::string& channel, const storage::operation& write);
    void look_at_rows(const std::string& channel, const std::string& rows);
    void look_at_claim(const storage::operation& write);

    testing::simulation& world_;
    const catalog::key_layout& keys_;
    catalog::decoder decoder_;
    std::map<std::string, channel_facts> channels_;
    std::uint64_t term_ = 0;
    std::uint64_t writes_ = 0;
};

}  // namespace simulated
