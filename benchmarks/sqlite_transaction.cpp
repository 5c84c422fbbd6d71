// What does a guarded transaction cost? One that compares the leader key and the record's revision
// and writes the record, against the upsert that a program would write by hand on the same disk:
// BEGIN IMMEDIATE, INSERT .. ON CONFLICT DO UPDATE, COMMIT with prepared statements, write-ahead
// log, synchronous=FULL. 1000 keys "channels/channel-NNNNNN", values of 120 bytes.
#include "bench.hpp"
#include "plain_sqlite.hpp"

#include "reeve/backends/sqlite.hpp"
#include "reeve/storage/metadata_store.hpp"

namespace {

using reeve::awaitable;
using reeve::storage::revision;
using reeve::storage::transaction;

constexpr std::size_t key_count = 1000;
constexpr std::size_t commits_per_round = 100;

std::string key_of(std::size_t index) {
    return fmt::format("channels/channel-{:06}", index % key_count);
}

// What the caller of a guarded transaction remembers.
struct seen {
    revision term;
    std::vector<revision> written = std::vector<revision>(key_count);
    std::size_t next = 0;

    [[nodiscard]] transaction change(const std::string& value) const {
        transaction change;
        change.if_created_at("leader", term);
        change.if_modified_at(key_of(next), written[next % key_count]);
        change.put(key_of(next), value);
        return change;
    }
    void committed(const reeve::storage::commit_result& result) {
        if (!result) throw std::runtime_error("a commit was rejected");
        written[next++ % key_count] = result.at;
    }
};

std::string value_of(std::size_t round) { return fmt::format("{:0120}", round); }

transaction leader() {
    transaction change;
    change.if_absent("leader").put("leader", "benchmark");
    return change;
}

awaitable<void> become_leader(reeve::storage::metadata_store& store, seen& state) {
    auto change = leader();
    const auto result = co_await store.commit(std::move(change));
    state.term = result.at;
}

awaitable<void> commit_round(reeve::storage::metadata_store& store, seen& state,
                             std::string value) {
    for (std::size_t count = 0; count < commits_per_round; ++count) {
        auto change = state.change(value);
        const auto result = co_await store.commit(std::move(change));
        state.committed(result);
    }
}

void report(const char* name, const bench::pair_of_times& times) {
    const auto each = 1e6 / static_cast<double>(commits_per_round);
    bench::print_ratio(name, times.value * each, "us", times.baseline * each, 1.5);
}

void measure(bench::size size) {
    const bench::temporary_directory directory;
    const std::size_t rounds = size == bench::size::quick ? 5 : 31;
    bench::plain_sqlite plain(directory.file("plain.db"));
    std::size_t put = 0;
    const auto baseline = [&] {
        const auto value = value_of(put);
        for (std::size_t count = 0; count < commits_per_round; ++count) {
            plain.put(key_of(put++), value);
        }
    };
    for (std::size_t warm = 0; warm < key_count; warm += commits_per_round) baseline();

    bench::host machine;
    seen state;
    const auto store = reeve::backends::open_sqlite_metadata_store(
        machine.strand(), machine.workers(),
        reeve::backends::sqlite_options(directory.file("coroutines.db")));
    machine.run(become_leader(*store, state));
    const auto coroutines = [&] { machine.run(commit_round(*store, state, value_of(state.next))); };
    for (std::size_t warm = 0; warm < key_count; warm += commits_per_round) coroutines();
    report("sqlite_guarded_transaction", bench::interleaved(rounds, coroutines, baseline));

    const auto file = reeve::backends::open_sqlite_metadata_file(
        reeve::backends::sqlite_options(directory.file("blocking.db")));
    seen blocking_state;
    blocking_state.term = file->commit(leader()).at;
    const auto blocking = [&] {
        const auto value = value_of(blocking_state.next);
        for (std::size_t count = 0; count < commits_per_round; ++count) {
            blocking_state.committed(file->commit(blocking_state.change(value)));
        }
    };
    for (std::size_t warm = 0; warm < key_count; warm += commits_per_round) blocking();
    report("sqlite_guarded_transaction_blocking", bench::interleaved(rounds, blocking, baseline));
}

}  // namespace

int main(int argc, char** argv) { return bench::run_main(argc, argv, measure); }
