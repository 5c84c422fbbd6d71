#include "reeve/cluster/lease_keeper.hpp"
#include "cluster/cluster_fixture.hpp"

using namespace cluster_test;
using cluster::lease_keeper;
using cluster::lease_options;

namespace {

lease_options with(std::chrono::milliseconds ttl, std::chrono::milliseconds margin,
                   std::chrono::milliseconds request) {
    lease_options options;
    options.ttl = ttl;
    options.margin = margin;
    options.request = request;
    return options;
}

}  // namespace

TEST_CASE("lease: impossible options are refused, the nearest possible ones accepted") {
    world it;
    const auto make = [&](lease_options options) {
        return code_of([&] { lease_keeper(it.outside->strand, it.outside->store, options); });
    };
    REQUIRE(make(with(9ms, 1ms, 1ms)) == errc::invalid_argument);
    REQUIRE(make(with(10ms, 1ms, 1ms)) == errc{});
    REQUIRE(make(with(10ms, 5ms, 1ms)) == errc::invalid_argument);
    REQUIRE(make(with(10ms, 4ms, 1ms)) == errc{});
    REQUIRE(make(with(10ms, -1ms, 1ms)) == errc::invalid_argument);
    REQUIRE(make(with(10ms, 1ms, 0ms)) == errc::invalid_argument);
}

TEST_CASE("lease: it is counted from the moment at which the request was sent") {
    world it;
    auto node = it.start();
    node->store.reply_delay = 700ms;
    lease_keeper lease(node->strand, node->store, with(10s, 2s, 1500ms));
    REQUIRE_FALSE(lease.held());
    const auto sent = it.loop.now();
    it.loop.wait(node->strand, lease.acquire());
    REQUIRE(it.since(sent) == 700ms);
    REQUIRE(lease.safe_until() == sent + 8s);
    const auto again = it.loop.now();
    REQUIRE(it.loop.wait(node->strand, lease.renew()));
    REQUIRE(lease.safe_until() == again + 8s);
}

TEST_CASE("lease: it is held up to the margin, not a moment longer") {
    world it;
    auto node = it.start();
    lease_keeper lease(node->strand, node->store, with(10s, 2s, 1s));
    it.loop.wait(node->strand, lease.acquire());
    it.loop.advance(7999ms);
    REQUIRE(lease.held());
    it.loop.advance(1ms);
    REQUIRE_FALSE(lease.held());
}

TEST_CASE("lease: kept, it lives on") {
    world it;
    auto node = it.start();
    lease_keeper lease(node->strand, node->store, with(10s, 2s, 1s));
    it.loop.wait(node->strand, lease.acquire());
    const ended kept(*node, lease.keep());
    it.loop.run_for(10min);
    REQUIRE(lease.held());
    REQUIRE_FALSE(kept);
    REQUIRE(it.database->leases() == std::vector{lease.id()});
}

TEST_CASE("lease: while the store is away, keeping ends before the store ends the lease") {
    for (const auto answer : {0ms, 3600000ms}) {  // refused at once, and never answered
        world it;
        auto node = it.start();
        lease_keeper lease(node->strand, node->store, with(10s, 2s, 1s));
        it.loop.wait(node->strand, lease.acquire());
        const ended kept(*node, lease.keep());
        it.loop.run_for(20s);
        REQUIRE_FALSE(kept);
        const auto cut = it.loop.now();
        const auto safe_until = lease.safe_until();
        node->store.away = answer == 0ms;
        node->store.reply_delay = answer;
        it.database->delay(lease.id(), 0ms);
        while (!kept) {
            REQUIRE(it.since(cut) < 11s);
            it.loop.run_for(1ms);
        }
        REQUIRE_FALSE(lease.held());
        REQUIRE(it.loop.now() >= safe_until);
        REQUIRE(it.database->leases() == std::vector{lease.id()});
    }
}

TEST_CASE("lease: one that the store has ended is noticed at the next renewal") {
    world it;
    auto node = it.start();
    lease_keeper lease(node->strand, node->store, with(10s, 2s, 1s));
    it.loop.wait(node->strand, lease.acquire());
    const ended kept(*node, lease.keep());
    it.loop.run_for(5s);
    REQUIRE(it.database->expire(lease.id()));
    it.loop.run_for(3s);
    REQUIRE(kept);
    REQUIRE_FALSE(lease.held());
    REQUIRE_FALSE(it.loop.wait(node->strand, lease.renew()));
}

TEST_CASE("lease: given up it ends at once; with the store away, by itself") {
    world it;
    auto node = it.start();
    lease_keeper lease(node->strand, node->store, with(10s, 2s, 1s));
    it.loop.wait(node->strand, lease.give_up());  // there is none
    it.loop.wait(node->strand, lease.acquire());
    it.loop.wait(node->strand, lease.give_up());
    REQUIRE_FALSE(lease.held());
    REQUIRE(it.database->leases().empty());
    it.loop.wait(node->strand, lease.acquire());
    node->store.away = true;
    it.loop.wait(node->strand, lease.give_up());
    REQUIRE_FALSE(lease.held());
    REQUIRE(it.database->leases().size() == 1);
    it.loop.run_for(11s);
    REQUIRE(it.database->leases().empty());
}
