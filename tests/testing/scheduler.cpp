#include "reeve/testing/scheduler.hpp"

#include "catch.hpp"
#include "reeve/testing/virtual_clock.hpp"

#include <chrono>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using namespace std::chrono_literals;
using reeve::core::task;
using reeve::testing::event_kind;
using reeve::testing::lane_id;
using reeve::testing::scheduler;
using reeve::testing::virtual_clock;

std::string order_of_ten(std::uint64_t seed) {
    scheduler events(seed);
    const lane_id lane = events.open("one");
    std::string order;
    for (char name = 'a'; name < 'k'; ++name) {
        events.post(lane, event_kind::work, task([&order, name] { order += name; }));
    }
    events.run_for(0ns);
    return order;
}

TEST_CASE("the seed chooses the order of events due at one moment, and only the seed") {
    CHECK(order_of_ten(1) == order_of_ten(1));
    CHECK(order_of_ten(1) != order_of_ten(2));
    CHECK(order_of_ten(1).size() == 10);
}

TEST_CASE("events run in the order of their times, and time jumps") {
    scheduler events(7);
    const lane_id lane = events.open("one");
    std::vector<int> ran;
    events.post_at(events.now() + 3s, lane, event_kind::timer, task([&] { ran.push_back(3); }));
    events.post_at(events.now() + 1s, lane, event_kind::timer, task([&] { ran.push_back(1); }));
    events.post_at(events.now() + 2s, lane, event_kind::timer, task([&] { ran.push_back(2); }));
    events.run_for(2s);
    CHECK(ran == std::vector<int>{1, 2});
    CHECK(events.now() == scheduler::beginning + 2s);
    CHECK(events.step());
    CHECK(events.now() == scheduler::beginning + 3s);
    CHECK_FALSE(events.step());
    CHECK(events.events_run() == 3);
}

TEST_CASE("step does not pass its limit") {
    scheduler events(7);
    const lane_id lane = events.open("one");
    events.post_at(events.now() + 2s, lane, event_kind::timer, task([] {}));
    CHECK_FALSE(events.step(events.now() + 1s));
    CHECK(events.now() == scheduler::beginning);
    CHECK(events.step(events.now() + 2s));
}

TEST_CASE("a paused lane holds its events and a closed one drops them") {
    scheduler events(7);
    const lane_id paused = events.open("paused");
    const lane_id closed = events.open("closed");
    int ran = 0;
    events.post_at(events.now() + 1s, paused, event_kind::timer, task([&] { ran += 1; }));
    events.post_at(events.now() + 1s, closed, event_kind::timer, task([&] { ran += 100; }));
    events.pause(paused);
    events.close(closed);
    events.post(closed, event_kind::work, task([&] { ran += 100; }));
    events.run_for(10s);
    CHECK(ran == 0);
    events.resume(paused);
    events.run_for(0s);
    CHECK(ran == 1);
}

TEST_CASE("closing a paused lane drops what it held") {
    scheduler events(7);
    const lane_id lane = events.open("one");
    auto held = std::make_shared<int>(1);
    events.pause(lane);
    events.post(lane, event_kind::work, task([held] {}));
    events.run_for(1s);
    CHECK(held.use_count() == 2);
    events.close(lane);
    CHECK(held.use_count() == 1);
}

TEST_CASE("what is ordered for after the event runs before any other event") {
    scheduler events(7);
    const lane_id lane = events.open("one");
    std::string order;
    events.post(lane, event_kind::work, task([&] {
                    events.after_this_event(task([&] { order += "after "; }));
                    events.post(lane, event_kind::work, task([&] { order += "next"; }));
                    order += "event ";
                }));
    events.run_for(0s);
    CHECK(order == "event after next");
    events.after_this_event(task([&] { order += " at once"; }));
    CHECK(order == "event after next at once");
}

TEST_CASE("the trace hash depends on times, lanes and kinds") {
    auto hash = [](std::chrono::nanoseconds delay, int lanes, event_kind what) {
        scheduler events(1);
        lane_id lane = events.open("first");
        for (int i = 1; i < lanes; ++i) lane = events.open("more");
        events.post_at(events.now() + delay, lane, what, task([] {}));
        events.run_for(10s);
        return events.trace_hash();
    };
    const auto base = hash(1s, 1, event_kind::work);
    CHECK(base == hash(1s, 1, event_kind::work));
    CHECK(base != hash(2s, 1, event_kind::work));
    CHECK(base != hash(1s, 2, event_kind::work));
    CHECK(base != hash(1s, 1, event_kind::message));
}

TEST_CASE("a clock that drifts reaches its deadlines in its own time") {
    scheduler events(1);
    virtual_clock clock(events);
    const auto drift = GENERATE(-50'000, -1, 0, 1, 37, 50'000);
    clock.set_drift(drift);
    const auto deadline = clock.now() + 1h + 7ns;
    const auto at = clock.virtual_time_of(deadline);
    events.run_until(at - 1ns);
    CHECK(clock.now() < deadline);
    events.run_until(at);
    CHECK(clock.now() >= deadline);
}

TEST_CASE("changing the drift keeps the monotonic clock's value") {
    scheduler events(1);
    virtual_clock clock(events);
    clock.set_drift(100'000);
    events.run_for(10s);
    const auto before = clock.now();
    CHECK(before == scheduler::beginning + 11s);
    clock.set_drift(-100'000);
    CHECK(clock.now() == before);
    events.run_for(10s);
    CHECK(clock.now() == before + 9s);
}

TEST_CASE("the wall clock jumps alone") {
    scheduler events(1);
    virtual_clock clock(events);
    const auto monotonic = clock.now();
    CHECK(clock.wall_now() == virtual_clock::wall_beginning);
    clock.jump_wall(-1h);
    CHECK(clock.wall_now() == virtual_clock::wall_beginning - 1h);
    CHECK(clock.now() == monotonic);
}

}  // namespace
