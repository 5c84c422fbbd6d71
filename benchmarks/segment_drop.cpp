// What does it cost to drop a channel of 100,000 flushed segments? From the call that drops it
// until the last record has followed, on the memory store and on SQLite. It must be visible in one
// transaction, that which writes the channel's entry and tombstone. Baseline: the same records, as
// they were written, in transactions of as many as the store allows, without a comparison, through
// the same kind of store with the same contents.
#include "bench.hpp"
#include "recorded_segments.hpp"

#include "reeve/backends/memory_metadata_store.hpp"
#if defined(REEVE_HAS_SQLITE)
#include "reeve/backends/sqlite.hpp"
#endif

#include <functional>

namespace {

using namespace recovering;

const model::channel_name dropped_channel("channel-000000");
constexpr model::collection_id dropped_collection(0);

// What the drop has written, and how long it took.
struct dropped {
    std::vector<transaction> written;
    double took = 0;
};

awaitable<void> drop_round(reeve::core::runtime& strand, metadata_store& below, const cluster& of,
                           dropped& result) {
    bench::recording_store store(below);
    silent_transport carrier;
    reeve::transport::service incoming;
    reeve::coordinator_options options;
    options.cluster = "benchmark";
    options.leadership.coordinator = "coordinator-1";
    options.leadership.address = "here";
    reeve::coordinator coordinator(strand, store, carrier, incoming, options);
    coordinator.start();
    co_await coordinator.until_leading();
    const auto segments = coordinator.segments();
    co_await segments->drop_collection(dropped_collection, "benchmark");
    model::channel_drop_request request;
    request.by.channel = dropped_channel;
    request.by.node = node_of(0);
    request.by.process = of.processes[0];
    request.by.epoch = model::epoch(1000);
    request.checkpoint = position_of(flushes_of_segment);
    request.settled = 17;
    store.forget();
    const auto begun = std::chrono::steady_clock::now();
    const auto reply = co_await segments->drop_channel(std::move(request));
    require(reply.outcome == model::commit_outcome::committed, "the drop was refused");
    for (;;) {
        const auto far = segments->drop_of(dropped_collection);
        if (far && far->state == model::drop_state::dropped) break;
        co_await strand.sleep_for(std::chrono::milliseconds(1));
    }
    result.took = bench::seconds(std::chrono::steady_clock::now() - begun).count();
    result.written = store.written();
    require(segments->status().dropped == of.segments, "a segment was not dropped");
    co_await coordinator.stop();
}

// The same records, without anything else.
std::vector<transaction> plain_batches(const std::vector<transaction>& written, std::size_t most) {
    std::vector<transaction> batches;
    for (const auto& change : written) {
        for (const auto& one : change.operations()) {
            if (one.what != reeve::storage::operation::kind::put) continue;
            if (batches.empty() || batches.back().operations().size() >= most) {
                batches.emplace_back();
            }
            batches.back().put(one.key, one.value);
        }
    }
    return batches;
}

awaitable<void> write_plainly(metadata_store& store, std::vector<transaction> batches,
                              double& took) {
    const auto begun = std::chrono::steady_clock::now();
    for (auto& change : batches) {
        const auto done = co_await store.commit(std::move(change));
        require(bool(done), "a plain batch was rejected");
    }
    took = bench::seconds(std::chrono::steady_clock::now() - begun).count();
}

// Transactions that change the channel's entry, all of which must write its tombstone too.
std::size_t visible_in(const std::vector<transaction>& written, const cluster& of) {
    const auto writes = [](const transaction& change, const std::string& key) {
        return std::any_of(change.operations().begin(), change.operations().end(),
                           [&](const auto& one) { return one.key == key; });
    };
    std::size_t found = 0;
    for (const auto& change : written) {
        if (!writes(change, of.keys.channel(dropped_channel))) continue;
        ++found;
        require(writes(change, of.keys.channel_drop(dropped_collection, dropped_channel)),
                "the entry and the tombstone of the channel came one after the other");
    }
    return found;
}

using store_maker =
    std::function<std::unique_ptr<metadata_store>(bench::host&, const std::string& name)>;

void compare(const store_maker& open, std::size_t segments, std::size_t rounds,
             const std::string& name) {
    std::vector<double> times;
    std::vector<double> baselines;
    std::size_t transactions = 0;
    for (std::size_t round = 0; round < rounds; ++round) {
        bench::host machine;
        const auto store = open(machine, fmt::format("drop-{}", round));
        const auto plain = open(machine, fmt::format("plain-{}", round));
        cluster of;
        of.channels = 1;
        of.segments = segments;
        cluster copy = of;
        machine.run(fill(*plain, copy));
        machine.run(fill_segments(*plain, copy));
        machine.run(fill(*store, of));
        machine.run(fill_segments(*store, of));
        dropped result;
        machine.run(drop_round(machine.strand(), *store, of, result));
        times.push_back(result.took);
        double took = 0;
        auto batches = plain_batches(result.written, plain->limits().operations_max);
        machine.run(write_plainly(*plain, std::move(batches), took));
        baselines.push_back(took);
        transactions = std::max(transactions, visible_in(result.written, of));
    }
    bench::print_ratio(fmt::format("drop_channel_of_{}_segments_{}", segments, name),
                       1e3 * bench::median(times), "ms", 1e3 * bench::median(baselines), 2);
    bench::print({"drop_channel_visible_in_" + name,
                  static_cast<double>(transactions),
                  "transactions",
                  {},
                  {},
                  "=1",
                  transactions == 1});
}

void measure(bench::size size) {
    const bool quick = size == bench::size::quick;
    const std::size_t segments = quick ? 10'000 : 100'000;
    const std::size_t rounds = 3;
    compare(
        [](bench::host& machine, const std::string&) -> std::unique_ptr<metadata_store> {
            return std::make_unique<reeve::backends::memory_metadata_store>(
                machine.strand(), std::make_shared<reeve::backends::memory_database>());
        },
        segments, rounds, "memory");
#if defined(REEVE_HAS_SQLITE)
    const bench::temporary_directory directory;
    compare(
        [&](bench::host& machine, const std::string& name) -> std::unique_ptr<metadata_store> {
            return reeve::backends::open_sqlite_metadata_store(
                machine.strand(), machine.workers(),
                reeve::backends::sqlite_options(directory.file(name + ".db")));
        },
        segments, rounds, "sqlite");
#endif
}

}  // namespace

int main(int argc, char** argv) { return bench::run_main(argc, argv, measure); }
