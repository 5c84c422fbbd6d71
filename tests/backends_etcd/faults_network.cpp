// What a network does to one member and its client: each failure says honestly whether the change
// may have happened.
#include "backends_etcd/blocking_client.hpp"
#include "servers/tcp_proxy.hpp"

#include <chrono>
#include <future>
#include <string>
#include <utility>
#include <vector>

using namespace etcd_faults;
using reeve::tests::direction;
using reeve::tests::etcd_available;
using reeve::tests::etcd_cluster;
using reeve::tests::tcp_proxy;

namespace {

using steady = std::chrono::steady_clock;

// A client behind a bad network, connected, with this patience; and one beside the server.
struct network {
    explicit network(std::chrono::milliseconds patience) : far(options(patience)) {
        (void)put_at_last(far, "warm", "up");
    }
    [[nodiscard]] reeve::backends::etcd_options options(std::chrono::milliseconds patience) const {
        auto how = impatient({proxy.endpoint()});
        how.request_patience = patience;
        how.connect_patience = patience / 3;
        return how;
    }

    etcd_cluster cluster;
    tcp_proxy proxy{cluster.endpoint(0)};
    client near{cluster};
    client far;
};

// Works again, before long.
void check_well(network& net) {
    (void)put_at_last(net.far, "well", "again");
    CHECK(value_at_last(net.far, "well") == "again");
}

// Follows a watch. One that was cut off for longer than its patience says so, and is begun again
// where it was; that is no way to get past every reset.
class follower {
public:
    follower(client& who, std::string prefix, storage::revision from)
        : who_(who), prefix_(std::move(prefix)), next_(from) {
        begin();
    }

    void read() {
        const auto code = code_of([this] {
            const auto batch = who_.next_changes(*watch_);
            const auto texts = texts_of(batch);
            seen.insert(seen.end(), texts.begin(), texts.end());
            next_ = storage::revision(batch.up_to.value + 1);
            return batch.up_to;
        });
        if (code == "success") return;
        REQUIRE(code == "unavailable");
        REQUIRE(++begun_again_ <= 2);
        begin();
    }

    std::vector<std::string> seen;

private:
    void begin() {
        REQUIRE(code_at_last([this] { return watch_ = who_.watch(prefix_, next_); }) == "success");
    }

    client& who_;
    std::string prefix_;
    storage::revision next_;
    client::watch_handle watch_;
    int begun_again_ = 0;
};

}  // namespace

TEST_CASE("the answer to a commit is lost: its outcome is unknown, and it did happen", "[faults]") {
    if (!etcd_available()) return;
    network net(10s);
    net.proxy.cut(direction::to_client);
    auto commit = net.far.begin_put("key", "value");
    const auto deadline = steady::now() + patience_of_tests;
    while (net.near.value("key") != "value") REQUIRE(steady::now() < deadline);
    SECTION("by silence") { CHECK(code_of(commit) == "outcome_unknown"); }
    SECTION("by a reset") {
        net.proxy.reset();
        CHECK(code_of(commit) == "outcome_unknown");
    }
    net.proxy.heal();
    check_well(net);
    CHECK(net.near.value("key") == "value");
}

TEST_CASE("a commit gets stuck on its way: its outcome is unknown, and it may land when it heals",
          "[faults]") {
    if (!etcd_available()) return;
    network net(10s);
    net.proxy.cut(direction::to_server);
    const auto sent = net.proxy.received(direction::to_server);
    // Large enough to be told from what else goes over a connection.
    auto commit = net.far.begin_put("key", std::string(20'000, 'x'));
    REQUIRE(net.proxy.wait_received(direction::to_server, sent + 10'000, patience_of_tests));
    CHECK(code_of(commit) == "outcome_unknown");
    CHECK(net.near.value("key") == "(none)");
    net.proxy.reset();
    net.proxy.heal();
    check_well(net);
    CHECK(net.near.value("key") == "(none)");
}

TEST_CASE("a commit is torn: the server has a part of it, and does nothing", "[faults]") {
    if (!etcd_available()) return;
    network net(10s);
    net.proxy.cut(direction::to_server, 5000);
    const auto sent = net.proxy.received(direction::to_server);
    auto commit = net.far.begin_put("key", std::string(60'000, 'x'));
    REQUIRE(net.proxy.wait_received(direction::to_server, sent + 10'000, patience_of_tests));
    net.proxy.reset();
    CHECK(code_of(commit) == "outcome_unknown");
    net.proxy.heal();
    check_well(net);
    CHECK(net.near.value("key") == "(none)");
}

TEST_CASE("a commit that no member takes was never sent: unavailable, and soon", "[faults]") {
    if (!etcd_available()) return;
    network net(3s);
    net.proxy.refuse();
    const auto begin = steady::now();
    // What is asked first may still be written to the dead connection: a read, which does no harm.
    CHECK(code_of([&] { return net.far.value("key"); }) == "unavailable");
    CHECK(code_of([&] { return net.far.put("key", "value"); }) == "unavailable");
    CHECK(code_of([&] { return net.far(net.far.store().grant(5s)); }) == "unavailable");
    CHECK(steady::now() - begin < patience_of_tests);
    net.proxy.heal();
    check_well(net);
    CHECK(net.near.value("key") == "(none)");
}

TEST_CASE("a read never has an unknown outcome", "[faults]") {
    if (!etcd_available()) return;
    network net(3s);
    net.proxy.cut(GENERATE(direction::to_client, direction::to_server));
    CHECK(code_of([&] { return net.far.value("warm"); }) == "unavailable");
    CHECK(code_of([&] {
              return net.far(net.far.store().list(storage::key_range::prefix(""), 10));
          }) == "unavailable");
    net.proxy.reset();
    net.proxy.heal();
    check_well(net);
}

TEST_CASE("a slow network is only slow", "[faults]") {
    if (!etcd_available()) return;
    network net(30s);
    net.proxy.delay(150ms);
    const auto begin = steady::now();
    const auto begun = net.far.put("key", "value");
    CHECK(steady::now() - begin >= 300ms);
    CHECK(net.far.value("key") == "value");
    const auto watch = net.far.watch("key", begun);
    CHECK(net.far.next(*watch) == std::vector<std::string>{"key=value"});
}

TEST_CASE("a watch loses and repeats nothing, however often its connection is reset", "[faults]") {
    if (!etcd_available()) return;
    network net(30s);
    constexpr int writes = 300;
    const auto begun = net.near.put("key/begin", "0");
    follower watch(net.far, "key/", begun);
    std::vector<std::string> expected{"key/begin=0"};
    for (int index = 0; index < writes; ++index) {
        const auto key = fmt::format("key/{:03}", index % 7);
        (void)net.near.put(key, std::to_string(index));
        expected.push_back(fmt::format("{}={}", key, index));
        if (index % 25 == 0) net.proxy.reset();
        if (index % 60 == 59) watch.read();
    }
    while (watch.seen.size() < expected.size()) watch.read();
    CHECK(watch.seen == expected);
}

TEST_CASE("a watch from a future revision waits for it also over a new connection", "[faults]") {
    if (!etcd_available()) return;
    network net(30s);
    const auto now = net.near.put("key", "0");
    const auto watch = net.far.watch("key", storage::revision(now.value + 3));
    net.proxy.reset();
    auto next = net.far.begin(watch->next());
    CHECK(next.wait_for(1s) == std::future_status::timeout);
    for (const char* value : {"1", "2", "3"}) (void)net.near.put("key", value);
    auto batch = next.get();
    while (batch.changes.empty()) batch = net.far(watch->next());
    REQUIRE(batch.changes.size() == 1);
    CHECK(batch.changes.front().now.value == "3");
}

TEST_CASE("a watch notices that its connection is silent, and goes on over another", "[faults]") {
    if (!etcd_available()) return;
    etcd_cluster cluster;
    tcp_proxy proxy(cluster.endpoint(0));
    client near(cluster);
    auto options = patient({proxy.endpoint()});
    options.keepalive_interval = 5s;
    options.keepalive_patience = 1s;
    options.request_patience = 120s;
    client far(options);
    const auto begun = near.put("key", "1");
    const auto watch = far.watch("key", begun);
    CHECK(far.next(*watch) == std::vector<std::string>{"key=1"});
    const auto silent = GENERATE(direction::to_client, direction::to_server);
    proxy.cut(silent);
    const auto connections = proxy.accepted();
    (void)near.put("key", "2");
    std::vector<std::string> expected{"key=2"};
    if (silent == direction::to_server) CHECK(far.next(*watch) == expected);  // comes all the same
    auto next = std::async(std::launch::async, [&] { return far.next(*watch); });
    // Another connection is the sign that the silent one was given up: nobody has ended it, and the
    // patience for an answer is longer.
    const auto deadline = steady::now() + 60s;
    while (proxy.accepted() == connections && steady::now() < deadline) {
        if (next.wait_for(10ms) == std::future_status::ready) break;
    }
    CHECK(proxy.accepted() > connections);
    CHECK(next.wait_for(0ms) == std::future_status::timeout);
    proxy.reset();
    proxy.heal();
    if (silent == direction::to_server) {
        (void)near.put("key", "3");
        expected = {"key=3"};
    }
    CHECK(next.get() == expected);
}

TEST_CASE("members that cannot be reached are passed over", "[faults]") {
    if (!etcd_available()) return;
    etcd_cluster cluster;
    tcp_proxy refusing(cluster.endpoint(0));
    refusing.refuse();
    tcp_proxy silent(cluster.endpoint(0));
    silent.cut();
    auto options = patient({refusing.endpoint(), silent.endpoint(), cluster.endpoint(0)});
    options.connect_patience = 1s;
    client who(options);
    (void)who.put("key", "value");
    CHECK(who.value("key") == "value");
}

TEST_CASE("members of different clusters are not mixed", "[faults]") {
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
    // What is asked first may still be written to the dead connection: a read.
    CHECK(code_of([&] { return mixed.value("key"); }) == "foreign");
    CHECK(code_of([&] { return mixed.put("key", "elsewhere"); }) == "foreign");
    client& other = in_first ? two : one;
    CHECK(other.value("key") == "(none)");
}

TEST_CASE("a killed member is unavailable, and back as soon as it is; a watch goes on",
          "[faults]") {
    if (!etcd_available()) return;
    etcd_cluster cluster;
    auto options = impatient(cluster.endpoints());
    options.request_patience = 3s;
    client who(options);
    client other(cluster);
    const auto begun = other.put("key", "1");
    CHECK(value_at_last(who, "key") == "1");
    follower watch(who, "key", begun);
    watch.read();
    cluster.kill(0);
    // What is asked first may still be written to the dead connection: a read.
    CHECK(code_of([&] { return who.value("key"); }) == "unavailable");
    CHECK(code_of([&] { return who.put("key", "lost"); }) == "unavailable");
    cluster.restart(0);
    CHECK(value_at_last(who, "key") == "1");
    CHECK(value_at_last(other, "key") == "1");
    (void)other.put("key", "2");
    while (watch.seen.size() < 2) watch.read();
    CHECK(watch.seen == std::vector<std::string>{"key=1", "key=2"});
    CHECK(value_at_last(who, "key") == "2");
}

TEST_CASE("a stopped member: commits have unknown outcomes, within their patience, and land once",
          "[faults]") {
    if (!etcd_available()) return;
    etcd_cluster cluster;
    auto options = impatient(cluster.endpoints());
    options.request_patience = 3s;
    client who(options);
    client other(cluster);
    const auto begun = other.put("key", "1");
    CHECK(value_at_last(who, "key") == "1");
    cluster.pause(0);
    const auto begin = steady::now();
    storage::transaction change;
    change.if_modified_at("key", begun).put("key", "2");
    CHECK(code_of([&] { return who(who.store().commit(std::move(change))); }) == "outcome_unknown");
    CHECK(code_of([&] { return who.value("key"); }) == "unavailable");
    CHECK(steady::now() - begin < patience_of_tests);
    std::string found;
    SECTION("it goes on") {
        cluster.resume(0);
        cluster.wait_ready();
        found = value_at_last(who, "key");
        CHECK((found == "1" || found == "2"));
    }
    SECTION("it is killed") {
        cluster.restart(0);
        found = value_at_last(who, "key");
        CHECK(found == "1");
    }
    const auto now = other(other.store().get("key"));
    REQUIRE(now);
    CHECK(now->version == (now->value == "2" ? 2 : 1));
    CHECK((now->value == found || now->value == "2"));
}
