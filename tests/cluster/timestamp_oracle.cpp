#include "reeve/cluster/timestamp_oracle.hpp"

#include "catalog/faulty_store.hpp"
#include "catalog/support.hpp"
#include "reeve/catalog/codec.hpp"

#include <boost/asio/co_spawn.hpp>

#include <chrono>
#include <set>

using namespace std::chrono_literals;
using namespace reeve;
using cluster::persisted_timestamp_oracle;
using consensus::timestamp;
using support::fault;
using support::faulty_store;

namespace {

// Clocks that go where the test wants them.
class set_clock final : public core::clock {
public:
    [[nodiscard]] core::time_point now() const noexcept override {
        return core::time_point(std::chrono::milliseconds(monotonic_ms));
    }
    [[nodiscard]] core::wall_time wall_now() const noexcept override {
        return core::wall_time(std::chrono::milliseconds(ms));
    }
    std::int64_t ms = 1'000'000;
    std::int64_t monotonic_ms = 5000;
};

core::runtime_options with(const core::clock& clock) {
    core::runtime_options options;
    options.clock = &clock;
    return options;
}

struct fixture : support::world {
    fixture() : wall_strand(loop, with(clock)), faulty(store), guard(lead(keys)) {}

    persisted_timestamp_oracle make() { return {wall_strand, faulty, keys, guard, 10ms}; }

    set_clock clock;
    core::runtime wall_strand;
    catalog::key_layout keys{"r"};
    faulty_store faulty;
    catalog::leader_guard guard;
};

constexpr std::uint64_t a_millisecond = std::uint64_t{1} << cluster::timestamp_counter_bits;

}  // namespace

TEST_CASE_METHOD(fixture, "timestamps follow the wall clock, and cost one commit a window") {
    auto oracle = make();
    CHECK(run(oracle.next(1)) == timestamp(1'000'000 * a_millisecond));
    CHECK(run(oracle.next(5)) == timestamp(1'000'000 * a_millisecond + 1));
    CHECK(run(oracle.next(1)) == timestamp(1'000'000 * a_millisecond + 6));
    clock.ms += 5;
    CHECK(run(oracle.next(1)) == timestamp(1'000'005 * a_millisecond));
    CHECK(faulty.commits == 1);
    clock.ms += 10;
    CHECK(run(oracle.next(1)) == timestamp(1'000'015 * a_millisecond));
    CHECK(faulty.commits == 2);
    CHECK(failure_of(oracle.next(0)) == errc::invalid_argument);
}

TEST_CASE_METHOD(fixture, "a wall clock that goes back does not take timestamps with it") {
    auto oracle = make();
    const auto before = run(oracle.next(1));
    for (const std::int64_t ms : {std::int64_t{999}, std::int64_t{0}, std::int64_t{-5}}) {
        clock.ms = ms;
        CHECK(run(oracle.next(1)) > before);
    }
    guard = lead(keys);
    auto successor = make();
    CHECK(run(successor.next(1)) > run(oracle.next(1)));
}

TEST_CASE_METHOD(fixture,
                 "timestamps pass with the monotonic clock while the wall clock is behind") {
    clock.ms += 100'000'000;
    auto ahead = make();
    const auto left = run(ahead.next(1));
    clock.ms -= 100'000'000;
    guard = lead(keys);
    auto successor = make();
    const auto first = run(successor.next(1));
    CHECK(first > left);
    for (int tenth = 1; tenth <= 10; ++tenth) {
        clock.monotonic_ms += 100;
        const auto passed = run(successor.next(1)).value - first.value;
        CHECK(passed >= 100U * static_cast<unsigned>(tenth) * a_millisecond);
        CHECK(passed <= (100U * static_cast<unsigned>(tenth) + 1) * a_millisecond);
    }
}

TEST_CASE_METHOD(fixture,
                 "timestamps pass with the monotonic clock after the wall clock was set back") {
    auto oracle = make();
    run(oracle.next(1));
    clock.ms += 100'000'000;  // ahead, and back again, in one term
    const auto ahead = run(oracle.next(1));
    clock.ms -= 100'000'000;
    clock.monotonic_ms += 2000;
    CHECK(run(oracle.next(1)).value >= ahead.value + 2000 * a_millisecond);
}

TEST_CASE_METHOD(fixture, "many small steps of the monotonic clock are as long as one") {
    auto oracle = make();
    const auto first = run(oracle.next(1));
    for (int step = 0; step < 1000; ++step) {
        clock.monotonic_ms += 1;
        run(oracle.next(1));
    }
    CHECK(run(oracle.next(1)).value >= first.value + 1000 * a_millisecond);
}

TEST_CASE_METHOD(fixture, "a successor starts above all that its predecessor gave") {
    auto oracle = make();
    timestamp highest;
    for (int step = 0; step < 50; ++step) highest = run(oracle.next(a_millisecond / 2));
    guard = lead(keys);
    auto successor = make();
    CHECK(run(successor.next(1)).value >= highest.value + a_millisecond / 2);
}

TEST_CASE_METHOD(fixture, "a deposed leader gives out what it has reserved, and no more") {
    auto oracle = make();
    run(oracle.next(1));
    guard = lead(keys);
    auto successor = make();
    const auto first = run(successor.next(1));
    CHECK(run(oracle.next(1)) < first);
    CHECK(failure_of(oracle.next(20 * a_millisecond)) == errc::fenced);
}

TEST_CASE_METHOD(fixture,
                 "a window of unknown outcome is skipped or taken, never given out twice") {
    auto oracle = make();
    auto highest = run(oracle.next(1));
    const auto more = 11 * a_millisecond;
    for (const auto what : {fault::no_reply, fault::lost, fault::ghost}) {
        faulty.faults[faulty.commits] = what;
        CHECK(failure_of(oracle.next(more)) == errc::outcome_unknown);
        const auto first = run(oracle.next(more));
        CHECK(first.value > highest.value);
        highest = timestamp(first.value + more - 1);
        run(faulty.land());
    }
    faulty.faults[faulty.commits] = fault::away;
    CHECK(failure_of(oracle.next(more)) == errc::unavailable);
    CHECK(run(oracle.next(1)) > highest);
}

TEST_CASE_METHOD(fixture, "overlapping calls never share a timestamp") {
    auto oracle = make();
    faulty.before_commit = [this](std::size_t) -> awaitable<void> {
        co_await strand.sleep_for(1ms);
    };
    std::set<std::uint64_t> starts;
    int running = 0;
    for (int call = 0; call < 20; ++call) {
        ++running;
        boost::asio::co_spawn(wall_strand.executor(), oracle.next(3 * a_millisecond),
                              [&](std::exception_ptr failure, timestamp first) {
                                  CHECK_FALSE(failure);
                                  starts.insert(first.value);
                                  --running;
                              });
    }
    turn_until([&] { return running == 0; });
    REQUIRE(starts.size() == 20);
    std::uint64_t end = 0;
    for (const auto start : starts) {
        CHECK(start >= end);
        end = start + 3 * a_millisecond;
    }
}

TEST_CASE_METHOD(fixture, "a mark that cannot be trusted is not used, nor overwritten") {
    auto oracle = make();
    put(keys.oracle(), "{}");
    CHECK(failure_of(oracle.next(1)) == errc::corrupt);
    put(keys.oracle(), catalog::encode(catalog::oracle_mark{~std::uint64_t{0}, 0}));
    CHECK(failure_of(oracle.next(1)) == errc::resource_exhausted);
    CHECK(get(keys.oracle())->value == catalog::encode(catalog::oracle_mark{~std::uint64_t{0}, 0}));
}
