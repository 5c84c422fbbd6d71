#include "row_consumer.hpp"

#include "checksum.hpp"
#include "reeve/catalog/key_layout.hpp"
#include "reeve/core/backoff.hpp"
#include "reeve/core/error.hpp"

#include <fmt/format.h>

namespace linedb {

namespace {

// An object has at most about so much, so that memory stays bounded and kills find work to repeat.
constexpr std::uint64_t batch_rows_max = 256;
constexpr std::uint64_t batch_bytes_max = std::uint64_t{1} << 20U;
// Messages asked for at a time; each may be as long as a line.
constexpr std::size_t messages_at_once = 32;

}  // namespace

row_consumer::row_consumer(site& home, model::node_name self)
    : home_(home), self_(std::move(self)) {}

reeve::awaitable<void> row_consumer::start(grant granted) {
    const model::channel_name channel = granted->what().channel;
    statistics& counts = home_.host.counts;
    model::node_name& holder = counts.holders[channel];
    ++counts.grants;
    if (!holder.value.empty() && holder != self_) ++counts.moves;
    holder = self_;
    running_.erase(channel);
    running& one = running_[channel];
    one.way = std::make_shared<course>(home_, *node_, std::move(granted));
    one.scope = std::make_unique<reeve::core::task_scope>(home_.strand);
    one.scope->spawn(consume(one.way), home_.host.failed);
    co_return;
}

reeve::awaitable<void> row_consumer::stop(model::channel_name channel, model::epoch) {
    const auto found = running_.find(channel);
    if (found == running_.end()) co_return;
    found->second.way->abandoned = true;
    co_await found->second.scope->stop();
    running_.erase(channel);
}

reeve::awaitable<void> row_consumer::consume(std::shared_ptr<course> way) {
    reeve::core::backoff retry({}, way->home.strand.next_seed());
    while (way->goes_on()) {
        const model::position before = way->at;
        try {
            co_await follow(way);
        } catch (const reeve::error& failure) {
            if (failure.kind() == reeve::error_class::fenced) co_return;
            if (!is_away(failure)) throw;
        }
        if (way->at != before) retry.reset();
        co_await way->home.strand.sleep_for(retry.next());
    }
}

reeve::awaitable<void> row_consumer::follow(std::shared_ptr<course> way) {
    way->end = co_await end_at(way);
    const auto messages = co_await way->home.data.streams->subscribe(way->channel().value, way->at);
    while (way->goes_on()) {
        const auto next = co_await collect(way, *messages);
        const bool stored = co_await store(way, next);
        if (!stored) co_return;
    }
}

/// Collects what is there, up to a batch; waits for the first message.
reeve::awaitable<std::shared_ptr<row_consumer::batch>> row_consumer::collect(
    std::shared_ptr<course> way, reeve::storage::subscription& messages) {
    auto next = std::make_shared<batch>();
    next->end = way->end;
    model::position last;
    do {
        const auto some = co_await messages.next(messages_at_once);
        for (const auto& message : some) {
            const line row = decode_message(message.payload, way->channel().value);
            next->to = message.at;
            if (row.offset < next->end) {
                ++next->repeated;
                continue;
            }
            next->rows.add(row);
            next->bytes += row.bytes.size();
            next->end = row.end();
        }
        const bool full =
            next->rows.rows() >= batch_rows_max || next->rows.bytes().size() >= batch_bytes_max;
        if (full) break;
        last = co_await way->home.data.streams->end(way->channel().value);
    } while (next->to < last);
    co_return next;
}

reeve::awaitable<bool> row_consumer::store(std::shared_ptr<course> way,
                                           std::shared_ptr<batch> what) {
    // 1. The object, under a name that nobody else uses. A crash leaves it without a record.
    object_record record;
    record.rows = what->rows.rows();
    record.end = what->end;
    if (record.rows > 0) {
        record.bytes = what->rows.bytes().size();
        record.hash = checksum::of(what->rows.bytes());
        record.object = co_await write_object(way, what->rows.bytes());
    }
    // 2. Record and checkpoint together, if this grant still counts. A crash after it: the next
    // holder goes on from here.
    std::vector<model::host_record> records;
    records.push_back({record_name(way->channel(), what->to), encode(record)});
    const auto reply =
        co_await way->node.commit(way->granted, way->at, what->to, way->number, std::move(records));
    if (reply.outcome == model::commit_outcome::committed) {
        way->at = what->to;
        way->end = what->end;
        count(way->home.host.counts, *what);
        way->home.host.changed();
        co_return true;
    }
    statistics& counts = way->home.host.counts;
    if (reply.outcome == model::commit_outcome::stale) {
        ++counts.commits_stale;
        throw reeve::error(reeve::errc::fenced, reply.why);
    }
    ++counts.commits_elsewhere;
    way->at = reply.recorded;
    co_return false;
}

reeve::awaitable<std::string> row_consumer::write_object(std::shared_ptr<course> way,
                                                         std::string bytes) {
    reeve::core::backoff retry({}, way->home.strand.next_seed());
    for (;;) {
        // A name whose put had an unknown outcome is not used again.
        std::string name = object_name(way->channel(), way->granted->what().epoch, way->number++);
        try {
            co_await way->home.data.objects->put(name, bytes);
            co_return name;
        } catch (const reeve::error& failure) {
            if (!is_away(failure)) throw;
        }
        co_await way->home.strand.sleep_for(retry.next());
        if (!way->goes_on()) throw reeve::error(reeve::errc::fenced, name);
    }
}

reeve::awaitable<std::uint64_t> row_consumer::end_at(std::shared_ptr<course> way) {
    if (!way->at) co_return 0;
    const std::string key =
        reeve::catalog::key_layout(key_root).host(record_name(way->channel(), way->at));
    const auto found = co_await way->home.data.metadata->get(key);
    if (!found) {
        throw reeve::error(reeve::errc::corrupt,
                           fmt::format("{}: the record of a checkpoint is missing", key));
    }
    co_return decode_record(found->value, key).end;
}

void row_consumer::count(statistics& counts, const batch& what) {
    counts.rows_stored += what.rows.rows();
    counts.bytes_stored += what.bytes;
    counts.rows_repeated += what.repeated;
    if (what.rows.rows() > 0) ++counts.objects;
}

}  // namespace linedb
