#pragma once

#include "reeve/channel/consumer.hpp"
#include "reeve/core/task_scope.hpp"
#include "reeve/node/node.hpp"
#include "rows.hpp"
#include "site.hpp"

#include <map>
#include <memory>
#include <utility>
#include <vector>

namespace linedb {

/// What a node does with a channel: reads rows from its checkpoint on, writes them as objects, and
/// commits object and checkpoint in one step. A commit names the grant, so whatever a stale holder
/// still writes is an object that no record names.
class row_consumer final : public reeve::channel::consumer {
public:
    /// `self` is the node's name; `home` must outlive it.
    row_consumer(site& home, model::node_name self);

    /// Commits go through this node, which must outlive the consuming.
    void commit_through(reeve::node& node) noexcept { node_ = &node; }

    reeve::awaitable<void> start(std::shared_ptr<const reeve::channel::grant> granted) override;
    reeve::awaitable<void> stop(model::channel_name channel, model::epoch epoch) override;

private:
    using grant = std::shared_ptr<const reeve::channel::grant>;
    using subscription = std::unique_ptr<reeve::storage::subscription>;

    /// How far the consuming of one grant has come, and all that it uses: when the consumer is
    /// destroyed, coroutines outlive it for a moment.
    struct course {
        course(site& in, reeve::node& through, grant under)
            : home(in), node(through), granted(std::move(under)), at(granted->what().start) {}
        site& home;
        reeve::node& node;
        grant granted;
        model::position at;        ///< the checkpoint
        std::uint64_t end = 0;     ///< of the last row that is stored; see object_record
        std::uint64_t number = 0;  ///< of the next object
        bool abandoned = false;    ///< the consumer was stopped or destroyed
        /// False: nothing of this grant may begin any more.
        [[nodiscard]] bool goes_on() const { return !abandoned && granted->valid(); }
        [[nodiscard]] const model::channel_name& channel() const { return granted->what().channel; }
    };
    /// A grant that is consumed. Ending it is known at once to coroutines whose cancellation is
    /// still on its way.
    struct running {
        running() = default;
        ~running() {
            if (way) way->abandoned = true;
        }
        running(running&&) noexcept = default;
        running& operator=(running&&) noexcept = default;
        std::shared_ptr<course> way;
        std::unique_ptr<reeve::core::task_scope> scope;
    };
    /// Messages that will be committed together.
    struct batch {
        object_builder rows;
        model::position to;          ///< of the last message
        std::uint64_t end = 0;       ///< of the last row
        std::uint64_t bytes = 0;     ///< of the rows
        std::uint64_t repeated = 0;  ///< rows that were there already
    };

    /// Consumes until the grant is over; failures that a retry can mend are retried.
    static reeve::awaitable<void> consume(std::shared_ptr<course> way);
    /// Consumes from the recorded checkpoint until something changes.
    static reeve::awaitable<void> follow(std::shared_ptr<course> way);
    static reeve::awaitable<std::shared_ptr<batch>> collect(std::shared_ptr<course> way,
                                                            reeve::storage::subscription& messages);
    /// False: the checkpoint is another than thought.
    static reeve::awaitable<bool> store(std::shared_ptr<course> way, std::shared_ptr<batch> what);
    static reeve::awaitable<std::string> write_object(std::shared_ptr<course> way,
                                                      std::string bytes);
    static reeve::awaitable<std::uint64_t> end_at(std::shared_ptr<course> way);
    static void count(statistics& counts, const batch& what);

    site& home_;
    model::node_name self_;
    reeve::node* node_ = nullptr;
    std::map<model::channel_name, running> running_;
};

}  // namespace linedb
