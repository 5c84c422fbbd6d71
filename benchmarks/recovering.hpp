// Channels as they are recorded when all is well, and a new leader that reads them: what benchmarks
// of several stores measure.
#pragma once

#include "bench.hpp"
#include "recording_store.hpp"

#include "reeve/catalog/codec.hpp"
#include "reeve/catalog/key_layout.hpp"
#include "reeve/coordinator/coordinator.hpp"
#include "reeve/core/error.hpp"

#include <malloc.h>

#include <cstdint>

namespace recovering {

using reeve::awaitable;
using reeve::storage::metadata_store;
using reeve::storage::transaction;
namespace model = reeve::model;

constexpr std::size_t node_count = 1000;
constexpr std::size_t page_size = 10'000;  // the registrar's own

inline void require(bool holds, const std::string& what) {
    if (!holds) throw std::runtime_error(what);
}

struct cluster {
    reeve::catalog::key_layout keys{"reeve/"};
    std::size_t channels = 0;
    std::size_t segments = 0;
    std::vector<model::incarnation> processes;  // by node
};

inline model::position position_of(std::size_t number) {
    std::string bytes(8, '\0');
    for (std::size_t at = 0; at < 8; ++at) bytes[7 - at] = static_cast<char>(number >> (8 * at));
    return model::position(bytes);
}

inline model::node_name node_of(std::size_t index) {
    return model::node_name(fmt::format("node-{:04}", index));
}

inline void add_channel(transaction& change, const cluster& of, std::size_t index) {
    const model::channel_name name(fmt::format("channel-{:06}", index));
    model::channel_entry entry;
    entry.collection = model::collection_id(index / 4);
    entry.state = model::channel_state::registered;
    entry.node = node_of(index % node_count);
    entry.process = of.processes[index % node_count];
    entry.epoch = model::epoch(1000 + index);
    entry.start = position_of(index);
    change.put(of.keys.channel(name), reeve::catalog::encode(entry));
    model::channel_progress progress;
    progress.checkpoint = position_of(index + 1);
    progress.epoch = entry.epoch;
    progress.settled = 17;
    change.put(of.keys.progress(name), reeve::catalog::encode(progress));
}

inline awaitable<void> fill(metadata_store& store, cluster& of) {
    transaction root;
    reeve::catalog::root_info info;
    info.cluster = "benchmark";
    root.put(of.keys.root_record(), reeve::catalog::encode(info));
    co_await store.commit(std::move(root));
    for (std::size_t index = 0; index < node_count; ++index) {
        model::node_info node;
        node.address = fmt::format("10.0.0.1:{}", 1000 + index);
        node.ttl = std::chrono::hours(1);
        transaction change;
        change.put(of.keys.node(node_of(index)), reeve::catalog::encode(node));
        const auto result = co_await store.commit(std::move(change));
        of.processes.emplace_back(result.at.value);
    }
    for (std::size_t index = 0; index < of.channels;) {
        transaction change;
        while (index < of.channels &&
               change.operations().size() + 2 <= store.limits().operations_max) {
            add_channel(change, of, index++);
        }
        const auto result = co_await store.commit(std::move(change));
        require(bool(result), "filling was rejected");
    }
}

// Nobody is told anything: a call would be a mistake.
class silent_transport final : public reeve::transport::transport {
public:
    awaitable<std::string> call(std::string, std::string, reeve::core::time_point) override {
        ++calls;
        throw reeve::error(reeve::errc::unavailable, "nobody listens");
        co_return std::string();
    }
    std::size_t calls = 0;
};

inline std::size_t heap_bytes() {
    const auto info = ::mallinfo2();
    return info.uordblks + info.hblkhd;
}

struct recovered {
    double took = 0;
    double bytes = 0;         // of heap
    std::size_t written = 0;  // records beside the leader key
};

inline awaitable<void> recovery_round(reeve::core::runtime& strand, metadata_store& below,
                                      const cluster& of, recovered& result) {
    bench::recording_store store(below);
    silent_transport carrier;
    reeve::transport::service incoming;
    reeve::coordinator_options options;
    options.cluster = "benchmark";
    options.leadership.coordinator = "coordinator-1";
    options.leadership.address = "here";
    const std::size_t heap = heap_bytes();
    const auto begun = std::chrono::steady_clock::now();
    reeve::coordinator coordinator(strand, store, carrier, incoming, options);
    coordinator.start();
    co_await coordinator.until_leading();
    result.took = bench::seconds(std::chrono::steady_clock::now() - begun).count();
    result.bytes = static_cast<double>(heap_bytes() - heap);
    const auto status = coordinator.status();
    require(status.channels.registered == of.channels, "a channel was not recovered");
    require(status.segments.flushed == of.segments, "a segment was not recovered");
    require(coordinator.plan().empty(), "a clean recovery plans something");
    for (const auto& change : store.written()) {
        for (const auto& one : change.operations()) {
            if (one.key != of.keys.leader()) ++result.written;
        }
    }
    co_await coordinator.stop();
    require(carrier.calls == 0, "a clean recovery told somebody something");
}

}  // namespace recovering
