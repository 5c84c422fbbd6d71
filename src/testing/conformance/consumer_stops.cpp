#include "testing/conformance/consumer_trial.hpp"

#include <utility>

namespace reeve::testing::detail {

namespace {

using trial = consumer_trial;

const model::channel_name orders("orders-0");
const model::channel_name others("orders-1");

// Of a session that a check ends: that is noticed at the next renewal, after a third of it.
constexpr auto session_ttl = 4s;

awaitable<void> wait_for_commit(trial& it, std::size_t before) {
    std::function<bool()> arrived = [&it, before] { return it.leader().arrived(orders) > before; };
    return it.wait_for(arrived, "a commit to arrive at the leader");
}

// What was not committed is committed under the next grant.
awaitable<void> goes_on(trial& it) {
    const auto granted = co_await it.consume(orders);
    co_await it.caught_up(orders);
    co_await it.stop(granted);
}

awaitable<void> stop_is_idempotent(trial& it) {
    auto never = it.engine().stop(orders, model::epoch(1));
    co_await within<void>(it.strand, std::move(never), "stop of what was never started");
    const auto granted = co_await it.consume(orders);
    co_await it.append(orders, 2);
    co_await it.caught_up(orders);
    co_await it.stop(granted);
    co_await it.stop(granted);
    co_await it.stays_quiet(granted, "two stops");
    co_await goes_on(it);
}

awaitable<void> nothing_begins_after_stop(trial& it) {
    for (std::size_t step = 0; step < cancel_steps; ++step) {
        co_await it.append(orders, 3);
        const auto granted = co_await it.consume(orders);
        co_await yield(it.strand, step);
        co_await it.stop(granted);
        co_await it.stays_quiet(granted, fmt::format("its stop {} steps after its start", step));
    }
    co_await goes_on(it);
}

awaitable<void> idle_consuming_is_stopped(trial& it) {
    const auto granted = co_await it.consume(orders);
    co_await it.append(orders, 1);
    co_await it.caught_up(orders);
    co_await it.elsewhere();  // by now it waits for messages
    co_await it.stop(granted);
    co_await it.stays_quiet(granted, "its stop while it waited for messages");
    co_await goes_on(it);
}

awaitable<void> stop_ends_with_the_session(trial& it) {
    co_await it.open(session_ttl);
    const model::incarnation process = it.process().process();
    it.leader().silence(orders, true);
    co_await it.append(orders, 2);
    const auto granted = co_await it.consume(orders);
    co_await wait_for_commit(it, 0);
    co_await it.lose_session(granted);
    co_await it.stop(granted);  // a flush has nobody to wait for any more
    co_await it.next_session(process);
    co_await it.stays_quiet(granted, "its stop while a commit had no answer");
    it.leader().silence(orders, false);
    co_await goes_on(it);
}

awaitable<void> cancelled_stop_is_completed_by_the_next(trial& it) {
    for (std::size_t step = 0; step < cancel_steps; ++step) {
        const std::size_t before = it.leader().arrived(orders);
        it.leader().silence(orders, step % 2 == 0);
        co_await it.append(orders, 2);
        const auto granted = co_await it.consume(orders);
        co_await wait_for_commit(it, before);
        co_await it.release(granted);
        auto call = it.try_stop(granted);
        co_await cancel_after<bool>(it.strand, step / 2, std::move(call), "stop");
        it.leader().silence(orders, false);
        co_await it.stop(granted);
        co_await it.stays_quiet(
            granted, fmt::format("a stop cancelled at step {} and another one", step / 2));
    }
    co_await goes_on(it);
}

}  // namespace

consumer_rules consumer_stop_rules() {
    return {
        {"stop_is_idempotent", "stopping what was never started, or twice, is a success",
         stop_is_idempotent},
        {"nothing_begins_after_stop",
         "after stop, whenever it was called, no message is taken and no commit tried",
         nothing_begins_after_stop},
        {"idle_consuming_is_stopped", "stop ends consuming that waits for messages",
         idle_consuming_is_stopped},
        {"stop_ends_with_the_session",
         "when the session is over, stop waits for no commit that gets no answer",
         stop_ends_with_the_session},
        {"cancelled_stop_is_completed_by_the_next",
         "a stop cancelled at any step is finished by the next one",
         cancelled_stop_is_completed_by_the_next},
    };
}

namespace {

awaitable<void> consumer_dies_while_consuming(trial& it) {
    for (std::size_t step = 0; step < cancel_steps; ++step) {
        it.leader().silence(orders, step % 3 == 0);
        co_await it.append(orders, 3);
        const auto granted = co_await it.consume(orders);
        co_await yield(it.strand, step);
        it.kill_consumer();
        const std::size_t before = granted->asked();
        co_await it.open_consumer();
        co_await it.stays_quiet(granted, fmt::format("it was destroyed at step {}", step));
        expect_equal(granted->asked(), before, "uses of a grant after the consumer was destroyed");
    }
    it.leader().silence(orders, false);
    co_await goes_on(it);
}

awaitable<void> strand_ends_while_consuming(trial& it) {
    it.leader().silence(orders, true);
    co_await it.append(orders, 2);
    co_await it.append(others, 2);
    const auto waiting = co_await it.consume(orders);
    it.in_flight.emplace_back(waiting);
    const auto idle = co_await it.consume(others);
    it.in_flight.emplace_back(idle);
    co_await wait_for_commit(it, 0);
    co_await it.caught_up(others);
    const auto begun = co_await it.consume(model::channel_name("orders-2"));
    it.in_flight.emplace_back(begun);
}

}  // namespace

consumer_rules consumer_lifetime_rules() {
    return {
        {"consumer_dies_while_consuming",
         "a consumer may be destroyed while it consumes; then nothing of it begins any more",
         consumer_dies_while_consuming},
        {"strand_ends_while_consuming",
         "the strand may be shut down while it consumes, before the consumer is destroyed",
         strand_ends_while_consuming, closing::shutdown},
    };
}

}  // namespace reeve::testing::detail
