// How long does a new leader need until it serves, and how much memory? 500,000 channels (1,000,000
// records) on 1000 living nodes, everything as it should be: from coordinator::start to
// until_leading, on the memory store and on SQLite. The baseline lists the same rows page by page
// through the same store and parses the same bytes with simdjson, every field, into nothing.
//
// Strings: channel names of 14 bytes, node names of 9, positions of 8, keys below "reeve/"; values
// of about 135 (channels/) and 80 bytes (progress/). Memory is what the heap has grown by between
// start and serving, divided by the channels.
#include "bench.hpp"
#include "recording_store.hpp"

#include "reeve/backends/memory_metadata_store.hpp"
#include "reeve/catalog/codec.hpp"
#include "reeve/catalog/key_layout.hpp"
#include "reeve/coordinator/coordinator.hpp"
#include "reeve/core/error.hpp"

#if defined(REEVE_HAS_SQLITE)
#include "reeve/backends/sqlite.hpp"
#endif

#include <malloc.h>
#include <simdjson.h>

#include <cstdint>

namespace {

using reeve::awaitable;
using reeve::storage::metadata_store;
using reeve::storage::transaction;
namespace model = reeve::model;

constexpr std::size_t node_count = 1000;
constexpr std::size_t page_size = 10'000;  // the registrar's own

struct cluster {
    reeve::catalog::key_layout keys{"reeve/"};
    std::size_t channels = 0;
    std::vector<model::incarnation> processes;  // by node
};

void require(bool holds, const std::string& what) {
    if (!holds) throw std::runtime_error(what);
}

model::position position_of(std::size_t number) {
    std::string bytes(8, '\0');
    for (std::size_t at = 0; at < 8; ++at) bytes[7 - at] = static_cast<char>(number >> (8 * at));
    return model::position(bytes);
}

model::node_name node_of(std::size_t index) {
    return model::node_name(fmt::format("node-{:04}", index));
}

void add_channel(transaction& change, const cluster& of, std::size_t index) {
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

awaitable<void> fill(metadata_store& store, cluster& of) {
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

// The baseline's parser: every field of every record.
class parser {
public:
    void parse(std::string_view value) {
        buffer_.assign(value);
        buffer_.reserve(buffer_.size() + simdjson::SIMDJSON_PADDING);
        auto document = parser_.iterate(buffer_.data(), buffer_.size(), buffer_.capacity());
        for (auto field : document.get_object()) {
            keep_ += field.unescaped_key().value_unsafe().size();
            auto content = field.value();
            if (content.type() == simdjson::ondemand::json_type::string) {
                keep_ += content.get_string().value().size();
            } else {
                keep_ += content.get_uint64().value();
            }
        }
    }
    [[nodiscard]] std::uint64_t sum() const noexcept { return keep_; }

private:
    simdjson::ondemand::parser parser_;
    std::string buffer_;
    std::uint64_t keep_ = 0;
};

awaitable<void> read_plainly(metadata_store& store, reeve::storage::key_range range, parser& reader,
                             std::size_t& records) {
    for (bool more = true; more;) {
        const auto page = co_await store.list(range, page_size);
        for (const auto& record : page.records) reader.parse(record.value);
        records += page.records.size();
        more = !page.resume_at.empty();
        range = reeve::storage::key_range(page.resume_at, range.last());
    }
}

awaitable<void> plain_round(metadata_store& store, const cluster& of, double& took) {
    const auto begun = std::chrono::steady_clock::now();
    parser reader;
    std::size_t records = 0;
    auto channels = of.keys.channels();
    co_await read_plainly(store, std::move(channels), reader, records);
    auto progresses = of.keys.progresses();
    co_await read_plainly(store, std::move(progresses), reader, records);
    bench::keep(reader.sum());
    took = bench::seconds(std::chrono::steady_clock::now() - begun).count();
    require(records == 2 * of.channels, "the plain read lost records");
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

std::size_t heap_bytes() {
    const auto info = ::mallinfo2();
    return info.uordblks + info.hblkhd;
}

struct recovered {
    double took = 0;
    double bytes = 0;         // of heap
    std::size_t written = 0;  // records beside the leader key
};

awaitable<void> recovery_round(reeve::core::runtime& strand, metadata_store& below,
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
    require(coordinator.plan().empty(), "a clean recovery plans something");
    for (const auto& change : store.written()) {
        for (const auto& one : change.operations()) {
            if (one.key != of.keys.leader()) ++result.written;
        }
    }
    co_await coordinator.stop();
    require(carrier.calls == 0, "a clean recovery told somebody something");
}

recovered compare(bench::host& machine, metadata_store& store, cluster& of, std::size_t rounds,
                  const std::string& name) {
    machine.run(fill(store, of));
    std::vector<double> plain;
    std::vector<double> recovery;
    recovered last;
    for (std::size_t round = 0; round <= rounds; ++round) {
        double took = 0;
        machine.run(plain_round(store, of, took));
        machine.run(recovery_round(machine.strand(), store, of, last));
        if (round == 0 && rounds > 1) continue;  // fills caches
        plain.push_back(took);
        recovery.push_back(last.took);
    }
    bench::print_ratio(fmt::format("recover_{}_channels_{}", of.channels, name),
                       bench::median(recovery), "s", bench::median(plain), 1.5);
    bench::print({"records_written_by_recovery_" + name,
                  static_cast<double>(last.written),
                  "records_beside_leader_key",
                  {},
                  {},
                  "=0",
                  last.written == 0});
    return last;
}

void measure(bench::size size) {
    const bool quick = size == bench::size::quick;
    const std::size_t channels = quick ? 50'000 : 500'000;
    const std::size_t rounds = quick ? 1 : 5;
    {
        bench::host machine;
        reeve::backends::memory_metadata_store store(
            machine.strand(), std::make_shared<reeve::backends::memory_database>());
        cluster of;
        of.channels = channels;
        const auto last = compare(machine, store, of, rounds, "memory");
        bench::print_at_most("memory_per_channel_names_14_nodes_9_positions_8",
                             last.bytes / static_cast<double>(channels), "bytes", 200);
    }
#if defined(REEVE_HAS_SQLITE)
    const bench::temporary_directory directory;
    bench::host machine;
    const auto store = reeve::backends::open_sqlite_metadata_store(
        machine.strand(), machine.workers(),
        reeve::backends::sqlite_options(directory.file("recovery.db")));
    cluster of;
    of.channels = channels;
    (void)compare(machine, *store, of, rounds, "sqlite");
#endif
}

}  // namespace

int main(int argc, char** argv) { return bench::run_main(argc, argv, measure); }
