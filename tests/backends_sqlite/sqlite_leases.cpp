#include "sqlite_fixture.hpp"

#include <atomic>
#include <thread>

using namespace sqlite_test;
using reeve::backends::open_sqlite_metadata_file;
using reeve::storage::change;
using reeve::storage::lease_id;

TEST_CASE("sqlite: a lease ends exactly when its time has passed, with its records in one commit") {
    const scratch dir;
    machine host;
    const auto store = open_sqlite_metadata_file(host.options(dir.file()));
    const auto lease = store->grant(1000ms);
    REQUIRE(lease.ttl == 1000ms);
    put(*store, "b", "x", lease.id);
    put(*store, "a", "x", lease.id);
    put(*store, "free", "x");
    host.up += 999ms;
    REQUIRE(store->get("a")->lease == lease.id);
    host.up += 1ms;
    REQUIRE_FALSE(store->get("a"));
    const auto page = store->list(key_range::prefix(""), 10);
    REQUIRE(page.records.size() == 1);
    REQUIRE(page.at == revision(4));
    const auto batch = store->changes(key_range::prefix(""), revision(4), 10, 0ms);
    REQUIRE(batch.changes.size() == 2);
    REQUIRE(batch.changes[0].what == change::kind::removed);
    REQUIRE(batch.changes[0].now.key == "a");
    REQUIRE(batch.changes[1].now.modified == revision(4));
}

TEST_CASE("sqlite: a fraction of a millisecond never shortens a lease") {
    const scratch dir;
    machine host;
    host.up += 900us;
    const auto store = open_sqlite_metadata_file(host.options(dir.file()));
    const auto lease = store->grant(10ms);
    host.up += 10ms - 1us;
    REQUIRE(store->keep_alive(lease.id) == 10ms);
    host.up += 10ms - 1us;
    put(*store, "k", "", lease.id);
    host.up += 1ms;
    REQUIRE(code_of([&] { store->keep_alive(lease.id); }) == errc::lease_not_found);
}

TEST_CASE("sqlite: renewing starts the time again, ending ends it at once") {
    const scratch dir;
    machine host;
    const auto store = open_sqlite_metadata_file(host.options(dir.file()));
    const auto kept = store->grant(100ms);
    const auto ended = store->grant(100ms);
    put(*store, "kept", "", kept.id);
    put(*store, "ended", "", ended.id);
    for (int at = 0; at < 5; ++at) {
        host.up += 60ms;
        REQUIRE(store->keep_alive(kept.id) == 100ms);
    }
    REQUIRE(store->get("kept"));
    REQUIRE_FALSE(store->get("ended"));
    store->revoke(kept.id);
    REQUIRE_FALSE(store->get("kept"));
    store->revoke(kept.id);
    store->revoke(lease_id(12345));
    REQUIRE(code_of([&] { store->keep_alive(kept.id); }) == errc::lease_not_found);
    REQUIRE(code_of([&] { put(*store, "k", "", kept.id); }) == errc::lease_not_found);
    REQUIRE_FALSE(store->get("k"));
    REQUIRE(code_of([&] { store->grant(0ms); }) == errc::invalid_argument);
    REQUIRE(store->grant(1ms).id > ended.id);
}

TEST_CASE("sqlite: a refused commit carries out what was due all the same") {
    const scratch dir;
    machine host;
    const auto store = open_sqlite_metadata_file(host.options(dir.file()));
    const auto lease = store->grant(10ms);
    put(*store, "leader", "old", lease.id);
    host.up += 10ms;
    const auto refused = store->commit(transaction().if_created_at("leader", revision(1)));
    REQUIRE_FALSE(refused);
    REQUIRE(refused.at == revision(2));
    REQUIRE(store->commit(transaction().if_absent("leader").put("leader", "new")));
}

TEST_CASE("sqlite: a put moves a record to another lease or out of any") {
    const scratch dir;
    machine host;
    const auto store = open_sqlite_metadata_file(host.options(dir.file()));
    const auto first = store->grant(10ms);
    const auto second = store->grant(1h);
    put(*store, "moved", "", first.id);
    put(*store, "moved", "", second.id);
    put(*store, "freed", "", first.id);
    put(*store, "freed", "");
    host.up += 10ms;
    REQUIRE(store->get("moved")->lease == second.id);
    REQUIRE(store->get("freed"));
    store->revoke(second.id);
    REQUIRE_FALSE(store->get("moved"));
}

TEST_CASE("sqlite: after a restart of the machine every lease has its whole time again") {
    const scratch dir;
    machine host;
    lease_id id;
    {
        const auto store = open_sqlite_metadata_file(host.options(dir.file()));
        const auto lease = store->grant(10s);
        id = lease.id;
        put(*store, "k", "", lease.id);
        host.up += 9s;
    }
    host.restart();
    const auto store = open_sqlite_metadata_file(host.options(dir.file()));
    host.up += 9999ms;
    REQUIRE(store->get("k"));
    const auto other = open_sqlite_metadata_file(host.options(dir.file()));
    REQUIRE(other->get("k"));
    host.up += 1ms;
    REQUIRE_FALSE(other->get("k"));
    REQUIRE(code_of([&] { store->keep_alive(id); }) == errc::lease_not_found);
}

TEST_CASE("sqlite: opening a store on the same start of the machine writes nothing") {
    const scratch dir;
    machine host;
    { put(*open_sqlite_metadata_file(host.options(dir.file())), "k", "v"); }
    const auto file = contents(dir.file());
    const auto log = contents(dir.file() + "-wal");
    REQUIRE_FALSE(log.empty());
    { REQUIRE(open_sqlite_metadata_file(host.options(dir.file()))->get("k")); }
    REQUIRE(contents(dir.file()) == file);
    REQUIRE(contents(dir.file() + "-wal") == log);
}

TEST_CASE("sqlite: a waiting watch carries out the end of a lease whose holder is gone") {
    const scratch dir;
    machine host;
    {
        const auto gone = open_sqlite_metadata_file(host.options(dir.file()));
        put(*gone, "k", "", gone->grant(10s).id);
    }
    const auto store = open_sqlite_metadata_file(host.options(dir.file()));
    auto options = host.options(dir.file());
    std::atomic<std::chrono::nanoseconds::rep> up{host.up.count()};
    std::atomic<int> asked{0};
    options.boot_time = [&] {
        ++asked;
        return std::chrono::nanoseconds(up.load());
    };
    const auto watching = open_sqlite_metadata_file(options);
    reeve::storage::change_batch batch;
    std::thread waiter(
        [&] { batch = watching->changes(key_range::one("k"), revision(2), 1, 60s); });
    const int before = asked;
    while (asked < before + 5) std::this_thread::yield();  // it waits and looks again and again
    up += std::chrono::nanoseconds(10s).count();
    waiter.join();
    REQUIRE(batch.changes.size() == 1);
    REQUIRE(batch.changes[0].what == change::kind::removed);
}
