// A leader reads a channel's records again while its own writes go on.
#include "fixture.hpp"
#include "reeve/catalog/codec.hpp"
#include "reeve/core/event.hpp"
#include "reeve/testing/forwarding_metadata_store.hpp"

#include <memory>
#include <string>
#include <utility>

using namespace coordinator_test;

namespace {

/// Holds the answer to the next `get` of one key, which is read at once.
class braked_store final : public testing::forwarding_metadata_store {
public:
    braked_store(core::runtime& strand, std::unique_ptr<storage::metadata_store> below)
        : forwarding_metadata_store(std::move(below)), released_(strand) {}

    awaitable<std::optional<storage::record>> get(std::string key) override {
        const bool mine = !held && key == slow_key;
        held = held || mine;
        auto found = co_await below().get(std::move(key));
        while (mine && !go_on_) co_await released_.wait();
        co_return found;
    }
    void release() {
        go_on_ = true;
        released_.notify_all();
    }

    std::string slow_key;  // empty: nothing is held
    bool held = false;

private:
    bool go_on_ = false;
    core::event released_;
};

awaitable<void> commit_late(node& self, std::shared_ptr<const channel::grant> under) {
    const auto reply =
        co_await self.commit(std::move(under), model::position("p1"), model::position("p3"), 0);
    CHECK(reply.outcome != model::commit_outcome::committed);
}

}  // namespace

TEST_CASE("a slow read does not take back what the leader has written and read since") {
    braked_store* slow = nullptr;
    world_options options;
    options.wrap = [&slow](testing::process& self, std::unique_ptr<storage::metadata_store> below) {
        auto made = std::make_unique<braked_store>(self.runtime(), std::move(below));
        slow = made.get();
        return made;
    };
    world it(options);
    it.start();
    it.ensure({"a"});
    REQUIRE(it.settle());
    const auto before = it.entry("a");
    const std::string other = before.node.value == "node-0" ? "node-1" : "node-0";
    it.commit("a", "", "p1");

    // A commit finds that the progress record is not as the leader knows it, and reads again: the
    // entry as it is, then the progress record, whose answer takes its time.
    model::channel_progress moved_on;
    moved_on.checkpoint = model::position("p2");
    moved_on.epoch = before.epoch;
    const std::string progress = it.keys.progress(model::channel_name("a"));
    it.write(progress, catalog::encode(moved_on));
    slow->slow_key = progress;
    auto& holder = it.node(before.node.value == "node-0" ? 0 : 1);
    auto& engine = holder.program<node_program>();
    const auto granted = engine.running.at("a");
    holder.spawn(commit_late(engine.node(), granted));
    REQUIRE(it.run_until([&] { return slow->held; }));

    // Meanwhile the channel moves, under a new epoch.
    it.leader().move(model::channel_name("a"), model::node_name(other));
    REQUIRE(it.run_until([&] { return it.holder("a") == other; }));
    const auto after = it.entry("a");
    // The leader knows, too: nothing is under way any more that could tell it again.
    REQUIRE(it.run_until(
        [&] { return it.leader().find_channel(model::channel_name("a"))->entry == after; }));
    REQUIRE(after.epoch > before.epoch);

    slow->release();
    it.sim.run_for(1s);
    const auto known = it.leader().find_channel(model::channel_name("a"));
    REQUIRE(known);
    CHECK(known->entry == after);
    CHECK(it.commit("a", "p2", "p4").outcome == model::commit_outcome::committed);
    CHECK(it.settle());
}
