#include "reeve/core/error.hpp"
#include "reeve/storage/metadata_store.hpp"
#include "reeve/testing/memory_world.hpp"
#include "reeve/testing/simulation.hpp"
#include "scenarios.hpp"

#include <fmt/format.h>
#include <boost/asio/co_spawn.hpp>

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace simulated {

namespace {

namespace core = reeve::core;
namespace storage = reeve::storage;
namespace testing = reeve::testing;
using reeve::awaitable;
using reeve::errc;
using std::chrono::milliseconds;
using std::chrono::seconds;
using storage::revision;

constexpr milliseconds lease_ttl{2000};
const std::string leased_key = "watched/leased";

storage::key_range watched() { return storage::key_range::prefix("watched/"); }

/// A stretch of changes that one watcher saw without starting over: everything in (after, up_to].
struct stretch {
    revision after;
    revision up_to;
    std::vector<storage::change> changes;
};

/// What happened (seen by a watch without faults), and what the follower saw. Lives in the world.
struct record_of_run {
    std::vector<storage::change> truth;
    std::vector<stretch> seen;
};

/// Writes and removes records under the watched prefix.
class writer {
public:
    explicit writer(testing::process& self)
        : self_(&self), store_(self.open_metadata()), random_(self.runtime().next_seed()) {}

    awaitable<void> run() {
        core::runtime& strand = self_->runtime();
        for (int i = 0;; ++i) {
            const auto pause = milliseconds(random_.below(60));
            co_await strand.sleep_for(pause);
            storage::transaction change;
            const auto first = random_.below(10);
            const auto width = random_.between(1, 3);
            for (auto key = first; key < first + width; ++key) {
                std::string name = fmt::format("watched/{}", key);
                if (random_.chance(1, 4)) {
                    change.remove(std::move(name));
                } else {
                    change.put(std::move(name), fmt::format("{}#{}", self_->lives(), i));
                }
            }
            try {
                co_await store_->commit(std::move(change));
            } catch (const reeve::error&) {
                self_->world().count("write failed");  // whether it happened does not matter here
            }
        }
    }

private:
    testing::process* self_;
    std::unique_ptr<storage::metadata_store> store_;
    core::random random_;
};

/// Keeps a record under a lease, for as long as it can.
class holder {
public:
    explicit holder(testing::process& self) : self_(&self), store_(self.open_metadata()) {}

    awaitable<void> run() {
        for (;;) {
            co_await hold_once();
            self_->world().count("lease lost");
            co_await self_->runtime().sleep_for(milliseconds(100));
        }
    }

private:
    awaitable<void> hold_once() {
        core::runtime& strand = self_->runtime();
        try {
            const auto granted = co_await store_->grant(lease_ttl);
            storage::transaction change;
            change.put(leased_key, fmt::format("lease {}", granted.id), granted.id);
            co_await store_->commit(std::move(change));
            for (;;) {
                const auto before = strand.now();
                co_await strand.sleep_for(lease_ttl / 4);
                const bool slept_long = strand.now() - before > lease_ttl;
                const bool renewed = co_await renew(granted.id);
                if (renewed) continue;
                if (slept_long) self_->world().count("lease lost while paused");
                co_return;
            }
        } catch (const reeve::error&) {
            co_return;  // tries again with a new lease; an unknown one ends by itself
        }
    }

    awaitable<bool> renew(storage::lease_id lease) {
        try {
            co_await store_->keep_alive(lease);
        } catch (const reeve::error& failure) {
            if (failure.code_value() == errc::lease_not_found) co_return false;
        }
        co_return true;
    }

    testing::process* self_;
    std::unique_ptr<storage::metadata_store> store_;
};

/// Follows the watched prefix and records each stretch.
class follower {
public:
    follower(testing::process& self, record_of_run& into)
        : self_(&self), into_(&into), store_(self.open_metadata()) {}

    awaitable<void> run() {
        for (;;) {
            try {
                co_await follow();
            } catch (const reeve::error& failure) {
                resync_ = failure.code_value() == errc::compacted || !following_;
                self_->world().count(resync_ ? "listed again" : "gap resynced");
            }
            co_await self_->runtime().sleep_for(milliseconds(20));
        }
    }

private:
    awaitable<void> follow() {
        if (resync_) {
            following_ = false;
            const auto first = co_await store_->list(watched(), 1000);
            into_->seen.push_back({first.at, first.at, {}});
            here_ = into_->seen.size() - 1;
            following_ = true;
        }
        const revision next(into_->seen[here_].up_to.value + 1);
        const auto watch = co_await store_->watch(watched(), next);
        for (;;) {
            auto batch = co_await watch->next();
            stretch& now = into_->seen[here_];
            for (auto& one : batch.changes) now.changes.push_back(std::move(one));
            now.up_to = std::max(now.up_to, batch.up_to);
        }
    }

    testing::process* self_;
    record_of_run* into_;
    std::unique_ptr<storage::metadata_store> store_;
    std::size_t here_ = 0;
    bool resync_ = true;
    bool following_ = false;
};

/// A watch without faults, in the world.
awaitable<void> record_truth(std::shared_ptr<storage::metadata_store> store, record_of_run* into) {
    const auto watch = co_await store->watch(watched(), revision(1));
    for (;;) {
        auto batch = co_await watch->next();
        for (auto& one : batch.changes) into->truth.push_back(std::move(one));
    }
}

/// Each stretch must be exactly what happened in it, in that order.
void check_stretches(testing::simulation& world, const record_of_run& run) {
    for (const auto& one : run.seen) {
        std::vector<storage::change> expected;
        for (const auto& change : run.truth) {
            const revision at = change.now.modified;
            if (at > one.after && at <= one.up_to) expected.push_back(change);
        }
        if (expected == one.changes) continue;
        return world.fail(fmt::format(
            "between revisions {} and {} there were {} changes, and the watch delivered {}{}",
            one.after, one.up_to, expected.size(), one.changes.size(),
            expected.size() == one.changes.size() ? ", but not the same in this order" : ""));
    }
}

template <class Program, class... Arguments>
testing::process& add(testing::simulation& world, const std::string& name, Arguments&... more) {
    auto& added = world.add(name, [&more...](testing::process& self) -> std::shared_ptr<void> {
        auto program = std::make_shared<Program>(self, more...);
        self.spawn(program->run());
        return program;
    });
    added.start();
    return added;
}

void disturb(testing::simulation& world) {
    auto& random = world.random();
    auto& victim = *world.processes()[random.below(world.processes().size())];
    switch (random.below(4)) {
        case 0:
            victim.restart();
            break;
        case 1:
            if (!victim.paused()) victim.pause();
            break;
        default:
            victim.resume();
            break;
    }
}

void play(testing::simulation& world, const around<storage::metadata_store>& wrap) {
    const auto stores = testing::host_memory_stores(world);
    record_of_run run;
    auto truth_ended = [&world](const std::exception_ptr& failure) {
        if (failure) world.fail("the watch without faults failed");
    };
    boost::asio::co_spawn(world.world_runtime().executor(), record_truth(world.metadata(), &run),
                          std::move(truth_ended));
    if (wrap) world.host(wrap(world.metadata()));
    add<writer>(world, "writer-0");
    add<writer>(world, "writer-1");
    auto& holding = add<holder>(world, "holder");
    add<follower>(world, "follower", run);

    world.faults() = testing::simulation_faults::chaos();
    for (int i = 0; i < 15; ++i) {
        world.run_for(seconds(2));
        if (!world.failed()) disturb(world);
    }
    world.heal();
    world.run_for(seconds(5));
    for (const char* name : {"writer-0", "writer-1"}) world.find(name)->kill();
    world.run_for(seconds(130));  // the last ghosts, the last late leases
    holding.kill();
    world.run_for(lease_ttl * 3);
    const auto leased = world.run(world.metadata()->get(leased_key));
    world.require(!leased, "the record of a dead holder is still there");
    world.require(!run.seen.empty(), "the follower never followed");
    if (run.seen.empty()) return;
    check_stretches(world, run);
    const auto newest = std::max_element(
        run.seen.begin(), run.seen.end(),
        [](const stretch& left, const stretch& right) { return left.up_to < right.up_to; });
    const revision last = run.truth.empty() ? revision() : run.truth.back().now.modified;
    world.require(newest->up_to >= last, "the follower fell behind for good");
}

}  // namespace

testing::scenario kv_lease_watch(around<storage::metadata_store> wrap) {
    auto run = [wrap = std::move(wrap)](testing::simulation& world) { play(world, wrap); };
    std::vector<std::string> rare{"gap resynced",           "listed again",  "watch gap",
                                  "watch compacted",        "watch stalled", "lease ended early",
                                  "lease kept late",        "lease lost",    "ghost landed",
                                  "lease lost while paused"};
    return testing::make_scenario("kv_lease_watch",
                                  "watches deliver everything once, in order; leases end",
                                  {1, 1000}, std::move(rare), std::move(run));
}

}  // namespace simulated
