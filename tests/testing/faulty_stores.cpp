#include "fixture.hpp"
#include "reeve/core/timeout.hpp"
#include "reeve/testing/faulty_metadata_store.hpp"

#include <vector>

namespace tests {
namespace {

/// One process with a store.
struct with_store : fixture {
    explicit with_store(std::uint64_t seed = 1) : fixture(seed) {
        process = &add("node");
        store = process->open_metadata();
    }
    testing::request_faults& faults() { return world.faults().metadata.requests; }
    std::string put_now(const std::string& value, nanoseconds patience = seconds(10)) {
        auto outcome = std::make_shared<std::string>("nothing");
        process->spawn(put(store, "key", value, outcome));
        world.run_for(patience);
        return *outcome;
    }

    testing::process* process = nullptr;
    std::shared_ptr<storage::metadata_store> store;
};

TEST_CASE("without faults a commit is applied, answered and counted") {
    with_store given;
    CHECK(given.put_now("a") == "ok");
    CHECK(given.value_of("key") == "a");
    CHECK(given.world.commits() == 1);
}

TEST_CASE("an unavailable store applies nothing, ever") {
    with_store given;
    given.faults().unavailable.ppm = 1'000'000;
    CHECK(given.put_now("a") == "unavailable");
    given.world.run_for(hours(1));
    CHECK(given.value_of("key").empty());
}

TEST_CASE("a full store refuses writes and answers reads") {
    with_store given;
    given.faults().full.ppm = 1'000'000;
    CHECK(given.put_now("a") == "resource_exhausted");
    CHECK(given.value_of("key").empty());
    given.faults().full.ppm = 0;
    CHECK(given.put_now("a") == "ok");
}

TEST_CASE("a lost request and a lost reply look the same to the caller") {
    with_store given;
    given.faults().request_lost.ppm = 1'000'000;
    CHECK(given.put_now("a") == "outcome_unknown");
    given.world.run_for(hours(1));
    CHECK(given.value_of("key").empty());
    given.faults().request_lost.ppm = 0;
    given.faults().reply_lost.ppm = 1'000'000;
    CHECK(given.put_now("b") == "outcome_unknown");
    CHECK(given.value_of("key") == "b");
    CHECK(given.world.counts().at("applied, reply lost") == 1);
}

TEST_CASE("a ghost lands after its caller has given up") {
    with_store given;
    given.faults().ghost.ppm = 1'000'000;
    given.faults().give_up = {milliseconds(100), milliseconds(100)};
    given.faults().ghost_delay = {seconds(60), seconds(60)};
    CHECK(given.put_now("late", seconds(50)) == "outcome_unknown");
    CHECK(given.value_of("key").empty());
    given.world.run_for(seconds(15));
    CHECK(given.value_of("key") == "late");
    CHECK(given.world.counts().at("ghost landed") == 1);
}

TEST_CASE("a ghost lands after its caller's death") {
    with_store given;
    given.faults().ghost.ppm = 1'000'000;
    given.faults().ghost_delay = {seconds(60), seconds(60)};
    given.put_now("late", milliseconds(1));
    given.process->kill();
    given.world.run_for(seconds(70));
    CHECK(given.value_of("key") == "late");
    CHECK(given.world.counts().at("ghost landed after its sender's death") == 1);
}

TEST_CASE("what was sent is carried out although the caller dies before the answer") {
    with_store given;
    given.faults().delay = {seconds(1), seconds(1)};
    CHECK(given.put_now("sent", milliseconds(500)) == "nothing");
    given.process->kill();
    given.world.run_for(seconds(1));
    CHECK(given.value_of("key") == "sent");
}

TEST_CASE("a cut process reads nothing, writes nothing, and others do") {
    with_store given;
    auto& other = given.add("other");
    std::shared_ptr<storage::metadata_store> theirs = other.open_metadata();
    given.process->cut_stores();
    const std::string said = given.put_now("mine");
    CHECK((said == "unavailable" || said == "outcome_unknown"));
    auto outcome = std::make_shared<std::string>();
    other.spawn(put(theirs, "key", "theirs", outcome));
    given.world.run_for(hours(1));
    CHECK(*outcome == "ok");
    CHECK(given.value_of("key") == "theirs");
    given.process->mend_stores();
    CHECK(given.put_now("mine") == "ok");
}

awaitable<void> put_with_deadline(testing::process* self,
                                  std::shared_ptr<storage::metadata_store> store,
                                  std::shared_ptr<std::string> outcome) {
    core::runtime& strand = self->runtime();
    storage::transaction change;
    change.put("key", "value");
    const core::time_point deadline = strand.now() + milliseconds(500);
    try {
        auto work = store->commit(std::move(change));
        co_await core::with_deadline(strand, std::move(work), deadline, errc::outcome_unknown,
                                     "put");
        *outcome = "ok";
    } catch (const reeve::error& failure) {
        *outcome = std::string(reeve::name(failure.code_value()));
    }
}

TEST_CASE("a cancelled commit is of unknown outcome at once, and lands") {
    with_store given;
    given.faults().delay = {seconds(1), seconds(1)};
    auto outcome = std::make_shared<std::string>();
    given.process->spawn(put_with_deadline(given.process, given.store, outcome));
    given.world.run_for(milliseconds(501));
    CHECK(*outcome == "outcome_unknown");
    given.world.run_for(seconds(1));
    CHECK(given.value_of("key") == "value");
}

/// What a watch delivered: values, then the name of the code that ended it.
awaitable<void> watch_values(std::shared_ptr<storage::metadata_store> store,
                             std::vector<std::string>* seen) {
    try {
        const auto watch =
            co_await store->watch(storage::key_range::one("key"), storage::revision(1));
        for (;;) {
            const auto batch = co_await watch->next();
            for (const auto& one : batch.changes) seen->push_back(one.now.value);
        }
    } catch (const reeve::error& failure) {
        seen->push_back(std::string(reeve::name(failure.code_value())));
    }
}

TEST_CASE("a watch lags behind, in order") {
    with_store given;
    given.world.faults().metadata.watch_lag = {seconds(30), seconds(30)};
    std::vector<std::string> seen;
    given.process->spawn(watch_values(given.store, &seen));
    for (const char* value : {"a", "b", "c"}) CHECK(given.put_now(value, seconds(1)) == "ok");
    CHECK(seen.empty());
    given.world.run_for(minutes(2));
    CHECK(seen == std::vector<std::string>{"a", "b", "c"});
}

TEST_CASE("a gap and a compaction end a watch loudly") {
    const bool gap = GENERATE(true, false);
    with_store given;
    auto& faults = given.world.faults().metadata;
    std::vector<std::string> seen;
    given.process->spawn(watch_values(given.store, &seen));
    CHECK(given.put_now("a") == "ok");
    (gap ? faults.watch_gap : faults.watch_compacted).ppm = 1'000'000;
    CHECK(given.put_now("b") == "ok");
    CHECK(seen == std::vector<std::string>{"a", gap ? "unavailable" : "compacted"});
}

TEST_CASE("a watch of a killed process is dropped, and the world goes on") {
    with_store given;
    std::vector<std::string> seen;
    given.process->spawn(watch_values(given.store, &seen));
    CHECK(given.put_now("a") == "ok");
    given.store.reset();
    given.process->kill();
    auto& other = given.add("other");
    std::shared_ptr<storage::metadata_store> theirs = other.open_metadata();
    auto outcome = std::make_shared<std::string>();
    other.spawn(put(theirs, "key", "b", outcome));
    given.world.run_for(seconds(10));
    CHECK(*outcome == "ok");
    CHECK(seen == std::vector<std::string>{"a"});
}

/// Holds a lease and renews it; counts the renewals until it is gone.
awaitable<void> hold(testing::process* self, std::shared_ptr<storage::metadata_store> store,
                     int* renewals, bool* lost) {
    core::runtime& strand = self->runtime();
    const auto granted = co_await store->grant(seconds(10));
    storage::transaction change;
    change.put("key", "leased", granted.id);
    co_await store->commit(std::move(change));
    try {
        for (;;) {
            co_await strand.sleep_for(seconds(3));
            co_await store->keep_alive(granted.id);
            ++*renewals;
        }
    } catch (const reeve::error& failure) {
        *lost = failure.code_value() == errc::lease_not_found;
    }
}

TEST_CASE("a lease lives while it is renewed and ends when its holder is paused") {
    with_store given;
    int renewals = 0;
    bool lost = false;
    given.process->spawn(hold(given.process, given.store, &renewals, &lost));
    given.world.run_for(minutes(5));
    CHECK(renewals >= 90);
    CHECK(given.value_of("key") == "leased");
    given.process->pause();
    given.world.run_for(seconds(15));
    CHECK(given.value_of("key").empty());
    CHECK_FALSE(lost);
    given.process->resume();
    given.world.run_for(seconds(5));
    CHECK(lost);
}

TEST_CASE("a lease may end early, although it is renewed") {
    with_store given;
    given.world.faults().metadata.lease_early.ppm = 1'000'000;
    int renewals = 0;
    bool lost = false;
    given.process->spawn(hold(given.process, given.store, &renewals, &lost));
    given.world.run_for(seconds(14));
    CHECK(lost);
    CHECK(given.value_of("key").empty());
    CHECK(given.world.counts().at("lease ended early") >= 1);
}

TEST_CASE("a lease may end late, although nobody renews it") {
    with_store given;
    given.world.faults().metadata.lease_late.ppm = 1'000'000;
    int renewals = 0;
    bool lost = false;
    given.process->spawn(hold(given.process, given.store, &renewals, &lost));
    given.world.run_for(milliseconds(2900));
    given.process->kill();
    given.world.run_for(milliseconds(7600));
    CHECK(given.value_of("key") == "leased");  // granted for 10 s, 10.5 s ago
    given.world.run_for(seconds(10));
    CHECK(given.value_of("key").empty());
}

}  // namespace
}  // namespace tests
