// Nodes are told of what one transaction has recorded while the next one is being committed.
#include "fixture.hpp"
#include "reeve/core/event.hpp"
#include "reeve/testing/forwarding_metadata_store.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>

using namespace coordinator_test;

namespace {

/// Accepts few writes in a transaction, and holds the first one of entries while told so.
class narrow_store final : public testing::forwarding_metadata_store {
public:
    narrow_store(core::runtime& strand, std::string entries,
                 std::unique_ptr<storage::metadata_store> below)
        : forwarding_metadata_store(std::move(below)),
          entries_(std::move(entries)),
          released_(strand) {}

    [[nodiscard]] storage::store_limits limits() const noexcept override {
        auto few = forwarding_metadata_store::limits();
        few.operations_max = 2;
        return few;
    }
    awaitable<storage::commit_result> commit(storage::transaction change) override {
        bool of_entries = false;
        for (const auto& one : change.operations()) {
            of_entries = of_entries || one.key.starts_with(entries_);
        }
        if (of_entries) ++begun;
        const bool mine = of_entries && begun == hold;
        while (mine && hold != 0) co_await released_.wait();
        co_return co_await below().commit(std::move(change));
    }
    void release() {
        hold = 0;
        released_.notify_all();
    }

    int begun = 0;  // transactions with entries
    int hold = 0;   // which of them waits; 0 = none

private:
    std::string entries_;
    core::event released_;
};

/// A leader whose first round is stuck in its second transaction.
struct narrow_world {
    explicit narrow_world(std::uint32_t coordinators) {
        options.coordinators = coordinators;
        options.wrap = [this](testing::process& self,
                              std::unique_ptr<storage::metadata_store> below) {
            auto made =
                std::make_unique<narrow_store>(self.runtime(), "t/channels/", std::move(below));
            stores[self.name()] = made.get();
            return made;
        };
        it.emplace(options);
        it->start();
        held = stores.at(it->leading()->name());
        held->hold = held->begun + 2;  // the round's second transaction
        it->ensure(letters(6), 1s);
    }

    world_options options;
    std::map<std::string, narrow_store*> stores;
    std::optional<world> it;
    narrow_store* held = nullptr;  // that of the leader
};

void check_all_registered(world& it) {
    REQUIRE(it.settle());
    std::set<std::uint64_t> epochs;
    for (const auto& name : letters(6)) {
        INFO(name);
        CHECK(it.entry(name).state == model::channel_state::registered);
        CHECK(epochs.insert(it.entry(name).epoch.value).second);
    }
}

}  // namespace

TEST_CASE("nodes hear of one transaction while the next one of the round is being committed") {
    narrow_world narrow(1);
    auto& it = *narrow.it;
    // The channels of the first and the third transaction are consumed; the others wait.
    REQUIRE(it.started.size() == 4);
    CHECK(narrow.held->begun == narrow.held->hold + 1);
    const auto first = it.started.front().channel;
    CHECK(it.entry(first).state == model::channel_state::pending);
    // What is consumed may be committed in the middle of the round.
    CHECK(it.commit(first, "", "p1").outcome == model::commit_outcome::committed);
    narrow.held->release();
    check_all_registered(it);
    CHECK(it.started.size() == 6);
}

TEST_CASE("fenced in the middle of a round: the next leader finds what the nodes were told") {
    narrow_world narrow(2);
    auto& it = *narrow.it;
    REQUIRE(it.started.size() == 4);
    const auto told = it.started;
    auto& deposed = *it.leading();
    deposed.pause();
    REQUIRE(it.run_until([&] { return it.leading() != nullptr; }));
    narrow.held->release();
    deposed.resume();
    REQUIRE(it.run_until([&] { return !world::of(deposed).leading(); }));
    (void)it.ensure(letters(6), 5s);
    check_all_registered(it);
    for (const auto& one : told) CHECK(it.entry(one.channel).epoch == one.epoch);
}
