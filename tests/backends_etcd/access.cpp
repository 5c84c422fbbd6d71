#include "backends_etcd/etcd_client.hpp"
#include "catch.hpp"
#include "servers/certificates.hpp"

#include <chrono>

using namespace etcd_test;
using namespace std::chrono_literals;
using storage::key_range;

namespace {

// Switches authentication on: root, and a user "part" with rights to what begins with "part/".
void require_passwords(etcd_cluster& cluster) {
    cluster.call("/v3/auth/user/add", R"({"name":"root","password":"root's"})");
    cluster.call("/v3/auth/user/add", R"({"name":"part","password":"part's"})");
    cluster.call("/v3/auth/role/add", R"({"name":"root"})");
    cluster.call("/v3/auth/role/add", R"({"name":"part"})");
    // "part/" and "part0" in base64.
    cluster.call(
        "/v3/auth/role/grant",
        R"({"name":"part","perm":{"permType":2,"key":"cGFydC8=","range_end":"cGFydDA="}})");
    cluster.call("/v3/auth/user/grant", R"({"user":"root","role":"root"})");
    cluster.call("/v3/auth/user/grant", R"({"user":"part","role":"part"})");
    cluster.call("/v3/auth/enable", "{}");
}

etcd_options as(const etcd_cluster& cluster, const std::string& user, const std::string& password) {
    auto options = patient(cluster.endpoints());
    options.user = user;
    options.password = password;
    return options;
}

etcd_options with_tls(const etcd_cluster& cluster, const std::string& authority) {
    auto options = patient(cluster.endpoints());
    options.tls.emplace();
    options.tls->authorities = reeve::tests::text_of_file(authority);
    return options;
}

// Returns when the server says that a token has ended. The store does nothing meanwhile.
void wait_token_ended(const etcd_cluster& cluster, client& idle) {
    const auto deadline = std::chrono::steady_clock::now() + 120s;
    const auto look_again = [](client& it) -> reeve::awaitable<int> {
        co_await it.strand().sleep_for(50ms);
        co_return 0;
    };
    while (reeve::tests::text_of_file(cluster.log(0)).find("deleted a simple token") ==
           std::string::npos) {
        REQUIRE(std::chrono::steady_clock::now() < deadline);
        idle.run(look_again(idle));
    }
}

}  // namespace

TEST_CASE("a user goes on working when the cluster has forgotten all tokens") {
    if (!reeve::tests::etcd_available()) return;
    etcd_cluster cluster;
    require_passwords(cluster);
    client root(as(cluster, "root", "root's"));
    const auto lease = root.run(root.store().grant(10min));
    const auto begun = root.put("a", "1", lease.id);
    auto watch = root.watch(key_range::prefix(""), after(begun));
    cluster.restart(0);
    // Should the first request still be written to the dead connection, nobody reads it.
    storage::transaction change;
    change.put("a", "2", lease.id);
    storage::commit_result done;
    const auto attempt = [&](storage::transaction again) -> std::optional<errc> {
        try {
            done = root.run(root.store().commit(std::move(again)));
        } catch (const reeve::error& failure) {
            return failure.code_value();
        }
        return std::nullopt;
    };
    auto code = attempt(change);
    if (code == errc::outcome_unknown) code = attempt(change);
    REQUIRE(code == std::nullopt);
    const auto last = done.at;
    CHECK(root.get("a") == "2");
    CHECK(root.run(root.store().keep_alive(lease.id)) == lease.ttl);
    CHECK(root.changes(*watch, last).size() == 1);
    CHECK(root.run(root.store().list(key_range::prefix(""), 10)).records.size() == 1);
}

TEST_CASE("a user whose token ended while nothing was asked gets a new one") {
    if (!reeve::tests::etcd_available()) return;
    reeve::tests::etcd_options how;
    how.arguments.emplace_back("--auth-token-ttl=3");
    etcd_cluster cluster(how);
    require_passwords(cluster);
    client root(as(cluster, "root", "root's"));
    const auto begun = root.put("a", "1");
    auto watch = root.watch(key_range::prefix("a"), after(begun));
    wait_token_ended(cluster, root);
    const auto last = root.put("b", "2");
    CHECK(root.changes(*watch, last).empty());  // up_to followed by a probe, which needs a token
}

TEST_CASE("a user keeps to the range that it has rights to") {
    if (!reeve::tests::etcd_available()) return;
    etcd_cluster cluster;
    require_passwords(cluster);
    auto inside = as(cluster, "part", "part's");
    inside.key_prefix = "part/";
    client part(inside);
    const auto begun = part.put("a", "1");
    auto watch = part.watch(key_range::prefix(""), after(begun));
    const auto last = part.put("a", "2");
    CHECK(part.changes(*watch, last).size() == 1);
    CHECK(part.run(part.store().list(key_range::prefix(""), 10)).records.size() == 1);
    client outside(as(cluster, "part", "part's"));
    CHECK(outside.code_of(outside.store().get("other")) == errc::permission_denied);
    storage::transaction change;
    change.put("other", "1");
    CHECK(outside.code_of(outside.store().commit(change)) == errc::permission_denied);
    CHECK(outside.code_of(outside.store().watch(key_range::prefix("o"), begun)) ==
          errc::permission_denied);
    CHECK(outside.get("part/a") == "2");
}

TEST_CASE("whoever does not prove who he is is refused") {
    if (!reeve::tests::etcd_available()) return;
    etcd_cluster cluster;
    require_passwords(cluster);
    client nobody(patient(cluster.endpoints()));
    CHECK(nobody.code_of(nobody.store().get("a")) == errc::permission_denied);
    CHECK(nobody.run(nobody.store().cluster_id()) != 0);
    client impostor(as(cluster, "root", "guessed"));
    CHECK(impostor.code_of(impostor.store().get("a")) == errc::permission_denied);
    CHECK(impostor.code_of(impostor.store().keep_alive(storage::lease_id(1))) ==
          errc::permission_denied);
}

TEST_CASE("a cluster without authentication accepts a user") {
    if (!reeve::tests::etcd_available()) return;
    etcd_cluster cluster;
    client anybody(as(cluster, "root", "whatever"));
    anybody.put("a", "1");
    CHECK(anybody.get("a") == "1");
    require_passwords(cluster);
    CHECK(anybody.code_of(anybody.store().get("a")) == errc::permission_denied);
}

TEST_CASE("TLS shows the server's certificate to the client, and the client's to the server") {
    if (!reeve::tests::etcd_available() || !reeve::tests::test_certificates::available()) return;
    const reeve::tests::test_certificates certificates;
    reeve::tests::etcd_options how;
    how.tls = &certificates;
    how.client = reeve::tests::client_certificate::required;
    etcd_cluster cluster(how);
    auto good = with_tls(cluster, certificates.authority());
    good.tls->certificate = reeve::tests::text_of_file(certificates.client());
    good.tls->key = reeve::tests::text_of_file(certificates.client_key());
    client known(good);
    const auto at = known.put("a", "1");
    auto watch = known.watch(key_range::prefix("a"), at);
    CHECK(known.changes(*watch, at).size() == 1);

    auto distrusting = good;
    distrusting.tls->authorities = reeve::tests::text_of_file(certificates.stranger());
    client afraid(distrusting);
    CHECK(afraid.code_of(afraid.store().get("a")) == errc::permission_denied);

    auto named = good;
    named.tls->server_name = "elsewhere.invalid";
    client misled(named);
    CHECK(misled.code_of(misled.store().get("a")) == errc::permission_denied);

    auto silent = with_tls(cluster, certificates.authority());
    silent.request_patience = 2s;
    client unknown(silent);
    CHECK(unknown.code_of(unknown.store().get("a")) == errc::unavailable);
}
