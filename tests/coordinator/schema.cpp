#include "fixture.hpp"
#include "reeve/core/error.hpp"

#include <map>
#include <string>

using namespace coordinator_test;

namespace {

/// A host's schema service that counts its callers and fails as the test says.
class schemas final : public channel::schema_source {
public:
    awaitable<channel::placement_constraint> constraint_of(model::collection_id id) override {
        ++asked[id.value];
        if (silent) co_await silent->current_life()->stopped();
        if (failures > 0) {
            --failures;
            throw error(errc::unavailable, "the schema service is away");
        }
        channel::placement_constraint answer;
        const auto zone = zones.find(id.value);
        if (zone != zones.end()) answer.zones.push_back(zone->second);
        co_return answer;
    }

    std::map<std::uint64_t, int> asked;
    std::map<std::uint64_t, std::string> zones;
    int failures = 0;
    testing::process* silent = nullptr;  ///< whose calls are never answered
};

world_options zoned(schemas& source) {
    world_options options;
    options.schemas = &source;
    options.each_node = [](node_options& node) {
        node.self.zone = node.self.name.value == "node-0" ? "east" : "west";
    };
    return options;
}

}  // namespace

TEST_CASE("schema: a collection is asked for when it is first needed, and once") {
    schemas source;
    source.zones = {{1, "west"}, {2, "east"}};
    world it(zoned(source));
    it.start();
    CHECK(source.asked.empty());
    it.ensure({"a", "b", "c"}, 5s, model::collection_id(1));
    REQUIRE(it.settle());
    CHECK(it.spread({"a", "b", "c"}) == std::map<std::string, int>{{"node-1", 3}});
    CHECK(source.asked == std::map<std::uint64_t, int>{{1, 1}});
    it.ensure({"d"}, 5s, model::collection_id(1));
    it.ensure({"e"}, 5s, model::collection_id(2));
    REQUIRE(it.settle());
    CHECK(it.holder("d") == "node-1");
    CHECK(it.holder("e") == "node-0");
    CHECK(source.asked == std::map<std::uint64_t, int>{{1, 1}, {2, 1}});
}

TEST_CASE("schema: a recovery asks nothing, and a new term asks anew when it needs to know") {
    schemas source;
    source.zones = {{1, "west"}};
    world it(zoned(source));
    it.start();
    it.ensure({"a"}, 5s, model::collection_id(1));
    REQUIRE(it.settle());
    it.change_leader();
    REQUIRE(it.settle());
    it.sim.run_for(1min);
    CHECK(source.asked == std::map<std::uint64_t, int>{{1, 1}});
    source.zones = {{1, "east"}};
    it.ensure({"b"}, 5s, model::collection_id(1));
    REQUIRE(it.settle());
    CHECK(it.holder("b") == "node-0");
    CHECK(it.holder("a") == "node-1");  // what is placed stays
    CHECK(source.asked == std::map<std::uint64_t, int>{{1, 2}});
}

TEST_CASE("schema: a service that fails is asked again, and named meanwhile; others go on") {
    schemas source;
    source.zones = {{1, "west"}};
    world it(zoned(source));
    it.start();
    source.failures = 8;
    const auto answers = it.ensure({"a"}, 10ms, model::collection_id(1));
    CHECK(answers.front().waiting_for ==
          "the host has not yet said where its collection may go");
    CHECK(it.stuck("collection 1").find("the schema service is away") != std::string::npos);
    CHECK(it.entry("a").state == model::channel_state::unassigned);  // it is recorded all the same
    REQUIRE(it.settle());
    CHECK(it.holder("a") == "node-1");
    CHECK(source.asked == std::map<std::uint64_t, int>{{1, 9}});
    CHECK(it.stuck("collection 1").empty());
}

TEST_CASE("schema: a service that never answers holds up its collection only, and is named") {
    schemas source;
    world it(zoned(source));
    it.start();
    source.silent = &it.coordinator();
    it.ensure({"a"}, 1s, model::collection_id(1));
    source.silent = nullptr;
    it.ensure({"b"}, 5s, model::collection_id(2));
    CHECK(it.holder("b") != "");
    it.sim.run_for(1min);
    CHECK(it.stuck("channel a") == "the host has not yet said where its collection may go");
    CHECK(source.asked == std::map<std::uint64_t, int>{{1, 1}, {2, 1}});
    it.change_leader();  // forgets whom it asked
    REQUIRE(it.settle());
    CHECK(it.holder("a") != "");
}
