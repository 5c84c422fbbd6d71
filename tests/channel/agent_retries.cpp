#include "agent_fixture.hpp"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

using namespace agent_test;

TEST_CASE("agent: what a leader can never accept is told to the consumer at once") {
    for (const auto code : {errc::corrupt, errc::unsupported_format, errc::foreign,
                            errc::invalid_argument, errc::too_large, errc::permission_denied}) {
        INFO(name(code));
        fixture it;
        REQUIRE(it.assign("a", 1) == agent_outcome::done);
        it.wire.failures = {code};
        const auto granted = it.engine.running.at("a");
        REQUIRE(code_of([&] { it.commit(granted, "", "p1"); }) == code);
        REQUIRE(it.wire.asked.empty());
        REQUIRE(granted->valid());  // the consumer decides what to do about it
        REQUIRE(it.status("a").trouble.find("the wire") != std::string::npos);
        REQUIRE(it.status("a").retries == 0);
        REQUIRE(it.log.count("has failed") == 1);
        // And may try again itself.
        REQUIRE(it.commit(granted, "", "p1").outcome == commit_outcome::committed);
        REQUIRE(it.status("a").trouble.empty());
    }
}

TEST_CASE("agent: what another leader, or this one later, may accept is repeated") {
    for (const auto code :
         {errc::unavailable, errc::deadline_exceeded, errc::resource_exhausted, errc::locked,
          errc::outcome_unknown, errc::fenced, errc::unsupported, errc::refused,
          errc::lease_not_found, errc::compacted, errc::not_found}) {
        INFO(name(code));
        fixture it;
        REQUIRE(it.assign("a", 1) == agent_outcome::done);
        it.wire.failures = {code};
        const auto granted = it.engine.running.at("a");
        REQUIRE(it.commit(granted, "", "p1").outcome == commit_outcome::committed);
        REQUIRE(it.wire.asked.size() == 1);
    }
}

TEST_CASE("agent: an answer that cannot be read is told to the consumer, not repeated for ever") {
    fixture it;
    REQUIRE(it.assign("a", 1) == agent_outcome::done);
    it.wire.garbled = true;
    REQUIRE(code_of([&] { it.commit(it.engine.running.at("a"), "", "p1"); }) == errc::corrupt);
}

TEST_CASE("agent: a repeated commit is visible while it lasts, and logged once per change") {
    fixture it;
    it.hold();
    REQUIRE(it.assign("a", 1) == agent_outcome::done);
    it.wire.failures.assign(5, errc::unavailable);
    it.wire.failures.insert(it.wire.failures.end(), 5, errc::outcome_unknown);
    const auto granted = it.engine.running.at("a");
    struct outcome {
        static awaitable<void> of(awaitable<model::commit_reply> work, bool* done) {
            const auto reply = co_await std::move(work);
            *done = reply.outcome == commit_outcome::committed;
        }
    };
    bool done = false;
    it.background.spawn(outcome::of(
        it.agent.commit(granted, model::position(), model::position("p1"), 0, {}), &done));
    std::uint64_t most = 0;
    while (!done) {
        it.loop.run_for(10ms);
        const auto status = it.status("a");
        if (status.retries > 0) REQUIRE(status.trouble.find("the wire") != std::string::npos);
        most = std::max(most, status.retries);
    }
    REQUIRE(most == 10);
    REQUIRE(it.status("a").retries == 0);
    REQUIRE(it.status("a").trouble.empty());
    REQUIRE(it.log.count("is repeated") == 2);  // one for each of the two reasons
    REQUIRE(it.log.count("was answered after 10 retries") == 1);
}

namespace {

/// Commits what it has while it stops, as an engine with a buffer does.
class flushing_engine final : public channel::consumer {
public:
    awaitable<void> start(std::shared_ptr<const channel::grant> granted) override {
        held = std::move(granted);
        co_return;
    }
    awaitable<void> stop(model::channel_name, model::epoch) override {
        valid_while_stopping = held->valid();
        try {
            const model::position from;
            const model::position to("p1");
            std::vector<model::host_record> none;
            auto reply = co_await agent->commit(held, from, to, 0, std::move(none));
            outcome = reply.outcome;
        } catch (const error& failure) {
            refused = failure.code_value();
        }
    }
    channel::agent* agent = nullptr;
    std::shared_ptr<const channel::grant> held;
    std::optional<commit_outcome> outcome;
    std::optional<errc> refused;
    bool valid_while_stopping = true;
};

struct flushing {
    flushing() {
        engine.agent = &agent;
        auto told = it.loop.wait(it.strand, agent.assign(it.assignment("a", 1)));
        REQUIRE(told.answers.front().outcome == agent_outcome::done);
    }
    fixture it;
    flushing_engine engine;
    channel::agent agent{it.strand, it.session, it.leader, engine};
};

}  // namespace

TEST_CASE("agent: a released channel is no longer consumed, but its last flush is sent") {
    flushing given;
    auto& it = given.it;
    const auto told = it.loop.wait(it.strand, given.agent.release(it.of("a", 1)));
    REQUIRE(told.answers.front().outcome == agent_outcome::done);
    REQUIRE_FALSE(given.engine.valid_while_stopping);
    REQUIRE(given.engine.outcome == commit_outcome::committed);
    REQUIRE(it.wire.asked.size() == 1);
    // Once it has stopped nothing more is accepted.
    const auto late = [&] {
        (void)it.loop.wait(it.strand, given.agent.commit(given.engine.held, model::position("p1"),
                                                         model::position("p2"), 0, {}));
    };
    REQUIRE(code_of(late) == errc::fenced);
    REQUIRE(it.wire.asked.size() == 1);
}

TEST_CASE("agent: what stops because its session is lost flushes nothing") {
    flushing given;
    auto& it = given.it;
    it.loop.run_for(1h);
    REQUIRE_FALSE(it.session.held());
    it.loop.wait(it.strand, given.agent.stop_all());
    REQUIRE(given.engine.refused == errc::fenced);
    REQUIRE(it.wire.asked.empty());
}

TEST_CASE("agent: a grant that the leader has ended flushes nothing") {
    flushing given;
    auto& it = given.it;
    it.wire.outcomes = {commit_outcome::stale};
    const auto reply = it.loop.wait(
        it.strand,
        given.agent.commit(given.engine.held, model::position(), model::position("p1"), 0, {}));
    REQUIRE(reply.outcome == commit_outcome::stale);
    it.loop.wait(it.strand, given.agent.stop_all());
    REQUIRE(given.engine.refused == errc::fenced);
    REQUIRE(it.wire.asked.size() == 1);
}
