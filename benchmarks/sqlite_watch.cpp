// How soon does another process see a commit? One process commits to a SQLite store, at moments
// that have nothing to do with the other's polling; the other watches. Counted from before the
// commit (so it includes its sync) until the watch has delivered it.
#include "bench.hpp"

#include "reeve/backends/sqlite.hpp"
#include "reeve/core/random.hpp"
#include "reeve/storage/blocking_metadata_store.hpp"
#include "reeve/storage/metadata_store.hpp"

#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>

namespace {

using reeve::awaitable;

std::int64_t now() {  // the monotonic clock is one for all processes
    return std::chrono::steady_clock::now().time_since_epoch().count();
}

struct pipe_ends {
    pipe_ends() {
        int both[2] = {};
        if (::pipe(both) != 0) throw std::runtime_error("pipe failed");
        read = both[0];
        write = both[1];
    }
    int read = -1;
    int write = -1;
};

// Commits the time, once for each byte that comes, after a random while.
void write_commits(const std::string& path, int orders, std::size_t commits) {
    const auto store =
        reeve::backends::open_sqlite_metadata_file(reeve::backends::sqlite_options(path));
    reeve::core::random random(1);
    for (std::size_t count = 0; count < commits; ++count) {
        char order = 0;
        if (::read(orders, &order, 1) != 1) return;
        (void)::poll(nullptr, 0, static_cast<int>(random.below(25)));
        reeve::storage::transaction change;
        change.put("watched/key", std::to_string(now()));
        (void)store->commit(std::move(change));
    }
}

awaitable<void> watch_commits(reeve::storage::metadata_store& store, int orders,
                              std::size_t commits, std::vector<double>& delays) {
    auto range = reeve::storage::key_range::prefix("watched/");
    const reeve::storage::revision from(1);
    const auto watcher = co_await store.watch(std::move(range), from);
    for (std::size_t count = 0; count < commits; ++count) {
        if (::write(orders, "c", 1) != 1) throw std::runtime_error("the other process is gone");
        for (bool seen = false; !seen;) {
            const auto batch = co_await watcher->next();
            const auto arrived = now();
            for (const auto& change : batch.changes) {
                delays.push_back(static_cast<double>(arrived - std::stoll(change.now.value)) / 1e6);
                seen = true;
            }
        }
    }
}

void measure(bench::size size) {
    const std::size_t commits = size == bench::size::quick ? 30 : 300;
    const bench::temporary_directory directory;
    const auto path = directory.file("watched.db");
    const pipe_ends orders;
    const auto child = ::fork();
    if (child < 0) throw std::runtime_error("fork failed");
    if (child == 0) {
        ::close(orders.write);
        try {
            write_commits(path, orders.read, commits);
        } catch (const std::exception& failure) {
            std::fprintf(stderr, "writer: %s\n", failure.what());
            ::_exit(1);
        }
        ::_exit(0);
    }
    ::close(orders.read);
    std::vector<double> delays;
    {
        bench::host machine;
        const auto store = reeve::backends::open_sqlite_metadata_store(
            machine.strand(), machine.workers(), reeve::backends::sqlite_options(path));
        machine.run(watch_commits(*store, orders.write, commits, delays));
    }
    ::close(orders.write);
    int status = 0;
    if (::waitpid(child, &status, 0) != child || status != 0) {
        throw std::runtime_error("the writing process failed");
    }
    bench::print_at_most("sqlite_commit_seen_by_other_process", bench::median(delays), "ms", 10);
}

}  // namespace

int main(int argc, char** argv) { return bench::run_main(argc, argv, measure); }
