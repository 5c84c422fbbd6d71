#include "backends_etcd/etcd_client.hpp"
#include "catch.hpp"

#include <map>
#include <vector>

using namespace etcd_test;

namespace {

// Many commits at once, each of a key of its own: what did each of them say?
reeve::awaitable<void> commit_one(client& it, std::string key, std::map<std::string, errc>& said,
                                  int& running) {
    storage::transaction change;
    change.if_absent(key).put(key, std::string(100'000, 'v'));
    try {
        const auto result = co_await it.store().commit(std::move(change));
        if (result) said.emplace(key, errc{});
    } catch (const reeve::error& failure) {
        said.emplace(key, failure.code_value());
    }
    --running;
}

reeve::awaitable<int> commit_all(client& it, int from, int count,
                                 std::map<std::string, errc>& said) {
    int running = count;
    for (int index = 0; index < count; ++index) {
        auto one = commit_one(it, "key" + std::to_string(from + index), said, running);
        auto ended = [](const std::exception_ptr&) {};
        boost::asio::co_spawn(it.strand().executor(), std::move(one), ended);
    }
    while (running > 0) co_await it.strand().sleep_for(std::chrono::milliseconds(1));
    co_return count;
}

}  // namespace

TEST_CASE("at the quota no commit claims to be absent that is there") {
    if (!reeve::tests::etcd_available()) return;
    reeve::tests::etcd_options how;
    how.quota_bytes = 4U << 20U;
    etcd_cluster cluster(how);
    client it(patient(cluster.endpoints()));
    std::map<std::string, errc> said;
    int tried = 0;
    const auto full = [&] {
        for (const auto& [key, code] : said) {
            if (code != errc{}) return true;
        }
        return false;
    };
    while (!full() && tried < 400) tried += it.run(commit_all(it, tried, 16, said));
    tried += it.run(commit_all(it, tried, 4, said));
    std::size_t exhausted = 0;
    for (const auto& [key, code] : said) {
        INFO(key << ": " << reeve::name(code));
        const bool there = it.get(key) != "(none)";
        if (code == errc{}) CHECK(there);
        if (code == errc::resource_exhausted) CHECK_FALSE(there);
        CHECK(
            (code == errc{} || code == errc::resource_exhausted || code == errc::outcome_unknown));
        if (code == errc::resource_exhausted) ++exhausted;
    }
    CHECK(exhausted >= 4);
    // Reading, removing and conditions go on.
    it.remove("key0");
    CHECK(it.get("key0") == "(none)");
    CHECK(it.code_of(it.store().grant(std::chrono::minutes(10))) == errc::resource_exhausted);
}
