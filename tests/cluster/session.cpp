#include "reeve/cluster/session.hpp"
#include "cluster/cluster_fixture.hpp"

using namespace cluster_test;
using cluster::session;

namespace {

model::node_info info(const std::string& name, const std::string& address) {
    model::node_info self;
    self.name = model::node_name(name);
    self.address = address;
    self.zone = "z";
    return self;
}

/// A process of node n1.
struct node {
    explicit node(world& in)
        : it(in.start()),
          own(it->strand, it->store, in.keys, info("n1", "n1:1"), cluster::lease_options()) {}

    std::unique_ptr<process> it;
    session own;
};

std::string key_of(const world& in) { return in.keys.node(model::node_name("n1")); }

}  // namespace

TEST_CASE("session: the incarnation is the revision at which the session key was written") {
    world it;
    node one(it);
    REQUIRE_FALSE(one.own.held());
    const auto process = it.loop.wait(one.it->strand, one.own.open());
    const auto record = it.get(key_of(it));
    REQUIRE(record);
    REQUIRE(process.value == record->modified.value);
    REQUIRE(record->lease);
    model::node_info stored;
    catalog::decoder().decode(record->key, record->value, stored);
    REQUIRE(stored.address == "n1:1");
    REQUIRE(stored.zone == "z");
    REQUIRE(stored.ttl == 10s);
    REQUIRE(one.own.held());
    REQUIRE(one.own.process() == process);
}

TEST_CASE("session: a restarted node replaces its older self at once, which then ends") {
    world it;
    node old(it);
    const auto before = it.loop.wait(old.it->strand, old.own.open());
    const ended lost(*old.it, old.own.hold());
    it.loop.run_for(5s);
    node young(it);
    const auto start = it.loop.now();
    const auto after = it.loop.wait(young.it->strand, young.own.open());
    REQUIRE(it.since(start) < 10ms);
    REQUIRE(after > before);
    const ended young_lost(*young.it, young.own.hold());
    it.loop.run_for(4s);
    REQUIRE(lost);
    REQUIRE_FALSE(old.own.held());
    it.loop.run_for(60s);  // the old lease ends, and takes no key along
    REQUIRE(it.get(key_of(it))->modified.value == after.value);
    REQUIRE_FALSE(young_lost);
    REQUIRE(young.own.held());
}

TEST_CASE("session: cut off from the store it fences itself before the store ends it") {
    world it;
    node one(it);
    it.loop.wait(one.it->strand, one.own.open());
    const ended lost(*one.it, one.own.hold());
    it.loop.run_for(30s);
    REQUIRE_FALSE(lost);
    one.it->store.away = true;
    const auto cut = it.loop.now();
    while (!lost) {
        REQUIRE(it.since(cut) < 9s);
        it.loop.run_for(1ms);
    }
    REQUIRE_FALSE(one.own.held());
    REQUIRE(it.get(key_of(it)));  // the store has not ended it yet
    it.loop.run_for(10s);
    REQUIRE_FALSE(it.get(key_of(it)));
}

TEST_CASE("session: a process that was paused past its lease is fenced when it wakes") {
    world it;
    node one(it);
    it.loop.wait(one.it->strand, one.own.open());
    const ended lost(*one.it, one.own.hold());
    it.loop.run_for(1s);
    it.loop.advance(60s);  // nothing of it runs
    REQUIRE_FALSE(one.own.held());
    it.loop.run_for(1s);
    REQUIRE(lost);
}

TEST_CASE("session: it is lost when its key is removed, although its lease lives") {
    world it;
    node one(it);
    it.loop.wait(one.it->strand, one.own.open());
    const ended lost(*one.it, one.own.hold());
    it.loop.run_for(1s);
    REQUIRE(it.commit(storage::transaction().remove(key_of(it))));
    it.loop.run_for(4s);
    REQUIRE(lost);
    REQUIRE_FALSE(one.own.held());
}

TEST_CASE("session: it is lost when the store has ended its lease") {
    world it;
    node one(it);
    it.loop.wait(one.it->strand, one.own.open());
    const ended lost(*one.it, one.own.hold());
    it.loop.run_for(1s);
    for (const auto lease : it.database->leases()) it.database->expire(lease);
    it.loop.run_for(4s);
    REQUIRE(lost);
    REQUIRE_FALSE(one.own.held());
}

TEST_CASE("session: a registration of unknown outcome counts if the key hangs on its lease") {
    world it;
    node one(it);
    one.it->store.commits = {fault::lost_reply};
    const auto process = it.loop.wait(one.it->strand, one.own.open());
    REQUIRE(process.value == it.get(key_of(it))->modified.value);
    REQUIRE(it.get(key_of(it))->version == 1);
    REQUIRE(one.own.held());
}

TEST_CASE("session: a registration that lands after it was given up changes nothing") {
    world it;
    node one(it);
    one.it->store.commits = {fault::ghost, fault::not_applied};
    it.loop.wait(one.it->strand, one.own.open());
    const auto record = it.get(key_of(it));
    REQUIRE(one.it->store.ghosts.size() == 1);
    bool landed = false;
    const auto failed = code_of([&] {
        if (it.commit(one.it->store.ghosts.front())) landed = true;
    });
    REQUIRE_FALSE(landed);
    REQUIRE((failed == errc{} || failed == errc::lease_not_found));
    REQUIRE(it.get(key_of(it)) == record);
    it.loop.wait(one.it->strand, one.own.close());  // no key: only the lease can refuse it
    REQUIRE(code_of([&] { it.commit(one.it->store.ghosts.front()); }) == errc::lease_not_found);
}

TEST_CASE("session: closed it is gone at once") {
    world it;
    node one(it);
    it.loop.wait(one.it->strand, one.own.open());
    it.loop.wait(one.it->strand, one.own.close());
    REQUIRE_FALSE(it.get(key_of(it)));
    REQUIRE_FALSE(one.own.held());
}

TEST_CASE("session: opened again, it holds nothing until the new incarnation is written") {
    world it;
    node one(it);
    const auto first = it.loop.wait(one.it->strand, one.own.open());
    bool held = true;
    one.it->store.commits = {fault::none};
    one.it->store.meanwhile = [&] { held = one.own.held(); };
    const auto second = it.loop.wait(one.it->strand, one.own.open());
    REQUIRE_FALSE(held);
    REQUIRE(second > first);
    REQUIRE(one.own.held());
}

TEST_CASE("session: a bad name or address is refused") {
    world it;
    const auto make = [&](const model::node_info& self) {
        return code_of([&] {
            session(it.outside->strand, it.outside->store, it.keys, self, cluster::lease_options());
        });
    };
    REQUIRE(make(info("n1", "")) == errc::invalid_argument);
    REQUIRE(make(info("n1", std::string(1001, 'a'))) == errc::invalid_argument);
    REQUIRE(make(info("n1", std::string(1000, 'a'))) == errc{});
    REQUIRE(make(info("n/1", "a")) == errc::invalid_argument);
    REQUIRE(make(info("", "a")) == errc::invalid_argument);
}
