#pragma once

#include "reeve/catalog/codec.hpp"
#include "reeve/catalog/key_layout.hpp"
#include "reeve/core/event.hpp"
#include "reeve/core/runtime.hpp"
#include "reeve/model/messages.hpp"
#include "reeve/storage/metadata_store.hpp"
#include "reeve/transport/service.hpp"
#include "reeve/transport/transport.hpp"

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace reeve::testing::detail {

/// A commit that reached the leader, and the answer.
struct seen_commit {
    model::commit_request request;
    model::commit_outcome outcome = model::commit_outcome::stale;
};

/// The leader behind the node's wire: decides commits by C1 to C6 of docs/protocols/channels.md, on
/// the entries and progress records in the metadata store.
class consumer_leader final : public transport::transport {
public:
    /// All references must outlive it.
    consumer_leader(core::runtime& strand, storage::metadata_store& store,
                    const catalog::key_layout& keys);

    awaitable<std::string> call(std::string address, std::string request,
                                core::time_point deadline) override;

    /// Writes the leader key, so that nodes find it.
    awaitable<void> open();
    /// R1: records a new epoch of the channel for a process. Its start is the recorded checkpoint.
    awaitable<model::assignment> record(model::channel_name channel, model::incarnation process);
    /// The recorded checkpoint.
    awaitable<model::position> checkpoint(model::channel_name channel);

    /// From now on commits of the channel get no answer and have no effect, or are decided again.
    void silence(const model::channel_name& channel, bool silent);
    /// The next `count` commits of the channel take effect, but the answer is lost.
    void lose_answers(const model::channel_name& channel, int count) { lost_[channel] = count; }

    /// The commits of a channel that were answered, in order.
    [[nodiscard]] const std::vector<seen_commit>& seen(const model::channel_name& channel) {
        return seen_[channel];
    }
    /// The commits of a channel that arrived, answered or not.
    [[nodiscard]] std::size_t arrived(const model::channel_name& channel) {
        return arrived_[channel];
    }

private:
    template <class T>
    struct stored {
        T value;
        storage::revision at;
    };
    awaitable<std::string> receive(std::string body);
    awaitable<model::commit_reply> decide(model::commit_request request);
    awaitable<stored<model::channel_entry>> entry_of(model::channel_name channel);
    awaitable<stored<model::channel_progress>> progress_of(model::channel_name channel);

    core::runtime& strand_;
    storage::metadata_store& store_;
    const catalog::key_layout& keys_;
    reeve::transport::service service_;
    core::event spoke_;
    std::set<model::channel_name> silent_;
    std::map<model::channel_name, int> lost_;
    std::map<model::channel_name, std::vector<seen_commit>> seen_;
    std::map<model::channel_name, std::size_t> arrived_;
    std::uint64_t epochs_ = 0;
};

}  // namespace reeve::testing::detail
