#include "testing/conformance/stream_trial.hpp"

#include <utility>

namespace reeve::testing::detail {

namespace {

using trial = stream_trial;

std::vector<std::string> numbered(int from, int count) {
    std::vector<std::string> payloads;
    for (int each = from; each < from + count; ++each) payloads.push_back(fmt::format("{}", each));
    return payloads;
}

awaitable<void> unknown_stream_is_empty(trial& it) {
    const position end = co_await it.end("stream");
    expect(end == position(), "the end of an unknown stream is not the empty position");
    auto early = co_await it.subscribe("stream", position());
    const position at = co_await it.append("stream", "first");
    const std::vector<message> got = co_await it.take_from(*early, 1);
    expect_equal(got[0].payload, std::string("first"), "what was appended after subscribing");
    expect(got[0].at == at, "append and subscription tell different positions");
}

awaitable<void> messages_come_in_order(trial& it) {
    for (int each = 0; each < 30; ++each) co_await it.append("stream", fmt::format("{}", each));
    const std::vector<std::size_t> limits{1, 7, 100};
    for (const std::size_t limit : limits) {
        auto from_start = co_await it.subscribe("stream", position());
        const std::vector<message> got = co_await it.take_from(*from_start, 30, limit);
        for (std::size_t index = 0; index < got.size(); ++index) {
            expect_equal(got[index].payload, fmt::format("{}", index), "a message in order");
        }
    }
}

awaitable<void> positions_increase_as_bytes(trial& it) {
    position before;
    std::vector<position> appended;
    for (int each = 0; each < 300; ++each) {
        const position at = co_await it.append("stream", "x");
        expect(before < at, fmt::format("position {} does not exceed {} before it", show(at.value),
                                        show(before.value)));
        before = at;
        appended.push_back(at);
    }
    auto from_start = co_await it.subscribe("stream", position());
    const std::vector<message> got = co_await it.take_from(*from_start, 300);
    for (std::size_t index = 0; index < got.size(); ++index) {
        expect(got[index].at == appended[index], "a message has another position than its append");
    }
    const position end = co_await it.end("stream");
    expect(end == before, "the end is not the position of the last message");
}

awaitable<void> subscribe_from_each_position(trial& it) {
    std::vector<position> at;
    const std::vector<std::string> texts = numbered(0, 8);
    for (const auto& text : texts) {
        const position next_at = co_await it.append("stream", text);
        at.push_back(next_at);
    }
    for (std::size_t index = 0; index + 1 < at.size(); ++index) {
        auto tail = co_await it.subscribe("stream", at[index]);
        const std::vector<message> got = co_await it.take_from(*tail, at.size() - 1 - index);
        expect_equal(got[0].payload, fmt::format("{}", index + 1),
                     "the first message after a position");
        expect_equal(got.back().payload, std::string("7"), "the last message");
    }
    auto fresh = co_await it.subscribe("stream", at.back());
    co_await it.append("stream", "new");
    const std::string got = co_await it.payloads(*fresh, 1);
    expect_equal(got, std::string("new"), "what follows a subscription from the end");
}

awaitable<void> any_payload_is_kept(trial& it) {
    std::string all;
    for (unsigned each = 0; each < 256; ++each) all += static_cast<char>(each);
    std::vector<std::string> payloads{"", all, "", std::string(1, '\0'), "\xff\xff"};
    for (const auto& payload : payloads) co_await it.append("stream", payload);
    auto from_start = co_await it.subscribe("stream", position());
    const std::vector<message> got = co_await it.take_from(*from_start, payloads.size());
    for (std::size_t index = 0; index < payloads.size(); ++index) {
        expect_equal(got[index].payload, payloads[index], "a payload of arbitrary bytes");
    }
}

awaitable<void> streams_are_separate(trial& it) {
    const std::vector<std::string> names{"a", "a/b", "b", "A", "\xff", "a b"};
    for (int round = 0; round < 3; ++round) {
        for (const auto& name : names) co_await it.append(name, fmt::format("{}{}", name, round));
    }
    for (const auto& name : names) {
        auto from_start = co_await it.subscribe(name, position());
        const std::string got = co_await it.payloads(*from_start, 3);
        expect_equal(got, fmt::format("{0}0 {0}1 {0}2", name), "the messages of a stream");
    }
    const position never = co_await it.end("c");
    expect(never == position(), "a stream never appended to has an end");
}

awaitable<void> append_many_is_contiguous(trial& it) {
    std::vector<observed_ptr<position>> running;
    for (int batch = 0; batch < 10; ++batch) {
        auto many = it.store().append_many("stream", numbered(batch * 10, 10));
        running.push_back(start<position>(it.strand, std::move(many)));
        auto single = it.store().append("stream", "single");
        running.push_back(start<position>(it.strand, std::move(single)));
    }
    for (const auto& each : running) {
        co_await settle<position>(it.strand, each, "a concurrent append");
        expect(each->how == ending::value, "a concurrent append failed: " + each->text);
    }
    auto from_start = co_await it.subscribe("stream", position());
    const std::vector<message> got = co_await it.take_from(*from_start, 110);
    int expected = -1;
    for (const auto& each : got) {
        if (each.payload == "single") {
            expect(expected < 0, "a message lies between the messages of one append_many");
            continue;
        }
        const int number = std::stoi(each.payload);
        expect(expected < 0 ? number % 10 == 0 : number == expected,
               "the messages of one append_many are not next to each other in order");
        expected = number % 10 == 9 ? -1 : number + 1;
        if (expected >= 0) continue;
        const auto& batch = running[static_cast<std::size_t>(number / 10) * 2];
        expect(*batch->value == each.at, "append_many did not return the position of its last");
    }
}

awaitable<void> bad_appends_are_refused(trial& it) {
    auto nameless = it.store().append("", "x");
    co_await expect_error<position>(std::move(nameless), errc::invalid_argument,
                                    "append to the stream without a name");
    std::vector<std::string> none;
    auto nothing = it.store().append_many("stream", none);
    co_await expect_error<position>(std::move(nothing), errc::invalid_argument,
                                    "append_many of nothing");
    const position end = co_await it.end("stream");
    expect(end == position(), "a refused append left a message");
}

awaitable<void> limit_of_payload(trial& it) {
    const std::size_t most = it.store().payload_bytes_max();
    expect(most > 0, "payload_bytes_max is 0");
    if (most > (64U << 20U)) throw check_skipped("needs payload_bytes_max of at most 64 MiB");
    const std::string largest(most, '\xfe');
    co_await it.append("stream", largest);
    auto past = it.store().append("stream", largest + "x");
    co_await expect_error<position>(std::move(past), errc::too_large,
                                    "a payload of one byte too many");
    std::vector<std::string> two;
    two.emplace_back("small");
    two.push_back(largest + "x");
    auto many = it.store().append_many("stream", two);
    co_await expect_error<position>(std::move(many), errc::too_large,
                                    "append_many with a payload of one byte too many");
    co_await it.append("stream", "last");
    auto from_start = co_await it.subscribe("stream", position());
    const std::vector<message> got = co_await it.take_from(*from_start, 2);
    expect(got[0].payload == largest, "the largest payload reads differently");
    expect_equal(got[1].payload, std::string("last"), "what follows refused appends");
}

awaitable<void> bad_position_is_refused(trial& it) {
    co_await it.append("stream", "x");
    auto call = it.store().subscribe("stream", position("\x01 no position of anybody"));
    co_await expect_error<std::unique_ptr<subscription>>(
        std::move(call), errc::invalid_argument, "subscribe from bytes that are no position");
}

// The payloads from a position on, or the error of subscribing or of the first next.
awaitable<std::optional<errc>> read_code(trial& it, position from, std::size_t count) {
    std::optional<errc> code;
    try {
        auto opened = co_await it.subscribe("stream", from);
        const std::string got = co_await it.payloads(*opened, count);
        expect(got.ends_with("9"), "the last message is missing");
    } catch (const error& failure) {
        code = failure.code_value();
    }
    co_return code;
}

awaitable<void> trimmed_messages_are_compacted(trial& it) {
    std::vector<position> at;
    const std::vector<std::string> texts = numbered(0, 10);
    for (const auto& text : texts) {
        const position next_at = co_await it.append("stream", text);
        at.push_back(next_at);
    }
    auto trim = it.store().trim("stream", at[4]);
    co_await within<void>(it.strand, std::move(trim), "trim");
    auto again = it.store().trim("stream", at[2]);
    co_await within<void>(it.strand, std::move(again), "a trim of what is trimmed");
    const auto kept = co_await read_code(it, at[4], 5);
    expect(!kept, "subscribing from the trimmed position failed");
    const auto lost = co_await read_code(it, at[1], 8);
    if (lost) expect_equal(name(*lost), name(errc::compacted), "the error of a trimmed position");
    expect(lost || !it.factory.trims_at_once(), "subscribing before a trim was not compacted");
    const auto start_lost = co_await read_code(it, position(), 10);
    if (start_lost) {
        expect_equal(name(*start_lost), name(errc::compacted), "the error of a trimmed beginning");
    }
    expect(start_lost || !it.factory.trims_at_once(),
           "subscribing from the trimmed beginning was not compacted");
    const position end = co_await it.end("stream");
    expect(end == at[9], "a trim moved the end");
    auto all = it.store().trim("stream", at[9]);
    co_await within<void>(it.strand, std::move(all), "a trim of everything");
    const position next = co_await it.append("stream", "9");
    expect(at[9] < next, "positions went back after everything was trimmed");
    const auto rest = co_await read_code(it, at[9], 1);
    expect(!rest, "subscribing from the end after everything was trimmed failed");
}

}  // namespace

stream_rules stream_value_rules() {
    return {
        {"unknown_stream_is_empty", "an unknown stream is empty, and may be subscribed to",
         unknown_stream_is_empty},
        {"messages_come_in_order", "messages are delivered in the order of their appends",
         messages_come_in_order},
        {"positions_increase_as_bytes", "positions increase strictly as bytes, and name messages",
         positions_increase_as_bytes},
        {"subscribe_from_each_position", "a subscription delivers what follows its position",
         subscribe_from_each_position},
        {"any_payload_is_kept", "payloads hold any bytes, none included", any_payload_is_kept},
        {"streams_are_separate", "streams of different names share nothing", streams_are_separate},
        {"append_many_is_contiguous",
         "the messages of an append_many lie next to each other, in order",
         append_many_is_contiguous},
        {"bad_appends_are_refused", "no name and no payloads are invalid arguments",
         bad_appends_are_refused},
        {"limit_of_payload", "payload_bytes_max bytes are accepted, one more is too large",
         limit_of_payload},
        {"bad_position_is_refused", "bytes that are no position are an invalid argument",
         bad_position_is_refused},
        {"trimmed_messages_are_compacted",
         "a trim keeps what follows it and the end; what is lost is said to be compacted",
         trimmed_messages_are_compacted},
    };
}

}  // namespace reeve::testing::detail
