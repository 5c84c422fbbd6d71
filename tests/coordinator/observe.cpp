#include "fixture.hpp"
#include "reeve/catalog/codec.hpp"
#include "reeve/core/error.hpp"

#include <memory>
#include <string>
#include <utility>

using namespace coordinator_test;

namespace {

/// A world with an operator's process, which observes.
struct observed : world {
    explicit observed(world_options how = {})
        : world(std::move(how)),
          observer(sim.add("observer", [](testing::process&) { return std::shared_ptr<void>(); })) {
        observer.start();
        store = observer.open_metadata();
    }
    ~observed() { store.reset(); }

    observation look() {
        coordinator_options settings;
        settings.root = keys.root();
        settings.cluster = "test";
        settings.members.ttl_unknown = options.ttl;
        settings.channels = options.channels;
        return call(observer, observe(observer.runtime(), *store, settings));
    }

    testing::process& observer;
    std::unique_ptr<storage::metadata_store> store;
};

}  // namespace

TEST_CASE("observe: it writes nothing, moves nothing, takes no lease, and says what is due") {
    observed it;
    it.start();
    const auto all = letters(4);
    it.ensure(all);
    REQUIRE(it.settle());
    it.coordinator().kill();
    it.node(0).kill();
    it.sim.run_for(30s);  // both leases have ended
    const auto records = it.records();
    const auto revision = it.revision();
    const auto leases = it.stores.database->leases();
    const auto messages = it.sim.messages();
    const auto found = it.look();
    CHECK(it.revision() == revision);
    CHECK(it.records() == records);
    CHECK(it.stores.database->leases() == leases);
    CHECK(it.sim.messages() == messages);
    REQUIRE(found.root);
    CHECK(found.root->cluster == "test");
    CHECK(found.channels.size() == 4);
    REQUIRE(found.nodes.size() == 1);
    CHECK(found.nodes.front().name.value == "node-1");
    // It cannot know how long the dead process's session has been over.
    REQUIRE(found.plan.size() == 2);
    for (const auto& one : found.plan) {
        CHECK(it.holder(one.channel.value) == "node-0");
        CHECK(one.action == "wait");
        CHECK(one.why == "its last holder may still run");
    }
}

TEST_CASE("observe: what it says is what a leader then does") {
    observed it;
    for (auto* one : {&it.node(0), &it.node(1)}) one->start();
    it.sim.run_for(1s);
    for (const auto& name : letters(5)) it.write(name, model::channel_entry());
    const auto revision = it.revision();
    const auto found = it.look();
    CHECK(it.revision() == revision);
    CHECK_FALSE(found.root);
    REQUIRE(found.plan.size() == 5);
    CHECK(found.report.repairs == found.plan);
    it.coordinator().start();
    REQUIRE(it.run_until([&] { return it.leading() != nullptr; }));
    REQUIRE(it.settle());
    for (const auto& one : found.plan) {
        CHECK(one.action == "place on " + it.holder(one.channel.value));
        CHECK_FALSE(one.why.empty());
    }
}

TEST_CASE("observe: beside a leader it disturbs nobody, and finds nothing to do") {
    observed it;
    it.start();
    it.ensure(letters(4));
    REQUIRE(it.settle());
    const auto term = it.leader().status().term;
    const auto revision = it.revision();
    const auto found = it.look();
    CHECK(found.plan.empty());
    CHECK(it.revision() == revision);
    it.sim.run_for(1min);
    CHECK(it.leader().status().term == term);
    CHECK(it.revision() == revision);
}

TEST_CASE("observe: an empty store has no root, no channels and no plan") {
    observed it;
    const auto found = it.look();
    CHECK_FALSE(found.root);
    CHECK(found.channels.empty());
    CHECK(found.nodes.empty());
    CHECK(found.plan.empty());
    CHECK(it.revision() == storage::revision().value);
}

TEST_CASE("observe: a record that cannot be read is named, and left alone") {
    observed it;
    it.start();
    it.ensure({"a"});
    REQUIRE(it.settle());
    it.write("t/channels/b", "{\"v\":1,");
    const auto revision = it.revision();
    const auto failed = failure_of([&] { it.look(); });
    CHECK(failed.first == errc::corrupt);
    CHECK(failed.second.find("t/channels/b") != std::string::npos);
    CHECK(it.revision() == revision);
}
