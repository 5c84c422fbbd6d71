// Registering many channels, from ensure_channels until all are registered, on nodes that share a
// strand with the coordinator: what benchmarks of several stores measure.
#pragma once

#include "bench.hpp"
#include "recording_store.hpp"

#include "reeve/backends/in_process_transport.hpp"
#include "reeve/coordinator/coordinator.hpp"
#include "reeve/node/node.hpp"

#include <functional>

namespace bench {

namespace channel = reeve::channel;
namespace model = reeve::model;
using reeve::storage::metadata_store;

constexpr std::size_t registering_nodes = 10;

inline void require(bool holds, const std::string& what) {
    if (!holds) throw std::runtime_error(what);
}

// An engine that begins to consume at once.
class quick_consumer final : public channel::consumer {
public:
    reeve::awaitable<void> start(std::shared_ptr<const channel::grant>) override { co_return; }
    reeve::awaitable<void> stop(model::channel_name, model::epoch) override { co_return; }
};

// One process of the cluster; all of them share a strand.
struct data_node {
    data_node(reeve::core::runtime& strand, metadata_store& store,
              const std::shared_ptr<reeve::backends::in_process_network>& network,
              const std::string& name)
        : carrier(strand, network),
          listener(network->listen(name, strand, incoming)),
          node(strand, store, carrier, incoming, engine, options(name)) {}

    static reeve::node_options options(const std::string& name) {
        reeve::node_options how;
        how.self.name = model::node_name(name);
        how.self.address = name;
        how.lease.ttl = std::chrono::minutes(10);
        return how;
    }

    quick_consumer engine;
    reeve::transport::service incoming;
    reeve::backends::in_process_transport carrier;
    std::unique_ptr<reeve::backends::in_process_listener> listener;
    reeve::node node;
};

inline std::vector<channel::channel_spec> channels_of(std::size_t count) {
    std::vector<channel::channel_spec> channels(count);
    for (std::size_t index = 0; index < count; ++index) {
        channels[index].name = model::channel_name(fmt::format("channel-{:06}", index));
        channels[index].collection = model::collection_id(index / 4);
        channels[index].start = model::position("position");
    }
    return channels;
}

/// Registers channels in an empty store. `before` is called when all is ready and nothing has been
/// measured; `store` has then begun anew. Returns the seconds.
inline reeve::awaitable<double> registering(reeve::core::runtime& strand, recording_store& store,
                                            std::size_t channels, std::function<void()> before) {
    const auto network = std::make_shared<reeve::backends::in_process_network>();
    std::vector<std::unique_ptr<data_node>> nodes;
    for (std::size_t index = 0; index < registering_nodes; ++index) {
        const auto name = fmt::format("node-{}", index);
        nodes.push_back(std::make_unique<data_node>(strand, store, network, name));
        nodes.back()->node.start();
        co_await nodes.back()->node.until_registered();
    }
    reeve::transport::service incoming;
    reeve::backends::in_process_transport carrier(strand, network);
    const auto listener = network->listen("coordinator", strand, incoming);
    reeve::coordinator_options options;
    options.cluster = "benchmark";
    options.leadership.coordinator = "coordinator";
    options.leadership.address = "coordinator";
    options.leadership.lease.ttl = std::chrono::minutes(10);
    reeve::coordinator coordinator(strand, store, carrier, incoming, options);
    coordinator.start();
    co_await coordinator.until_leading();
    before();
    auto specs = channels_of(channels);
    const auto begun = std::chrono::steady_clock::now();
    const auto answers =
        co_await coordinator.ensure_channels(std::move(specs), std::chrono::minutes(5));
    const double took = seconds(std::chrono::steady_clock::now() - begun).count();
    for (const auto& one : answers) {
        require(one.entry.state == model::channel_state::registered,
                "channel " + one.name.value + ": " + one.waiting_for);
    }
    co_await coordinator.stop();
    for (auto& one : nodes) co_await one->node.stop();
    co_return took;
}

/// How many transactions are allowed for so many channels: each is recorded under two comparisons
/// (its entry, its progress), besides the guard, and is written twice.
inline std::size_t transactions_allowed(const reeve::storage::store_limits& limits,
                                        std::size_t channels) {
    const auto batch = std::min(limits.operations_max, (limits.conditions_max - 1) / 2);
    return 2 * ((channels + batch - 1) / batch);
}

}  // namespace bench
