// What does registering cost? 10,000 channels on 10 nodes with a SQLite store, from ensure_channels
// until all are registered: how many store transactions, and how long against the same transactions
// done by hand: committed one after the other, through the same store, to a copy of the database
// from before, with nobody to decide, to tell or to encode.
#include "bench.hpp"
#include "recording_store.hpp"

#include "reeve/backends/in_process_transport.hpp"
#include "reeve/backends/sqlite.hpp"
#include "reeve/coordinator/coordinator.hpp"
#include "reeve/node/node.hpp"

#include <sqlite3.h>

namespace {

using reeve::awaitable;
using reeve::storage::metadata_store;
using reeve::storage::transaction;
namespace channel = reeve::channel;
namespace model = reeve::model;

constexpr std::size_t node_count = 10;

void require(bool holds, const std::string& what) {
    if (!holds) throw std::runtime_error(what);
}

// An engine that begins to consume at once.
class quick_consumer final : public channel::consumer {
public:
    awaitable<void> start(std::shared_ptr<const channel::grant>) override { co_return; }
    awaitable<void> stop(model::channel_name, model::epoch) override { co_return; }
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

// A consistent copy of a database that is in use.
void copy_database(const std::string& from, const std::string& to) {
    sqlite3* source = nullptr;
    sqlite3* target = nullptr;
    require(sqlite3_open(from.c_str(), &source) == SQLITE_OK &&
                sqlite3_open(to.c_str(), &target) == SQLITE_OK,
            "cannot open " + from);
    sqlite3_backup* backup = sqlite3_backup_init(target, "main", source, "main");
    require(backup != nullptr && sqlite3_backup_step(backup, -1) == SQLITE_DONE &&
                sqlite3_backup_finish(backup) == SQLITE_OK,
            "cannot copy " + from);
    sqlite3_close(source);
    sqlite3_close(target);
}

struct result {
    double took = 0;
    std::vector<transaction> written;
};

std::vector<channel::channel_spec> channels_of(std::size_t count) {
    std::vector<channel::channel_spec> channels(count);
    for (std::size_t index = 0; index < count; ++index) {
        channels[index].name = model::channel_name(fmt::format("channel-{:06}", index));
        channels[index].collection = model::collection_id(index / 4);
        channels[index].start = model::position("position");
    }
    return channels;
}

awaitable<void> registering(reeve::core::runtime& strand, metadata_store& below,
                            std::size_t channels, std::string database, std::string copy,
                            result& into) {
    bench::recording_store store(below);
    const auto network = std::make_shared<reeve::backends::in_process_network>();
    std::vector<std::unique_ptr<data_node>> nodes;
    for (std::size_t index = 0; index < node_count; ++index) {
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
    copy_database(database, copy);
    store.forget();
    auto specs = channels_of(channels);
    const auto begun = std::chrono::steady_clock::now();
    const auto answers =
        co_await coordinator.ensure_channels(std::move(specs), std::chrono::minutes(5));
    into.took = bench::seconds(std::chrono::steady_clock::now() - begun).count();
    into.written = store.written();
    for (const auto& one : answers) {
        require(one.entry.state == model::channel_state::registered,
                "channel " + one.name.value + ": " + one.waiting_for);
    }
    co_await coordinator.stop();
    for (auto& one : nodes) co_await one->node.stop();
}

awaitable<void> by_hand(metadata_store& store, const std::vector<transaction>& written,
                        double& took) {
    auto copies = written;
    const auto begun = std::chrono::steady_clock::now();
    for (auto& change : copies) {
        const auto done = co_await store.commit(std::move(change));
        require(bool(done), "a transaction by hand was rejected");
    }
    took = bench::seconds(std::chrono::steady_clock::now() - begun).count();
}

void measure(bench::size size) {
    const bool quick = size == bench::size::quick;
    const std::size_t channels = quick ? 1000 : 10'000;
    std::vector<double> times;
    std::vector<double> baselines;
    std::size_t transactions = 0;
    reeve::storage::store_limits limits;
    for (int round = 0; round < (quick ? 1 : 5); ++round) {
        const bench::temporary_directory directory;
        const auto open = [&](bench::host& machine, const std::string& name) {
            return reeve::backends::open_sqlite_metadata_store(
                machine.strand(), machine.workers(),
                reeve::backends::sqlite_options(directory.file(name)));
        };
        bench::host machine(4 * node_count);
        const auto store = open(machine, "reeve.db");
        limits = store->limits();
        result registered;
        machine.run(registering(machine.strand(), *store, channels, directory.file("reeve.db"),
                                directory.file("copy.db"), registered));
        const auto copy = open(machine, "copy.db");
        double took = 0;
        machine.run(by_hand(*copy, registered.written, took));
        times.push_back(registered.took);
        baselines.push_back(took);
        transactions = std::max(transactions, registered.written.size());
    }
    // A channel is recorded under two comparisons (its entry, its progress), besides the guard.
    const auto batch = std::min(limits.operations_max, (limits.conditions_max - 1) / 2);
    const auto allowed = 2 * ((channels + batch - 1) / batch);
    bench::print({fmt::format("register_{}_channels_transactions", channels),
                  static_cast<double>(transactions), "transactions", static_cast<double>(allowed),
                  static_cast<double>(transactions) / static_cast<double>(allowed), "<=1x",
                  transactions <= allowed});
    bench::print_ratio(fmt::format("register_{}_channels_sqlite", channels),
                       1e3 * bench::median(times), "ms", 1e3 * bench::median(baselines), 1.5);
}

}  // namespace

int main(int argc, char** argv) { return bench::run_main(argc, argv, measure); }
