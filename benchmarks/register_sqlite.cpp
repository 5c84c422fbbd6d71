// What does registering cost? 10,000 channels on 10 nodes with a SQLite store, from ensure_channels
// until all are registered: how many store transactions, and how long against the same transactions
// done by hand: committed one after the other, through the same store, to a copy of the database
// from before, with nobody to decide, to tell or to encode.
#include "bench.hpp"
#include "recording_store.hpp"
#include "registering.hpp"

#include "reeve/backends/sqlite.hpp"

#include <sqlite3.h>

namespace {

using reeve::awaitable;
using reeve::storage::metadata_store;
using reeve::storage::transaction;

// A consistent copy of a database that is in use.
void copy_database(const std::string& from, const std::string& to) {
    sqlite3* source = nullptr;
    sqlite3* target = nullptr;
    bench::require(sqlite3_open(from.c_str(), &source) == SQLITE_OK &&
                       sqlite3_open(to.c_str(), &target) == SQLITE_OK,
                   "cannot open " + from);
    sqlite3_backup* backup = sqlite3_backup_init(target, "main", source, "main");
    bench::require(backup != nullptr && sqlite3_backup_step(backup, -1) == SQLITE_DONE &&
                       sqlite3_backup_finish(backup) == SQLITE_OK,
                   "cannot copy " + from);
    sqlite3_close(source);
    sqlite3_close(target);
}

awaitable<void> measured(reeve::core::runtime& strand, bench::recording_store& store,
                         std::size_t channels, const bench::temporary_directory& directory,
                         double& took) {
    std::function<void()> before = [&store, &directory] {
        copy_database(directory.file("reeve.db"), directory.file("copy.db"));
        store.forget();
    };
    auto work = bench::registering(strand, store, channels, std::move(before));
    took = co_await std::move(work);
}

awaitable<void> by_hand(metadata_store& store, const std::vector<transaction>& written,
                        double& took) {
    auto copies = written;
    const auto begun = std::chrono::steady_clock::now();
    for (auto& change : copies) {
        const auto done = co_await store.commit(std::move(change));
        bench::require(bool(done), "a transaction by hand was rejected");
    }
    took = bench::seconds(std::chrono::steady_clock::now() - begun).count();
}

void measure(bench::size size) {
    const bool quick = size == bench::size::quick;
    const std::size_t channels = quick ? 5000 : 10'000;
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
        bench::host machine(4 * bench::registering_nodes);
        const auto store = open(machine, "reeve.db");
        limits = store->limits();
        bench::recording_store recording(*store);
        double took = 0;
        machine.run(measured(machine.strand(), recording, channels, directory, took));
        times.push_back(took);
        const auto copy = open(machine, "copy.db");
        machine.run(by_hand(*copy, recording.written(), took));
        baselines.push_back(took);
        transactions = std::max(transactions, recording.written().size());
    }
    const auto allowed = bench::transactions_allowed(limits, channels);
    bench::print({fmt::format("register_{}_channels_transactions", channels),
                  static_cast<double>(transactions), "transactions", static_cast<double>(allowed),
                  static_cast<double>(transactions) / static_cast<double>(allowed), "<=1x",
                  transactions <= allowed});
    bench::print_ratio(fmt::format("register_{}_channels_sqlite", channels),
                       1e3 * bench::median(times), "ms", 1e3 * bench::median(baselines), 1.5);
}

}  // namespace

int main(int argc, char** argv) { return bench::run_main(argc, argv, measure); }
