#include "fixture.hpp"
#include "reeve/core/error.hpp"
#include "reeve/transport/message_codec.hpp"

#include <map>
#include <set>
#include <string>
#include <vector>

using namespace coordinator_test;

TEST_CASE("registration: asked twice, a channel has one grant and costs one set of transactions") {
    world it;
    it.start();
    const auto first = it.ensure(letters(20));
    REQUIRE(it.settle());
    const auto after = it.revision();
    const auto records = it.records();
    const auto again = it.ensure(letters(20));
    REQUIRE(it.settle());
    CHECK(it.revision() == after);
    CHECK(it.records() == records);
    CHECK(it.started.size() == 20);
    REQUIRE(again.size() == first.size());
    for (std::size_t at = 0; at < first.size(); ++at) {
        CHECK(first[at].entry.state == model::channel_state::registered);
        CHECK(again[at].entry == first[at].entry);
        CHECK(again[at].waiting_for.empty());
    }
}

TEST_CASE("registration: many channels together take three transactions: epochs, R1 and R3") {
    world_options options;
    options.nodes = 1;
    world it(options);
    it.start();
    const auto before = it.revision();
    it.ensure(letters(60));
    CHECK(it.revision() - before == 3);
}

TEST_CASE("registration: a channel named twice in one request is one channel") {
    world it;
    it.start();
    const auto answers = it.ensure({"a", "a"});
    REQUIRE(answers.size() == 2);
    CHECK(answers[0].entry == answers[1].entry);
    CHECK(it.started.size() == 1);
}

TEST_CASE("registration: a channel that is found without a holder is registered unasked") {
    world it;
    model::channel_entry waiting;
    waiting.collection = model::collection_id(7);
    waiting.start = model::position("p5");
    it.write("a", waiting);
    it.start();
    REQUIRE(it.settle());
    CHECK(it.entry("a").state == model::channel_state::registered);
    CHECK(it.entry("a").collection == model::collection_id(7));
    REQUIRE(it.started.size() == 1);
    CHECK(it.started.front().start == model::position("p5"));
}

TEST_CASE(
    "registration: a channel that has no node to go to is recorded, and the next leader "
    "knows it") {
    world_options options;
    options.nodes = 0;
    world it(options);
    it.start();
    const auto answers = it.ensure({"a"});
    REQUIRE(answers.size() == 1);
    CHECK(answers.front().entry.state == model::channel_state::unassigned);
    CHECK(it.entry("a").state == model::channel_state::unassigned);
    const auto written = it.revision();
    it.sim.run_for(1min);
    CHECK(it.revision() == written);  // it waits, and writes nothing
    auto& next = it.change_leader();
    REQUIRE(next.find_channel(model::channel_name("a")));
    it.add_node().start();
    REQUIRE(it.settle());
    CHECK(it.holder("a") == "node-0");
}

TEST_CASE("registration: what cannot be registered is refused before anything is written") {
    world it;
    it.start();
    it.ensure({"a"}, 5s, model::collection_id(1));
    REQUIRE(it.settle());
    const auto before = it.revision();
    for (const char* bad : {"", "a/b", "a b", "\x7f"}) {
        INFO(bad);
        CHECK(failure_of([&] { it.ensure({"new", bad}); }).first == errc::invalid_argument);
    }
    CHECK(failure_of([&] { it.ensure({std::string(201, 'x')}); }).first == errc::invalid_argument);
    const auto other = failure_of([&] { it.ensure({"new", "a"}, 5s, model::collection_id(2)); });
    CHECK(other.first == errc::invalid_argument);
    CHECK(other.second.find("channel a belongs to collection 1, not 2") != std::string::npos);
    std::vector<channel::channel_spec> of_two(2);
    of_two[0].name = of_two[1].name = model::channel_name("new");
    of_two[0].collection = model::collection_id(1);
    of_two[1].collection = model::collection_id(2);
    auto* on = it.leading();
    REQUIRE(on != nullptr);
    const auto both = failure_of([&] { it.call(*on, it.leader().ensure_channels(of_two, 5s)); });
    CHECK(both.first == errc::invalid_argument);
    CHECK(both.second.find("channel new belongs to collection 1, not 2") != std::string::npos);
    REQUIRE(it.settle());
    CHECK(it.revision() == before);
    CHECK_FALSE(it.leader().find_channel(model::channel_name("new")));
    CHECK(it.ensure({std::string(200, 'x')}).front().waiting_for.empty());
}

TEST_CASE("registration: a dropped channel is final: no grant, no commit, no change") {
    world it;
    it.start();
    it.ensure({"a", "b"});
    REQUIRE(it.settle());
    // As a dropping leader would leave it: the holder is still named, and still consumes.
    auto dropped = it.entry("a");
    dropped.state = model::channel_state::dropped;
    it.write("a", dropped);
    it.change_leader();
    REQUIRE(it.settle());
    const auto records = it.records();
    const auto starts = it.started.size();
    CHECK(it.commit("a", "", "p1").outcome == model::commit_outcome::stale);
    const auto answers = it.ensure({"a"});
    REQUIRE(answers.size() == 1);
    CHECK(answers.front().entry == dropped);
    // Whatever happens to nodes, it stays dropped; the other one goes on.
    it.node(0).restart();
    it.node(1).restart();
    it.sim.run_for(1min);
    REQUIRE(it.settle());
    CHECK(it.entry("a") == dropped);
    CHECK(it.records().at("t/channels/a") == records.at("t/channels/a"));
    CHECK(it.holder("b") != "");
    for (std::size_t at = starts; at < it.started.size(); ++at) {
        CHECK(it.started[at].channel == "b");
    }
    CHECK(it.leader().status().channels.dropped == 1);
}

TEST_CASE(
    "registration: epochs strictly increase over changes of leaders, and none is used twice") {
    world it;
    it.start();
    it.ensure({"a", "b", "c"});
    for (int round = 0; round < 4; ++round) {
        REQUIRE(it.settle());
        auto& leader = it.change_leader();
        for (const char* name : {"a", "b", "c"}) {
            const auto to = it.holder(name) == "node-0" ? "node-1" : "node-0";
            leader.move(model::channel_name(name), model::node_name(to));
        }
    }
    REQUIRE(it.settle());
    REQUIRE(it.started.size() == 15);
    std::set<model::epoch> used;
    std::map<std::string, model::epoch> last;
    for (const auto& one : it.started) {
        CHECK(one.epoch > last[one.channel]);
        CHECK(used.insert(one.epoch).second);
        last[one.channel] = one.epoch;
    }
}

TEST_CASE("registration: a moved channel goes on at its recorded checkpoint") {
    world it;
    it.start();
    it.ensure({"a"});
    REQUIRE(it.settle());
    REQUIRE(it.commit("a", "", "p3").outcome == model::commit_outcome::committed);
    const std::string to = it.holder("a") == "node-0" ? "node-1" : "node-0";
    it.leader().move(model::channel_name("a"), model::node_name(to));
    REQUIRE(it.settle());
    CHECK(it.holder("a") == to);
    REQUIRE(it.started.size() == 2);
    CHECK(it.started.back().start == model::position("p3"));
    CHECK(failure_of([&] {
              it.leader().move(model::channel_name("x"), model::node_name(to));
          }).first == errc::not_found);
    CHECK(failure_of([&] {
              it.leader().move(model::channel_name("a"), model::node_name("x"));
          }).first == errc::not_found);
}

TEST_CASE("commit: one that names no channel is an error (C4), and changes nothing") {
    world it;
    it.start();
    it.ensure({"a"});
    REQUIRE(it.settle());
    const auto records = it.records();
    model::commit_request request;
    request.to = model::position("p1");
    auto* on = it.leading();
    const auto body = transport::encode(request);
    const auto failed = failure_of([&] {
        it.call(*on,
                transport::call(on->carrier(), on->name(), std::string(transport::kind::commit),
                                body, on->runtime().now() + 1s));
    });
    CHECK(failed.first == errc::corrupt);  // no such message can be right
    CHECK(it.records() == records);
}

TEST_CASE("commit: a host's record that looks like a part of a large transaction is refused") {
    world it;
    it.start();
    it.ensure({"a"});
    REQUIRE(it.settle());
    const auto records = it.records();
    std::vector<model::host_record> bad;
    bad.push_back({"rows/1", "reeve-batch:12:value"});
    const auto failed = failure_of([&] { it.commit("a", "", "p1", bad); });
    CHECK(failed.first == errc::invalid_argument);
    CHECK(failed.second.find("t/records/rows/1") != std::string::npos);
    CHECK(it.records() == records);
    // What only resembles one is a value like any other, and a later recovery leaves it alone.
    std::vector<model::host_record> good;
    good.push_back({"rows/1", "reeve-batch:0:value"});
    CHECK(it.commit("a", "", "p1", good).outcome == model::commit_outcome::committed);
    it.change_leader();
    REQUIRE(it.settle());
    CHECK(it.records().contains("t/records/rows/1"));
}
