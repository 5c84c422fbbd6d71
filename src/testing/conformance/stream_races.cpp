#include "testing/conformance/stream_trial.hpp"

#include <algorithm>
#include <set>
#include <utility>

namespace reeve::testing::detail {

namespace {

using trial = stream_trial;
using messages = std::vector<message>;

awaitable<void> waiting_subscription_is_woken(trial& it) {
    co_await it.append("stream", "old");
    const position end = co_await it.end("stream");
    auto open = co_await it.subscribe("stream", end);
    auto call = open->next(10);
    const observed_ptr<messages> waiting = start<messages>(it.strand, std::move(call));
    co_await yield(it.strand, 5);
    expect(waiting->how == ending::waiting, "next returned although nothing was appended");
    co_await it.append("other", "elsewhere");
    const position at = co_await it.append("stream", "new");
    co_await settle<messages>(it.strand, waiting, "a next that waited for an append");
    expect(waiting->how == ending::value, "a next that waited failed: " + waiting->text);
    expect(waiting->value->size() == 1 && waiting->value->front().payload == "new" &&
               waiting->value->front().at == at,
           "a next that waited delivered something else than what was appended");
}

awaitable<void> subscriptions_are_independent(trial& it) {
    auto first = co_await it.subscribe("stream", position());
    auto second = co_await it.subscribe("stream", position());
    co_await it.append("stream", "1");
    const std::string early = co_await it.payloads(*first, 1);
    expect_equal(early, std::string("1"), "what the first subscription got");
    first.reset();
    co_await it.append("stream", "2");
    const std::string both = co_await it.payloads(*second, 2);
    expect_equal(both, std::string("1 2"), "what the second got after the first was destroyed");
}

awaitable<message_stream*> second_handle(trial& it) {
    message_stream* other = &it.store();
    try {
        other = co_await it.open();
    } catch (const check_skipped&) {  // stated in the rule: by two handles, if there are
        other = &it.store();
    }
    co_return other;
}

awaitable<void> concurrent_appends_are_all_kept(trial& it) {
    message_stream* other = co_await second_handle(it);
    std::vector<observed_ptr<position>> running;
    for (int each = 0; each < 60; ++each) {
        message_stream& by = each % 2 == 0 ? it.store() : *other;
        auto call = by.append("stream", fmt::format("{}", each));
        running.push_back(start<position>(it.strand, std::move(call)));
    }
    std::set<position> positions;
    for (const auto& each : running) {
        co_await settle<position>(it.strand, each, "a concurrent append");
        expect(each->how == ending::value, "a concurrent append failed: " + each->text);
        positions.insert(*each->value);
    }
    expect_equal(positions.size(), std::size_t{60}, "different positions of 60 appends");
    auto from_start = co_await it.subscribe("stream", position());
    const messages got = co_await it.take_from(*from_start, 60);
    std::set<std::string> payloads;
    for (const auto& each : got) payloads.insert(each.payload);
    expect_equal(payloads.size(), std::size_t{60}, "different messages of 60 appends");
    const position end = co_await it.end("stream");
    expect(end == got.back().at, "the end is not the position of the last message");
}

awaitable<void> end_follows_appends(trial& it) {
    message_stream* other = co_await it.open();
    auto reader = other->subscribe("stream", position());
    auto open =
        co_await within<std::unique_ptr<subscription>>(it.strand, std::move(reader), "subscribe");
    for (int each = 0; each < 15; ++each) {
        const position at = co_await it.append("stream", fmt::format("{}", each));
        auto call = other->end("stream");
        const position end = co_await within<position>(it.strand, std::move(call), "end");
        expect(end == at, "end by another handle does not see an append that has returned");
        const std::string got = co_await it.payloads(*open, 1);
        expect_equal(got, fmt::format("{}", each), "what another handle's subscription delivers");
    }
}

awaitable<void> cancelled_appends_tell_the_truth(trial& it) {
    for (std::size_t step = 0; step < cancel_steps; ++step) {
        const position before = co_await it.end("stream");
        auto call = it.store().append("stream", fmt::format("try {}", step));
        const auto tried =
            co_await cancel_after<position>(it.strand, step, std::move(call), "append");
        const bool unknown = tried->how == ending::failed && *tried->code == errc::outcome_unknown;
        const bool refused =
            tried->how == ending::failed && classify(*tried->code) == error_class::not_applied;
        expect(tried->how == ending::value || unknown || refused,
               "a cancelled append must throw outcome_unknown, but threw " + tried->text);
        const std::string marker = fmt::format("marker {}", step);
        co_await it.append("stream", marker);
        // Tries of earlier steps may land between these two, however late.
        auto open = co_await it.subscribe("stream", before);
        std::size_t landed = 0;
        for (;;) {
            const messages next = co_await it.take_from(*open, 1);
            const std::string& payload = next[0].payload;
            if (payload == marker) break;
            if (payload == fmt::format("try {}", step)) ++landed;
            expect(payload.starts_with("try "), "a message that nobody appended: " + show(payload));
        }
        expect(landed > 0 || tried->how != ending::value, "an append that returned is not there");
        expect(landed == 0 || !refused, "an append that claims not to be applied was");
    }
    co_await it.append("stream", "the end");
    std::set<std::string> seen;
    auto all = co_await it.subscribe("stream", position());
    while (!seen.contains("the end")) {
        const messages next = co_await it.take_from(*all, 1);
        expect(seen.insert(next[0].payload).second, "a cancelled append landed twice");
    }
}

awaitable<void> cancelled_subscription_loses_nothing(trial& it) {
    auto open = co_await it.subscribe("stream", position());
    for (std::size_t step = 0; step < cancel_steps; ++step) {
        auto idle = open->next(5);
        const auto first =
            co_await cancel_after<messages>(it.strand, step, std::move(idle), "next");
        expect(first->how == ending::aborted,
               "a cancelled next of an empty stream must throw operation_aborted: " + first->text);
        const std::string payload = fmt::format("{}", step);
        co_await it.append("stream", payload);
        auto busy = open->next(5);
        const auto second =
            co_await cancel_after<messages>(it.strand, step, std::move(busy), "next");
        expect(second->how == ending::aborted || second->how == ending::value,
               "a cancelled next must throw operation_aborted, but threw " + second->text);
        messages got;
        if (second->how == ending::value) got = *second->value;
        if (got.empty()) got = co_await it.take_from(*open, 1);
        expect_equal(got.size(), std::size_t{1}, "messages delivered around a cancelled next");
        expect_equal(got[0].payload, payload, "the message delivered around a cancelled next");
    }
}

awaitable<void> subscription_dies_with_next_waiting(trial& it) {
    for (std::size_t step = 0; step < cancel_steps; ++step) {
        const position end = co_await it.end("stream");
        auto open = co_await it.subscribe("stream", end);
        auto call = open->next(5);
        const observed_ptr<messages> waiting = start<messages>(it.strand, std::move(call));
        co_await yield(it.strand, step);
        open.reset();
        co_await it.append("stream", "x");
        co_await yield(it.strand, 20);
        if (waiting->other) std::rethrow_exception(waiting->other);
        expect(waiting->how == ending::waiting || waiting->how == ending::aborted,
               "a next whose subscription was destroyed neither waits nor throws "
               "operation_aborted");
    }
}

awaitable<void> stream_dies_with_calls_in_flight(trial& it) {
    for (std::size_t step = 0; step < cancel_steps; ++step) {
        auto append = start<position>(it.strand, it.store().append("stream", "x"));
        auto end = start<position>(it.strand, it.store().end("stream"));
        auto open = start<std::unique_ptr<subscription>>(
            it.strand, it.store().subscribe("stream", position()));
        co_await yield(it.strand, step);
        std::unique_ptr<message_stream> dying = it.take();
        dying.reset();
        co_await yield(it.strand, 10);
        co_await it.open();
        co_await it.append("stream", "y");
        if (append->other) std::rethrow_exception(append->other);
        if (end->other) std::rethrow_exception(end->other);
        if (open->other) std::rethrow_exception(open->other);
    }
}

awaitable<void> strand_ends_with_stream_calls_in_flight(trial& it) {
    auto open = co_await it.subscribe("stream", position());
    const auto waiting = start<messages>(it.strand, open->next(1));
    const auto append = start<position>(it.strand, it.store().append("other", "x"));
    it.in_flight.emplace_back(waiting);
    it.in_flight.emplace_back(append);
    co_await yield(it.strand, 1);
    const auto late = start<position>(it.strand, it.store().append("other", "y"));
    it.in_flight.emplace_back(late);
}

awaitable<void> messages_outlive_their_handles(trial& it) {
    const position at = co_await it.append("stream", "1");
    it.close();
    co_await it.open();
    const position end = co_await it.end("stream");
    expect(end == at, "the end differs after all handles were closed");
    const position next = co_await it.append("stream", "2");
    expect(at < next, "positions went back after all handles were closed");
    auto open = co_await it.subscribe("stream", position());
    const std::string got = co_await it.payloads(*open, 2);
    expect_equal(got, std::string("1 2"), "the messages after all handles were closed");
}

}  // namespace

stream_rules stream_race_rules() {
    return {
        {"waiting_subscription_is_woken", "a next that waits returns when something is appended",
         waiting_subscription_is_woken},
        {"subscriptions_are_independent", "each subscription gets every message",
         subscriptions_are_independent},
        {"concurrent_appends_are_all_kept",
         "concurrent appends (by two handles, if there are) are all kept, each once",
         concurrent_appends_are_all_kept},
        {"end_follows_appends", "end and subscriptions of any handle see appends that returned",
         end_follows_appends},
        {"cancelled_appends_tell_the_truth",
         "an append cancelled at any step returns or throws outcome_unknown, and lands at most "
         "once",
         cancelled_appends_tell_the_truth},
        {"cancelled_subscription_loses_nothing", "a next cancelled at any step loses no message",
         cancelled_subscription_loses_nothing},
        {"subscription_dies_with_next_waiting",
         "a subscription may be destroyed with a next waiting",
         subscription_dies_with_next_waiting},
        {"stream_dies_with_calls_in_flight", "a stream may be destroyed with calls in flight",
         stream_dies_with_calls_in_flight},
        {"strand_ends_with_stream_calls_in_flight",
         "the strand may be shut down with calls in flight, before the stream is destroyed",
         strand_ends_with_stream_calls_in_flight, closing::shutdown},
        {"messages_outlive_their_handles", "messages outlive the handles",
         messages_outlive_their_handles},
    };
}

}  // namespace reeve::testing::detail
