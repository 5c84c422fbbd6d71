// A full database, a forgotten history, leases that end.
#include "backends_etcd/blocking_client.hpp"
#include "servers/tcp_proxy.hpp"

#include <chrono>
#include <string>
#include <vector>

using namespace etcd_faults;
using reeve::tests::etcd_available;
using reeve::tests::etcd_cluster;

namespace {

// Writes until the store refuses; a commit of unknown outcome on the way is not a refusal.
int fill(client& who, const std::string& value) {
    for (int index = 0; index < 1000; ++index) {
        const auto code = code_of([&] { return who.put(fmt::format("full/{:04}", index), value); });
        if (code == "resource_exhausted") return index;
        if (code != "success") REQUIRE(code == "outcome_unknown");
    }
    FAIL("a quota of 4 MiB was never exhausted");
    return -1;
}

struct leased {
    storage::lease_grant lease;
    storage::revision at;
};

// "leased" under a new lease: another one, should it have ended before the put on a slow machine.
leased put_leased(client& who, std::chrono::seconds ttl) {
    for (int round = 0; round < 10; ++round) {
        leased made;
        made.lease = who(who.store().grant(ttl));
        CHECK(made.lease.ttl >= ttl);
        const auto code =
            code_of([&] { return made.at = who.put("leased", "value", made.lease.id); });
        if (code == "success") return made;
        REQUIRE(code == "lease_not_found");
    }
    FAIL("ten leases have ended before they were used");
    return {};
}

}  // namespace

TEST_CASE("a full database refuses writes, serves reads, and is well again after a clean-up",
          "[faults]") {
    if (!etcd_available()) return;
    reeve::tests::etcd_options how;
    how.quota_bytes = 4U << 20U;
    etcd_cluster cluster(how);
    client who(cluster);
    const auto begun = who.put("key", "before");
    (void)who.put("spare", "there");
    const int refused = fill(who, std::string(100'000, 'x'));
    // Not applied means: it is not there, and it does not come.
    const auto key = fmt::format("full/{:04}", refused);
    CHECK(who.value(key) == "(none)");
    CHECK(code_of([&] { return who.put("key", "after"); }) == "resource_exhausted");
    CHECK(code_of([&] { return who(who.store().grant(10s)); }) == "resource_exhausted");
    CHECK(who.value("key") == "before");
    storage::transaction removal;
    removal.remove("missing").remove("spare");
    const auto removed = code_of([&] { return who(who.store().commit(std::move(removal))); });
    CHECK((removed == "resource_exhausted" || removed == "success"));
    CHECK(who.value("spare") == (removed == "success" ? "(none)" : "there"));
    const auto watch = who.watch("key", begun);
    CHECK(who.next(*watch) == std::vector<std::string>{"key=before"});
    // What an operator does (etcd refuses every transaction now, one that only removes too): remove
    // "full/" (in base64), forget the history, shrink the file, disarm the alarm.
    (void)cluster.call("/v3/kv/deleterange", R"({"key":"ZnVsbC8=","range_end":"ZnVsbDA="})");
    cluster.compact(who(who.store().list(storage::key_range::prefix(""), 1)).at.value);
    cluster.defragment();
    cluster.disarm();
    (void)who.put("key", "after");
    CHECK(who.next(*watch) == std::vector<std::string>{"key=after"});
    CHECK(who.value(key) == "(none)");
}

TEST_CASE(
    "a watcher that a compaction has left behind hears of it; one that is up to date does not",
    "[faults]") {
    if (!etcd_available()) return;
    etcd_cluster cluster;
    reeve::tests::tcp_proxy proxy(cluster.endpoint(0));
    client writer(cluster);
    client far(std::vector<std::string>{proxy.endpoint()});
    const auto begun = writer.put("key", "0");
    const auto near_watch = writer.watch("key", begun);
    const auto far_watch = far.watch("key", begun);
    CHECK(writer.next(*near_watch) == std::vector<std::string>{"key=0"});
    CHECK(far.next(*far_watch) == std::vector<std::string>{"key=0"});
    proxy.refuse();
    storage::revision last;
    for (int round = 1; round <= 10; ++round) {
        last = writer.put("key", std::to_string(round));
        CHECK(writer.next(*near_watch) == std::vector<std::string>{fmt::format("key={}", round)});
    }
    cluster.compact(last.value);
    proxy.heal();
    CHECK(code_of([&] { return far.next(*far_watch); }) == "compacted");
    // The one beside it goes on, and a list shows the way back.
    (void)writer.put("key", "11");
    CHECK(writer.next(*near_watch) == std::vector<std::string>{"key=11"});
    const auto page = far(far.store().list(storage::key_range::prefix("key"), 10));
    REQUIRE(page.records.size() == 1);
    CHECK(page.records.front().value == "11");
    const auto again = far.watch("key", storage::revision(page.at.value + 1));
    (void)writer.put("key", "12");
    CHECK(far.next(*again) == std::vector<std::string>{"key=12"});
}

TEST_CASE("a removal at the very revision of a compaction is not lost silently", "[faults]") {
    if (!etcd_available()) return;
    etcd_cluster cluster;
    client who(cluster);
    (void)who.put("key", "1");
    storage::transaction removal;
    removal.remove("key");
    const auto gone = who(who.store().commit(std::move(removal))).at;
    cluster.compact(gone.value);
    CHECK(code_of([&] { return who.watch("key", gone); }) == "compacted");
    const auto watch = who.watch("key", storage::revision(gone.value + 1));
    (void)who.put("key", "2");
    CHECK(who.next(*watch) == std::vector<std::string>{"key=2"});
}

TEST_CASE("what an expired or revoked lease held is gone, and nothing more is done under it",
          "[faults]") {
    if (!etcd_available()) return;
    etcd_cluster cluster;
    client who(cluster);
    auto& store = who.store();
    const bool revoked = GENERATE(true, false);
    const auto [lease, begun] = put_leased(who, revoked ? 600s : 2s);
    const auto id = lease.id;
    const auto watch = who.watch("leased", begun);
    if (revoked) {
        CHECK(who.next(*watch) == std::vector<std::string>{"leased=value"});
        who(store.revoke(id));
        CHECK(who.next(*watch) == std::vector<std::string>{"leased removed"});
    } else {
        CHECK(who.next(*watch, 2) == std::vector<std::string>{"leased=value", "leased removed"});
    }
    CHECK(who.value("leased") == "(none)");
    CHECK(code_of([&] { return who(store.keep_alive(id)); }) == "lease_not_found");
    CHECK(code_of([&] { return who.put("leased", "late", id); }) == "lease_not_found");
    CHECK(who.value("leased") == "(none)");
    who(store.revoke(id));
}

TEST_CASE("a server that was down extends its leases, and then ends them", "[faults]") {
    if (!etcd_available()) return;
    etcd_cluster cluster;
    client who(cluster);
    client hasty(impatient(cluster.endpoints()));
    std::string code;
    leased made;
    for (auto ttl = 6s; code != "success"; ttl *= 2) {
        made = put_leased(who, ttl);
        cluster.kill(0);
        // For longer than the lease would have lasted.
        const auto ended = std::chrono::steady_clock::now() + made.lease.ttl;
        do {
            CHECK(code_of([&] { return hasty.value("leased"); }) == "unavailable");
        } while (std::chrono::steady_clock::now() <= ended);
        const auto back = std::chrono::steady_clock::now();
        cluster.start(0);
        code = code_at_last([&] { return who(who.store().keep_alive(made.lease.id)); });
        if (code == "success") break;
        // Its time begins anew when the server is back; on a slow machine it may be over already.
        REQUIRE(code == "lease_not_found");
        REQUIRE(std::chrono::steady_clock::now() - back > made.lease.ttl);
        REQUIRE(ttl < 60s);
        cluster.wait_ready();
    }
    cluster.wait_ready();
    const auto watch = who.watch("leased", made.at);
    CHECK(who.next(*watch, 2) == std::vector<std::string>{"leased=value", "leased removed"});
}
