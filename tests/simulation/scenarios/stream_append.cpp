#include "reeve/core/error.hpp"
#include "reeve/storage/message_stream.hpp"
#include "reeve/testing/memory_world.hpp"
#include "reeve/testing/simulation.hpp"
#include "scenarios.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <set>
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

const std::string stream_name = "events";

/// What the appenders were told. Lives in the world.
struct record_of_run {
    std::map<std::string, storage::position> acknowledged;  ///< by payload
    std::set<std::string> refused;                          ///< certainly not appended
    std::set<std::string> tried;                            ///< everything
    std::vector<storage::message> consumed;                 ///< what the consumer made durable
    storage::position consumed_up_to;                       ///< with it, in one step
};

/// Appends numbered messages, sometimes several at once, each try with a payload of its own.
class appender {
public:
    appender(testing::process& self, record_of_run& into)
        : self_(&self),
          into_(&into),
          stream_(self.open_streams()),
          random_(self.runtime().next_seed()) {}

    awaitable<void> run() {
        core::runtime& strand = self_->runtime();
        for (int i = 0;; ++i) {
            const auto pause = milliseconds(random_.below(50));
            co_await strand.sleep_for(pause);
            std::vector<std::string> payloads;
            const auto count = random_.between(1, 3);
            for (std::uint64_t part = 0; part < count; ++part) {
                payloads.push_back(
                    fmt::format("{}#{} {}.{}", self_->name(), self_->lives(), i, part));
            }
            co_await append(std::move(payloads));
        }
    }

private:
    awaitable<void> append(std::vector<std::string> payloads) {
        into_->tried.insert(payloads.begin(), payloads.end());
        try {
            storage::position at;
            if (payloads.size() == 1) {
                at = co_await stream_->append(stream_name, payloads.front());
            } else {
                at = co_await stream_->append_many(stream_name, payloads);
            }
            into_->acknowledged[payloads.back()] = at;
        } catch (const reeve::error& failure) {
            if (failure.kind() == reeve::error_class::not_applied) {
                into_->refused.insert(payloads.begin(), payloads.end());
            }
        }
    }

    testing::process* self_;
    record_of_run* into_;
    std::unique_ptr<storage::message_stream> stream_;
    core::random random_;
};

/// Consumes from the position that it recorded with what it consumed; trims now and then.
class consumer {
public:
    consumer(testing::process& self, record_of_run& into)
        : self_(&self), into_(&into), stream_(self.open_streams()) {}

    awaitable<void> run() {
        if (self_->lives() > 1) self_->world().count("consumer went on after a kill");
        for (;;) {
            try {
                co_await consume();
            } catch (const reeve::error& failure) {
                if (failure.code_value() == errc::compacted) {
                    self_->world().fail("what was not consumed yet has been trimmed");
                }
                self_->world().count("subscribed again");
            }
            co_await self_->runtime().sleep_for(milliseconds(20));
        }
    }

private:
    awaitable<void> consume() {
        const auto from = into_->consumed_up_to;
        const auto source = co_await stream_->subscribe(stream_name, from);
        for (int batches = 1;; ++batches) {
            auto messages = co_await source->next(7);
            into_->consumed_up_to = messages.back().at;
            for (auto& one : messages) into_->consumed.push_back(std::move(one));
            if (batches % 50 == 0) co_await trim();
        }
    }

    awaitable<void> trim() {
        try {
            co_await stream_->trim(stream_name, into_->consumed_up_to);
            self_->world().count("trimmed");
        } catch (const reeve::error&) {
            co_return;  // a trim is an economy; the next one does it, too
        }
    }

    testing::process* self_;
    record_of_run* into_;
    std::unique_ptr<storage::message_stream> stream_;
};

void check(testing::simulation& world, const record_of_run& run) {
    std::map<std::string, storage::position> delivered;
    storage::position last;
    for (const auto& one : run.consumed) {
        world.require(one.at > last, "a message came out of order: " + one.payload);
        last = one.at;
        const bool fresh = delivered.emplace(one.payload, one.at).second;
        world.require(fresh, "one try was appended twice: " + one.payload);
        world.require(run.tried.contains(one.payload), "nobody appended " + one.payload);
        world.require(!run.refused.contains(one.payload),
                      "appended, although it was said not to be: " + one.payload);
    }
    for (const auto& [payload, at] : run.acknowledged) {
        const auto found = delivered.find(payload);
        world.require(found != delivered.end(), "acknowledged and never delivered: " + payload);
        if (found == delivered.end()) continue;
        world.require(found->second == at, "delivered at another position: " + payload);
    }
    if (delivered.size() > run.acknowledged.size()) world.count("delivered without an answer");
}

/// The parts of one append stand next to each other, all or none.
void check_whole_appends(testing::simulation& world, const record_of_run& run) {
    std::map<std::string, std::size_t> parts;  // tried, by append
    for (const auto& payload : run.tried) ++parts[payload.substr(0, payload.rfind('.'))];
    std::string open;
    std::size_t missing = 0;
    for (const auto& one : run.consumed) {
        const std::string append = one.payload.substr(0, one.payload.rfind('.'));
        if (missing == 0) {
            open = append;
            missing = parts[append];
        }
        world.require(append == open, "an append was torn: " + open + " by " + one.payload);
        --missing;
    }
    world.require(missing == 0, "an append was cut short: " + open);
}

void disturb(testing::simulation& world) {
    auto& random = world.random();
    auto& victim = *world.processes()[random.below(world.processes().size())];
    switch (random.below(5)) {
        case 0:
            victim.restart();
            break;
        case 1:
            victim.pause();
            break;
        case 2:
            victim.cut_stores();
            break;
        default:
            victim.resume();
            victim.mend_stores();
            break;
    }
}

template <class Program>
void add(testing::simulation& world, const std::string& name, record_of_run& run) {
    auto& added = world.add(name, [&run](testing::process& self) -> std::shared_ptr<void> {
        auto program = std::make_shared<Program>(self, run);
        self.spawn(program->run());
        return program;
    });
    added.start();
}

void play(testing::simulation& world, const around<storage::message_stream>& wrap) {
    const auto stores = testing::host_memory_stores(world);
    if (wrap) world.host(wrap(world.streams()));
    record_of_run run;
    for (int i = 0; i < 3; ++i) add<appender>(world, fmt::format("appender-{}", i), run);
    add<consumer>(world, "consumer", run);

    world.faults() = testing::simulation_faults::chaos();
    for (int i = 0; i < 20; ++i) {
        world.run_for(seconds(1));
        if (!world.failed()) disturb(world);
    }
    world.heal();
    for (int i = 0; i < 3; ++i) world.find(fmt::format("appender-{}", i))->kill();
    world.run_for(seconds(140));  // the last ghosts, and their delivery
    if (world.failed()) return;
    check(world, run);
    check_whole_appends(world, run);
}

}  // namespace

testing::scenario stream_append(around<storage::message_stream> wrap) {
    auto run = [wrap = std::move(wrap)](testing::simulation& world) { play(world, wrap); };
    std::vector<std::string> rare{"subscribed again",
                                  "subscription gap",
                                  "subscription stalled",
                                  "consumer went on after a kill",
                                  "delivered without an answer",
                                  "trimmed",
                                  "applied, reply lost",
                                  "ghost landed",
                                  "ghost landed after its sender's death"};
    return testing::make_scenario("stream_append",
                                  "a stream delivers every append once, whole and in order",
                                  {1, 1000}, std::move(rare), std::move(run));
}

}  // namespace simulated
