// What does the commit of a flush cost on SQLite? From the holder's request, as the coordinator's
// manager of segments takes it, until it is durable: three files of one of 100 growing segments,
// the segment's record and the channel's progress, under the comparisons that it needs. Baseline:
// the same three keys with the same values in one plain transaction, on the same disk, by hand.
#include "bench.hpp"
#include "plain_sqlite.hpp"
#include "recorded_segments.hpp"

#include "reeve/backends/sqlite.hpp"

namespace {

using namespace recovering;

constexpr std::size_t growing_segments = 100;
constexpr std::size_t flushes_of_round = 100;

// Flush number `number` of all: each segment gets one in its turn.
model::flush_request flush_of(const cluster& of, std::size_t number) {
    const std::size_t turn = number / growing_segments;
    model::flush_request request;
    request.by.channel = model::channel_name("channel-000000");
    request.by.node = node_of(0);
    request.by.process = of.processes[0];
    request.by.epoch = model::epoch(1000);
    request.what.segment = segment_of(number % growing_segments);
    request.what.number = 100 + 4 * number;
    request.what.from = position_of(turn);
    request.what.to = position_of(turn + 1);
    request.what.rows = 1000;
    for (std::uint64_t at = 0; at < 3; ++at) {
        model::binlog_group group;
        group.kind = at < 2 ? model::binlog_kind::insert : model::binlog_kind::stats;
        group.field = model::field_id(at < 2 ? 100 + at : 100);
        model::binlog_file file;
        file.id = {request.by.epoch, request.what.number + 1 + at};
        file.bytes = 88'888'888;
        file.rows = 1000;
        group.files.push_back(std::move(file));
        request.what.groups.push_back(std::move(group));
    }
    request.checkpoint = position_of(number + 1);
    request.settled = request.what.number;
    return request;
}

awaitable<void> fill_growing(metadata_store& store, const cluster& of) {
    transaction change;
    for (std::size_t number = 0; number < growing_segments; ++number) {
        auto record = flushed_segment(of, number);
        record.state = model::segment_state::growing;
        record.rows = record.bytes = 0;
        record.sealed = model::seal_reason::none;
        record.last_expiry = model::timestamp();
        record.end = record.start;
        change.put(of.keys.segment(collection_of(0), segment_of(number)),
                   reeve::catalog::encode(record));
    }
    const auto result = co_await store.commit(std::move(change));
    require(bool(result), "filling was rejected");
}

using records = std::vector<std::pair<std::string, std::string>>;

awaitable<void> measured(metadata_store& below, reeve::core::runtime& strand, const cluster& of,
                         bench::plain_sqlite& plain, std::size_t rounds,
                         bench::pair_of_times& result) {
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
    std::vector<double> times;
    std::vector<double> baselines;
    for (std::size_t round = 0; round <= rounds; ++round) {
        std::vector<model::flush_request> requests;
        for (std::size_t at = 0; at < flushes_of_round; ++at) {
            requests.push_back(flush_of(of, round * flushes_of_round + at));
        }
        store.forget();
        const auto begun = std::chrono::steady_clock::now();
        for (auto& request : requests) {
            const auto reply = co_await segments->flush(std::move(request));
            require(reply.outcome == model::commit_outcome::committed, "a flush was refused");
        }
        const bench::seconds took(std::chrono::steady_clock::now() - begun);
        std::vector<records> same;
        for (const auto& change : store.written()) {
            records& one = same.emplace_back();
            for (const auto& put : change.operations()) one.emplace_back(put.key, put.value);
        }
        require(same.size() == flushes_of_round, "a flush took more than one transaction");
        require(same[0].size() == 3, "a flush wrote more than three keys");
        const double by_hand = bench::time_of([&] {
            for (const auto& one : same) plain.put(one);
        });
        if (round == 0) continue;  // fills caches
        times.push_back(took.count());
        baselines.push_back(by_hand);
    }
    result.value = bench::median(std::move(times));
    result.baseline = bench::median(std::move(baselines));
    co_await coordinator.stop();
}

void measure(bench::size size) {
    const std::size_t rounds = size == bench::size::quick ? 5 : 51;
    const bench::temporary_directory directory;
    bench::host machine;
    const auto store = reeve::backends::open_sqlite_metadata_store(
        machine.strand(), machine.workers(),
        reeve::backends::sqlite_options(directory.file("reeve.db")));
    cluster of;
    of.channels = 1;
    machine.run(fill(*store, of));
    machine.run(fill_growing(*store, of));
    bench::plain_sqlite plain(directory.file("plain.db"));
    bench::pair_of_times result;
    machine.run(measured(*store, machine.strand(), of, plain, rounds, result));
    const double each = 1e6 / static_cast<double>(flushes_of_round);
    bench::print_ratio("commit_flush_sqlite", each * result.value, "us", each * result.baseline,
                       1.5);
}

}  // namespace

int main(int argc, char** argv) { return bench::run_main(argc, argv, measure); }
