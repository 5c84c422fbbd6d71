// What a network does to one member and its client: each failure says honestly whether the change
// may have happened.
#include "backends_etcd/blocking_client.hpp"
#include "servers/tcp_proxy.hpp"

#include <chrono>
#include <string>
#include <vector>

using namespace etcd_faults;
using reeve::tests::direction;
using reeve::tests::etcd_available;
using reeve::tests::etcd_cluster;
using reeve::tests::tcp_proxy;

namespace {

using steady = std::chrono::steady_clock;

// A client behind a bad network, connected; and one beside the server.
struct network {
    network() { (void)far.put("warm", "up"); }

    etcd_cluster cluster;
    tcp_proxy proxy{cluster.endpoint(0)};
    client near{cluster};
    client far{std::vector<std::string>{proxy.endpoint()}};
};

// Works again, and soon.
void check_well(network& net) {
    const auto deadline = steady::now() + 20s;
    std::string code;
    do {
        code = code_of([&] { return net.far.put("well", "again"); });
    } while (code != "success" && steady::now() < deadline);
    CHECK(code == "success");
    CHECK(net.far.value("well") == "again");
}

}  // namespace

TEST_CASE("the answer to a commit is lost: its outcome is unknown, and it did happen") {
    if (!etcd_available()) return;
    network net;
    net.proxy.cut(direction::to_client);
    const auto answered = net.proxy.received(direction::to_client);
    auto commit = net.far.begin_put("key", "value");
    REQUIRE(net.proxy.wait_received(direction::to_client, answered + 1, 10s));
    SECTION("by silence") { CHECK(code_of(commit) == "outcome_unknown"); }
    SECTION("by a reset") {
        net.proxy.reset();
        const auto begin = steady::now();
        CHECK(code_of(commit) == "outcome_unknown");
        CHECK(steady::now() - begin < 1s);
    }
    CHECK(net.near.value("key") == "value");
    net.proxy.heal();
    check_well(net);
}

TEST_CASE("a commit gets stuck on its way: its outcome is unknown, and it may land when it heals") {
    if (!etcd_available()) return;
    network net;
    net.proxy.cut(direction::to_server);
    const auto sent = net.proxy.received(direction::to_server);
    auto commit = net.far.begin_put("key", "value");
    REQUIRE(net.proxy.wait_received(direction::to_server, sent + 1, 10s));
    CHECK(code_of(commit) == "outcome_unknown");
    CHECK(net.near.value("key") == "(none)");
    net.proxy.reset();
    net.proxy.heal();
    check_well(net);
    CHECK(net.near.value("key") == "(none)");
}

TEST_CASE("a commit is torn: the server has a part of it, and does nothing") {
    if (!etcd_available()) return;
    network net;
    net.proxy.cut(direction::to_server, 5000);
    const auto sent = net.proxy.received(direction::to_server);
    auto commit = net.far.begin_put("key", std::string(60'000, 'x'));
    REQUIRE(net.proxy.wait_received(direction::to_server, sent + 10'000, 10s));
    net.proxy.reset();
    CHECK(code_of(commit) == "outcome_unknown");
    net.proxy.heal();
    check_well(net);
    CHECK(net.near.value("key") == "(none)");
}

TEST_CASE("a commit that no member takes was never sent: unavailable, and soon") {
    if (!etcd_available()) return;
    network net;
    net.proxy.refuse();
    const auto begin = steady::now();
    CHECK(code_of([&] { return net.far.put("key", "value"); }) == "unavailable");
    CHECK(code_of([&] { return net.far(net.far.store().grant(5s)); }) == "unavailable");
    CHECK(code_of([&] { return net.far.value("key"); }) == "unavailable");
    CHECK(steady::now() - begin < 15s);
    net.proxy.heal();
    check_well(net);
    CHECK(net.near.value("key") == "(none)");
}

TEST_CASE("a read never has an unknown outcome") {
    if (!etcd_available()) return;
    network net;
    net.proxy.cut(GENERATE(direction::to_client, direction::to_server));
    CHECK(code_of([&] { return net.far.value("warm"); }) == "unavailable");
    CHECK(code_of([&] {
              return net.far(net.far.store().list(storage::key_range::prefix(""), 10));
          }) == "unavailable");
    net.proxy.reset();
    net.proxy.heal();
    check_well(net);
}

TEST_CASE("a slow network is only slow") {
    if (!etcd_available()) return;
    network net;
    net.proxy.delay(150ms);
    const auto begun = net.far.put("key", "value");
    CHECK(net.far.value("key") == "value");
    const auto watch = net.far.watch("key", begun);
    CHECK(net.far.next(*watch) == std::vector<std::string>{"key=value"});
}

TEST_CASE("a watch loses and repeats nothing, however often its connection is reset") {
    if (!etcd_available()) return;
    network net;
    constexpr int writes = 300;
    const auto begun = net.near.put("key/begin", "0");
    const auto watch = net.far.watch("key/", begun);
    std::vector<std::string> expected{"key/begin=0"};
    std::vector<std::string> seen;
    for (int index = 0; index < writes; ++index) {
        const auto key = fmt::format("key/{:03}", index % 7);
        (void)net.near.put(key, std::to_string(index));
        expected.push_back(fmt::format("{}={}", key, index));
        if (index % 25 == 0) net.proxy.reset();
        if (index % 60 != 59) continue;
        const auto some = net.far.next(*watch);
        seen.insert(seen.end(), some.begin(), some.end());
    }
    while (seen.size() < expected.size()) {
        const auto some = net.far.next(*watch);
        seen.insert(seen.end(), some.begin(), some.end());
    }
    CHECK(seen == expected);
}

TEST_CASE("a watch notices that its connection is silent, and goes on over another") {
    if (!etcd_available()) return;
    etcd_cluster cluster;
    tcp_proxy proxy(cluster.endpoint(0));
    client near(cluster);
    auto options = impatient({proxy.endpoint()});
    options.keepalive_interval = 5s;
    options.keepalive_patience = 1s;
    options.request_patience = 30s;
    client far(options);
    const auto begun = near.put("key", "1");
    const auto watch = far.watch("key", begun);
    CHECK(far.next(*watch) == std::vector<std::string>{"key=1"});
    proxy.cut(GENERATE(direction::to_client, direction::to_server));
    (void)near.put("key", "2");
    auto next = far.begin(watch->next());
    // Another connection is the sign that the silent one was given up.
    const auto connections = proxy.accepted();
    const auto deadline = steady::now() + 30s;
    while (proxy.accepted() == connections && steady::now() < deadline) {
        if (next.wait_for(10ms) == std::future_status::ready) break;
    }
    proxy.reset();
    proxy.heal();
    auto batch = next.get();
    while (batch.changes.empty()) batch = far(watch->next());
    REQUIRE(batch.changes.size() == 1);
    CHECK(batch.changes.front().now.value == "2");
}

TEST_CASE("members that cannot be reached are passed over") {
    if (!etcd_available()) return;
    etcd_cluster cluster;
    tcp_proxy refusing(cluster.endpoint(0));
    refusing.refuse();
    tcp_proxy silent(cluster.endpoint(0));
    silent.cut();
    auto options = impatient({refusing.endpoint(), silent.endpoint(), cluster.endpoint(0)});
    options.request_patience = 10s;
    client who(options);
    (void)who.put("key", "value");
    CHECK(who.value("key") == "value");
}

TEST_CASE("members of different clusters are not mixed") {
    if (!etcd_available()) return;
    etcd_cluster first;
    etcd_cluster second;
    client one(first);
    client two(second);
    CHECK(one(one.store().cluster_id()) != two(two.store().cluster_id()));
    client mixed(std::vector<std::string>{first.endpoint(0), second.endpoint(0)});
    (void)mixed.put("key", "value");
    CHECK(one.value("key") != two.value("key"));
    const bool in_first = one.value("key") == "value";
    etcd_cluster& used = in_first ? first : second;
    used.kill(0);
    CHECK(code_of([&] { return mixed.put("key", "elsewhere"); }) == "foreign");
    client& other = in_first ? two : one;
    CHECK(other.value("key") == "(none)");
}

TEST_CASE("a killed member is unavailable, and back as soon as it is; a watch goes on") {
    if (!etcd_available()) return;
    etcd_cluster cluster;
    auto options = impatient(cluster.endpoints());
    client who(options);
    const auto begun = who.put("key", "1");
    const auto watch = who.watch("key", begun);
    CHECK(who.next(*watch) == std::vector<std::string>{"key=1"});
    cluster.kill(0);
    // The first request may still be written to the dead connection.
    CHECK(code_of([&] { return who.value("key"); }) == "unavailable");
    CHECK(code_of([&] { return who.put("key", "lost"); }) == "unavailable");
    cluster.restart(0);
    (void)who.put("key", "2");
    // Already retried for its patience, it may have said so meanwhile.
    const auto told = code_of([&] {
        const auto seen = who.next(*watch);
        CHECK(seen == std::vector<std::string>{"key=2"});
        return seen;
    });
    if (told != "success") {
        CHECK(told == "unavailable");
        const auto again = who.watch("key", storage::revision(begun.value + 1));
        CHECK(who.next(*again) == std::vector<std::string>{"key=2"});
    }
}

TEST_CASE("a stopped member: commits have unknown outcomes, within their patience, and land once") {
    if (!etcd_available()) return;
    etcd_cluster cluster;
    client who(cluster);
    const auto begun = who.put("key", "1");
    cluster.pause(0);
    const auto begin = steady::now();
    storage::transaction change;
    change.if_modified_at("key", begun).put("key", "2");
    CHECK(code_of([&] { return who(who.store().commit(std::move(change))); }) == "outcome_unknown");
    CHECK(code_of([&] { return who.value("key"); }) == "unavailable");
    CHECK(steady::now() - begin < 10s);
    SECTION("it goes on") {
        cluster.resume(0);
        cluster.wait_ready();
        const auto found = who.value("key");
        CHECK((found == "1" || found == "2"));
    }
    SECTION("it is killed") {
        cluster.restart(0);
        CHECK(who.value("key") == "1");
    }
    const auto now = who(who.store().get("key"));
    REQUIRE(now);
    CHECK(now->version <= 2);
}
