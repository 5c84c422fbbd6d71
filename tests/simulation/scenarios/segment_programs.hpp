#pragma once

#include "segment_world.hpp"

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace simulated {

/// The one writer of all channels: asks for room, appends rows tagged with their segment, then a
/// tick after which no row of an earlier allocation comes. Never killed: that rows of an allocation
/// enter the channel before the tick that ends it, or never, is a host's promise.
class segment_writer {
public:
    segment_writer(segment_world& around, testing::process& self);

private:
    [[nodiscard]] awaitable<void> write(std::uint32_t channel);
    [[nodiscard]] awaitable<void> write_some(std::uint32_t channel, std::uint64_t rows);

    segment_world& around_;
    testing::process& self_;
    core::runtime& strand_;  // of this life: a process that was just killed has none
    std::unique_ptr<storage::metadata_store> store_;
    cluster::leader_client leader_;
    std::map<std::uint32_t, model::timestamp> ticked_;  // the last tick of each channel
};

/// A node that flushes rows into the segments that they are tagged with.
class segment_node final : public channel::consumer {
public:
    segment_node(segment_world& around, testing::process& self);
    awaitable<void> start(std::shared_ptr<const channel::grant> granted) override;
    awaitable<void> stop(model::channel_name channel, model::epoch epoch) override;

private:
    struct buffered_row {
        model::position before;  // of the message before it
        model::position at;
        std::string row;
    };
    struct segment_state {
        model::segment_standing recorded;
        std::vector<buffered_row> rows;
    };
    /// What is known while one channel is consumed.
    struct consumption {
        explicit consumption(core::runtime& strand) : tasks(strand) {}
        std::shared_ptr<const channel::grant> granted;
        std::map<model::segment_id, segment_state> segments;
        model::position reached;
        std::size_t ticks = 0;  // since the last flush of everything
        bool over = false;      // the grant is over
        bool again = false;     // read again from the start
        core::task_scope tasks;
    };
    using shared = std::shared_ptr<consumption>;

    [[nodiscard]] awaitable<void> consume(shared it);
    [[nodiscard]] awaitable<void> consume_some(shared it);
    [[nodiscard]] awaitable<void> list(shared it, std::vector<model::segment_id> these);
    [[nodiscard]] awaitable<void> take_row(shared it, storage::message message, std::string row,
                                           model::segment_id segment);
    [[nodiscard]] awaitable<void> take_tick(shared it, model::timestamp at);
    [[nodiscard]] awaitable<void> flush(shared it, model::segment_id segment,
                                        model::flush_effect effect);
    [[nodiscard]] awaitable<void> flush_all(shared it);
    [[nodiscard]] awaitable<void> drop(shared it);
    [[nodiscard]] segment::flush_work work_of(const consumption& it,
                                              model::segment_id segment) const;
    [[nodiscard]] model::position checkpoint(const consumption& it,
                                             model::segment_id without) const;

    segment_world& around_;
    testing::process& self_;
    core::runtime& strand_;  // of this life: a process that was just killed has none
    std::unique_ptr<storage::metadata_store> store_;
    std::unique_ptr<storage::message_stream> streams_;
    std::unique_ptr<storage::object_store> objects_;
    std::unique_ptr<reeve::node> node_;
    std::unique_ptr<segment::flusher> flusher_;
    std::map<std::string, shared> running_;
};

/// A coordinator that registers the world's channels whenever it leads, and compacts.
class segment_coordinator {
public:
    segment_coordinator(segment_world& around, testing::process& self);
    [[nodiscard]] reeve::coordinator& coordinator() noexcept { return *coordinator_; }

private:
    [[nodiscard]] awaitable<void> ensure();
    [[nodiscard]] awaitable<void> compact();
    [[nodiscard]] awaitable<void> end_jobs(std::shared_ptr<segment::manager> segments);
    [[nodiscard]] awaitable<void> compact_once(std::shared_ptr<segment::manager> segments,
                                               std::vector<segment::segment_info> inputs);
    [[nodiscard]] awaitable<std::string> read(segment::segment_info input);

    segment_world& around_;
    testing::process& self_;
    core::runtime& strand_;  // of this life: a process that was just killed has none
    std::unique_ptr<storage::metadata_store> store_;
    std::unique_ptr<storage::object_store> objects_;
    std::unique_ptr<reeve::coordinator> coordinator_;
};

}  // namespace simulated
