#include "reeve/cluster/proven_dead.hpp"

#include "cluster/cluster_fixture.hpp"
#include "reeve/cluster/leadership.hpp"
#include "reeve/cluster/session.hpp"

#include <fmt/format.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

using namespace cluster_test;

namespace {

model::node_name named(const std::string& text) { return model::node_name(text); }

model::node_info node_called(const std::string& text) {
    model::node_info info;
    info.name = named(text);
    info.address = text;
    return info;
}

cluster::leadership_options coordinator_called(const std::string& text) {
    cluster::leadership_options options;
    options.coordinator = options.address = text;
    return options;
}

/// A process that campaigns and holds the office while it lives.
struct candidate {
    candidate(world& it, const std::string& name)
        : on(it.start()),
          office(on->strand, on->store, it.keys, coordinator_called(name)) {}
    std::unique_ptr<process> on;
    cluster::leadership office;
};

}  // namespace

TEST_CASE("proven dead: a dead leader's office is ended, and the next is elected at once") {
    world it;
    auto first = std::make_unique<candidate>(it, "one");
    const auto guard = it.loop.wait(first->on->strand, first->office.campaign());
    candidate second(it, "two");
    bool elected = false;
    struct wait_for {
        static awaitable<void> election(cluster::leadership* office, bool* done) {
            (void)co_await office->campaign();
            *done = true;
        }
    };
    second.on->background.spawn(wait_for::election(&second.office, &elected));
    it.loop.run_for(1s);
    REQUIRE_FALSE(elected);
    first->on.reset();  // as a crash: its lease lives on
    auto& store = it.outside->direct;
    auto& strand = it.outside->strand;
    // Only the one that is named.
    REQUIRE_FALSE(it.loop.wait(strand, cluster::end_leadership(store, it.keys, "two")));
    REQUIRE(it.get(it.keys.leader()));
    const auto begun = it.loop.now();
    REQUIRE(it.loop.wait(strand, cluster::end_leadership(store, it.keys, "one")) == guard.term());
    it.loop.run_for(10ms);
    REQUIRE(elected);
    REQUIRE(it.since(begun) < 100ms);
    // Repeated, it does not touch the successor.
    REQUIRE_FALSE(it.loop.wait(strand, cluster::end_leadership(store, it.keys, "one")));
    REQUIRE(second.office.held());
    REQUIRE(it.get(it.keys.leader()));
}

TEST_CASE("proven dead: a leader wrongly called dead loses its term, and can write nothing") {
    world it;
    candidate one(it, "one");
    const auto guard = it.loop.wait(one.on->strand, one.office.campaign());
    auto& store = it.outside->direct;
    REQUIRE(it.loop.wait(it.outside->strand, cluster::end_leadership(store, it.keys, "one")) ==
            guard.term());
    auto change = guard.begin();
    change.put("k", "v");
    const auto result = it.commit(std::move(change));
    REQUIRE_FALSE(result);
    REQUIRE(code_of([&] { guard.check(result); }) == errc::fenced);
}

TEST_CASE("proven dead: a dead node's session is ended, and says whose it was") {
    world it;
    auto& store = it.outside->direct;
    auto& strand = it.outside->strand;
    REQUIRE_FALSE(it.loop.wait(strand, cluster::end_session(store, it.keys, named("n1"))));
    std::vector<std::unique_ptr<process>> processes;
    std::vector<model::incarnation> opened;
    for (const char* name : {"n1", "n2"}) {
        processes.push_back(it.start());
        auto& on = *processes.back();
        cluster::session session(on.strand, on.store, it.keys, node_called(name), {});
        opened.push_back(it.loop.wait(on.strand, session.open()));
    }
    REQUIRE(it.loop.wait(strand, cluster::end_session(store, it.keys, named("n1"))) == opened[0]);
    REQUIRE_FALSE(it.get(it.keys.node(named("n1"))));
    REQUIRE(it.get(it.keys.node(named("n2"))));
    REQUIRE_FALSE(it.loop.wait(strand, cluster::end_session(store, it.keys, named("n1"))));
    REQUIRE(it.database->leases().size() == 1);
    REQUIRE(code_of([&] {
                (void)it.loop.wait(strand, cluster::end_session(store, it.keys, named("a/b")));
            }) == errc::invalid_argument);
}

TEST_CASE("proven dead: a leader key that cannot be read, or that no lease holds, is left alone") {
    world it;
    const auto lease = it.loop.wait(it.outside->strand, it.outside->direct.grant(10s)).id;
    REQUIRE(it.commit(storage::transaction().put(it.keys.leader(), "garbage", lease)));
    const auto end = [&] {
        return it.loop.wait(it.outside->strand,
                            cluster::end_leadership(it.outside->direct, it.keys, "one"));
    };
    REQUIRE(code_of([&] { (void)end(); }) == errc::corrupt);
    REQUIRE(it.get(it.keys.leader()));
    model::leader_info leader;
    leader.coordinator = leader.address = "one";
    leader.nonce = "x";
    REQUIRE(it.commit(storage::transaction().put(it.keys.leader(), catalog::encode(leader))));
    REQUIRE_FALSE(end());
    REQUIRE(it.get(it.keys.leader()));
}

TEST_CASE("proven dead: end_all_sessions ends every session and the leadership, and nothing else") {
    backends::memory_database_options options;
    options.limits.page_records_max = 2;
    world it(options);
    const auto lease = [&] {
        return it.loop.wait(it.outside->strand, it.outside->direct.grant(10s)).id;
    };
    for (int node = 0; node < 5; ++node) {
        const auto key = it.keys.node(named(fmt::format("n{}", node)));
        REQUIRE(it.commit(storage::transaction().put(key, "x", lease())));
    }
    REQUIRE(it.commit(storage::transaction().put(it.keys.leader(), "x", lease())));
    REQUIRE(it.commit(storage::transaction().put(it.keys.ids(), "x")));
    REQUIRE(it.commit(storage::transaction().put(it.keys.drain(named("n1")), "x")));
    REQUIRE(it.commit(storage::transaction().put(it.keys.channel(model::channel_name("c")), "x")));
    auto& store = it.outside->direct;
    REQUIRE(it.loop.wait(it.outside->strand, cluster::end_all_sessions(store, it.keys)) == 6);
    REQUIRE(it.database->leases().empty());
    REQUIRE(it.database->dump().size() == 3);
    REQUIRE(it.loop.wait(it.outside->strand, cluster::end_all_sessions(store, it.keys)) == 0);
}
