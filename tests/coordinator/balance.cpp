#include "fixture.hpp"

#include <algorithm>
#include <map>
#include <string>

using namespace coordinator_test;
using spread_of = std::map<std::string, int>;

namespace {

world_options balancing(std::chrono::milliseconds interval, std::uint32_t nodes) {
    world_options options;
    options.nodes = nodes;
    options.channels.balance.interval = interval;
    options.channels.balance.quiet = 1s;
    return options;
}

/// Channels that are not registered with their node now.
std::size_t on_the_move(world& it) {
    std::size_t count = 0;
    it.leader().each_channel([&count](const channel::registration& one) {
        if (one.entry.state != model::channel_state::registered) ++count;
    });
    return count;
}

}  // namespace

TEST_CASE("join: recorded only, a new node gets nothing that others hold") {
    world it;
    it.start();
    const auto all = letters(6);
    it.ensure(all);
    REQUIRE(it.settle());
    const auto records = it.records();
    it.add_node().start();
    it.sim.run_for(1h);
    CHECK(it.records() == records);
    CHECK(it.leader().status().nodes == 3);
}

TEST_CASE("join: rebalanced with the fewest moves, and nothing bounces afterwards") {
    world it(balancing(1h, 2));
    it.start();
    const auto all = letters(6);
    it.ensure(all);
    REQUIRE(it.settle());
    it.started.clear();
    it.add_node().start();
    it.sim.run_for(30s);  // long before the hour: the join is what it looks at
    CHECK(it.spread(all) == spread_of{{"node-0", 2}, {"node-1", 2}, {"node-2", 2}});
    CHECK(it.started.size() == 2);
    const auto records = it.records();
    it.sim.run_for(5h);
    CHECK(it.records() == records);
}

TEST_CASE("join: told not to look at joins, the balance waits for its interval") {
    auto options = balancing(10min, 1);
    options.channels.balance.on_join = false;
    world it(options);
    it.start();
    const auto all = letters(4);
    it.ensure(all);
    REQUIRE(it.settle());
    it.add_node().start();
    it.sim.run_for(9min);
    CHECK(it.spread(all) == spread_of{{"node-0", 4}});
    it.sim.run_for(2min);
    CHECK(it.spread(all) == spread_of{{"node-0", 2}, {"node-1", 2}});
}

TEST_CASE("balance: a difference below the hysteresis moves nothing, one at it is evened out") {
    for (const std::uint32_t difference_min : {2U, 3U}) {
        auto options = balancing(10s, 2);
        options.channels.balance.difference_min = difference_min;
        world it(options);
        it.start();
        const auto all = letters(6);
        it.ensure(all);
        REQUIRE(it.settle());
        const auto moved = std::find_if(all.begin(), all.end(), [&](const std::string& one) {
            return it.holder(one) == "node-0";
        });
        it.leader().move(model::channel_name(*moved), model::node_name("node-1"));
        REQUIRE(it.run_until([&] { return it.holder(*moved) == "node-1"; }));
        REQUIRE(it.spread(all) == spread_of{{"node-0", 2}, {"node-1", 4}});
        it.sim.run_for(5min);
        const int fuller = difference_min == 2 ? 3 : 4;
        CHECK(it.spread(all) == spread_of{{"node-0", 6 - fuller}, {"node-1", fuller}});
    }
}

TEST_CASE("balance: never more channels on the move than allowed, and it gets there") {
    auto options = balancing(5s, 1);
    SECTION("in all") { options.channels.balance.moves_max = 2; }
    SECTION("per node") { options.channels.balance.moves_per_node_max = 2; }
    world it(options);
    it.start();
    const auto all = letters(12);
    it.ensure(all);
    REQUIRE(it.settle());
    it.add_node().start();
    std::size_t most = 0;
    const bool even = it.run_until([&] {
        most = std::max(most, on_the_move(it));
        return it.spread(all) == spread_of{{"node-0", 6}, {"node-1", 6}};
    });
    CHECK(even);
    CHECK(most == 2);
}

TEST_CASE("balance: nothing moves until nothing has changed for the quiet time") {
    auto options = balancing(1s, 1);
    options.channels.balance.quiet = 30s;
    world it(options);
    it.start();
    const auto all = letters(6);
    it.ensure(all);
    it.add_node().start();
    names more;
    for (int change = 0; change < 6; ++change) {
        it.sim.run_for(20s);
        more.push_back("more" + std::to_string(change));
        it.ensure({more.back()});  // goes to the emptier node
    }
    CHECK(it.spread(all) == spread_of{{"node-0", 6}});
    it.sim.run_for(29s);
    CHECK(it.spread(all) == spread_of{{"node-0", 6}});
    CHECK(it.spread(more) == spread_of{{"node-1", 6}});  // as it happens, all is even
    it.ensure({"a1"});
    it.drain("node-1");
    it.sim.run_for(29s);
    it.undrain("node-1");
    REQUIRE(it.spread(more) == spread_of{{"node-0", 6}});
    it.sim.run_for(29s);
    CHECK(it.spread(more) == spread_of{{"node-0", 6}});
    it.sim.run_for(10s);
    CHECK(it.spread(more) != spread_of{{"node-0", 6}});
}
