#include "ingester.hpp"

#include "reeve/core/backoff.hpp"
#include "reeve/core/callback.hpp"
#include "reeve/core/error.hpp"
#include "rows.hpp"

#include <fmt/format.h>

#include <charconv>
#include <functional>
#include <utility>
#include <vector>

namespace linedb {

namespace {

constexpr std::size_t round_lines_max = 4096;
constexpr std::size_t round_bytes_max = std::size_t{1} << 20U;

/// Lines that are appended together, by channel, and the offset of the line after them.
struct round {
    std::vector<std::vector<std::string>> payloads;
    std::uint64_t end = 0;
};

round read_round(line_reader& input, std::uint64_t from, std::size_t channels) {
    round next;
    next.payloads.resize(channels);
    next.end = from;
    line one;
    for (std::size_t lines = 0; lines < round_lines_max; ++lines) {
        if (next.end - from >= round_bytes_max || !input.next(one)) break;
        next.payloads[channel_of(one.offset, channels)].push_back(encode_message(one));
        next.end = one.end();
    }
    return next;
}

}  // namespace

reeve::awaitable<std::uint64_t> ingested(reeve::storage::message_stream& streams) {
    const auto last = co_await streams.end(ingest_stream);
    if (!last) co_return 0;
    const model::position beginning;
    const auto notes = co_await streams.subscribe(ingest_stream, beginning);
    for (;;) {
        const auto some = co_await notes->next(1000);
        const auto& note = some.back();
        if (note.at < last) continue;
        std::uint64_t offset = 0;
        const char* end = note.payload.data() + note.payload.size();
        const auto [stop, failure] = std::from_chars(note.payload.data(), end, offset);
        if (failure == std::errc() && stop == end) co_return offset;
        throw reeve::error(reeve::errc::corrupt, "stream ingest: a message is no offset");
    }
}

ingester_process::ingester_process(machine& host, std::uint64_t seed)
    : home_(host, "ingester", seed), tasks_(home_.strand) {
    tasks_.spawn(run(), host.failed);
}

ingester_process::~ingester_process() { home_.crash(); }

reeve::awaitable<void> ingester_process::run() {
    const input_record& what = home_.host.input;
    std::uint64_t offset = co_await ingested(*home_.data.streams);
    const auto input = std::make_shared<line_reader>(what.path, offset);
    while (offset < what.identity.bytes) {
        std::function<round()> read = [input, offset, channels = what.channels] {
            return read_round(*input, offset, channels);
        };
        auto next = co_await reeve::core::blocking_call<round>(
            home_.strand, home_.host.workers.executor(), std::move(read));
        if (next.end == offset) {
            throw reeve::error(reeve::errc::corrupt,
                               fmt::format("input {} ends at byte {}; it had {} bytes when this "
                                           "run began",
                                           what.path, offset, what.identity.bytes));
        }
        // 1. The lines. A crash: this round is appended again.
        for (std::size_t channel = 0; channel < what.channels; ++channel) {
            if (next.payloads[channel].empty()) continue;
            co_await append_surely(channel_at(channel).value, std::move(next.payloads[channel]));
        }
        // 2. How far they go. A crash: the next process goes on behind them.
        offset = next.end;
        std::vector<std::string> note(1, std::to_string(offset));
        co_await append_surely(ingest_stream, std::move(note));
        home_.host.counts.bytes_ingested = offset;
        home_.host.changed();
    }
    home_.host.counts.bytes_ingested = offset;
    done_ = true;
    home_.host.changed();
}

/// Appends once or more often.
reeve::awaitable<void> ingester_process::append_surely(std::string stream,
                                                       std::vector<std::string> payloads) {
    reeve::core::backoff retry({}, home_.strand.next_seed());
    for (;;) {
        try {
            co_await home_.data.streams->append_many(stream, payloads);
            co_return;
        } catch (const reeve::error& failure) {
            const auto code = failure.code_value();
            if (code != reeve::errc::unavailable && code != reeve::errc::outcome_unknown) throw;
        }
        co_await home_.strand.sleep_for(retry.next());
    }
}

}  // namespace linedb
