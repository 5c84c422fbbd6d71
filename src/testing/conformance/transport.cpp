#include "reeve/testing/conformance_transport.hpp"

#include "testing/conformance/support.hpp"

#include <utility>

namespace reeve::testing {

std::size_t transport_factory::tried_bytes_max() const { return 1U << 20U; }

namespace detail {

namespace {

using carrier = transport::transport;
using reply = std::string;

struct trial {
    trial(core::runtime& on, transport_factory& by) : strand(on), factory(by) {}
    ~trial() {
        sender.reset();
        factory.stop_serving();
    }
    trial(const trial&) = delete;
    trial& operator=(const trial&) = delete;

    awaitable<void> begin() { sender = co_await factory.open(strand); }
    [[nodiscard]] core::time_point soon() const { return strand.now() + step_patience; }
    /// A call that is not waited for.
    awaitable<std::string> ask(std::string address, std::string request, core::time_point until) {
        return transport::call(*sender, std::move(address), "check", std::move(request), until);
    }
    awaitable<std::string> call(std::string address, std::string request) {
        auto asked = ask(std::move(address), std::move(request), soon());
        co_return co_await within<std::string>(strand, std::move(asked), "call");
    }

    core::runtime& strand;
    transport_factory& factory;
    std::unique_ptr<carrier> sender;
    std::vector<std::weak_ptr<void>> in_flight;
};

awaitable<std::string> echo(std::string request) { co_return "re: " + request; }

using handler = std::function<awaitable<std::string>(std::string body)>;

// Lets `handle` answer at a new address.
awaitable<std::string> serve(trial& it, handler handle) {
    const auto receiver = std::make_shared<transport::service>();
    receiver->on("check", [handle](std::string body, transport::request_info) {
        return handle(std::move(body));
    });
    co_return co_await it.factory.serve(it.strand, receiver);
}

// Requests seen by a receiver, and the event that lets it answer.
struct mailbox {
    explicit mailbox(core::runtime& strand) : opened(strand) {}
    std::vector<std::string> seen;
    core::event opened;
    bool open = false;
};

awaitable<std::string> answer_when_opened(std::shared_ptr<mailbox> box, std::string request) {
    box->seen.push_back(request);
    while (!box->open) co_await box->opened.wait();
    co_return "late: " + request;
}

handler slow_handler(std::shared_ptr<mailbox> box) {
    return [box](std::string request) { return answer_when_opened(box, std::move(request)); };
}

awaitable<void> reply_comes_back(trial& it) {
    const std::string address = co_await serve(it, echo);
    const std::string first = co_await it.call(address, "hello");
    expect_equal(first, std::string("re: hello"), "the reply");
    const std::string empty = co_await it.call(address, "");
    expect_equal(empty, std::string("re: "), "the reply to an empty request");
}

awaitable<std::string> nothing(std::string) { co_return std::string(); }

awaitable<void> any_bytes_are_carried(trial& it) {
    const std::string address = co_await serve(it, echo);
    std::string all;
    for (unsigned each = 0; each < 256; ++each) all += static_cast<char>(each);
    const std::string bytes = co_await it.call(address, all);
    expect_equal(bytes, "re: " + all, "the reply to arbitrary bytes");
    const std::string large(it.factory.tried_bytes_max() - 4, '\xfd');
    const std::string much = co_await it.call(address, large);
    expect(much == "re: " + large, "a large request or reply was changed");
    const std::string silent = co_await serve(it, nothing);
    const std::string empty = co_await it.call(silent, "x");
    expect_equal(empty, std::string(), "an empty reply");
}

awaitable<void> calls_overlap(trial& it) {
    const auto box = std::make_shared<mailbox>(it.strand);
    const std::string slow = co_await serve(it, slow_handler(box));
    const std::string fast = co_await serve(it, echo);
    std::vector<observed_ptr<reply>> running;
    for (int each = 0; each < 20; ++each) {
        auto asked = it.ask(slow, fmt::format("{}", each), it.soon());
        running.push_back(start<reply>(it.strand, std::move(asked)));
    }
    const std::string other = co_await it.call(fast, "between");
    expect_equal(other, std::string("re: between"), "a reply while other calls wait");
    box->open = true;
    box->opened.notify_all();
    for (std::size_t each = 0; each < running.size(); ++each) {
        co_await settle<reply>(it.strand, running[each], "a call among many");
        expect(running[each]->how == ending::value, "a call among many failed");
        expect_equal(*running[each]->value, fmt::format("late: {}", each), "the reply of a call");
    }
}

awaitable<void> unknown_address_is_not_sent(trial& it) {
    auto asked = it.ask(it.factory.unknown_address(), "x", it.soon());
    co_await expect_error<reply>(std::move(asked), errc::unavailable,
                                 "a call to an address where nobody is");
}

awaitable<void> silence_is_an_unknown_outcome(trial& it) {
    const auto box = std::make_shared<mailbox>(it.strand);
    const std::string address = co_await serve(it, slow_handler(box));
    const auto deadline = it.strand.now() + 50ms;
    auto asked = it.ask(address, "x", deadline);
    const auto waiting = start<reply>(it.strand, std::move(asked));
    co_await settle<reply>(it.strand, waiting, "a call past its deadline");
    expect(waiting->how == ending::failed, "a call without an answer did not fail");
    const errc code = *waiting->code;
    if (!box->seen.empty()) {
        expect_equal(name(code), name(errc::outcome_unknown), "the error of a call that was sent");
    } else {
        expect(code == errc::outcome_unknown || classify(code) == error_class::not_applied,
               "a call without an answer threw " + waiting->text);
    }
    const bool late = it.strand.now() >= deadline;
    expect(late || code != errc::outcome_unknown, "a call gave up before its deadline");
}

awaitable<void> past_deadline_is_told_right(trial& it) {
    const auto box = std::make_shared<mailbox>(it.strand);
    box->open = true;
    const std::string address = co_await serve(it, slow_handler(box));
    auto asked = it.ask(address, "x", it.strand.now() - 1s);
    const auto call = start<reply>(it.strand, std::move(asked));
    co_await settle<reply>(it.strand, call, "a call whose deadline has passed");
    co_await yield(it.strand, 20);
    expect(call->how == ending::failed, "a call whose deadline had passed returned");
    if (classify(*call->code) == error_class::not_applied) {
        expect(box->seen.empty(), "a call that claims not to be sent arrived");
    } else {
        expect_equal(name(*call->code), name(errc::outcome_unknown),
                     "the error of a call whose deadline has passed");
    }
}

awaitable<void> cancelled_call_tells_the_truth(trial& it) {
    for (std::size_t step = 0; step < cancel_steps; ++step) {
        const auto box = std::make_shared<mailbox>(it.strand);
        const std::string address = co_await serve(it, slow_handler(box));
        auto asked = it.ask(address, "x", it.soon());
        const auto call = co_await cancel_after<reply>(it.strand, step, std::move(asked), "call");
        co_await yield(it.strand, 20);
        if (call->how == ending::failed && *call->code == errc::outcome_unknown) continue;
        expect(call->how != ending::value, "a call returned although nobody answered");
        expect(call->how != ending::aborted || box->seen.empty(),
               "a call that arrived threw operation_aborted when it was cancelled");
        const bool unsent =
            call->how == ending::aborted || classify(*call->code) == error_class::not_applied;
        expect(unsent, "a cancelled call threw " + call->text);
        expect(box->seen.empty(), "a call that claims not to be sent arrived");
    }
}

awaitable<void> transport_dies_with_calls_in_flight(trial& it) {
    for (std::size_t step = 0; step < cancel_steps; ++step) {
        const auto box = std::make_shared<mailbox>(it.strand);
        const std::string address = co_await serve(it, slow_handler(box));
        auto asked = it.ask(address, "x", it.soon());
        const auto call = start<reply>(it.strand, std::move(asked));
        while (!call->started) co_await yield(it.strand, 1);
        co_await yield(it.strand, step);
        it.sender.reset();
        co_await yield(it.strand, 5);
        box->open = true;
        box->opened.notify_all();
        co_await yield(it.strand, 10);
        if (call->other) std::rethrow_exception(call->other);
        it.sender = co_await it.factory.open(it.strand);
    }
    const std::string address = co_await serve(it, echo);
    const std::string again = co_await it.call(address, "x");
    expect_equal(again, std::string("re: x"), "the reply through a new transport");
}

awaitable<void> strand_ends_with_transport_calls_in_flight(trial& it) {
    const auto box = std::make_shared<mailbox>(it.strand);
    const std::string address = co_await serve(it, slow_handler(box));
    for (int each = 0; each < 3; ++each) {
        auto asked = it.ask(address, "x", it.soon());
        const auto call = start<reply>(it.strand, std::move(asked));
        it.in_flight.emplace_back(call);
        co_await yield(it.strand, 1);
    }
}

}  // namespace

}  // namespace detail

std::vector<check> transport_checks(std::shared_ptr<transport_factory> factory) {
    using namespace detail;
    const std::vector<definition<trial>> all{
        {"reply_comes_back", "a call returns the receiver's reply", reply_comes_back},
        {"any_bytes_are_carried", "requests and replies hold any bytes, few and many",
         any_bytes_are_carried},
        {"calls_overlap", "calls overlap, each with its own reply", calls_overlap},
        {"unknown_address_is_not_sent", "a call to where nobody is, is unavailable: not sent",
         unknown_address_is_not_sent},
        {"silence_is_an_unknown_outcome",
         "a call without an answer by its deadline is "
         "outcome_unknown, at the deadline",
         silence_is_an_unknown_outcome},
        {"past_deadline_is_told_right", "a call that says not sent was not sent",
         past_deadline_is_told_right},
        {"cancelled_call_tells_the_truth",
         "a call cancelled at any step throws outcome_unknown if it may have been sent",
         cancelled_call_tells_the_truth},
        {"transport_dies_with_calls_in_flight", "a transport may be destroyed with calls in flight",
         transport_dies_with_calls_in_flight},
        {"strand_ends_with_transport_calls_in_flight",
         "the strand may be shut down with calls in flight, before the transport is destroyed",
         strand_ends_with_transport_calls_in_flight, closing::shutdown},
    };
    return make_checks<trial>(factory, all);
}

}  // namespace reeve::testing
