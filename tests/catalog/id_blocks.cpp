#include "reeve/catalog/id_blocks.hpp"

#include "catalog/faulty_store.hpp"
#include "catalog/support.hpp"
#include "reeve/catalog/codec.hpp"
#include "reeve/core/random.hpp"

#include <limits>
#include <set>
#include <string>

using namespace reeve;
using catalog::id_blocks;
using support::fault;
using support::faulty_store;

namespace {

struct fixture : support::world {
    fixture() : faulty(store), guard(lead(keys)) {}
    catalog::key_layout keys{"r"};
    faulty_store faulty;
    catalog::leader_guard guard;
};

}  // namespace

TEST_CASE_METHOD(fixture, "numbers begin at 1, increase, and cost one commit a block") {
    id_blocks ids(faulty, keys, guard, 10);
    for (std::uint64_t expected = 1; expected <= 30; ++expected) {
        CHECK(run(ids.take(1)) == expected);
    }
    CHECK(faulty.commits == 3);
    CHECK(get(keys.ids())->value == catalog::encode(catalog::id_counter{31}));
}

TEST_CASE_METHOD(fixture, "more than a block at once come in a row") {
    id_blocks ids(faulty, keys, guard, 10);
    CHECK(run(ids.take(3)) == 1);
    const auto first = run(ids.take(25));
    CHECK(first == 4);
    CHECK(run(ids.take(1)) == first + 25);
    CHECK(failure_of(ids.take(0)) == errc::invalid_argument);
}

TEST_CASE_METHOD(fixture, "overlapping calls get different numbers") {
    id_blocks ids(faulty, keys, guard, 4);
    std::set<std::uint64_t> seen;
    int running = 0;
    // Every commit waits for all other calls to have read the counter.
    faulty.before_commit = [this](std::size_t) -> awaitable<void> {
        co_await strand.sleep_for(std::chrono::milliseconds(1));
    };
    for (int call = 0; call < 20; ++call) {
        ++running;
        boost::asio::co_spawn(strand.executor(), ids.take(3),
                              [&](std::exception_ptr failure, std::uint64_t first) {
                                  CHECK_FALSE(failure);
                                  for (auto at = first; at < first + 3; ++at) seen.insert(at);
                                  --running;
                              });
    }
    turn_until([&] { return running == 0; });
    CHECK(seen.size() == 60);
}

TEST_CASE_METHOD(fixture, "two terms in any interleaving: no number twice, and the old one stops") {
    core::random random(3);
    for (int round = 0; round < 200; ++round) {
        const auto old_guard = lead(keys);
        id_blocks old_ids(store, keys, old_guard, random.between(1, 5));
        std::set<std::uint64_t> seen;
        std::uint64_t highest = 0;
        const auto add = [&](std::uint64_t first, std::uint64_t count) {
            for (auto at = first; at < first + count; ++at) CHECK(seen.insert(at).second);
            return first + count - 1;
        };
        for (auto left = random.below(10); left > 0; --left) {
            const auto count = random.between(1, 7);
            highest = add(run(old_ids.take(count)), count);
        }
        id_blocks new_ids(store, keys, lead(keys), random.between(1, 5));
        bool fenced = false;
        for (int step = 0; step < 30; ++step) {
            const auto count = random.between(1, 7);
            if (random.chance(1, 2)) {
                const auto first = run(new_ids.take(count));
                CHECK(first > highest);
                add(first, count);
            } else {
                // What the old term has reserved is its own; it reserves no more.
                try {
                    add(run(old_ids.take(count)), count);
                } catch (const error& failure) {
                    CHECK(failure.code_value() == errc::fenced);
                    fenced = true;
                }
            }
        }
        CHECK(fenced);
    }
}

TEST_CASE_METHOD(fixture, "a block of unknown outcome is never given out, even if it lands late") {
    id_blocks ids(faulty, keys, guard, 10);
    CHECK(run(ids.take(10)) == 1);
    SECTION("it was applied") {
        faulty.faults[1] = fault::no_reply;
        CHECK(failure_of(ids.take(1)) == errc::outcome_unknown);
        CHECK(run(ids.take(1)) == 21);
    }
    SECTION("it was lost") {
        faulty.faults[1] = fault::lost;
        CHECK(failure_of(ids.take(1)) == errc::outcome_unknown);
        CHECK(run(ids.take(1)) == 11);
    }
    SECTION("it lands after the next reservation, and fails") {
        faulty.faults[1] = fault::ghost;
        CHECK(failure_of(ids.take(1)) == errc::outcome_unknown);
        CHECK(run(ids.take(10)) == 11);
        run(faulty.land());
        CHECK(run(ids.take(1)) == 21);
    }
    SECTION("the store was away") {
        faulty.faults[1] = fault::away;
        CHECK(failure_of(ids.take(1)) == errc::unavailable);
        CHECK(run(ids.take(1)) == 11);
    }
}

TEST_CASE_METHOD(fixture, "a counter that cannot be trusted is not used, nor overwritten") {
    id_blocks ids(store, keys, guard, 10);
    for (const std::string& bad :
         {std::string("{}"), std::string(),
          catalog::encode(catalog::id_counter{std::numeric_limits<std::uint64_t>::max()})}) {
        put(keys.ids(), bad);
        CHECK(failure_of(ids.take(1)) == errc::corrupt);
        CHECK(get(keys.ids())->value == bad);
    }
}
