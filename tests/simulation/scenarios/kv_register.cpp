#include "reeve/core/error.hpp"
#include "reeve/storage/metadata_store.hpp"
#include "reeve/testing/history.hpp"
#include "reeve/testing/memory_world.hpp"
#include "reeve/testing/simulation.hpp"
#include "scenarios.hpp"
#include "troubles.hpp"

#include <fmt/format.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace simulated {

namespace {

namespace core = reeve::core;
namespace storage = reeve::storage;
namespace testing = reeve::testing;
using reeve::awaitable;
using std::chrono::milliseconds;
using std::chrono::seconds;
using model = testing::register_model;
using operation = testing::history_operation<model>;

constexpr std::size_t clients = 4;
constexpr std::size_t keys = 3;

/// What all lives of all clients did. Lives in the world, so that a kill forgets nothing.
class recorder {
public:
    std::size_t begin(std::string key, const std::string& client, model::argument asked) {
        operation begun;
        begun.key = std::move(key);
        begun.client = client;
        begun.invoked = ++moment_;
        begun.argument = std::move(asked);
        operations_.push_back(std::move(begun));
        no_effect_.push_back(false);
        return operations_.size() - 1;
    }
    void end(std::size_t index, model::result answer) {
        operations_[index].returned = ++moment_;
        operations_[index].result = std::move(answer);
    }
    void end_without_effect(std::size_t index) { no_effect_[index] = true; }

    /// What counts: unknown reads and what certainly did not happen are left out.
    [[nodiscard]] std::vector<operation> history() const {
        std::vector<operation> kept;
        for (std::size_t i = 0; i < operations_.size(); ++i) {
            const auto& one = operations_[i];
            const bool idle_read = one.argument.what == model::kind::read && !one.result;
            if (!no_effect_[i] && !idle_read) kept.push_back(one);
        }
        return kept;
    }
    [[nodiscard]] std::string fresh_value() { return fmt::format("v{}", ++values_); }

private:
    std::vector<operation> operations_;
    std::vector<bool> no_effect_;
    std::uint64_t moment_ = 0;
    std::uint64_t values_ = 0;
};

/// One client's program, for one life.
class client {
public:
    client(testing::process& self, recorder& into)
        : self_(&self),
          into_(&into),
          store_(self.open_metadata()),
          random_(self.runtime().next_seed()) {}

    awaitable<void> run() {
        core::runtime& strand = self_->runtime();
        for (;;) {
            const auto pause = milliseconds(random_.below(40));
            co_await strand.sleep_for(pause);
            std::string key = fmt::format("register/{}", random_.below(keys));
            const auto dice = random_.below(100);
            if (dice < 8) {
                co_await write(std::move(key));
            } else {
                const auto seen = co_await read(key);
                if (dice < 60 && seen.known) co_await compare_and_set(std::move(key), seen);
            }
        }
    }

private:
    struct sight {
        bool known = false;
        storage::revision modified;
        model::state value;
        sight() {}
    };

    /// Reads fail without effect; of a write the code says whether it may have happened.
    void failed(std::size_t index, const reeve::error& failure) {
        const auto kind = failure.kind();
        if (kind == reeve::error_class::not_applied) return into_->end_without_effect(index);
        if (kind == reeve::error_class::unknown_outcome) return;
        self_->world().fail(fmt::format("{}: unexpected: {}", self_->name(), failure.what()));
    }

    awaitable<sight> read(std::string key) {
        sight seen;
        const auto index = into_->begin(key, self_->name(), {model::kind::read, {}, {}});
        try {
            const auto found = co_await store_->get(key);
            seen.known = true;
            if (found) seen.modified = found->modified;
            if (found) seen.value = found->value;
            model::result answer;
            answer.value = seen.value;
            into_->end(index, std::move(answer));
        } catch (const reeve::error& failure) {
            failed(index, failure);
        }
        co_return seen;
    }

    awaitable<void> write(std::string key) {
        std::string value = into_->fresh_value();
        const auto index = into_->begin(key, self_->name(), {model::kind::write, value, {}});
        storage::transaction change;
        change.put(std::move(key), std::move(value));
        co_await commit(index, std::move(change));
    }

    awaitable<void> compare_and_set(std::string key, sight seen) {
        std::string value = into_->fresh_value();
        const auto index =
            into_->begin(key, self_->name(), {model::kind::compare_and_set, value, seen.value});
        storage::transaction change;
        change.if_modified_at(key, seen.modified).put(key, std::move(value));
        co_await commit(index, std::move(change));
    }

    awaitable<void> commit(std::size_t index, storage::transaction change) {
        try {
            const auto result = co_await store_->commit(std::move(change));
            model::result answer;
            answer.done = bool(result);
            if (!result) self_->world().count("commit rejected");
            into_->end(index, std::move(answer));
        } catch (const reeve::error& failure) {
            failed(index, failure);
        }
    }

    testing::process* self_;
    recorder* into_;
    std::unique_ptr<storage::metadata_store> store_;
    core::random random_;
};

/// What every key holds in the end, for all ghosts to have been seen.
awaitable<void> read_finally(std::shared_ptr<storage::metadata_store> store, recorder* into) {
    for (std::size_t i = 0; i < keys; ++i) {
        std::string key = fmt::format("register/{}", i);
        const auto index = into->begin(key, "finally", {model::kind::read, {}, {}});
        const auto found = co_await store->get(key);
        model::result answer;
        if (found) answer.value = found->value;
        into->end(index, std::move(answer));
    }
}

void play(testing::simulation& world, const around<storage::metadata_store>& wrap) {
    const auto stores = testing::host_memory_stores(world);
    if (wrap) world.host(wrap(world.metadata()));
    recorder history;
    for (std::size_t i = 0; i < clients; ++i) {
        world.add(fmt::format("client-{}", i),
                  [&history](testing::process& self) -> std::shared_ptr<void> {
                      auto program = std::make_shared<client>(self, history);
                      self.spawn(program->run());
                      return program;
                  });
    }
    for (const auto& one : world.processes()) one->start();
    world.faults() = testing::simulation_faults::chaos();
    for (int i = 0; i < 20; ++i) {
        world.run_for(seconds(1));
        if (!world.failed()) disturb(world, "client", 5);
    }
    for (const auto& one : world.processes()) one->kill();
    world.heal();
    world.run_for(seconds(130));  // the last ghosts
    if (world.failed()) return;
    world.run(read_finally(world.metadata(), &history));
    const auto report = testing::check_history<model>(history.history());
    world.require(report.what != testing::history_verdict::undecided, "history undecided");
    world.require(report.what != testing::history_verdict::violated,
                  "not linearizable: " + report.key + "\n" + report.counterexample);
}

}  // namespace

testing::scenario kv_register(around<storage::metadata_store> wrap) {
    auto run = [wrap = std::move(wrap)](testing::simulation& world) { play(world, wrap); };
    std::vector<std::string> rare{
        "commit rejected", "outcome unknown", "applied, reply lost",
        "ghost landed",    "ghost refused",   "ghost landed after its sender's death",
        "client killed",   "client paused",   "client cut off"};
    return testing::make_scenario("kv_register",
                                  "a metadata store with every fault stays linearizable", {1, 2000},
                                  std::move(rare), std::move(run));
}

}  // namespace simulated
