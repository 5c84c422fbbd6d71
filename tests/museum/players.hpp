// The programs of a stage's processes, and what stands between them and the world.
#pragma once

#include "museum/stage.hpp"
#include "reeve/core/event.hpp"
#include "reeve/testing/forwarding_metadata_store.hpp"

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace museum {

/// Asks the stage about each message.
class staged_transport final : public transport::transport {
public:
    staged_transport(stage& around, testing::process& self) : around_(&around), self_(&self) {}
    awaitable<std::string> call(std::string address, std::string request,
                                core::time_point deadline) override;

private:
    stage* around_;
    testing::process* self_;
};

/// Asks the stage about each transaction.
class staged_store final : public testing::forwarding_metadata_store {
public:
    staged_store(stage& around, std::shared_ptr<storage::metadata_store> below)
        : forwarding_metadata_store(std::move(below)), around_(&around) {}

    [[nodiscard]] storage::store_limits limits() const noexcept override;
    awaitable<storage::page> list(storage::key_range range, std::size_t limit) override;
    awaitable<storage::commit_result> commit(storage::transaction change) override;

private:
    stage* around_;
};

/// A node whose consumers do nothing but what the play asks.
class staged_node final : public channel::consumer {
public:
    staged_node(stage& around, testing::process& self, const std::string& name);

    awaitable<void> start(std::shared_ptr<const channel::grant> granted) override;
    awaitable<void> stop(model::channel_name channel, model::epoch epoch) override;

    [[nodiscard]] model::incarnation process() const noexcept { return node_->process(); }
    [[nodiscard]] reeve::node_status status() const { return node_->status(); }
    /// The epoch under which the channel is consumed; 0: it is not.
    [[nodiscard]] model::epoch consuming(const std::string& channel) const;
    /// Commits the next rows of the channel.
    void commit(const std::string& channel, std::uint64_t count, bool bare,
                std::shared_ptr<asked_commit> asked);
    /// Engines that wait to stop look again.
    void wake() { woken_.notify_all(); }

private:
    struct consumption {
        std::shared_ptr<const channel::grant> granted;
        model::position durable;
    };
    [[nodiscard]] static awaitable<void> commit_rows(staged_node* self,
                                                     std::shared_ptr<consumption> what,
                                                     std::uint64_t count, bool bare,
                                                     std::shared_ptr<asked_commit> asked);

    stage& around_;
    testing::process& self_;
    std::unique_ptr<storage::metadata_store> store_;
    staged_transport carrier_;
    std::unique_ptr<reeve::node> node_;
    std::map<std::string, std::shared_ptr<consumption>> running_;
    core::event woken_;
};

/// A coordinator that registers the stage's channels whenever it leads.
class staged_coordinator {
public:
    staged_coordinator(stage& around, testing::process& self);
    [[nodiscard]] reeve::coordinator& coordinator() noexcept { return *coordinator_; }

private:
    [[nodiscard]] awaitable<void> ensure(std::vector<channel::channel_spec> channels);

    testing::process& self_;
    std::unique_ptr<storage::metadata_store> store_;
    staged_transport carrier_;
    std::unique_ptr<reeve::coordinator> coordinator_;
};

/// The position after that row.
[[nodiscard]] model::position after_row(std::uint64_t row);
/// The row before that position.
[[nodiscard]] std::uint64_t row_at(const model::position& at);

}  // namespace museum
