#include "coordinator/fixture.hpp"
#include "reeve/catalog/codec.hpp"
#include "reeve/recovery/recover.hpp"

#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

using namespace coordinator_test;

namespace {

const recovery::report& last_report(world& it) {
    return it.leading()->program<coordinator_program>().reports.back();
}

/// A world with four channels, on two nodes.
struct settled : world {
    explicit settled(world_options how = {}) : world(std::move(how)) {
        start();
        ensure(letters(4));
        REQUIRE(settle());
    }
    /// Ends the leader, and changes the store while nobody leads.
    void without_leader(const std::function<void()>& change) {
        coordinator().kill();
        sim.run_for(30s);
        change();
        coordinator().start();
        REQUIRE(run_until([this] { return leading() != nullptr; }));
    }
    std::string held_by_first() {
        for (const auto& one : letters(4)) {
            if (holder(one) == "node-0") return one;
        }
        FAIL("node-0 holds nothing");
        return {};
    }
};

}  // namespace

TEST_CASE("recovery: a clean one writes nothing but the leader key and tells nobody anything") {
    settled it;
    it.commit("a", "", "p3");
    it.drain("node-1");
    REQUIRE(it.settle());
    it.undrain("node-1");
    const auto records = it.records();
    const auto messages = it.sim.messages();
    const auto starts = it.started.size();
    it.coordinator().kill();
    it.sim.run_for(30s);
    const auto revision = it.revision();  // the dead leader's key is gone
    it.coordinator().start();
    REQUIRE(it.run_until([&] { return it.leading() != nullptr; }));
    it.sim.run_for(5min);
    CHECK(it.revision() == revision + 1);
    CHECK(it.records() == records);
    CHECK(it.sim.messages() == messages);
    CHECK(it.started.size() == starts);
    CHECK(last_report(it).repairs.empty());
    CHECK(it.leader().status().channels.transactions == 0);
}

TEST_CASE("recovery: a registered channel that nothing happened to stays as it was recorded") {
    settled it;
    const auto before = it.entry("a");
    for (int reign = 0; reign < 5; ++reign) it.change_leader();
    REQUIRE(it.settle());
    CHECK(it.entry("a") == before);
}

TEST_CASE("recovery: a pending channel is told again, under the same epoch (R4)") {
    settled it;
    const auto name = it.held_by_first();
    auto entry = it.entry(name);
    const auto registered = entry;
    it.started.clear();
    it.without_leader([&] {
        entry.state = model::channel_state::pending;
        it.write(name, entry);
    });
    REQUIRE(last_report(it).repairs.size() == 1);
    CHECK(last_report(it).repairs.front() ==
          channel::planned_action{model::channel_name(name), "tell", "its holder must be told"});
    REQUIRE(it.settle());
    CHECK(it.entry(name) == registered);
    CHECK(it.started.empty());  // it was consumed already: nothing is started twice
}

TEST_CASE("recovery: a pending channel of a process that is gone gets a new epoch, never the old") {
    settled it;
    const auto name = it.held_by_first();
    auto entry = it.entry(name);
    it.started.clear();
    it.without_leader([&] {
        it.node(0).restart();
        it.sim.run_for(30s);
        entry.state = model::channel_state::pending;
        it.write(name, entry);
    });
    REQUIRE(it.settle());
    const auto now = it.entry(name);
    CHECK(now.state == model::channel_state::registered);
    CHECK(now.epoch > entry.epoch);
    CHECK(now.process > entry.process);
    for (const auto& one : it.started) CHECK(one.epoch > entry.epoch);
}

TEST_CASE("recovery: a channel that was being released goes on being released") {
    settled it;
    const auto name = it.held_by_first();
    it.stopped.clear();
    it.without_leader([&] {
        auto entry = it.entry(name);
        entry.state = model::channel_state::releasing;
        it.write(name, entry);
    });
    CHECK(last_report(it).repairs.size() == 1);
    REQUIRE(it.settle());
    CHECK(it.stopped == names{"node-0 " + name});
    CHECK(it.holder(name) != "");
}

TEST_CASE("recovery: a drain that was begun is finished") {
    settled it;
    it.without_leader([&] {
        model::drain_info info;
        info.reason = "old machine";
        it.write("t/node_drains/node-0", catalog::encode(info));
    });
    CHECK(last_report(it).drains == 1);
    CHECK(last_report(it).repairs.size() == 2);
    REQUIRE(it.settle());
    CHECK(it.spread(letters(4)) == std::map<std::string, int>{{"node-1", 4}});
}

TEST_CASE("recovery: twice equals once, whatever was left half-way") {
    using change = std::function<void(settled&)>;
    const auto with_state = [](model::channel_state state) -> change {
        return [state](settled& it) {
            auto entry = it.entry("b");
            entry.state = state;
            it.write("b", entry);
        };
    };
    const std::vector<change> changes{
        [](settled&) {},
        with_state(model::channel_state::pending),
        with_state(model::channel_state::releasing),
        with_state(model::channel_state::unassigned),
        with_state(model::channel_state::dropped),
        [](settled& it) { it.write("new", model::channel_entry()); },
        [](settled& it) { it.node(0).restart(); },
        [](settled& it) { it.node(1).kill(); },
    };
    for (std::size_t at = 0; at < changes.size(); ++at) {
        INFO("change " << at);
        settled it;
        it.without_leader([&] { changes[at](it); });
        REQUIRE(it.settle());
        it.sim.run_for(1min);
        REQUIRE(it.settle());
        const auto once = it.records();
        const auto messages = it.sim.messages();
        it.change_leader();
        CHECK(last_report(it).repairs.empty());
        it.sim.run_for(1min);
        CHECK(it.records() == once);
        CHECK(it.sim.messages() == messages);
    }
}

TEST_CASE("recovery: what two leaders died over, one after the other, is finished by the third") {
    // Each of them is killed a little later than the one before, while it repairs.
    for (int moment = 1; moment < 30; ++moment) {
        INFO("moment " << moment);
        settled it;
        it.coordinator().kill();
        it.node(0).kill();
        it.sim.run_for(30s);
        for (int leader = 0; leader < 2; ++leader) {
            it.coordinator().start();
            REQUIRE(it.run_until([&] { return it.leading() != nullptr; }));
            it.sim.run_for(8s + std::chrono::microseconds(300 * moment));
            it.coordinator().kill();
        }
        it.coordinator().start();
        REQUIRE(it.run_until([&] { return it.leading() != nullptr; }));
        REQUIRE(it.settle());
        CHECK(it.spread(letters(4)) == std::map<std::string, int>{{"node-1", 4}});
        for (const auto& name : letters(4)) {
            CHECK(it.node(1).program<node_program>().running.at(name)->what().epoch ==
                  it.entry(name).epoch);
        }
    }
}
