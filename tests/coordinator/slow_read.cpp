// A leader reads a channel's records again while its own writes go on.
#include "fixture.hpp"
#include "reeve/catalog/codec.hpp"

#include <memory>
#include <string>
#include <utility>

using namespace coordinator_test;

namespace {

/// Holds the answer to the next `get` of one key, which is read at once.
struct brake {
    std::string key;  // empty: nothing is held
    bool held = false;
    bool released = false;
};

class braked_store final : public storage::metadata_store {
public:
    braked_store(core::runtime& strand, std::unique_ptr<storage::metadata_store> below, brake& by)
        : strand_(strand), below_(std::move(below)), brake_(by) {}

    [[nodiscard]] storage::store_limits limits() const noexcept override {
        return below_->limits();
    }
    awaitable<std::optional<storage::record>> get(std::string key) override {
        const bool mine = !brake_.held && key == brake_.key;
        if (mine) brake_.held = true;
        auto found = co_await below_->get(std::move(key));
        while (mine && !brake_.released) co_await strand_.sleep_for(1ms);
        co_return found;
    }
    awaitable<storage::page> list(storage::key_range range, std::size_t limit) override {
        return below_->list(std::move(range), limit);
    }
    awaitable<storage::commit_result> commit(storage::transaction change) override {
        return below_->commit(std::move(change));
    }
    awaitable<std::unique_ptr<storage::watcher>> watch(storage::key_range range,
                                                       storage::revision from) override {
        return below_->watch(std::move(range), from);
    }
    awaitable<storage::lease_grant> grant(std::chrono::milliseconds ttl) override {
        return below_->grant(ttl);
    }
    awaitable<std::chrono::milliseconds> keep_alive(storage::lease_id lease) override {
        return below_->keep_alive(lease);
    }
    awaitable<void> revoke(storage::lease_id lease) override { return below_->revoke(lease); }

private:
    core::runtime& strand_;
    std::unique_ptr<storage::metadata_store> below_;
    brake& brake_;
};

awaitable<void> commit_late(node& self, std::shared_ptr<const channel::grant> under) {
    const auto reply =
        co_await self.commit(std::move(under), model::position("p1"), model::position("p3"), 0);
    CHECK(reply.outcome != model::commit_outcome::committed);
}

}  // namespace

TEST_CASE("a slow read does not take back what the leader has written and read since") {
    brake slow;
    world_options options;
    options.wrap = [&slow](testing::process& self, std::unique_ptr<storage::metadata_store> below) {
        return std::make_unique<braked_store>(self.runtime(), std::move(below), slow);
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
    slow.key = progress;
    auto& holder = it.node(before.node.value == "node-0" ? 0 : 1);
    auto& engine = holder.program<node_program>();
    const auto granted = engine.running.at("a");
    holder.spawn(commit_late(engine.node(), granted));
    REQUIRE(it.run_until([&] { return slow.held; }));

    // Meanwhile the channel moves, under a new epoch.
    it.leader().move(model::channel_name("a"), model::node_name(other));
    REQUIRE(it.run_until([&] { return it.holder("a") == other; }));
    const auto after = it.entry("a");
    REQUIRE(after.epoch > before.epoch);

    slow.released = true;
    it.sim.run_for(1s);
    const auto known = it.leader().find_channel(model::channel_name("a"));
    REQUIRE(known);
    CHECK(known->entry == after);
    CHECK(it.commit("a", "p2", "p4").outcome == model::commit_outcome::committed);
    CHECK(it.settle());
}
