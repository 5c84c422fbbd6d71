// How long does a new leader need until it serves, and how much memory? 500,000 channels (1,000,000
// records) on 1000 living nodes, everything as it should be: from coordinator::start to
// until_leading, on the memory store and on SQLite. The baseline lists the same rows page by page
// through the same store and parses the same bytes with simdjson, every field, into nothing.
//
// Strings: channel names of 14 bytes, node names of 9, positions of 8, keys below "reeve/"; values
// of about 135 (channels/) and 80 bytes (progress/). Memory is what the heap has grown by between
// start and serving, divided by the channels.
#include "bench.hpp"
#include "plain_read.hpp"
#include "recovering.hpp"

#include "reeve/backends/memory_metadata_store.hpp"
#if defined(REEVE_HAS_SQLITE)
#include "reeve/backends/sqlite.hpp"
#endif

namespace {

using namespace recovering;

awaitable<void> plain_round(metadata_store& store, const cluster& of, double& took) {
    const auto begun = std::chrono::steady_clock::now();
    bench::plain_parser reader;
    std::size_t records = 0;
    auto channels = of.keys.channels();
    co_await bench::read_plainly(store, std::move(channels), page_size, reader, records);
    auto progresses = of.keys.progresses();
    co_await bench::read_plainly(store, std::move(progresses), page_size, reader, records);
    bench::keep(reader.sum());
    took = bench::seconds(std::chrono::steady_clock::now() - begun).count();
    require(records == 2 * of.channels, "the plain read lost records");
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
