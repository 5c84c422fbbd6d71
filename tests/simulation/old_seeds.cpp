// Seeds at which an earlier state of the code failed. What they once met they need not meet today,
// since every change of the code moves what a seed does: the causes are also played step by step,
// in tests/museum/own.cpp and tests/core/waits.cpp.
#include "catch.hpp"
#include "scenarios/scenarios.hpp"

namespace {

void hold(const reeve::testing::scenario& which, std::uint64_t seed) {
    INFO(which.name << " seed " << seed);
    const auto outcome = reeve::testing::run_seed(which, seed);
    CHECK(outcome.failure == "");
    CHECK(outcome.commits > 0);
}

}  // namespace

TEST_CASE("old seeds: a commit of unknown outcome leaves its channel in the queue") {
    // The channel was marked "read again", and nobody was told to read it (I4).
    hold(simulated::channel_chaos(), 8);
    hold(simulated::channel_polite(), 2);
    hold(simulated::channel_polite(), 7);
}

TEST_CASE("old seeds: a round that is cut short is begun again") {
    // The channels that it had already taken from the queue were never looked at again (I4). At
    // seed 27, besides, a wait with a deadline made its coroutine deaf to cancellation: a node
    // never released a channel.
    hold(simulated::channel_chaos(), 17);
    hold(simulated::channel_chaos(), 27);
}

TEST_CASE("old seeds: a deposed leader does not judge the grant of its successor") {
    // It refused the commit as stale, and the node gave up a channel that it held (I4).
    hold(simulated::channel_chaos(), 13);
    hold(simulated::channel_chaos(), 77);
}

TEST_CASE("old seeds: failed once") { hold(simulated::channel_chaos(), 172); }
