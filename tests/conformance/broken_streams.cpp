#include "catch.hpp"
#include "conformance/bent_store.hpp"
#include "conformance/leaks_allowed.hpp"

#include <boost/asio/async_result.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <set>
#include <stdexcept>
#include <utility>

namespace conformance {

namespace {

using reeve::testing::check_verdict;
using storage::message;
using storage::message_stream;
using storage::position;
using storage::subscription;
using messages = std::vector<message>;

/// The memory stream with one rule broken: a member that is set replaces or bends one call.
struct stream_bend {
    std::function<void(std::string& name)> naming;
    std::function<void(std::string& payload)> appending;
    std::function<void(position&)> appended;
    std::function<awaitable<position>(message_stream&, std::string, std::string)> append;
    std::function<awaitable<position>(message_stream&, std::string, std::vector<std::string>)>
        append_many;
    std::function<void(position& from)> subscribing;
    std::function<void(messages&)> delivered;
    std::function<awaitable<messages>(std::shared_ptr<subscription>, std::weak_ptr<void>)> next;
    std::function<void(position&)> ended;
    std::function<reeve::errc(reeve::errc)> code;
    std::function<void(std::size_t&)> limit;
    std::function<void()> begins;
    bool forgets_on_open = false;
};

using how_ptr = std::shared_ptr<const stream_bend>;

class bent_subscription final : public subscription {
public:
    bent_subscription(how_ptr how, std::shared_ptr<subscription> inner)
        : how_(std::move(how)), inner_(std::move(inner)) {}

    awaitable<messages> next(std::size_t limit) override {
        if (how_->next) return how_->next(inner_, alive_);
        return next_of(how_, inner_->next(limit));
    }

private:
    static awaitable<messages> next_of(how_ptr how, awaitable<messages> inner) {
        messages part = co_await std::move(inner);
        if (how->delivered) how->delivered(part);
        co_return part;
    }

    how_ptr how_;
    std::shared_ptr<subscription> inner_;
    std::shared_ptr<int> alive_ = std::make_shared<int>(0);
};

class bent_stream final : public message_stream {
public:
    bent_stream(how_ptr how, std::shared_ptr<message_stream> inner)
        : how_(std::move(how)), inner_(std::move(inner)) {}

    std::size_t payload_bytes_max() const noexcept override {
        auto most = inner_->payload_bytes_max();
        if (how_->limit) how_->limit(most);
        return most;
    }
    awaitable<position> append(std::string stream, std::string payload) override {
        if (how_->naming) how_->naming(stream);
        if (how_->appending) how_->appending(payload);
        if (how_->append) return how_->append(*inner_, std::move(stream), std::move(payload));
        return append_of(how_, inner_, std::move(stream), std::move(payload));
    }
    awaitable<position> append_many(std::string stream,
                                    std::vector<std::string> payloads) override {
        if (how_->append_many) {
            return how_->append_many(*inner_, std::move(stream), std::move(payloads));
        }
        return inner_->append_many(std::move(stream), std::move(payloads));
    }
    awaitable<std::unique_ptr<subscription>> subscribe(std::string stream, position from) override {
        if (how_->naming) how_->naming(stream);
        if (how_->subscribing) how_->subscribing(from);
        return subscribe_of(how_, inner_, std::move(stream), std::move(from));
    }
    awaitable<position> end(std::string stream) override {
        if (how_->naming) how_->naming(stream);
        return end_of(how_, inner_, std::move(stream));
    }
    awaitable<void> trim(std::string stream, position up_to) override {
        return inner_->trim(std::move(stream), std::move(up_to));
    }

private:
    using inner_ptr = std::shared_ptr<message_stream>;

    static awaitable<position> append_of(how_ptr how, inner_ptr inner, std::string stream,
                                         std::string payload) {
        auto call = inner->append(std::move(stream), std::move(payload));
        position at = co_await std::move(call);
        if (how->appended) how->appended(at);
        co_return at;
    }
    static awaitable<std::unique_ptr<subscription>> subscribe_of(how_ptr how, inner_ptr inner,
                                                                 std::string stream,
                                                                 position from) {
        std::shared_ptr<subscription> opened;
        try {
            auto call = inner->subscribe(std::move(stream), std::move(from));
            opened = co_await std::move(call);
        } catch (const reeve::error& failure) {
            if (!how->code) throw;
            throw reeve::error(how->code(failure.code_value()), failure.context());
        }
        co_return std::make_unique<bent_subscription>(how, std::move(opened));
    }
    static awaitable<position> end_of(how_ptr how, inner_ptr inner, std::string stream) {
        auto call = inner->end(std::move(stream));
        position at = co_await std::move(call);
        if (how->ended) how->ended(at);
        co_return at;
    }

    how_ptr how_;
    inner_ptr inner_;
};

class bent_stream_factory final : public memory_stream_factory {
public:
    explicit bent_stream_factory(stream_bend how)
        : how_(std::make_shared<stream_bend>(std::move(how))) {}

    void reset() override {
        memory_stream_factory::reset();
        handles_ = 0;
        if (how_->begins) how_->begins();
    }
    awaitable<std::unique_ptr<message_stream>> open(reeve::core::runtime& strand) override {
        if (how_->forgets_on_open && handles_++ > 0) memory_stream_factory::reset();
        auto inner = std::make_shared<reeve::backends::memory_message_stream>(strand, log);
        co_return std::make_unique<bent_stream>(how_, std::move(inner));
    }

private:
    std::shared_ptr<stream_bend> how_;
    std::size_t handles_ = 0;
};

struct broken_stream {
    const char* check;
    stream_bend how;
};

template <class Fill>
broken_stream bent(const char* check, Fill fill) {
    broken_stream made{check, {}};
    fill(made.how);
    return made;
}

awaitable<position> appends_one_by_one(message_stream& store, std::string stream,
                                       std::vector<std::string> payloads) {
    if (payloads.empty()) throw reeve::error(reeve::errc::invalid_argument, stream);
    position last;
    for (auto& each : payloads) {
        last = co_await store.append(stream, std::move(each));
        co_await pause(1);
    }
    co_return last;
}

awaitable<position> late_append(message_stream& store, std::string stream, std::string payload) {
    const position at = co_await store.append(std::move(stream), std::move(payload));
    co_await pause(4);
    co_return at;
}

awaitable<position> throws_strangely(message_stream& store, std::string stream,
                                     std::string payload) {
    const bool strange = payload == "x";
    const position at = co_await store.append(std::move(stream), std::move(payload));
    if (strange) throw std::logic_error("a stream was used after its end");
    co_return at;
}

awaitable<messages> late_next(std::shared_ptr<subscription> inner, std::weak_ptr<void>) {
    messages part = co_await inner->next(5);
    co_await pause(4);
    co_return part;
}

awaitable<messages> fails_when_idle(std::shared_ptr<subscription>, std::weak_ptr<void>) {
    co_await pause(2);
    throw reeve::error(reeve::errc::unavailable, "nothing to deliver");
}

awaitable<messages> insists_on_its_subscription(std::shared_ptr<subscription>,
                                                std::weak_ptr<void> alive) {
    while (!alive.expired()) co_await pause(1);
    throw std::logic_error("a subscription was used after its end");
}

using handler = std::function<void()>;
awaitable<position> waits_elsewhere(std::shared_ptr<std::vector<handler>> elsewhere) {
    auto initiate = [elsewhere](auto resume) {
        auto shared = std::make_shared<decltype(resume)>(std::move(resume));
        elsewhere->emplace_back([shared] {});
    };
    auto wait = boost::asio::async_initiate<const boost::asio::use_awaitable_t<>, void()>(
        std::move(initiate), boost::asio::use_awaitable);
    co_await std::move(wait);
    co_return position();
}

stream_bend leaks() {
    const auto elsewhere = std::make_shared<std::vector<handler>>();
    stream_bend how;
    how.append = [elsewhere](message_stream& store, std::string stream, std::string payload) {
        if (payload == "y") return waits_elsewhere(elsewhere);
        return store.append(std::move(stream), std::move(payload));
    };
    return how;
}

// Of two appends one is lost without a word, when both are under way.
stream_bend loses_every_tenth() {
    const auto count = std::make_shared<int>(0);
    stream_bend how;
    how.begins = [count] { *count = 0; };
    how.append = [count](message_stream& store, std::string stream, std::string payload) {
        if (++*count % 10 == 0) return store.end(std::move(stream));
        return store.append(std::move(stream), std::move(payload));
    };
    return how;
}

stream_bend delivers_only_once() {
    const auto taken = std::make_shared<std::set<position>>();
    stream_bend how;
    how.begins = [taken] { taken->clear(); };
    how.delivered = [taken](messages& part) {
        std::erase_if(part, [&](const message& each) { return !taken->insert(each.at).second; });
    };
    return how;
}

stream_bend stale_end() {
    const auto before = std::make_shared<position>();
    stream_bend how;
    how.begins = [before] { *before = position(); };
    how.ended = [before](position& at) { std::swap(at, *before); };
    return how;
}

std::vector<broken_stream> broken_values_of_streams() {
    std::vector<broken_stream> all;
    all.push_back(bent("unknown_stream_is_empty", [](auto& how) {
        how.ended = [](position& at) {
            if (!at) at = position("0");
        };
    }));
    all.push_back(bent("messages_come_in_order", [](auto& how) {
        how.delivered = [](messages& part) { std::reverse(part.begin(), part.end()); };
    }));
    all.push_back(bent("positions_increase_as_bytes", [](auto& how) {
        // As decimal text, whose order is not that of numbers.
        how.appended = [](position& at) {
            at = position(std::to_string(std::stoull(at.value, nullptr, 16)));
        };
    }));
    all.push_back(bent("subscribe_from_each_position", [](auto& how) {
        how.subscribing = [](position& from) { from = position(); };
    }));
    all.push_back(bent("any_payload_is_kept", [](auto& how) {
        how.appending = [](std::string& payload) { payload = payload.c_str(); };
    }));
    all.push_back(bent("streams_are_separate", [](auto& how) {
        how.naming = [](std::string& stream) {
            if (stream == "A") stream = "a";
        };
    }));
    all.push_back(
        bent("append_many_is_contiguous", [](auto& how) { how.append_many = appends_one_by_one; }));
    all.push_back(bent("bad_appends_are_refused", [](auto& how) {
        how.naming = [](std::string& stream) {
            if (stream.empty()) stream = "default";
        };
    }));
    all.push_back(
        bent("limit_of_payload", [](auto& how) { how.limit = [](std::size_t& most) { --most; }; }));
    all.push_back(bent("bad_position_is_refused", [](auto& how) {
        how.subscribing = [](position& from) {
            if (from.value.starts_with('\x01')) from = position();
        };
    }));
    all.push_back(bent("trimmed_messages_are_compacted", [](auto& how) {
        how.code = [](reeve::errc) { return reeve::errc::unavailable; };
    }));
    return all;
}

std::vector<broken_stream> broken_races_of_streams() {
    std::vector<broken_stream> all;
    all.push_back(
        bent("waiting_subscription_is_woken", [](auto& how) { how.next = fails_when_idle; }));
    all.push_back({"subscriptions_are_independent", delivers_only_once()});
    all.push_back({"concurrent_appends_are_all_kept", loses_every_tenth()});
    all.push_back({"end_follows_appends", stale_end()});
    all.push_back(
        bent("cancelled_appends_tell_the_truth", [](auto& how) { how.append = late_append; }));
    all.push_back(
        bent("cancelled_subscription_loses_nothing", [](auto& how) { how.next = late_next; }));
    all.push_back(bent("subscription_dies_with_next_waiting",
                       [](auto& how) { how.next = insists_on_its_subscription; }));
    all.push_back(
        bent("stream_dies_with_calls_in_flight", [](auto& how) { how.append = throws_strangely; }));
    all.push_back({"strand_ends_with_stream_calls_in_flight", leaks()});
    all.push_back(
        bent("messages_outlive_their_handles", [](auto& how) { how.forgets_on_open = true; }));
    return all;
}

}  // namespace

TEST_CASE("a wrapper of streams that bends nothing keeps every rule") {
    const auto factory = std::make_shared<bent_stream_factory>(stream_bend());
    for (const auto& each : reeve::testing::message_stream_checks(factory)) {
        const auto report = each.run();
        INFO(report.name << ": " << report.why);
        CHECK(report.what == check_verdict::passed);
    }
}

TEST_CASE("every check of the message stream catches a stream that breaks its rule") {
    const leaks_allowed here;
    auto all = broken_values_of_streams();
    for (auto& one : broken_races_of_streams()) all.push_back(std::move(one));
    std::set<std::string> caught;
    for (const auto& one : all) {
        const auto factory = std::make_shared<bent_stream_factory>(one.how);
        for (const auto& each : reeve::testing::message_stream_checks(factory)) {
            if (each.name != one.check) continue;
            const auto report = each.run();
            INFO(report.name << " reported " << name(report.what) << ": " << report.why);
            CHECK(report.what == check_verdict::failed);
            caught.insert(each.name);
        }
    }
    const auto factory = std::make_shared<bent_stream_factory>(stream_bend());
    for (const auto& each : reeve::testing::message_stream_checks(factory)) {
        INFO(each.name);
        CHECK(caught.contains(each.name));
    }
}

}  // namespace conformance
