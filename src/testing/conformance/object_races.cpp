#include "testing/conformance/object_trial.hpp"

#include <utility>

namespace reeve::testing::detail {

namespace {

using trial = object_trial;

awaitable<object_store*> second_handle(trial& it) {
    object_store* other = &it.store();
    try {
        other = co_await it.open();
    } catch (const check_skipped&) {  // stated in the rule: by two handles, if there are
        other = &it.store();
    }
    co_return other;
}

// The values of the racers that won.
awaitable<std::vector<std::string>> winners(trial& it,
                                            std::vector<observed_ptr<maybe_version>> running) {
    std::vector<std::string> won;
    for (std::size_t racer = 0; racer < running.size(); ++racer) {
        co_await settle<maybe_version>(it.strand, running[racer], "a racing put");
        expect(running[racer]->how == ending::value,
               "a racing put failed: " + running[racer]->text);
        if (running[racer]->value->has_value()) won.push_back(fmt::format("racer {}", racer));
    }
    co_return won;
}

awaitable<void> one_creator_wins(trial& it) {
    it.need_put_if_absent();
    object_store* other = co_await second_handle(it);
    for (int round = 0; round < 8; ++round) {
        const std::string key = fmt::format("key{}", round);
        std::vector<observed_ptr<maybe_version>> running;
        for (int racer = 0; racer < 12; ++racer) {
            object_store& by = racer % 2 == 0 ? it.store() : *other;
            auto call = by.put_if_absent(key, fmt::format("racer {}", racer));
            running.push_back(start<maybe_version>(it.strand, std::move(call)));
        }
        const std::vector<std::string> won = co_await winners(it, std::move(running));
        expect_equal(won.size(), std::size_t{1}, "winners among 12 creators");
        const std::string bytes = co_await it.bytes(key);
        expect_equal(bytes, won[0], "the object, which must be the winner's");
    }
}

awaitable<void> one_replacer_wins(trial& it) {
    it.need_put_if_match();
    object_store* other = co_await second_handle(it);
    for (int round = 0; round < 8; ++round) {
        const object_version version = co_await it.put("key", fmt::format("round {}", round));
        std::vector<observed_ptr<maybe_version>> running;
        for (int racer = 0; racer < 12; ++racer) {
            object_store& by = racer % 2 == 0 ? it.store() : *other;
            auto call = by.put_if_match("key", fmt::format("racer {}", racer), version);
            running.push_back(start<maybe_version>(it.strand, std::move(call)));
        }
        const std::vector<std::string> won = co_await winners(it, std::move(running));
        expect_equal(won.size(), std::size_t{1}, "winners among 12 replacers");
        const std::string bytes = co_await it.bytes("key");
        expect_equal(bytes, won[0], "the object, which must be the winner's");
    }
}

awaitable<void> objects_are_whole_or_not_there(trial& it) {
    object_store* other = co_await second_handle(it);
    constexpr std::size_t size = 300'000;
    std::vector<observed_ptr<object_version>> writes;
    std::vector<observed_ptr<std::optional<object>>> reads;
    for (unsigned round = 0; round < 20; ++round) {
        auto write = it.store().put("key", std::string(size, static_cast<char>('a' + round)));
        writes.push_back(start<object_version>(it.strand, std::move(write)));
        auto read = other->get("key", byte_range());
        reads.push_back(start<std::optional<object>>(it.strand, std::move(read)));
        if (round % 4 == 0) co_await yield(it.strand, 2);
    }
    for (const auto& each : writes) {
        co_await settle<object_version>(it.strand, each, "a put beside gets");
        expect(each->how == ending::value, "a put beside gets failed: " + each->text);
    }
    for (const auto& each : reads) {
        co_await settle<std::optional<object>>(it.strand, each, "a get beside puts");
        expect(each->how == ending::value, "a get beside puts failed: " + each->text);
        if (!each->value->has_value()) continue;
        const std::string& bytes = (*each->value)->bytes;
        expect(bytes.size() == size && bytes == std::string(size, bytes[0]),
               "a get shows a part of a put, or a mixture of two");
    }
}

awaitable<void> object_reads_follow_writes(trial& it) {
    object_store* other = co_await it.open();
    for (int round = 0; round < 20; ++round) {
        const std::string value = fmt::format("round {}", round);
        const object_version version = co_await it.put("key", value);
        auto call = other->get("key", byte_range());
        const auto got = co_await within<std::optional<object>>(it.strand, std::move(call), "get");
        expect(got && got->bytes == value && got->meta.version == version,
               "get by another handle does not see a put that has returned");
    }
}

awaitable<void> cancelled_object_reads_abort(trial& it) {
    co_await it.put("key", "value");
    for (std::size_t step = 0; step < cancel_steps; ++step) {
        auto get = it.store().get("key", byte_range());
        const auto got =
            co_await cancel_after<std::optional<object>>(it.strand, step, std::move(get), "get");
        expect(got->how == ending::value || got->how == ending::aborted,
               "a cancelled get must throw operation_aborted, but threw " + got->text);
        auto list = it.store().list("", "", 10);
        const auto listed =
            co_await cancel_after<object_page>(it.strand, step, std::move(list), "list");
        expect(listed->how == ending::value || listed->how == ending::aborted,
               "a cancelled list must throw operation_aborted, but threw " + listed->text);
        const std::string value = co_await it.bytes("key");
        expect_equal(value, std::string("value"), "an object read after cancelled reads");
    }
}

template <class T>
bool may_have_happened(const observed<T>& write, std::string_view what) {
    if (write.how == ending::value) return true;
    if (write.how == ending::failed && *write.code == errc::outcome_unknown) return true;
    if (write.how == ending::failed && classify(*write.code) == error_class::not_applied) {
        return false;
    }
    throw check_failure(
        fmt::format("a cancelled {} must throw outcome_unknown, but threw {}", what, write.text));
}

awaitable<void> cancelled_object_writes_tell_the_truth(trial& it) {
    for (std::size_t step = 0; step < cancel_steps; ++step) {
        const std::string key = fmt::format("key{}", step);
        co_await it.put(key, "before");
        auto put = it.store().put(key, "after");
        const auto written =
            co_await cancel_after<object_version>(it.strand, step, std::move(put), "put");
        const bool maybe = may_have_happened(*written, "put");
        const std::string now = co_await it.bytes(key);
        expect(now == "before" || now == "after", "a cancelled put left " + show(now));
        expect(maybe || now == "before", "a cancelled put that claims not to be applied was");
        expect(written->how != ending::value || now == "after", "a put that returned is not there");
        const std::string other = key + "/removed";
        co_await it.put(other, "before");
        auto remove = it.store().remove(other);
        const auto removed =
            co_await cancel_after<void>(it.strand, step, std::move(remove), "remove");
        const bool perhaps = may_have_happened(*removed, "remove");
        const std::string left = co_await it.bytes(other);
        expect(perhaps || left == "before", "a cancelled remove that claims not to be applied was");
    }
}

struct calls_in_flight {
    observed_ptr<object_version> put;
    observed_ptr<std::optional<object>> get;
    observed_ptr<object_page> list;
    observed_ptr<void> remove;
};

calls_in_flight start_all(trial& it) {
    object_store& store = it.store();
    calls_in_flight calls;
    calls.put = start<object_version>(it.strand, store.put("late", pattern(100'000, 3)));
    calls.get = start<std::optional<object>>(it.strand, store.get("key", byte_range()));
    calls.list = start<object_page>(it.strand, store.list("", "", 10));
    calls.remove = start<void>(it.strand, store.remove("other"));
    return calls;
}

awaitable<void> object_store_dies_with_calls_in_flight(trial& it) {
    co_await it.put("key", "value");
    for (std::size_t step = 0; step < cancel_steps; ++step) {
        const calls_in_flight calls = start_all(it);
        co_await yield(it.strand, step);
        std::unique_ptr<object_store> dying = it.take();
        dying.reset();
        co_await yield(it.strand, 10);
        co_await it.open();
        const std::string value = co_await it.bytes("key");
        expect_equal(value, std::string("value"), "an object read by a new handle");
        if (calls.put->other) std::rethrow_exception(calls.put->other);
        if (calls.get->other) std::rethrow_exception(calls.get->other);
        if (calls.list->other) std::rethrow_exception(calls.list->other);
        if (calls.remove->other) std::rethrow_exception(calls.remove->other);
    }
}

awaitable<void> strand_ends_with_object_calls_in_flight(trial& it) {
    co_await it.put("key", "value");
    const calls_in_flight calls = start_all(it);
    co_await yield(it.strand, 1);
    it.in_flight.emplace_back(calls.put);
    it.in_flight.emplace_back(calls.get);
    it.in_flight.emplace_back(calls.list);
    it.in_flight.emplace_back(calls.remove);
}

awaitable<void> objects_outlive_their_handles(trial& it) {
    const object_version version = co_await it.put("key", pattern(5000, 9));
    it.close();
    co_await it.open();
    const auto got = co_await it.get("key");
    expect(got && got->bytes == pattern(5000, 9), "an object differs after all handles closed");
    expect(got->meta.version == version, "a version differs after all handles were closed");
}

}  // namespace

object_rules object_race_rules() {
    return {
        {"one_creator_wins",
         "of many concurrent put_if_absent (by two handles, if there are) "
         "exactly one wins",
         one_creator_wins},
        {"one_replacer_wins", "of many concurrent put_if_match of one version exactly one wins",
         one_replacer_wins},
        {"objects_are_whole_or_not_there", "no reader sees a half-written object",
         objects_are_whole_or_not_there},
        {"object_reads_follow_writes", "a read that begins after a put returned sees it",
         object_reads_follow_writes},
        {"cancelled_object_reads_abort",
         "a read cancelled at any step returns or throws operation_aborted",
         cancelled_object_reads_abort},
        {"cancelled_object_writes_tell_the_truth",
         "a write cancelled at any step returns or throws outcome_unknown",
         cancelled_object_writes_tell_the_truth},
        {"object_store_dies_with_calls_in_flight",
         "an object store may be destroyed with calls in flight",
         object_store_dies_with_calls_in_flight},
        {"strand_ends_with_object_calls_in_flight",
         "the strand may be shut down with calls in flight, before the store is destroyed",
         strand_ends_with_object_calls_in_flight, closing::shutdown},
        {"objects_outlive_their_handles", "objects and versions outlive the handles",
         objects_outlive_their_handles},
    };
}

}  // namespace reeve::testing::detail
