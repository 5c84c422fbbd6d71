#include "reeve/testing/process.hpp"

#include "fixture.hpp"
#include "reeve/core/event.hpp"

#include <stdexcept>

namespace tests {
namespace {

/// Counts living instances: a frame that was dropped has destroyed its locals.
struct witness {
    explicit witness(int& alive) : alive_(&alive) { ++*alive_; }
    ~witness() { --*alive_; }
    witness(const witness&) = delete;
    witness& operator=(const witness&) = delete;
    int* alive_;
};

awaitable<void> tick(testing::process* self, int* ticks, int* frames) {
    const witness here(*frames);
    core::runtime& strand = self->runtime();
    for (;;) {
        co_await strand.sleep_for(milliseconds(10));
        ++*ticks;
    }
}

awaitable<void> wait_forever(testing::process* self, int* frames) {
    const witness here(*frames);
    core::event never(self->runtime());
    co_await never.wait();
}

TEST_CASE("a kill drops every frame and runs no code of the process afterwards") {
    fixture given;
    int ticks = 0;
    int frames = 0;
    auto& process = given.add("node");
    for (int i = 0; i < 5; ++i) process.spawn(tick(&process, &ticks, &frames));
    for (int i = 0; i < 5; ++i) process.spawn(wait_forever(&process, &frames));
    given.world.run_for(milliseconds(105));
    REQUIRE(ticks == 50);
    REQUIRE(frames == 10);
    process.kill();
    CHECK(frames == 0);
    given.world.run_for(seconds(10));
    CHECK(ticks == 50);
    CHECK_FALSE(process.alive());
}

awaitable<void> kill_itself(testing::process* self, int* after, int* frames) {
    const witness here(*frames);
    core::runtime& strand = self->runtime();
    co_await strand.sleep_for(milliseconds(1));
    self->kill();
    *after += 1;  // goes on until it waits
    co_await strand.sleep_for(milliseconds(1));
    *after += 100;
}

TEST_CASE("a process that kills itself runs on until it waits, then is gone") {
    fixture given;
    int after = 0;
    int frames = 0;
    auto& process = given.add("node");
    process.spawn(kill_itself(&process, &after, &frames));
    process.spawn(wait_forever(&process, &frames));
    given.world.run_for(seconds(1));
    CHECK(after == 1);
    CHECK(frames == 0);
}

awaitable<void> kill_and_put(testing::process* self, std::shared_ptr<storage::metadata_store> store,
                             std::shared_ptr<std::string> outcome) {
    self->kill();
    co_await put(store, "key", "posthumous", outcome);
}

TEST_CASE("a killed process has no effects any more, even in the same breath") {
    fixture given;
    auto& process = given.add("node");
    std::shared_ptr<storage::metadata_store> store = process.open_metadata();
    auto outcome = std::make_shared<std::string>("never ended");
    process.spawn(kill_and_put(&process, store, outcome));
    given.world.run_for(seconds(10));
    CHECK(*outcome == "never ended");
    CHECK(given.value_of("key").empty());
}

awaitable<void> kill_neighbour(testing::process* self, testing::process* other) {
    co_await self->runtime().sleep_for(milliseconds(1));
    other->kill();
}

TEST_CASE("one process may kill another from its own code") {
    fixture given;
    int frames = 0;
    auto& victim = given.add("victim");
    auto& killer = given.add("killer");
    victim.spawn(wait_forever(&victim, &frames));
    killer.spawn(kill_neighbour(&killer, &victim));
    given.world.run_for(seconds(1));
    CHECK(frames == 0);
    CHECK_FALSE(victim.alive());
    CHECK(killer.alive());
}

TEST_CASE("a paused process runs nothing, its clock goes on, and then everything is due") {
    fixture given;
    int ticks = 0;
    int frames = 0;
    auto& process = given.add("node");
    process.spawn(tick(&process, &ticks, &frames));
    given.world.run_for(milliseconds(15));
    REQUIRE(ticks == 1);
    process.pause();
    const auto before = process.runtime().now();
    given.world.run_for(minutes(5));
    CHECK(ticks == 1);
    CHECK(process.runtime().now() - before == minutes(5));
    process.resume();
    given.world.run_for(nanoseconds(0));
    CHECK(ticks == 2);
    given.world.run_for(milliseconds(20));
    CHECK(ticks == 4);
}

TEST_CASE("a paused process can be killed and started again") {
    fixture given;
    int ticks = 0;
    int frames = 0;
    auto& process = given.add("node");
    process.spawn(tick(&process, &ticks, &frames));
    process.pause();
    given.world.run_for(seconds(1));
    process.restart();
    CHECK(frames == 0);
    CHECK_FALSE(process.paused());
    CHECK(process.lives() == 2);
    process.spawn(tick(&process, &ticks, &frames));
    given.world.run_for(milliseconds(11));
    CHECK(ticks == 1);
}

struct program {
    explicit program(int& alive) : here(alive) {}
    witness here;
};

TEST_CASE("boot builds a new program in every life, and the disk may survive") {
    testing::simulation world(1);
    int programs = 0;
    int boots = 0;
    auto& process = world.add("node", [&](testing::process& self) -> std::shared_ptr<void> {
        self.disk()["boots"] += "x";
        boots = static_cast<int>(self.disk()["boots"].size());
        return std::make_shared<program>(programs);
    });
    process.start();
    CHECK(programs == 1);
    CHECK(process.program<program>().here.alive_ == &programs);
    process.kill();
    CHECK(programs == 0);
    process.start();
    CHECK(boots == 2);
    process.restart(testing::disk_fate::lost);
    CHECK(boots == 1);
    CHECK(programs == 1);
    CHECK_THROWS_AS(process.start(), std::logic_error);
}

TEST_CASE("hooks learn of every kill and of the disk's fate") {
    fixture given;
    auto& process = given.add("node");
    int kept = 0;
    int lost = 0;
    process.on_kill(
        [&](testing::disk_fate fate) { (fate == testing::disk_fate::kept ? kept : lost) += 1; });
    process.restart();
    process.restart(testing::disk_fate::lost);
    process.kill();
    process.kill();
    CHECK(kept == 2);
    CHECK(lost == 1);
}

awaitable<void> throw_something() {
    throw std::runtime_error("the flange is loose");
    co_return;
}

TEST_CASE("an exception that leaves a process's program fails the simulation") {
    fixture given;
    auto& process = given.add("node");
    process.spawn(throw_something());
    given.world.run_for(seconds(1));
    CHECK(given.world.failed());
    CHECK(given.world.failure().find("the flange is loose") != std::string::npos);
}

TEST_CASE("destroying a simulation drops everything that still waits") {
    int frames = 0;
    int ticks = 0;
    {
        fixture given;
        for (const char* name : {"a", "b", "c"}) {
            auto& process = given.add(name);
            process.spawn(tick(&process, &ticks, &frames));
            process.spawn(wait_forever(&process, &frames));
        }
        given.world.run_for(milliseconds(95));
        CHECK(frames == 6);
    }
    CHECK(frames == 0);
}

}  // namespace
}  // namespace tests
