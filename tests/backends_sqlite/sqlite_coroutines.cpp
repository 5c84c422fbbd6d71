#include "sqlite_fixture.hpp"

#include "conformance/workers.hpp"
#include "reeve/backends/run_on.hpp"
#include "reeve/core/task_scope.hpp"

#include <boost/asio/co_spawn.hpp>

#include <atomic>
#include <exception>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

using namespace sqlite_test;
using reeve::awaitable;
using reeve::backends::open_sqlite_message_stream;
using reeve::backends::open_sqlite_metadata_file;
using reeve::backends::open_sqlite_metadata_store;
using reeve::backends::open_sqlite_stream_file;
using reeve::storage::message_stream;
using reeve::storage::metadata_store;

namespace {

/// A loop on this thread, a runtime on it, and four threads for what blocks.
struct engine {
    ~engine() { strand.shutdown(); }

    /// Runs works on the threads, and counts them.
    reeve::core::blocking_executor executor() {
        return [this, inner = pool.executor()](reeve::core::task work) {
            ++handed_over;
            inner(std::move(work));
        };
    }
    /// Runs `work` on the strand to its end.
    void run(awaitable<void> work) {
        reeve::backends::run_on(loop, strand, std::move(work));
    }

    reeve::backends::event_loop loop;
    reeve::core::runtime strand{loop};
    std::atomic<int> handed_over{0};
    conformance::workers pool{4};
};

/// The errors of both openers for one file.
struct refusals {
    std::optional<errc> store;
    std::optional<errc> stream;
};

refusals open_both(engine& all, const std::string& path) {
    const auto executor = all.executor();
    refusals result;
    result.store = code_of(
        [&] { (void)open_sqlite_metadata_store(all.strand, executor, sqlite_options(path)); });
    result.stream = code_of(
        [&] { (void)open_sqlite_message_stream(all.strand, executor, sqlite_options(path)); });
    return result;
}

awaitable<void> write_and_watch(engine& all, metadata_store& store, std::thread::id home) {
    transaction change;
    change.put("k", "1");
    const auto first = co_await store.commit(std::move(change));
    REQUIRE(first.at == revision(1));
    REQUIRE(std::this_thread::get_id() == home);
    const auto found = co_await store.get("k");
    REQUIRE(found->value == "1");
    const auto watch = co_await store.watch(key_range::one("k"), revision(1));
    const auto batch = co_await watch->next();
    REQUIRE(batch.changes.size() == 1);
    REQUIRE(batch.changes[0].now == *found);
    REQUIRE(std::this_thread::get_id() == home);
    REQUIRE(all.handed_over >= 3);
}

awaitable<void> add_one(metadata_store& store, int times) {
    for (int done = 0; done < times;) {
        const auto found = co_await store.get("count");
        const int before = found ? std::stoi(found->value) : 0;
        transaction change;
        change.if_modified_at("count", found ? found->modified : revision());
        change.put("count", std::to_string(before + 1));
        const auto result = co_await store.commit(std::move(change));
        if (result) ++done;
    }
}

awaitable<void> add_together(engine& all, metadata_store& one, metadata_store& other) {
    reeve::core::task_scope adders(all.strand);
    for (int each = 0; each < 4; ++each) {
        adders.spawn(add_one(one, 5));
        adders.spawn(add_one(other, 5));
    }
    co_await adders.join();
    const auto found = co_await one.get("count");
    REQUIRE(found->value == "40");
}

awaitable<void> append_and_read(message_stream& log, std::thread::id home) {
    const auto first = co_await log.append("s", "one");
    const auto reader = co_await log.subscribe("s", first);
    const auto second = co_await log.append("s", "two");
    const auto messages = co_await reader->next(10);
    REQUIRE(messages.size() == 1);
    REQUIRE(messages[0].payload == "two");
    REQUIRE(messages[0].at == second);
    REQUIRE(std::this_thread::get_id() == home);
}

}  // namespace

TEST_CASE("sqlite: a store for coroutines blocks on the host's threads and answers on its strand") {
    const scratch dir;
    engine all;
    const auto store =
        open_sqlite_metadata_store(all.strand, all.executor(), sqlite_options(dir.file()));
    REQUIRE(store->limits().operations_max == sqlite_options("").limits.operations_max);
    all.run(write_and_watch(all, *store, std::this_thread::get_id()));
    // The file is the same as that of the blocking functions.
    REQUIRE(open_sqlite_metadata_file(sqlite_options(dir.file()))->get("k")->value == "1");
}

TEST_CASE("sqlite: coroutines on two stores of one file lose no update") {
    const scratch dir;
    engine all;
    const auto one =
        open_sqlite_metadata_store(all.strand, all.executor(), sqlite_options(dir.file()));
    const auto other =
        open_sqlite_metadata_store(all.strand, all.executor(), sqlite_options(dir.file()));
    all.run(add_together(all, *one, *other));
}

TEST_CASE("sqlite: streams for coroutines deliver on the strand what was appended") {
    const scratch dir;
    engine all;
    const auto log =
        open_sqlite_message_stream(all.strand, all.executor(), sqlite_options(dir.file()));
    all.run(append_and_read(*log, std::this_thread::get_id()));
    REQUIRE(all.handed_over >= 4);
}

TEST_CASE("sqlite: the openers for coroutines refuse what is no store of theirs, untouched") {
    const scratch dir;
    engine all;
    const std::string path = dir.file();

    SECTION("a file of something else") {
        write_file(path, std::string(100, 'x') + "no database at all");
        const std::string before = contents(path);
        const refusals both = open_both(all, path);
        CHECK(both.store == errc::foreign);
        CHECK(both.stream == errc::foreign);
        CHECK(contents(path) == before);
    }
    SECTION("a metadata store is no stream") {
        put(*open_sqlite_metadata_file(sqlite_options(path)), "k", "1");
        const std::string before = contents(path);
        const refusals both = open_both(all, path);
        CHECK_FALSE(both.store);
        CHECK(both.stream == errc::foreign);
        CHECK(contents(path) == before);
    }
    SECTION("a stream is no metadata store") {
        open_sqlite_stream_file(sqlite_options(path))->append_many("s", {"one"});
        const std::string before = contents(path);
        const refusals both = open_both(all, path);
        CHECK(both.store == errc::foreign);
        CHECK_FALSE(both.stream);
        CHECK(contents(path) == before);
    }
    SECTION("a file that was cut off") {
        put(*open_sqlite_metadata_file(sqlite_options(path)), "k", "1");
        const std::string whole = contents(path);
        REQUIRE(whole.size() > 5000);
        const std::string before = whole.substr(0, 5000);
        write_file(path, before);
        std::filesystem::remove(path + "-wal");
        std::filesystem::remove(path + "-shm");
        const refusals both = open_both(all, path);
        REQUIRE(both.store.has_value());
        CHECK(*both.store == errc::corrupt);
        REQUIRE(both.stream.has_value());
        CHECK(*both.stream == errc::foreign);
        CHECK(contents(path) == before);
    }
    SECTION("no such directory") {
        const refusals both = open_both(all, dir.file("missing/store.db"));
        CHECK(both.store == errc::not_found);
        CHECK(both.stream == errc::not_found);
        CHECK_FALSE(std::filesystem::exists(dir.path() / "missing"));
    }
    // Nothing was handed to the threads: the caller was blocked, as the manual says.
    CHECK(all.handed_over == 0);
}
