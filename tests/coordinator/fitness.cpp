#include "fixture.hpp"

#include <map>
#include <string>

using namespace coordinator_test;
using channel::fitness;
using spread_of = std::map<std::string, int>;

TEST_CASE("fitness: an unfit node lets go of its channels and gets none, until it is fit again") {
    world it;
    it.start();
    const auto all = letters(4);
    it.ensure(all);
    REQUIRE(it.settle());
    const model::node_name node("node-0");
    it.flush_on_stop = "p1";
    it.leader().set_fit(node, fitness::unfit);
    REQUIRE(it.settle());
    CHECK(it.spread(all) == spread_of{{"node-1", 4}});
    CHECK(it.stopped.size() == 2);  // asked to let go, not just passed over
    CHECK(it.flushes == std::vector<model::commit_outcome>(2, model::commit_outcome::committed));
    const names more{"w", "x"};
    it.ensure(more);
    REQUIRE(it.settle());
    CHECK(it.spread(more) == spread_of{{"node-1", 2}});
    it.leader().set_fit(node, fitness::fit);
    const names last{"y", "z"};
    it.ensure(last);
    REQUIRE(it.settle());
    CHECK(it.spread(last) == spread_of{{"node-0", 2}});
}

TEST_CASE("fitness: the verdict is remembered by a coordinator that loses and regains the lead") {
    world it;
    it.start();
    it.leader().set_fit(model::node_name("node-0"), fitness::unfit);
    const auto term = it.leader().status().term;
    it.coordinator().cut_stores();
    REQUIRE(it.run_until([&] { return it.leading() == nullptr; }));
    it.coordinator().mend_stores();
    REQUIRE(it.run_until([&] { return it.leading() != nullptr; }));
    REQUIRE(it.leader().status().term > term);
    it.ensure({"a", "b"});
    REQUIRE(it.settle());
    CHECK(it.spread({"a", "b"}) == spread_of{{"node-1", 2}});
}

TEST_CASE("fitness: with no fit node channels wait, and the status says why") {
    world_options options;
    options.nodes = 1;
    world it(options);
    it.start();
    it.ensure({"a"});
    REQUIRE(it.settle());
    it.leader().set_fit(model::node_name("node-0"), fitness::unfit);
    REQUIRE(it.run_until([&] {
        return it.stuck("channel a") == channel::name(channel::placement_reason::none_accepts);
    }));
    it.leader().set_fit(model::node_name("node-0"), fitness::fit);
    REQUIRE(it.settle());
    CHECK(it.holder("a") == "node-0");
}
