// Reads what nodes report on a stream (docs/protocols/segments.md, section 9a).
#include "reeve/segment/report_reader.hpp"

#include "reeve/catalog/codec.hpp"
#include "reeve/core/error.hpp"
#include "reeve/core/log.hpp"
#include "reeve/transport/message_codec.hpp"

#include <fmt/format.h>

#include <utility>

namespace reeve::segment {

namespace {

constexpr std::size_t batch_max = 100;  // reports taken at a time

std::string checked_key(const catalog::key_layout& keys, const report_stream& what) {
    if (!model::valid_name(what.name)) {
        throw error(errc::invalid_argument,
                    fmt::format("a stream of reports that is called '{}'", what.name));
    }
    return keys.stream(what.name);
}

/// Nothing: the report was read.
template <class Request>
std::string unreadable(const storage::message& report, Request& into) {
    try {
        transport::decode(report.payload, into);
    } catch (const error& failure) {
        if (failure.kind() != error_class::corrupt) throw;
        return failure.what();
    }
    return {};
}

}  // namespace

report_reader::report_reader(core::runtime& strand, storage::metadata_store& store,
                             storage::message_stream& streams, const catalog::key_layout& keys,
                             catalog::leader_guard guard, std::shared_ptr<manager> segments,
                             report_stream what, core::backoff_options retry)
    : strand_(strand),
      store_(store),
      streams_(streams),
      key_(checked_key(keys, what)),
      keys_(keys),
      guard_(std::move(guard)),
      segments_(std::move(segments)),
      what_(std::move(what)),
      retry_(retry) {
    status_.name = what_.name;
}

awaitable<void> report_reader::load() {
    const auto found = co_await store_.get(key_);
    recorded_ = {};
    at_ = {};
    if (found) {
        catalog::decode(key_, found->value, recorded_);
        at_ = found->modified;
    }
    done_ = recorded_.at;
    status_.at = recorded_.at;
    status_.skipped = recorded_.skipped;
}

awaitable<void> report_reader::run() {
    core::backoff retry(retry_, strand_.next_seed());
    for (;;) {
        const model::position before = recorded_.at;
        try {
            co_await read_on();
        } catch (const error& failure) {
            if (failure.kind() == error_class::fenced) throw;
            status_.trouble = failure.what();
            core::log(strand_.log(), core::log_level::warning, "segment", "stream {}: {}",
                      what_.name, status_.trouble);
        }
        if (recorded_.at != before) retry.reset();
        co_await strand_.sleep_for(retry.next());
    }
}

/// Until something fails. What failed is read again: the position is what counts.
awaitable<void> report_reader::read_on() {
    // 1. What is recorded, whatever became of a write of unknown outcome.
    co_await load();
    const auto reports = co_await streams_.subscribe(what_.name, recorded_.at);
    for (;;) {
        auto batch = co_await reports->next(batch_max);
        // 2. Each report in order. A crash after one of them: the next leader reads on behind it.
        for (auto& one : batch) co_await take(std::move(one));
        // 3. Ticks change no record. A crash before this: they are read again, and ignored.
        if (done_ != recorded_.at) {
            auto next = recorded_;
            next.at = done_;
            co_await record(std::move(next));
        }
        status_.trouble.clear();
    }
}

awaitable<void> report_reader::take(storage::message report) {
    if (what_.kind == report_kind::ticks) {
        co_await take_tick(std::move(report));
    } else {
        co_await take_flush(std::move(report));
    }
}

awaitable<void> report_reader::take_tick(storage::message report) {
    model::tick_request request;
    std::string why = unreadable(report, request);
    const model::holder by = request.by;
    const model::timestamp at = request.at;
    bool unavailable = false;
    if (why.empty()) {
        try {
            const auto reply = co_await segments_->tick(std::move(request));
            const bool held = reply.grant == model::standing_of_grant::held;
            ++(held ? status_.applied : status_.refused);
            done_ = report.at;
            co_return;
        } catch (const error& failure) {
            if (failure.kind() == error_class::fenced || is_outcome_unknown(failure)) throw;
            why = failure.what();
            unavailable = failure.kind() == error_class::not_applied;
        }
    }
    if (unavailable) {
        // Is it one that nobody can have sent? Else this leader has yet to learn something.
        const bool forged = co_await never_granted(by);
        const auto now = co_await segments_->timestamp();
        if (!forged && at <= now.now) throw error(errc::unavailable, why);
    }
    co_await skip(std::move(report), std::move(why));
}

awaitable<void> report_reader::take_flush(storage::message report) {
    model::flush_request request;
    std::string why = unreadable(report, request);
    const model::holder by = request.by;
    const auto next = past(report);
    bool unavailable = false;
    storage::revision recorded;
    bool answered = false;
    if (why.empty()) {
        storage::transaction with;
        with.put(key_, catalog::encode(next));
        try {
            const auto done = co_await segments_->flush_reported(std::move(request), with);
            const bool added = done.reply.outcome == model::commit_outcome::committed;
            ++(added ? status_.applied : status_.refused);
            recorded = done.recorded;
            answered = true;
        } catch (const error& failure) {
            if (failure.kind() == error_class::fenced || is_outcome_unknown(failure)) throw;
            why = failure.what();
            unavailable = failure.kind() == error_class::not_applied;
        }
    }
    if (recorded) {
        recorded_ = next;
        at_ = recorded;
        done_ = next.at;
        status_.at = next.at;
        co_return;
    }
    if (answered) {
        co_await record(next);
        co_return;
    }
    if (unavailable) {
        const bool forged = co_await never_granted(by);
        if (!forged) throw error(errc::unavailable, why);
    }
    co_await skip(std::move(report), std::move(why));
}

/// A report is sent when its grant is durable. So one of a grant that is not recorded now was never
/// entitled to anything, unless a later leader granted it: then no position can be recorded here.
awaitable<bool> report_reader::never_granted(model::holder by) {
    if (!model::valid_name(by.channel.value)) co_return true;
    const std::string key = keys_.channel(by.channel);
    const auto found = co_await store_.get(key);
    if (!found) co_return true;
    catalog::decoder decoder;
    model::channel_entry entry;
    decoder.decode(key, found->value, entry);
    co_return entry.epoch < by.epoch;
}

catalog::stream_record report_reader::past(const storage::message& report) const {
    auto next = recorded_;
    next.at = report.at;
    return next;
}

awaitable<void> report_reader::skip(storage::message report, std::string why) {
    auto next = past(report);
    ++next.skipped;
    status_.last_skipped = fmt::format("at {}: {}", report.at, why);
    core::log(strand_.log(), core::log_level::warning, "segment", "stream {}: skipped {}",
              what_.name, status_.last_skipped);
    co_await record(std::move(next));
}

/// Compares the term and the position that it replaces: a leader that was deposed moves nothing.
awaitable<void> report_reader::record(catalog::stream_record next) {
    storage::transaction change = guard_.begin();
    change.if_modified_at(key_, at_).put(key_, catalog::encode(next));
    const auto result = co_await store_.commit(std::move(change));
    guard_.check(result);
    if (!result) throw error(errc::unavailable, key_ + ": changed meanwhile, is read again");
    at_ = result.at;
    recorded_ = std::move(next);
    done_ = recorded_.at;
    status_.at = recorded_.at;
    status_.skipped = recorded_.skipped;
}

}  // namespace reeve::segment
