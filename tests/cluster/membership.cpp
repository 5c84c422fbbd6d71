#include "reeve/cluster/membership.hpp"
#include "cluster/cluster_fixture.hpp"
#include "reeve/catalog/follow.hpp"
#include "reeve/cluster/session.hpp"

#include <fmt/format.h>

using namespace cluster_test;
using cluster::member_event;
using cluster::membership;
using events = std::vector<std::string>;

namespace {

model::node_name n(const std::string& name) { return model::node_name(name); }
model::incarnation p(std::uint64_t process) { return model::incarnation(process); }

/// A view that is fed by hand.
struct view {
    explicit view(cluster::membership_options options = {})
        : members(it.outside->strand, it.keys, options,
                  [this](member_event event, const model::node_name& node) {
                      seen.push_back(fmt::format("{} {}", node, name(event)));
                  }) {}

    void put(const std::string& node, std::uint64_t process) {
        model::node_info info;
        info.address = "a";
        info.ttl = 10s;
        write(it.keys.node(n(node)), catalog::encode(info), process);
    }
    void drain(const std::string& node) {
        write(it.keys.drain(n(node)), catalog::encode(model::drain_info()), 1);
    }
    void end_drain(const std::string& node) {
        model::drain_info info;
        info.state = model::drain_state::ended;
        write(it.keys.drain(n(node)), catalog::encode(info), 2);
    }
    void write(const std::string& key, const std::string& value, std::uint64_t at) {
        storage::record now;
        now.key = key;
        now.value = value;
        now.modified = storage::revision(at);
        members.put(now);
    }
    void leave(const std::string& node) {
        members.removed(it.keys.node(n(node)), storage::revision(99));
    }
    void reached(std::uint64_t at) { members.reached(storage::revision(at)); }
    /// What was told since the last call.
    events told() { return std::exchange(seen, {}); }

    world it;
    events seen;
    membership members;
};

/// A complete view of n1 and n2, processes 11 and 12, at revision 20.
struct complete_view : view {
    explicit complete_view(cluster::membership_options options = {}) : view(options) {
        members.reset();
        put("n1", 11);
        put("n2", 12);
        reached(20);
        told();
    }
};

}  // namespace

TEST_CASE("membership: nothing is told before the first view is complete, then each member") {
    view it;
    it.members.reset();
    it.put("n1", 11);
    it.drain("n1");
    REQUIRE(it.told().empty());
    REQUIRE(it.members.alive().empty());
    REQUIRE_FALSE(it.members.complete());
    it.reached(20);
    REQUIRE(it.told() == events{"n1 joined", "n1 draining"});
    REQUIRE(it.members.complete());
    REQUIRE(it.members.process_of(n("n1")) == p(11));
    REQUIRE(it.members.draining(n("n1")));
}

TEST_CASE("membership: joined, restarted, left, draining and its end are told once each") {
    complete_view it;
    it.put("n3", 21);
    it.put("n1", 22);
    it.put("n1", 22);
    it.leave("n2");
    it.leave("n2");
    it.drain("n3");
    it.drain("n3");
    it.end_drain("n3");
    it.end_drain("n3");
    REQUIRE(it.told() ==
            events{"n3 joined", "n1 restarted", "n2 left", "n3 draining", "n3 drain_ended"});
    REQUIRE(it.members.drains().empty());
    it.drain("n3");
    it.members.removed(it.it.keys.drain(n("n3")), storage::revision(31));  // by hand
    REQUIRE(it.told() == events{"n3 draining", "n3 drain_ended"});
    REQUIRE(it.members.process_of(n("n1")) == p(22));
    REQUIRE(it.members.process_of(n("n2")) == p(0));
}

TEST_CASE("membership: a gap is repaired by telling what has changed, and nothing else") {
    complete_view it;
    it.put("n3", 21);
    it.told();
    it.members.reset();
    REQUIRE(it.members.alive().size() == 3);  // the last facts, until there are new ones
    it.put("n1", 11);
    it.put("n2", 32);
    it.members.reset();  // the pass itself was cut short
    it.put("n1", 11);
    it.put("n2", 33);
    it.put("n4", 34);
    REQUIRE(it.told().empty());
    REQUIRE(it.members.process_of(n("n2")) == p(12));
    it.reached(40);
    REQUIRE(it.told() == events{"n3 left", "n2 restarted", "n4 joined"});
    it.members.reset();
    it.put("n1", 11);
    it.put("n2", 33);
    it.put("n4", 34);
    it.reached(50);
    REQUIRE(it.told().empty());
}

TEST_CASE("membership: a process may run until its own ttl has passed since its session ended") {
    complete_view it;
    REQUIRE_FALSE(it.members.judge(n("n1"), p(11)).session_ended);
    it.it.loop.advance(5s);
    it.leave("n1");
    const auto ended = it.it.loop.now();
    const auto judged = it.members.judge(n("n1"), p(11));
    REQUIRE(judged.session_ended);
    REQUIRE_FALSE(judged.dead);
    REQUIRE_FALSE(judged.ttl_passed);
    REQUIRE(judged.passes_at == ended + 10s);
    it.it.loop.advance(9999ms);
    REQUIRE_FALSE(it.members.judge(n("n1"), p(11)).ttl_passed);
    it.it.loop.advance(1ms);
    REQUIRE(it.members.judge(n("n1"), p(11)).ttl_passed);
}

TEST_CASE("membership: a restart ends the old session but does not prove the process dead") {
    complete_view it;
    it.put("n1", 22);
    const auto old = it.members.judge(n("n1"), p(11));
    REQUIRE(old.session_ended);
    REQUIRE_FALSE(old.dead);
    REQUIRE_FALSE(old.ttl_passed);
    REQUIRE_FALSE(it.members.judge(n("n1"), p(22)).session_ended);
}

TEST_CASE("membership: a process confirmed dead is dead, and no other of its name") {
    complete_view it;
    it.put("n1", 22);
    it.members.confirm_dead(n("n1"), p(11));
    REQUIRE(it.members.judge(n("n1"), p(11)).dead);
    it.leave("n1");
    REQUIRE_FALSE(it.members.judge(n("n1"), p(22)).dead);
    it.members.reset();
    it.reached(60);
    REQUIRE(it.members.judge(n("n1"), p(11)).dead);
}

TEST_CASE("membership: a process never seen may run until the unknown ttl since the first view") {
    view it;
    REQUIRE_FALSE(it.members.judge(n("n9"), p(5)).session_ended);  // nothing is known yet
    it.members.reset();
    it.reached(20);
    const auto first = it.it.loop.now();
    const auto judged = it.members.judge(n("n9"), p(5));
    REQUIRE(judged.session_ended);
    REQUIRE_FALSE(judged.dead);
    REQUIRE(judged.passes_at == first + 30s);
    it.it.loop.advance(30s);
    REQUIRE(it.members.judge(n("n9"), p(5)).ttl_passed);
    REQUIRE(it.members.judge(model::node_name("no/name"), p(5)).ttl_passed);
}

TEST_CASE("membership: one that came and went during a later pass is counted from that pass") {
    cluster::membership_options options;
    options.earlier_processes_dead = true;
    view it(options);
    it.members.reset();
    it.reached(20);
    it.it.loop.advance(100s);
    it.members.reset();
    it.reached(40);
    REQUIRE(it.members.judge(n("n9"), p(5)).dead);
    const auto later = it.members.judge(n("n9"), p(30));
    REQUIRE(later.session_ended);
    REQUIRE_FALSE(later.dead);
    REQUIRE_FALSE(later.ttl_passed);
    REQUIRE(later.passes_at == it.it.loop.now() + 30s);
}

TEST_CASE("membership: a record that cannot be read is shown, and nothing is concluded from it") {
    complete_view it;
    const auto key = it.it.keys.node(n("n1"));
    it.write(key, "{", 25);
    REQUIRE(it.told().empty());
    REQUIRE(it.members.unreadable().contains(key));
    REQUIRE(it.members.alive().contains(n("n1")));
    it.members.reset();
    it.write(key, "{", 25);
    it.write(it.it.keys.node(n("n3")), "[]", 26);
    it.put("n2", 12);
    it.reached(40);
    REQUIRE(it.told().empty());
    REQUIRE(it.members.alive().contains(n("n1")));
    REQUIRE_FALSE(it.members.alive().contains(n("n3")));
    REQUIRE_FALSE(it.members.judge(n("n3"), p(7)).session_ended);
    it.put("n1", 41);
    REQUIRE(it.told() == events{"n1 restarted"});
    REQUIRE_FALSE(it.members.unreadable().contains(key));
    it.members.removed(it.it.keys.node(n("n3")), storage::revision(42));
    REQUIRE(it.members.unreadable().empty());
    REQUIRE(it.members.judge(n("n3"), p(7)).session_ended);
}

TEST_CASE("membership: followed through a store, a lost watch repeats no event") {
    view it;
    auto observer = it.it.start();
    catalog::follower follower(observer->strand, observer->direct, it.it.keys.membership(),
                               it.members);
    observer->background.spawn(follower.run());
    std::vector<std::unique_ptr<process>> processes;
    std::vector<std::unique_ptr<cluster::session>> sessions;
    const auto open = [&](const std::string& name) {
        auto& one = processes.emplace_back(it.it.start());
        model::node_info self;
        self.name = n(name);
        self.address = "a";
        auto& session = sessions.emplace_back(std::make_unique<cluster::session>(
            one->strand, one->store, it.it.keys, self, cluster::lease_options()));
        const auto process = it.it.loop.wait(one->strand, session->open());
        one->background.spawn(session->hold());
        it.it.loop.run_for(1s);
        return process;
    };
    open("n1");
    open("n2");
    REQUIRE(it.told() == events{"n1 joined", "n2 joined"});
    const auto before = it.it.database->snapshot();
    const auto third = open("n3");
    REQUIRE(it.told() == events{"n3 joined"});
    it.it.database->restore(before);  // ends the watches, and n3's session is gone
    it.it.loop.run_for(1s);
    REQUIRE(it.told() == events{"n3 left"});
    REQUIRE(follower.status().passes == 2);
    REQUIRE(it.members.judge(n("n3"), third).session_ended);
    const auto again = open("n1");
    REQUIRE(it.told() == events{"n1 restarted"});
    REQUIRE(it.members.process_of(n("n1")) == again);
    it.it.loop.wait(processes.back()->strand, sessions.back()->close());
    it.it.loop.run_for(1s);
    REQUIRE(it.told() == events{"n1 left"});
}
