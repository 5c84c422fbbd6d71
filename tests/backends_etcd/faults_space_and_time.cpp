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

}  // namespace

TEST_CASE("a full database refuses writes, serves reads, and is well again after a clean-up") {
    if (!etcd_available()) return;
    reeve::tests::etcd_options how;
    how.quota_bytes = 4U << 20U;
    etcd_cluster cluster(how);
    client who(cluster);
    const auto begun = who.put("key", "before");
    const int refused = fill(who, std::string(100'000, 'x'));
    // Not applied means: it is not there, and it does not come.
    const auto key = fmt::format("full/{:04}", refused);
    CHECK(who.value(key) == "(none)");
    CHECK(code_of([&] { return who.put("key", "after"); }) == "resource_exhausted");
    CHECK(code_of([&] { return who(who.store().grant(10s)); }) == "resource_exhausted");
    CHECK(who.value("key") == "before");
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
    "a watcher that a compaction has left behind hears of it; one that is up to date does not") {
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

TEST_CASE("what an expired or revoked lease held is gone, and nothing more is done under it") {
    if (!etcd_available()) return;
    etcd_cluster cluster;
    client who(cluster);
    auto& store = who.store();
    const auto lease = who(store.grant(1s));
    CHECK(lease.ttl >= 1s);
    const auto begun = who.put("leased", "value", lease.id);
    const auto watch = who.watch("leased", begun);
    CHECK(who.next(*watch) == std::vector<std::string>{"leased=value"});
    SECTION("expired") { CHECK(who.next(*watch) == std::vector<std::string>{"leased removed"}); }
    SECTION("revoked") {
        who(store.revoke(lease.id));
        CHECK(who.next(*watch) == std::vector<std::string>{"leased removed"});
    }
    CHECK(who.value("leased") == "(none)");
    CHECK(code_of([&] { return who(store.keep_alive(lease.id)); }) == "lease_not_found");
    CHECK(code_of([&] { return who.put("leased", "late", lease.id); }) == "lease_not_found");
    CHECK(who.value("leased") == "(none)");
    who(store.revoke(lease.id));
}

TEST_CASE("a server that was down extends its leases, and then ends them") {
    if (!etcd_available()) return;
    etcd_cluster cluster;
    auto options = impatient(cluster.endpoints());
    options.request_patience = 20s;
    client who(options);
    const auto lease = who(who.store().grant(2s));
    const auto begun = who.put("leased", "value", lease.id);
    const auto watch = who.watch("leased", begun);
    CHECK(who.next(*watch) == std::vector<std::string>{"leased=value"});
    cluster.restart(0);
    CHECK(who.value("leased") == "value");
    CHECK(who(who.store().keep_alive(lease.id)) == lease.ttl);
    CHECK(who.next(*watch) == std::vector<std::string>{"leased removed"});
}
