#include "backends_etcd/etcd_client.hpp"
#include "catch.hpp"

#include <chrono>

using namespace etcd_test;
using namespace std::chrono_literals;
using storage::key_range;

namespace {

etcd_options below(const etcd_cluster& cluster, const std::string& prefix) {
    auto options = patient(cluster.endpoints());
    options.key_prefix = prefix;
    return options;
}

}  // namespace

TEST_CASE("stores with different prefixes share a cluster and see nothing of each other") {
    if (!reeve::tests::etcd_available()) return;
    etcd_cluster cluster;
    client one(below(cluster, "one/"));
    client two(below(cluster, "two/"));
    client all(below(cluster, ""));
    const auto begun = one.put("key", "1");
    auto watch = two.watch(key_range::prefix(""), begun);
    const auto last = one.put("key", "2");
    CHECK(two.get("key") == "(none)");
    CHECK(two.run(two.store().list(key_range::prefix(""), 10)).records.empty());
    CHECK(two.changes(*watch, last).empty());
    CHECK(all.get("one/key") == "2");
    CHECK(one.run(one.store().cluster_id()) == two.run(two.store().cluster_id()));
}

TEST_CASE("the watch of an empty range follows the store, in all its kinds") {
    if (!reeve::tests::etcd_available()) return;
    etcd_cluster cluster;
    auto options = below(cluster, "");
    options.progress_interval = 20ms;
    client it(options);
    auto begun = it.put("m", "1");
    for (const auto& range :
         {key_range::prefix("a"), key_range::prefix("z"), key_range("m", "m"), key_range("z", "a"),
          key_range::one("m"), key_range("", ""), key_range("n", "")}) {
        auto watch = it.watch(range, after(begun));
        const bool hit = range.contains("m");
        const auto last = it.put("m", "2");
        CHECK(it.changes(*watch, last).size() == (hit ? 1U : 0U));
        begun = it.put("zz", "3");
        it.changes(*watch, begun);
        // Nothing that could serve as a mark is left in the history.
        cluster.compact(begun.value);
        begun = it.put("l", "4");
        it.changes(*watch, begun);
        begun = it.remove("l");
        it.changes(*watch, begun);
    }
}

TEST_CASE("a watch that catches up over thousands of commits is never ahead of what it delivers") {
    if (!reeve::tests::etcd_available()) return;
    etcd_cluster cluster;
    client it(below(cluster, ""));
    const auto first = it.put("a", "0");
    storage::revision last;
    constexpr int count = 2500;
    for (int round = 1; round < count; ++round) last = it.put("a", std::to_string(round));
    auto watch = it.watch(key_range::prefix("a"), first);
    int expected = 0;
    for (storage::revision seen; seen < last;) {
        const auto batch = it.run(watch->next());
        for (const auto& each : batch.changes) {
            REQUIRE(each.now.modified > seen);
            REQUIRE(each.now.modified <= batch.up_to);
            REQUIRE(each.now.value == std::to_string(expected++));
        }
        seen = batch.up_to;
    }
    CHECK(expected == count);
}

TEST_CASE("a page that is too large is asked for again with fewer records") {
    if (!reeve::tests::etcd_available()) return;
    etcd_cluster cluster;
    auto options = below(cluster, "");
    options.response_bytes_max = 4U << 20U;
    client it(options);
    const std::string value(1'000'000, 'v');
    for (const char* key : {"a", "b", "c", "d", "e", "f"}) it.put(key, value);
    std::size_t found = 0;
    std::string first;
    do {
        const auto page = it.run(it.store().list(key_range(first, ""), 100));
        CHECK(page.records.size() <= 3);
        found += page.records.size();
        first = page.resume_at;
    } while (!first.empty());
    CHECK(found == 6);
}

TEST_CASE("a full transaction of the longest keys keeps to the server's limits") {
    if (!reeve::tests::etcd_available()) return;
    etcd_cluster cluster;
    client it(below(cluster, std::string(256, 'p')));
    const auto limits = it.store().limits();
    storage::transaction change;
    const std::string tail(500, 'k');
    for (std::size_t index = 0; index < limits.conditions_max; ++index) {
        change.if_absent(std::to_string(1000 + index) + tail);
    }
    for (std::size_t index = 1; index < limits.operations_max; ++index) {
        change.put(std::to_string(1000 + index) + tail, "v");
    }
    change.put("z", std::string(limits.bytes_max - change.bytes() - 1, 'v'));
    REQUIRE(change.bytes() == limits.bytes_max);
    CHECK(it.run(it.store().commit(change)));
    CHECK(it.run(it.store().commit(change)).failed.size() == limits.conditions_max - 1);
}

TEST_CASE("keys of conditions beyond their share are refused before anything is sent") {
    if (!reeve::tests::etcd_available()) return;
    etcd_cluster cluster;
    client it(below(cluster, ""));
    storage::transaction change;
    change.if_absent(std::string(800'000, 'k')).put("a", "1");
    CHECK(it.code_of(it.store().commit(change)) == errc::too_large);
    CHECK(it.get("a") == "(none)");
}

TEST_CASE("a condition of an impossible revision does not hold") {
    if (!reeve::tests::etcd_available()) return;
    etcd_cluster cluster;
    client it(below(cluster, ""));
    it.put("there", "1");
    storage::transaction change;
    change.if_created_at("missing", storage::revision(0))
        .if_created_at("there", storage::revision(0))
        .if_modified_at("there", storage::revision(~std::uint64_t{0}))
        .if_created_at("missing", storage::revision(~std::uint64_t{0}));
    CHECK(it.run(it.store().commit(change)).failed == std::vector<std::size_t>{0, 1, 2, 3});
}

TEST_CASE("options out of range are refused by name") {
    reeve::backends::event_loop loop;
    reeve::core::runtime strand(loop);
    const auto code = [&](const etcd_options& options) -> std::optional<errc> {
        try {
            const auto store = reeve::backends::open_etcd_metadata_store(strand, options);
        } catch (const reeve::error& failure) {
            return failure.code_value();
        }
        return std::nullopt;
    };
    const std::vector<std::string> one{"127.0.0.1:1"};
    CHECK(code(etcd_options(one)) == std::nullopt);
    CHECK(code(etcd_options({"[::1]:2379", "etcd.example:65535"})) == std::nullopt);
    CHECK(code(etcd_options({})) == errc::invalid_argument);
    for (const char* bad : {"", "host", "host:", ":1", "host:0", "host:65536", "host:1x", "a:b:1",
                            "http://host:1", "unix:/x:1", "host:999999", "[x]:1", "a,b:1"}) {
        INFO(bad);
        CHECK(code(etcd_options({bad})) == errc::invalid_argument);
    }
    etcd_options long_prefix(one);
    long_prefix.key_prefix = std::string(257, 'p');
    CHECK(code(long_prefix) == errc::invalid_argument);
    etcd_options no_time(one);
    no_time.request_patience = 0ms;
    CHECK(code(no_time) == errc::invalid_argument);
    etcd_options narrow(one);
    narrow.response_bytes_max = (4U << 20U) - 1;
    CHECK(code(narrow) == errc::invalid_argument);
    etcd_options tiny(one);
    tiny.request_bytes_max = 1000;
    CHECK(code(tiny) == errc::invalid_argument);
    etcd_options half_a_pair(one);
    half_a_pair.tls.emplace();
    half_a_pair.tls->key = "key";
    CHECK(code(half_a_pair) == errc::invalid_argument);
}
