#include "reeve/cluster/leadership.hpp"
#include "cluster/cluster_fixture.hpp"

using namespace cluster_test;
using catalog::leader_guard;
using cluster::leadership;

namespace {

cluster::leadership_options candidate(const std::string& id) {
    cluster::leadership_options options;
    options.coordinator = id;
    options.address = id + ":1";
    return options;
}

/// A coordinator that campaigns in the background.
struct coordinator {
    coordinator(world& in, const std::string& id)
        : it(in.start()), office(it->strand, it->store, in.keys, candidate(id)) {}
    void campaign() { it->background.spawn(run(office, guard)); }
    static awaitable<void> run(leadership& office, std::optional<leader_guard>& into) {
        auto won = co_await office.campaign();
        into = won;
    }

    std::optional<leader_guard> guard;
    std::unique_ptr<process> it;
    leadership office;
};

/// The coordinator writes `key` under its term.
storage::commit_result write(world& in, coordinator& by, const std::string& key) {
    auto change = by.guard.value().begin();
    change.put(key, "x");
    return in.loop.wait(by.it->strand, by.it->direct.commit(std::move(change)));
}

}  // namespace

TEST_CASE("leadership: of two coordinators one is elected, and its term is the key's creation") {
    world it;
    coordinator a(it, "a");
    coordinator b(it, "b");
    a.campaign();
    b.campaign();
    it.loop.run_for(1s);
    REQUIRE(a.guard.has_value() != b.guard.has_value());
    coordinator& winner = a.guard ? a : b;
    REQUIRE(winner.guard->term().value == it.get(it.keys.leader())->created.value);
    REQUIRE(winner.office.held());
}

TEST_CASE("leadership: a deposed leader's writes are rejected, and the guard says so") {
    world it;
    coordinator a(it, "a");
    coordinator b(it, "b");
    a.campaign();
    it.loop.run_for(1s);
    REQUIRE(write(it, a, "t/x"));
    b.campaign();
    it.loop.run_for(15s);  // a does not hold its office: its lease ends
    REQUIRE(b.guard.has_value());
    REQUIRE(b.guard->term() > a.guard->term());
    const auto late = write(it, a, "t/x");
    REQUIRE_FALSE(late);
    REQUIRE(code_of([&] { a.guard->check(late); }) == errc::fenced);
    REQUIRE(write(it, b, "t/x"));
}

TEST_CASE("leadership: while the office is held nobody else is elected") {
    world it;
    coordinator a(it, "a");
    coordinator b(it, "b");
    a.campaign();
    it.loop.run_for(1s);
    const ended held(*a.it, a.office.hold());
    b.campaign();
    it.loop.run_for(10min);
    REQUIRE_FALSE(held);
    REQUIRE_FALSE(b.guard);
    REQUIRE(b.office.seen().coordinator == "a");
}

TEST_CASE("leadership: after a resignation the next is elected without waiting for the lease") {
    world it;
    coordinator a(it, "a");
    coordinator b(it, "b");
    a.campaign();
    it.loop.run_for(1s);
    b.campaign();
    it.loop.run_for(1s);
    REQUIRE_FALSE(b.guard);
    it.loop.wait(a.it->strand, a.office.resign());
    it.loop.run_for(100ms);
    REQUIRE(b.guard);
    REQUIRE_FALSE(write(it, a, "t/x"));
}

TEST_CASE("leadership: an election of unknown outcome is won if the key carries the own nonce") {
    world it;
    coordinator a(it, "a");
    a.it->store.commits = {fault::lost_reply};
    a.campaign();
    it.loop.run_for(100ms);
    REQUIRE(a.guard);
    REQUIRE(a.guard->term().value == it.get(it.keys.leader())->created.value);
    REQUIRE(write(it, a, "t/x"));
}

TEST_CASE("leadership: an election of unknown outcome is lost if another one's nonce is there") {
    world it;
    coordinator a(it, "a");
    coordinator b(it, "b");
    a.it->store.commits = {fault::ghost};
    a.it->store.meanwhile = [&] { b.campaign(); };
    a.it->store.reply_delay = 5ms;  // in which b is elected
    a.campaign();
    it.loop.run_for(1s);
    REQUIRE(b.guard);
    REQUIRE_FALSE(a.guard);
    REQUIRE(a.office.seen().coordinator == "b");
    REQUIRE(write(it, b, "t/x"));
    REQUIRE_FALSE(it.commit(a.it->store.ghosts.front()));
}

TEST_CASE("leadership: a try that lands after it was given up elects nobody") {
    world it;
    coordinator a(it, "a");
    a.it->store.commits = {fault::ghost};
    a.campaign();
    it.loop.run_for(1s);
    REQUIRE(a.guard);  // by its next try
    const auto leader = it.get(it.keys.leader());
    REQUIRE(a.it->store.ghosts.size() == 1);
    bool landed = false;
    const auto failed = code_of([&] {
        if (it.commit(a.it->store.ghosts.front())) landed = true;
    });
    REQUIRE_FALSE(landed);
    REQUIRE((failed == errc{} || failed == errc::lease_not_found));
    REQUIRE(it.get(it.keys.leader()) == leader);

    it.loop.wait(a.it->strand, a.office.resign());  // nobody leads: only the lease can refuse it
    REQUIRE(code_of([&] { it.commit(a.it->store.ghosts.front()); }) == errc::lease_not_found);
}

TEST_CASE("leadership: a campaign goes on through failures of the store, which it shows") {
    world it;
    coordinator a(it, "a");
    a.it->store.away = true;
    a.campaign();
    it.loop.run_for(20s);
    REQUIRE_FALSE(a.guard);
    REQUIRE_FALSE(a.office.trouble().empty());
    a.it->store.away = false;
    it.loop.run_for(10s);
    REQUIRE(a.guard);
    REQUIRE(a.office.trouble().empty());
}

TEST_CASE("leadership: an id that is no name is refused") {
    world it;
    for (const char* id : {"", "a/b", "a b"}) {
        REQUIRE(code_of([&] {
                    leadership(it.outside->strand, it.outside->store, it.keys, candidate(id));
                }) == errc::invalid_argument);
    }
}
