#include "testing/conformance/consumer_trial.hpp"

#include <utility>

namespace reeve::testing::detail {

namespace {

using trial = consumer_trial;

const model::channel_name orders("orders-0");

// Of a session that a check ends: that is noticed at the next renewal, after a third of it.
constexpr auto session_ttl = 4s;

std::size_t count(trial& it, model::commit_outcome outcome) {
    std::size_t found = 0;
    for (const auto& each : it.leader().seen(orders)) {
        if (each.outcome == outcome) ++found;
    }
    return found;
}

awaitable<void> stale_commit_ends_it(trial& it) {
    const auto granted = co_await it.consume(orders);
    co_await it.append(orders, 1);
    co_await it.caught_up(orders);
    // Another process becomes the holder.
    const model::incarnation successor(it.process().process().value + 1000);
    co_await it.leader().record(orders, successor);
    co_await it.append(orders, 1);
    std::function<bool()> refused = [&it] { return count(it, model::commit_outcome::stale) > 0; };
    co_await it.wait_for(refused, "a commit, to be refused as stale");
    const std::size_t before = granted->named();
    for (int round = 0; round < 3; ++round) {
        co_await it.append(orders, 1);
        co_await it.elsewhere();
    }
    expect_equal(granted->named(), before, "uses of a grant for commits after a stale answer");
    expect_equal(count(it, model::commit_outcome::stale), 1U, "commits refused as stale");
    co_await it.stop(granted);
    co_await it.stays_quiet(granted, "a stale answer and its stop");
    co_await it.consume(orders);
    co_await it.caught_up(orders);
}

awaitable<void> mismatch_goes_on_from_the_recorded(trial& it) {
    co_await it.append(orders, 3);
    const auto before = co_await it.consume(orders);
    co_await it.caught_up(orders);
    co_await it.stop(before);
    // A start position behind the checkpoint: the first commit meets another one.
    auto behind = co_await it.leader().record(orders, it.process().process());
    behind.start = model::position();
    const auto granted = co_await it.tell(behind);
    co_await it.start(granted);
    co_await it.append(orders, 2);
    co_await it.caught_up(orders);
    expect_equal(count(it, model::commit_outcome::mismatch), 1U,
                 "commits refused because of another checkpoint");
    // It goes on as if it had begun there.
    co_await it.append(orders, 2);
    co_await it.caught_up(orders);
    expect_equal(count(it, model::commit_outcome::mismatch), 1U,
                 "commits refused because of another checkpoint, later");
}

awaitable<void> invalid_grant_ends_it(trial& it) {
    co_await it.open(session_ttl);
    const auto granted = co_await it.consume(orders);
    co_await it.append(orders, 1);
    co_await it.caught_up(orders);
    // The agent has asked for a stop, which has not been carried out yet.
    co_await it.lose_session(granted);
    expect(granted->over(), "the suite's agent has not ended a grant with its session");
    const std::size_t before = granted->named();
    for (int round = 0; round < 20; ++round) {
        co_await it.append(orders, 1);
        co_await it.strand.sleep_for(2ms);
    }
    // A commit looks twice, so this is one try, whose refusal must be enough.
    expect(granted->named() <= before + 3,
           "commits were tried again and again although the session was over");
    co_await it.stop(granted);
}

awaitable<void> lost_session_starts_anew(trial& it) {
    co_await it.open(session_ttl);
    const auto old = co_await it.consume(orders);
    co_await it.append(orders, 2);
    co_await it.caught_up(orders);
    const model::incarnation process = it.process().process();
    co_await it.lose_session(old);
    co_await it.stop(old);
    co_await it.next_session(process);
    co_await it.stays_quiet(old, "the end of its session");
    const auto granted = co_await it.consume(orders);
    co_await it.caught_up(orders);
    const auto& last = it.leader().seen(orders).back().request;
    expect(last.process == it.process().process() && last.epoch == granted->what().epoch,
           "commits after a new session carry an old grant");
    it.all_committed(orders);
}

awaitable<void> lost_answers_are_survived(trial& it) {
    co_await it.consume(orders);
    for (int round = 0; round < 4; ++round) {
        it.leader().lose_answers(orders, round);
        co_await it.append(orders, 2);
        co_await it.caught_up(orders);
    }
    const std::size_t arrived = it.leader().arrived(orders);
    it.leader().silence(orders, true);
    co_await it.append(orders, 2);
    std::function<bool()> repeated = [&it, arrived] {
        return it.leader().arrived(orders) >= arrived + 3;
    };
    co_await it.wait_for(repeated, "the repetition of a commit that gets no answer");
    it.leader().silence(orders, false);
    co_await it.caught_up(orders);
    it.all_committed(orders);
}

awaitable<void> each_message_counts_once(trial& it) {
    co_await it.each_counts_once(orders);  // none yet; skips at once if the hook is missing
    for (std::size_t step = 0; step < cancel_steps; ++step) {
        it.leader().lose_answers(orders, static_cast<int>(step % 3));
        co_await it.append(orders, 3);
        const auto granted = co_await it.consume(orders);
        co_await yield(it.strand, step);
        co_await it.stop(granted);
    }
    auto behind = co_await it.leader().record(orders, it.process().process());
    behind.start = model::position();
    const auto last = co_await it.tell(behind);
    co_await it.start(last);
    co_await it.caught_up(orders);
    co_await it.stop(last);
    co_await it.each_counts_once(orders);
}

}  // namespace

consumer_rules consumer_refusal_rules() {
    return {
        {"stale_commit_ends_it", "after a commit was refused as stale nothing more is committed",
         stale_commit_ends_it},
        {"mismatch_goes_on_from_the_recorded",
         "a commit that meets another checkpoint makes it go on from that one",
         mismatch_goes_on_from_the_recorded},
        {"invalid_grant_ends_it",
         "under a grant that is over at most one commit is tried, before stop is called",
         invalid_grant_ends_it},
        {"lost_session_starts_anew",
         "a lost session stops it; it consumes again under the next process's grant",
         lost_session_starts_anew},
        {"lost_answers_are_survived",
         "lost answers and a leader that is away for a time do not end the consuming",
         lost_answers_are_survived},
        {"each_message_counts_once",
         "however often it is stopped and started, each message counts once, in order",
         each_message_counts_once},
    };
}

}  // namespace reeve::testing::detail
