#include "coordinator/fixture.hpp"
#include "reeve/catalog/codec.hpp"
#include "reeve/catalog/commit_large.hpp"
#include "reeve/core/error.hpp"
#include "reeve/recovery/recover.hpp"

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace coordinator_test;

namespace {

const recovery::report& last_report(world& it) {
    return it.leading()->program<coordinator_program>().reports.back();
}

/// The parts of recovery, put together by the test, on the operator's strand of the world.
struct by_hand {
    explicit by_hand(world& around)
        : it(around),
          members(std::make_shared<cluster::membership>(
              it.sim.world_runtime(), it.keys, cluster::membership_options(),
              [](cluster::member_event, const model::node_name&) {})),
          follower(it.sim.world_runtime(), *it.sim.metadata(), it.keys.membership(), *members),
          nobody(it.sim.add("nobody", [](testing::process&) { return std::shared_ptr<void>(); })),
          registrar(registrar_on(nobody)),
          segments(segment::manager::make(it.sim.world_runtime(), *it.sim.metadata(), it.keys,
                                          registrar, catalog::leader_guard(), {})),
          procedures(procedure::engine::make(it.sim.world_runtime(), *it.sim.metadata(), it.keys,
                                             catalog::leader_guard(), {}, {})) {}

    std::shared_ptr<channel::registrar> registrar_on(testing::process& on) {
        on.start();
        channel::registrar_options options;
        options.page_size = 2;
        return channel::registrar::make(it.sim.world_runtime(), *it.sim.metadata(), it.keys,
                                        on.carrier(), members, nullptr, catalog::leader_guard(),
                                        options);
    }

    world& it;
    std::shared_ptr<cluster::membership> members;
    catalog::follower follower;
    testing::process& nobody;
    std::shared_ptr<channel::registrar> registrar;
    std::shared_ptr<segment::manager> segments;
    std::shared_ptr<procedure::engine> procedures;
};

awaitable<void> complete(by_hand* all, bool* waited) {
    *waited = true;
    all->members->reset();
    const auto page = co_await all->it.sim.metadata()->list(all->it.keys.membership(), 100);
    for (const auto& one : page.records) all->members->put(one);
    all->members->reached(page.at);
}

}  // namespace

TEST_CASE("recovery: the report counts what is there, and says what will be repaired and why") {
    world it;
    it.start();
    it.ensure(letters(3));
    REQUIRE(it.settle());
    it.commit("a", "", "p1");
    it.commit("b", "", "p1");
    it.drain("node-1");
    REQUIRE(it.settle());
    it.coordinator().kill();
    it.sim.run_for(30s);
    it.write("d", model::channel_entry());
    model::channel_progress lost;
    lost.checkpoint = model::position("p9");
    it.write(it.keys.progress(model::channel_name("orphan")), catalog::encode(lost));
    it.coordinator().start();
    REQUIRE(it.run_until([&] { return it.leading() != nullptr; }));
    const auto& report = last_report(it);
    CHECK(report.term == it.leader().status().term);
    CHECK(report.nodes == 2);
    CHECK(report.drains == 1);
    CHECK(report.channels.channels == 4);
    CHECK(report.channels.progresses == 3);
    CHECK(report.channels.orphans == 1);
    CHECK(report.channels.took.count() > 0);
    CHECK(report.membership_took.count() > 0);
    REQUIRE(report.repairs.size() == 1);
    CHECK(report.repairs.front().channel == model::channel_name("d"));
    CHECK(report.repairs.front().action == "place on node-0");
    const auto text = to_string(report);
    for (const char* part :
         {"2 alive, 1 draining", "4 entries, 3 progress records",
          "1 progress records without an entry", "d: place on node-0 (it has no node"}) {
        INFO(text);
        CHECK(text.find(part) != std::string::npos);
    }
    REQUIRE(it.settle());
    CHECK(it.records().contains(it.keys.progress(model::channel_name("orphan"))));  // left alone
}

TEST_CASE("recovery: a long list of repairs is cut in print, not in the report") {
    world it;
    for (const auto& name : letters(100)) it.write(name, model::channel_entry());
    it.start();
    CHECK(last_report(it).repairs.size() == 100);
    CHECK(to_string(last_report(it)).find("and 80 more") != std::string::npos);
}

TEST_CASE("recovery: nodes first, then channels page by page, then the comparison; it only reads") {
    world it;
    for (const auto& name : letters(5)) it.write(name, model::channel_entry());
    model::channel_progress progress;
    progress.checkpoint = model::position("p");
    it.write(it.keys.progress(model::channel_name("c")), catalog::encode(progress));
    const auto revision = it.revision();
    by_hand all(it);
    std::vector<std::pair<std::string, std::size_t>> steps;
    bool waited = false;
    recovery::progress tell = [&](std::string_view step, std::size_t records) {
        CHECK(waited);  // nothing is loaded before the nodes are known
        steps.emplace_back(step, records);
    };
    std::function<awaitable<void>()> wait = [&all, &waited] { return complete(&all, &waited); };
    const auto report =
        it.sim.run(recovery::recover(it.sim.world_runtime(), *all.members, *all.registrar,
                                     *all.segments, *all.procedures, model::term(7), wait, tell));
    CHECK(steps == std::vector<std::pair<std::string, std::size_t>>{{"nodes", 0},
                                                                    {"channels", 2},
                                                                    {"channels", 4},
                                                                    {"channels", 5},
                                                                    {"channels", 6},
                                                                    {"segments", 0},
                                                                    {"segments", 0},
                                                                    {"procedures", 0}});
    CHECK(report.term == model::term(7));
    CHECK(report.repairs.size() == 5);  // they wait for a node
    CHECK(it.revision() == revision);
}

TEST_CASE("recovery: nothing is served before it is done") {
    world_options options;
    options.nodes = 1;
    world it(options);
    it.start();
    it.ensure({"a"});
    REQUIRE(it.settle());
    it.coordinator().kill();
    it.sim.run_for(30s);
    it.sim.faults().metadata.requests.delay = {300ms, 300ms};  // so that it takes a while
    it.coordinator().start();
    auto& coming = world::of(it.coordinator());
    REQUIRE(it.run_until([&] { return coming.status().term != model::term(); }));
    REQUIRE_FALSE(coming.leading());
    CHECK(failure_of([&] { it.call(it.coordinator(), coming.ensure_channels({}, 1s)); }).first ==
          errc::unavailable);
    CHECK_FALSE(coming.status().leading);
    // A commit of the holder waits for the end of it, and is then accepted.
    const auto reply = it.commit("a", "", "p1");
    CHECK(reply.outcome == model::commit_outcome::committed);
    CHECK(coming.leading());
}

TEST_CASE("recovery: what a large transaction left is finished or undone first, and counted") {
    world it;
    it.start();
    it.ensure({"a"});
    REQUIRE(it.settle());
    it.coordinator().kill();
    it.sim.run_for(30s);
    catalog::batch_slot slot;
    slot.id = 501;
    slot.state = catalog::batch_state::open;
    slot.first = it.keys.host("half/1");
    slot.last = it.keys.host("half/2");
    it.write(it.keys.batch(0), catalog::encode(slot));
    it.write(slot.first, catalog::mark(501, "x"));
    it.write(slot.last, catalog::mark(501, "y"));
    slot.id = 502;
    slot.state = catalog::batch_state::committed;
    slot.first = it.keys.host("whole/1");
    slot.last = it.keys.host("whole/2");
    it.write(it.keys.batch(1), catalog::encode(slot));
    it.write(slot.first, catalog::mark(502, "x"));
    it.write(slot.last, catalog::mark(502, "y"));
    it.coordinator().start();
    REQUIRE(it.run_until([&] { return it.leading() != nullptr; }));
    CHECK(last_report(it).batches.aborted == 1);
    CHECK(last_report(it).batches.completed == 1);
    CHECK(to_string(last_report(it)).find("1 completed, 1 undone") != std::string::npos);
    const auto records = it.records();
    CHECK_FALSE(records.contains(it.keys.host("half/1")));
    CHECK_FALSE(records.contains(it.keys.host("half/2")));
    CHECK(records.at(it.keys.host("whole/1")).starts_with("x at"));
    CHECK(records.at(it.keys.host("whole/2")).starts_with("y at"));
    it.change_leader();
    CHECK(last_report(it).batches.aborted + last_report(it).batches.completed == 0);
}
