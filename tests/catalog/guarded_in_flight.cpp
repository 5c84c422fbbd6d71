// Several transactions of one batch under way at once: each is held in front of the store until the
// test lets it through.
#include "catalog/guarded_fixture.hpp"
#include "reeve/core/event.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/system/system_error.hpp>

#include <algorithm>
#include <memory>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

using namespace reeve;
using catalog::item_outcome;
using support::crashed;
using support::creations;
using support::fault;
using numbers = std::vector<std::size_t>;

namespace {

constexpr std::size_t at_once = catalog::transactions_in_flight_max;

// What a held commit does when it is cancelled.
enum class when_cancelled {
    says_not_sent,
    says_unknown,
    waits,  // is deaf to it
};

struct fixture : support::guarded_fixture {
    fixture() {
        limit(6, 5, 1 << 20);  // five items each
        faulty.before_commit = [this](std::size_t number) { return hold(number); };
    }
    ~fixture() { strand.shutdown(); }  // what waits uses `changed`

    struct inside {
        explicit inside(std::size_t& of) : count(of) { ++count; }
        ~inside() { --count; }
        inside(const inside&) = delete;
        inside& operator=(const inside&) = delete;
        std::size_t& count;
    };

    awaitable<void> hold(std::size_t number) {
        const inside here(held);
        if (manner == when_cancelled::waits) {
            co_await boost::asio::this_coro::throw_if_cancelled(false);
        }
        while (!let_through.contains(number)) {
            bool cancelled = false;
            try {
                co_await changed.wait();
            } catch (const boost::system::system_error&) {
                cancelled = true;
            }
            if (!cancelled || manner == when_cancelled::waits) continue;
            if (manner == when_cancelled::says_unknown) throw error(errc::outcome_unknown, "sent");
            throw boost::system::system_error(boost::asio::error::operation_aborted);
        }
    }

    // Calls commit_items, then waits for what never comes.
    awaitable<void> call(std::vector<storage::transaction> items) {
        catalog::on_decided decided = [this](std::span<const std::size_t> which,
                                             const std::vector<catalog::item_result>& all) {
            told.emplace_back(which.begin(), which.end());
            sent_when_told.push_back(faulty.commits);
            for (const auto index : which) told_outcomes.push_back(all[index].outcome);
            if (when_told) when_told();
        };
        results = co_await catalog::commit_items(faulty, guard, std::move(items), decided);
        co_await changed.wait();
    }
    void start(std::vector<storage::transaction> items) {
        boost::asio::co_spawn(
            strand.executor(), call(std::move(items)),
            boost::asio::bind_cancellation_slot(
                cancel.slot(), [this](std::exception_ptr thrown) { failure = thrown; }));
        settle();
    }
    void let(std::size_t number) {
        let_through.insert(number);
        changed.notify_all();
        settle();
    }
    void let_all() {
        for (std::size_t number = 0; number < 100; ++number) let_through.insert(number);
        changed.notify_all();
        settle();
    }
    void cancel_it() {
        cancel.emit(boost::asio::cancellation_type::terminal);
        settle();
    }
    // commit_items has neither returned nor thrown.
    [[nodiscard]] bool runs() const { return !results && !failure; }
    [[nodiscard]] item_outcome outcome(std::size_t index) const {
        return results->at(index).outcome;
    }
    [[nodiscard]] errc code() const {
        try {
            std::rethrow_exception(failure.value());
        } catch (const error& thrown) {
            return thrown.code_value();
        }
    }
    [[nodiscard]] numbers last_told() const { return told.empty() ? numbers{} : told.back(); }
    // The values that a transaction writes, in order.
    [[nodiscard]] std::string written_by(std::size_t number) const {
        std::string all;
        for (const auto& one : faulty.sent.at(number).operations()) all += one.value;
        return all;
    }

    core::event changed{strand};
    when_cancelled manner = when_cancelled::says_not_sent;
    std::set<std::size_t> let_through;
    std::size_t held = 0;
    boost::asio::cancellation_signal cancel;
    std::optional<std::vector<catalog::item_result>> results;
    std::optional<std::exception_ptr> failure;
    std::vector<numbers> told;
    numbers sent_when_told;
    std::vector<item_outcome> told_outcomes;
    std::function<void()> when_told;
};

storage::transaction write(const std::string& key, const std::string& value) {
    storage::transaction item;
    item.put(key, value);
    return item;
}

}  // namespace

TEST_CASE_METHOD(fixture, "a few transactions of a batch are under way at once, and never more") {
    start(creations(5 * (at_once + 2)));
    CHECK(faulty.commits == at_once);
    CHECK(held == at_once);
    let(2);
    CHECK(faulty.commits == at_once + 1);
    let(0);
    CHECK(faulty.commits == at_once + 2);
    let(1);
    CHECK(faulty.commits == at_once + 2);
    CHECK(runs());
    let_all();
    REQUIRE(results);
    CHECK(results->size() == 5 * (at_once + 2));
    CHECK(faulty.commits == at_once + 2);
    CHECK(count("k") == 5 * (at_once + 2));
    CHECK(std::all_of(results->begin(), results->end(), [](const auto& one) {
        return one.outcome == item_outcome::committed && one.at;
    }));
}

TEST_CASE_METHOD(fixture, "what a transaction decided is told before any other one is sent") {
    put("k11", "already there");
    start(creations(5 * at_once + 2));
    CHECK(told.empty());
    let(2);  // rejected because of k11 alone; the others of it are sent again
    CHECK(told == std::vector<numbers>{{11}});
    CHECK(told_outcomes == std::vector{item_outcome::rejected});
    CHECK(sent_when_told == numbers{at_once});
    CHECK(faulty.commits == at_once + 1);
    CHECK(faulty.sent.back().operations().front().key == "k10");
    let(1);
    CHECK(last_told() == numbers{5, 6, 7, 8, 9});
    CHECK(sent_when_told == numbers{at_once, at_once + 1});
    CHECK(runs());
    let_all();
    REQUIRE(results);
    CHECK(outcome(11) == item_outcome::rejected);
    std::size_t committed = 0;
    for (const auto& one : *results) committed += one.outcome == item_outcome::committed ? 1U : 0U;
    CHECK(committed == 5 * at_once + 1);
    CHECK(get("k11")->value == "already there");
}

TEST_CASE_METHOD(fixture, "items on one key are never under way together, and keep their order") {
    limit(4, 3, 1 << 20);  // three items each
    std::vector<storage::transaction> items;
    const auto at = put("compared", "0");
    storage::transaction compares;
    compares.if_modified_at("compared", at).put("seen", "c");
    items.push_back(write("k", "1"));
    items.push_back(write("x1", "x"));
    items.push_back(write("k", "2"));
    items.push_back(compares);
    items.push_back(write("compared", "w"));
    items.push_back(write("x2", "x"));
    items.push_back(write("k", "3"));
    for (int number = 3; number < 30; ++number) {
        items.push_back(write("x" + std::to_string(number), "x"));
    }
    start(std::move(items));
    REQUIRE(faulty.commits == at_once);
    CHECK(written_by(0) == "1xc");
    for (std::size_t number = 1; number < at_once; ++number) CHECK(written_by(number) == "xxx");
    // What waited for it goes in front, but for what now waits for that.
    let(0);
    REQUIRE(faulty.commits == at_once + 1);
    CHECK(written_by(at_once) == "2wx");
    let(1);
    REQUIRE(faulty.commits == at_once + 2);
    CHECK(written_by(at_once + 1) == "xxx");
    let(at_once);
    REQUIRE(faulty.commits == at_once + 3);
    CHECK(written_by(at_once + 2) == "3xx");
    let_all();
    REQUIRE(results);
    CHECK(get("k")->value == "3");
    CHECK(get("k")->version == 3);
    CHECK(get("seen"));
    CHECK(get("compared")->value == "w");
    CHECK(count("x") == 29);
}

TEST_CASE_METHOD(fixture,
                 "what a rejection sends again stays in front of later items on its keys") {
    limit(3, 2, 1 << 20);
    put("taken", "before");
    std::vector<storage::transaction> items;
    items.push_back(create("taken"));
    items.push_back(write("k", "1"));
    items.push_back(write("k", "2"));
    items.push_back(write("other", "o"));
    items.push_back(write("k", "3"));
    start(std::move(items));
    REQUIRE(faulty.commits == 2);
    CHECK(written_by(1) == "o");
    let(0);
    REQUIRE(faulty.commits == 3);
    CHECK(written_by(2) == "1");
    let(1);
    REQUIRE(faulty.commits == 3);
    let(2);
    REQUIRE(faulty.commits == 4);
    CHECK(written_by(3) == "2");
    let(3);
    let(4);
    REQUIRE(results);
    CHECK(outcome(0) == item_outcome::rejected);
    CHECK(get("k")->value == "3");
    CHECK(get("k")->version == 3);
}

TEST_CASE_METHOD(fixture,
                 "after a failure nothing more is sent, and what is under way is decided") {
    const auto expect = [this](fault what, item_outcome of_second) {
        faulty.faults[1] = what;
        start(creations(5 * (at_once + 3)));
        let(1);
        CHECK(faulty.commits == at_once);
        CHECK(runs());
        CHECK(told.empty() == (of_second == item_outcome::not_applied));
        let(0);
        CHECK(last_told() == numbers{0, 1, 2, 3, 4});
        CHECK(runs());
        let_all();
        REQUIRE(results);
        CHECK(faulty.commits == at_once);
        for (std::size_t index = 0; index < results->size(); ++index) {
            INFO(index);
            const bool sent = index < 5 * at_once;
            CHECK(outcome(index) == (index / 5 == 1 ? of_second
                                     : sent         ? item_outcome::committed
                                                    : item_outcome::not_applied));
        }
    };
    SECTION("away") { expect(fault::away, item_outcome::not_applied); }
    SECTION("unknown") { expect(fault::lost, item_outcome::unknown); }
}

TEST_CASE_METHOD(fixture, "what is no answer is thrown when nothing is under way any more") {
    SECTION("of the store") {
        faulty.faults[1] = fault::crash_before;
        start(creations(5 * (at_once + 1)));
        let(1);
    }
    SECTION("of who is told") {
        when_told = [] { throw crashed(); };
        start(creations(5 * (at_once + 1)));
        let(1);
        CHECK(told.size() == 1);
        when_told = nullptr;
    }
    CHECK(runs());
    CHECK(held == at_once - 1);
    let_all();
    REQUIRE(failure);
    CHECK_THROWS_AS(std::rethrow_exception(*failure), crashed);
    CHECK(held == 0);
    CHECK(faulty.commits == at_once);
    CHECK(last_told() == numbers{15, 16, 17, 18, 19});
}

TEST_CASE_METHOD(fixture, "fenced in the middle: what is under way is decided and told first") {
    faulty.faults[2] = fault::lost;
    start(creations(5 * (at_once + 1)));
    let(0);
    CHECK(told == std::vector<numbers>{{0, 1, 2, 3, 4}});
    lead(keys);  // somebody else
    let(1);
    CHECK(faulty.commits == at_once + 1);
    CHECK(runs());
    let(2);
    CHECK(last_told() == numbers{10, 11, 12, 13, 14});
    REQUIRE_FALSE(told_outcomes.empty());
    CHECK(told_outcomes.back() == item_outcome::unknown);
    CHECK(runs());
    let_all();
    REQUIRE(failure);
    CHECK(code() == errc::fenced);
    CHECK(told.size() == 2);
    CHECK(faulty.commits == at_once + 1);
    CHECK(count("k") == 5);
}

TEST_CASE_METHOD(fixture, "a cancelled batch leaves nothing running, and says what is known") {
    const auto expect = [this](item_outcome of_those_under_way) {
        start(creations(5 * (at_once + 2)));
        let(1);
        cancel_it();
        CHECK(held == 0);
        CHECK(faulty.commits == at_once + 1);
        REQUIRE(results);
        for (std::size_t index = 0; index < results->size(); ++index) {
            INFO(index);
            const bool under_way = index < 5 * (at_once + 1);
            CHECK(outcome(index) == (index / 5 == 1 ? item_outcome::committed
                                     : under_way    ? of_those_under_way
                                                    : item_outcome::not_applied));
        }
        // What is cancelled stays cancelled: the next wait of the caller ended by it.
        REQUIRE(failure);
        CHECK_THROWS_AS(std::rethrow_exception(*failure), boost::system::system_error);
    };
    SECTION("what was not sent is not applied") { expect(item_outcome::not_applied); }
    SECTION("what may have been sent is unknown, and told") {
        manner = when_cancelled::says_unknown;
        expect(item_outcome::unknown);
        CHECK(told.size() == at_once + 1);
    }
}

TEST_CASE_METHOD(fixture, "a cancelled batch waits for a store that takes its time") {
    manner = when_cancelled::waits;
    start(creations(5 * (at_once + 2)));
    cancel_it();
    cancel_it();
    CHECK(runs());
    let(0);
    CHECK(runs());
    CHECK(held == at_once - 1);
    let_all();
    REQUIRE(results);
    CHECK(outcome(0) == item_outcome::committed);
    CHECK(outcome(5 * at_once - 1) == item_outcome::committed);
    CHECK(outcome(5 * at_once) == item_outcome::not_applied);
    CHECK(faulty.commits == at_once);
    CHECK(failure);
}

TEST_CASE_METHOD(fixture, "cancelled while it tells: what was sent last ends as well") {
    start(creations(5 * (at_once + 2)));
    when_told = [this] { cancel.emit(boost::asio::cancellation_type::terminal); };
    let(1);
    CHECK(faulty.commits <= at_once + 1);
    CHECK(held == 0);
    REQUIRE(results);
    CHECK(outcome(5) == item_outcome::committed);
    CHECK(outcome(0) == item_outcome::not_applied);
    CHECK(outcome(5 * at_once) == item_outcome::not_applied);
    CHECK(failure);
}

TEST_CASE_METHOD(fixture, "a batch that is dropped with its strand drops what is under way") {
    start(creations(5 * (at_once + 2)));
    CHECK(held == at_once);
    strand.shutdown();
    CHECK(held == 0);
    CHECK(runs());
    CHECK(faulty.commits == at_once);
}
