#include "channel/agent_fixture.hpp"

#include <algorithm>

using namespace agent_test;

namespace {

constexpr const char* channels[] = {"a", "b", "c"};
constexpr std::uint64_t steps = 25;
constexpr std::uint64_t epochs = steps + 7;

/// What one coordinator, or a network that repeats old messages, may say in any order.
awaitable<void> caller(fixture& on, std::uint64_t seed) {
    core::random random(seed);
    for (std::uint64_t step = 0; step < steps; ++step) {
        const std::chrono::milliseconds pause(random.below(20));
        co_await on.strand.sleep_for(pause);
        const std::string channel = channels[random.below(3)];
        const std::uint64_t epoch = random.between(step + 1, step + 7);  // rising, out of order
        const auto choice = random.below(10);
        if (choice < 6) {
            auto request = on.assignment(channel, epoch);
            const auto reply = co_await on.agent.assign(std::move(request));
            const auto outcome = reply.answers.at(0).outcome;
            if (outcome == agent_outcome::wrong_process) {
                on.engine.broken.push_back("refused a message that was meant for it");
            }
        } else if (choice < 9) {
            auto request = on.of(channel, epoch);
            const auto reply = co_await on.agent.release(std::move(request));
            if (reply.answers.at(0).outcome != agent_outcome::done) continue;
            // From here on no epoch up to this one may start, and none is running.
            auto& over = on.engine.over[channel];
            over = std::max(over, epoch);
            const auto found = on.engine.running.find(channel);
            if (found != on.engine.running.end() && found->second->what().epoch.value <= epoch) {
                on.engine.broken.push_back("released, but still running");
            }
        } else {
            const auto found = on.engine.running.find(channel);
            if (found == on.engine.running.end()) continue;
            const auto granted = found->second;
            on.wire.outcomes.push_back(random.chance(1, 3) ? commit_outcome::stale
                                                           : commit_outcome::committed);
            const model::position from("p");
            const model::position to("q");
            const std::vector<model::host_record> records;
            try {
                co_await on.agent.commit(granted, from, to, 0, records);
            } catch (const error& failure) {
                if (failure.code_value() != errc::fenced)
                    on.engine.broken.push_back(failure.what());
            }
        }
    }
}

}  // namespace

TEST_CASE("agent: however calls interleave, those of one channel never overlap and epochs rise") {
    std::size_t started = 0;
    std::size_t stopped = 0;
    for (std::uint64_t seed = 1; seed <= 60; ++seed) {
        INFO("seed " << seed);
        fixture it;
        it.hold();
        it.engine.random = core::random(seed);
        it.engine.slow = std::chrono::milliseconds(1 + seed % 30);
        it.engine.failures_percent = seed % 3 * 15;
        core::task_scope callers(it.strand);
        for (std::uint64_t one = 0; one < 6; ++one) callers.spawn(caller(it, seed * 100 + one));
        it.loop.wait(it.strand, callers.join());
        it.engine.failures_percent = 0;
        it.loop.run_for(20s);  // what is overdue stops
        REQUIRE(it.engine.broken == std::vector<std::string>{});
        for (const char* channel : channels) {
            const auto found = it.engine.running.find(channel);
            const auto status = it.status(channel);
            if (found != it.engine.running.end() && found->second->valid()) {
                REQUIRE(status.consuming == found->second->what().epoch);
            } else if (found == it.engine.running.end()) {
                REQUIRE(status.consuming == model::epoch(0));
            }
            REQUIRE(status.seen.value <= epochs);
        }
        for (const auto& call : it.engine.calls) ++(call.starts_with("start") ? started : stopped);
        it.loop.wait(it.strand, it.agent.stop_all());
        REQUIRE(it.engine.running.empty());
        REQUIRE(it.engine.broken == std::vector<std::string>{});
    }
    REQUIRE(started > 1000);
    REQUIRE(stopped > 900);
}
