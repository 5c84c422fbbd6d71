#include "testing/conformance/consumer_trial.hpp"

#include <utility>

namespace reeve::testing::detail {

namespace {

using trial = consumer_trial;

const model::channel_name first("orders-0");
const model::channel_name second("orders-1");

// The first commit under a grant.
const seen_commit& first_of(trial& it, const trial_grant_ptr& granted) {
    for (const auto& each : it.leader().seen(granted->what().channel)) {
        if (each.request.epoch == granted->what().epoch) return each;
    }
    throw check_failure("nothing was committed under a grant");
}

awaitable<void> starts_after_its_position(trial& it) {
    const model::position start = co_await it.append(first, 2);
    const auto before = co_await it.consume(first);
    co_await it.caught_up(first);
    co_await it.stop(before);
    co_await it.append(first, 3);
    const auto granted = co_await it.consume(first);
    expect(granted->what().start == start, "the suite's leader gave another start position");
    co_await it.caught_up(first);
    expect(first_of(it, granted).request.from == start,
           "the first commit under a grant does not continue from its start position");
    it.all_committed(first);
}

awaitable<void> empty_position_is_the_beginning(trial& it) {
    co_await it.append(first, 3);
    const auto granted = co_await it.consume(first);
    expect(!granted->what().start, "the suite's leader gave another start position");
    co_await it.caught_up(first);
    expect(!first_of(it, granted).request.from,
           "the first commit of a channel does not continue from the empty position");
    it.all_committed(first);
}

awaitable<void> start_returns_when_begun(trial& it) {
    const auto granted = co_await it.consume(first);
    for (int round = 0; round < 3; ++round) {
        co_await it.append(first, 1);
        co_await it.caught_up(first);
    }
    co_await it.stop(granted);
}

awaitable<void> commits_name_their_grant(trial& it) {
    co_await it.append(first, 3);
    co_await it.append(second, 5);
    const auto one = co_await it.consume(first);
    const auto other = co_await it.consume(second);
    co_await it.caught_up(first);
    co_await it.caught_up(second);
    for (const auto& granted : {one, other}) {
        for (const auto& each : it.leader().seen(granted->what().channel)) {
            expect_equal(each.request.epoch, granted->what().epoch, "the epoch of a commit");
            expect_equal(each.request.process, it.process().process(), "the process of a commit");
        }
        it.all_committed(granted->what().channel);
    }
}

awaitable<void> commits_continue_from_the_checkpoint(trial& it) {
    co_await it.consume(first);
    for (int round = 0; round < 5; ++round) {
        co_await it.append(first, 3);
        co_await it.caught_up(first);
    }
    it.all_committed(first);
    model::position at;
    for (const auto& each : it.leader().seen(first)) {
        expect(each.request.from == at, "a commit does not continue from the one before");
        at = each.request.to;
    }
}

awaitable<void> channels_are_independent(trial& it) {
    const auto stopped = co_await it.consume(first);
    co_await it.consume(second);
    co_await it.append(first, 2);
    co_await it.caught_up(first);
    co_await it.stop(stopped);
    co_await it.append(second, 2);
    co_await it.caught_up(second);
    co_await it.stays_quiet(stopped, "its stop, beside a channel that goes on");
}

awaitable<void> channels_do_not_wait_for_each_other(trial& it) {
    it.leader().silence(first, true);
    co_await it.append(first, 2);
    co_await it.consume(first);
    std::function<bool()> waits = [&it] { return it.leader().arrived(first) > 0; };
    co_await it.wait_for(waits, "a commit to arrive at the leader");
    for (int round = 0; round < 2; ++round) {
        co_await it.append(second, 2);
        const auto granted = co_await it.consume(second);
        co_await it.caught_up(second);
        co_await it.stop(granted);
    }
    it.leader().silence(first, false);
    co_await it.caught_up(first);
}

awaitable<void> new_grant_starts_anew(trial& it) {
    for (int round = 0; round < 3; ++round) {
        co_await it.append(first, 2);
        const auto granted = co_await it.consume(first);
        co_await it.caught_up(first);
        co_await it.stop(granted);
        const auto& last = it.leader().seen(first).back();
        expect_equal(last.request.epoch, granted->what().epoch,
                     "the epoch of a commit under the channel's next grant");
    }
    it.all_committed(first);
}

// The same grant again, as the agent starts it after a failure.
awaitable<void> start_again(trial& it, trial_grant_ptr failed) {
    const auto again = co_await it.tell(failed->what());
    co_await it.start(again);
    co_await it.caught_up(first);
    co_await it.stop(again);
}

awaitable<void> failed_start_leaves_nothing(trial& it) {
    it.factory.let_starts_fail(true);
    co_await it.append(first, 2);
    const auto failed = co_await it.give(first);
    auto call = it.try_start(failed);
    const bool begun = co_await within<bool>(it.strand, std::move(call), "a start that must fail");
    expect(!begun, "a start succeeded although the factory's `let_starts_fail` was called");
    co_await it.failed(failed);
    it.factory.let_starts_fail(false);
    co_await it.stays_quiet(failed, "a start that failed");
    co_await start_again(it, failed);
}

awaitable<void> cancelled_start_leaves_nothing(trial& it) {
    for (std::size_t step = 0; step < cancel_steps; ++step) {
        co_await it.append(first, 1);
        const auto granted = co_await it.give(first);
        auto call = it.try_start(granted);
        const auto ended = co_await cancel_after<bool>(it.strand, step, std::move(call), "start");
        if (ended->how == ending::value && *ended->value) {
            it.started(granted);
            co_await it.caught_up(first);
            co_await it.stop(granted);
            continue;
        }
        co_await it.failed(granted);
        co_await it.stays_quiet(granted, fmt::format("a start cancelled at step {}", step));
        co_await start_again(it, granted);
    }
}

}  // namespace

consumer_rules consumer_grant_rules() {
    return {
        {"starts_after_its_position", "consuming begins after the grant's start position",
         starts_after_its_position},
        {"empty_position_is_the_beginning",
         "the empty start position is before the first message, whatever is there already",
         empty_position_is_the_beginning},
        {"start_returns_when_begun",
         "start returns although there is no message, and later messages are consumed",
         start_returns_when_begun},
        {"commits_name_their_grant", "each commit carries the grant of its channel",
         commits_name_their_grant},
        {"commits_continue_from_the_checkpoint",
         "each commit continues from the checkpoint that the one before made",
         commits_continue_from_the_checkpoint},
        {"channels_are_independent", "stopping a channel stops no other", channels_are_independent},
        {"channels_do_not_wait_for_each_other",
         "a channel whose commit gets no answer delays no other channel's start, commit or stop",
         channels_do_not_wait_for_each_other},
        {"new_grant_starts_anew", "a stopped channel is consumed again under the next grant",
         new_grant_starts_anew},
        {"failed_start_leaves_nothing",
         "a start that fails leaves nothing behind, and the same grant may be started again",
         failed_start_leaves_nothing},
        {"cancelled_start_leaves_nothing",
         "a start cancelled at any step has begun, or leaves nothing behind",
         cancelled_start_leaves_nothing},
    };
}

}  // namespace reeve::testing::detail
