#include "catch.hpp"
#include "reeve/backends/event_loop.hpp"
#include "reeve/backends/in_process_transport.hpp"
#include "reeve/backends/memory_metadata_store.hpp"
#include "reeve/core/task_scope.hpp"
#include "reeve/reeve.hpp"
#include "reeve/testing/forwarding_metadata_store.hpp"
#include "reeve/transport/message_codec.hpp"

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

using namespace reeve;
using namespace std::chrono_literals;

namespace {

/// Commits at once and answers late, as a store behind a network does.
class late_store final : public testing::forwarding_metadata_store {
public:
    late_store(core::runtime& strand, const std::shared_ptr<backends::memory_database>& database)
        : forwarding_metadata_store(
              std::make_shared<backends::memory_metadata_store>(strand, database)),
          strand_(strand) {}

    awaitable<storage::commit_result> commit(storage::transaction change) override {
        auto result = co_await below().commit(std::move(change));
        co_await strand_.sleep_for(5ms);
        co_return result;
    }

private:
    core::runtime& strand_;
};

class idle_engine final : public channel::consumer {
public:
    awaitable<void> start(std::shared_ptr<const channel::grant>) override { co_return; }
    awaitable<void> stop(model::channel_name, model::epoch) override { co_return; }
};

struct answers {
    std::vector<model::commit_outcome> outcomes;
    std::vector<std::string> failures;
};

awaitable<void> send(transport::transport& carrier, std::string body, core::time_point deadline,
                     std::shared_ptr<answers> into) {
    try {
        const std::string sent = co_await transport::call(
            carrier, "here", std::string(transport::kind::commit), std::move(body), deadline);
        model::commit_reply reply;
        transport::decode(sent, reply);
        into->outcomes.push_back(reply.outcome);
    } catch (const error& failure) {
        into->failures.emplace_back(failure.what());
    }
}

awaitable<void> commit_twice(core::runtime& strand, coordinator& leader,
                             transport::transport& carrier, backends::event_loop& loop,
                             std::shared_ptr<answers> into) {
    co_await leader.until_leading();
    std::vector<channel::channel_spec> wanted(1);
    wanted[0].name = model::channel_name("c1");
    const auto given = co_await leader.ensure_channels(std::move(wanted), 10s);
    model::commit_request request;
    request.channel = given[0].name;
    request.node = given[0].entry.node;
    request.process = given[0].entry.process;
    request.epoch = given[0].entry.epoch;
    request.to = model::position("1");
    request.records.push_back({"rows/1", "a row"});
    core::task_scope tries(strand);
    for (int count = 0; count < 2; ++count) {
        tries.spawn(send(carrier, transport::encode(request), strand.now() + 10s, into));
    }
    co_await tries.join();
    loop.stop();
}

}  // namespace

TEST_CASE("two tries of one commit with a host record, both under way, both succeed") {
    backends::event_loop loop;
    core::runtime strand(loop);
    late_store store(strand, std::make_shared<backends::memory_database>());
    const auto network = std::make_shared<backends::in_process_network>();
    backends::in_process_transport carrier(strand, network);
    transport::service incoming;
    const auto listener = network->listen("here", strand, incoming);
    coordinator_options leading;
    leading.cluster = "test";
    leading.leadership.coordinator = leading.leadership.address = "here";
    coordinator leader(strand, store, carrier, incoming, leading);
    node_options storing;
    storing.self.name = model::node_name("n1");
    storing.self.address = "here";
    idle_engine mine;
    node data(strand, store, carrier, incoming, mine, storing);
    leader.start();
    data.start();
    const auto seen = std::make_shared<answers>();
    core::task_scope tasks(strand);
    tasks.spawn(commit_twice(strand, leader, carrier, loop, seen));
    loop.run();
    strand.shutdown();
    CHECK(seen->failures == std::vector<std::string>());
    CHECK(seen->outcomes ==
          std::vector<model::commit_outcome>(2, model::commit_outcome::committed));
}
