// How long does a new leader need until it serves with 1,000,000 flushed segments of 3 flushes each
// (4,000,000 records in 1000 channels), and how much memory? From coordinator::start to
// until_leading, on the memory store and on SQLite. The baseline lists the same rows page by page
// through the same store and parses the same bytes with simdjson, every field, into nothing.
//
// Strings: channel names of 14 bytes, positions of 8, keys below "reeve/"; a flush has three files.
// Memory is what the heap has grown by between start and serving, divided by the segments.
#include "bench.hpp"
#include "plain_read.hpp"
#include "recorded_segments.hpp"

#include "reeve/backends/memory_metadata_store.hpp"
#if defined(REEVE_HAS_SQLITE)
#include "reeve/backends/sqlite.hpp"
#endif

namespace {

using namespace recovering;

constexpr std::size_t channel_count = 1000;

awaitable<void> plain_round(metadata_store& store, const cluster& of, double& took) {
    const auto begun = std::chrono::steady_clock::now();
    bench::plain_parser reader;
    std::size_t records = 0;
    std::vector<reeve::storage::key_range> ranges;
    ranges.push_back(of.keys.channels());
    ranges.push_back(of.keys.progresses());
    ranges.push_back(of.keys.segments());
    ranges.push_back(of.keys.binlogs());
    for (auto& range : ranges) {
        co_await bench::read_plainly(store, std::move(range), page_size, reader, records);
    }
    bench::keep(reader.sum());
    took = bench::seconds(std::chrono::steady_clock::now() - begun).count();
    require(records == 2 * of.channels + (1 + flushes_of_segment) * of.segments,
            "the plain read lost records");
}

recovered compare(bench::host& machine, metadata_store& store, std::size_t segments,
                  std::size_t rounds, const std::string& name) {
    cluster of;
    of.channels = channel_count;
    of.segments = segments;
    machine.run(fill(store, of));
    machine.run(fill_segments(store, of));
    std::vector<double> plain;
    std::vector<double> recovery;
    recovered last;
    std::size_t written = 0;
    for (std::size_t round = 0; round < rounds; ++round) {
        double took = 0;
        recovered one;
        machine.run(plain_round(store, of, took));
        machine.run(recovery_round(machine.strand(), store, of, one));
        plain.push_back(took);
        recovery.push_back(one.took);
        written = std::max(written, one.written);
        last = one;
    }
    bench::print_ratio(fmt::format("recover_{}_flushed_segments_{}", segments, name),
                       bench::median(recovery), "s", bench::median(plain), 1.5);
    bench::print({"records_written_by_recovery_of_segments_" + name,
                  static_cast<double>(written),
                  "records_beside_leader_key",
                  {},
                  {},
                  "=0",
                  written == 0});
    return last;
}

void measure(bench::size size) {
    const bool quick = size == bench::size::quick;
    const std::size_t segments = quick ? 50'000 : 1'000'000;
    const std::size_t rounds = 3;
    {
        bench::host machine;
        reeve::backends::memory_metadata_store store(
            machine.strand(), std::make_shared<reeve::backends::memory_database>());
        const auto last = compare(machine, store, segments, rounds, "memory");
        bench::print_at_most("memory_per_recovered_flushed_segment",
                             last.bytes / static_cast<double>(segments), "bytes", 300);
    }
#if defined(REEVE_HAS_SQLITE)
    const bench::temporary_directory directory;
    bench::host machine;
    const auto store = reeve::backends::open_sqlite_metadata_store(
        machine.strand(), machine.workers(),
        reeve::backends::sqlite_options(directory.file("recovery.db")));
    (void)compare(machine, *store, segments, rounds, "sqlite");
#endif
}

}  // namespace

int main(int argc, char** argv) { return bench::run_main(argc, argv, measure); }
