#include "segment_programs.hpp"

#include "reeve/core/error.hpp"
#include "reeve/transport/message_codec.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <sstream>
#include <utility>

namespace simulated {

using std::chrono::milliseconds;
using std::chrono::seconds;

// The writer.

segment_writer::segment_writer(segment_world& around, testing::process& self)
    : around_(around),
      self_(self),
      strand_(self.runtime()),
      store_(self.open_metadata()),
      leader_(self.runtime(), *store_, around.keys(), self.carrier()) {
    for (std::uint32_t channel = 0; channel < around.options().channels; ++channel) {
        self.spawn(write(channel));
    }
}

awaitable<void> segment_writer::write(std::uint32_t channel) {
    const std::string name = segment_world::channel_name(channel);
    const auto spread = static_cast<std::uint64_t>(around_.options().write_every.count());
    while (!around_.ledger().dropped(name)) {
        co_await strand_.sleep_for(
            milliseconds(around_.world().random().between(spread / 2, spread * 3 / 2)));
        const auto most = around_.options().rows_max;
        const auto rows = around_.feeding() ? around_.world().random().between(1, most) : 0;
        try {
            co_await write_some(channel, rows);
        } catch (const error& failure) {
            around_.world().note(self_.name(), "{}: {}", name, failure.what());
        }
    }
}

/// Rows, then the tick: what any earlier allocation had room for is not appended any more.
awaitable<void> segment_writer::write_some(std::uint32_t channel, std::uint64_t rows) {
    const std::string name = segment_world::channel_name(channel);
    auto& stream = *around_.world().streams();
    model::timestamp now;
    if (rows != 0) {
        model::allocate_request request;
        request.collection = around_.collection_of(channel);
        request.partition = model::partition_id(channel % 2);
        request.channel = model::channel_name(name);
        request.rows = rows;
        std::string body = transport::encode(request);
        const std::string answer =
            co_await leader_.call(std::string(transport::kind::allocate), std::move(body));
        model::allocate_reply reply;
        transport::decode(answer, reply);
        now = reply.now;
        for (const auto& part : reply.parts) {
            around_.world().note(self_.name(), "{}: {} rows for segment {} until {}", name,
                                 part.rows, part.segment, part.expires_at);
            if (part.expires_at <= ticked_[channel]) {
                around_.world().count("allocation too old");
                continue;
            }
            for (std::uint64_t count = 0; count < part.rows; ++count) {
                const auto row = ++around_.rows(name);
                std::string text = fmt::format("R {} {}", row, part.segment);
                const auto at = co_await stream.append(name, std::move(text));
                around_.ledger().appended(name, row, part.segment, at);
            }
        }
    } else {
        std::string body = transport::encode(model::timestamp_request());
        const std::string answer =
            co_await leader_.call(std::string(transport::kind::timestamp), std::move(body));
        model::timestamp_reply reply;
        transport::decode(answer, reply);
        now = reply.now;
    }
    ticked_[channel] = std::max(ticked_[channel], now);
    around_.world().note(self_.name(), "{}: tick {}", name, now);
    std::string tick = fmt::format("T {}", now);
    co_await stream.append(name, std::move(tick));
}

// The node.

segment_node::segment_node(segment_world& around, testing::process& self)
    : around_(around),
      self_(self),
      strand_(self.runtime()),
      store_(self.open_metadata()),
      streams_(self.open_streams()),
      objects_(around.open_objects(self)) {
    node_options settings;
    settings.root = around.keys().root();
    settings.self.name = model::node_name(self.name());
    settings.self.address = self.name();
    settings.lease.ttl = around.options().ttl;
    node_ = std::make_unique<reeve::node>(self.runtime(), *store_, self.carrier(), self.service(),
                                          *this, std::move(settings));
    segment::flush_way way;
    way.flush = [this](std::shared_ptr<const channel::grant> granted,
                       model::flush_request request) {
        return node_->flush(std::move(granted), std::move(request));
    };
    way.drop = [this](std::shared_ptr<const channel::grant> granted,
                      model::channel_drop_request request) {
        return node_->drop(std::move(granted), std::move(request));
    };
    flusher_ = std::make_unique<segment::flusher>(self.runtime(), *objects_, around.names(),
                                                  std::move(way));
    node_->start();
}

awaitable<void> segment_node::start(std::shared_ptr<const channel::grant> granted) {
    auto& one = running_[granted->what().channel.value];
    one = std::make_shared<consumption>(strand_);
    one->granted = std::move(granted);
    one->tasks.spawn(consume(one));
    co_return;
}

awaitable<void> segment_node::stop(model::channel_name channel, model::epoch epoch) {
    const auto found = running_.find(channel.value);
    if (found == running_.end() || found->second->granted->what().epoch != epoch) co_return;
    const auto one = found->second;
    running_.erase(found);
    co_await one->tasks.stop();
}

awaitable<void> segment_node::consume(shared it) {
    while (!it->over && it->granted->valid()) {
        try {
            co_await consume_some(it);
        } catch (const error& failure) {
            if (failure.kind() == error_class::fenced) co_return;
            around_.world().note(self_.name(), "{}: {}", it->granted->what().channel,
                                 failure.what());
        }
        co_await strand_.sleep_for(milliseconds(200));
    }
}

awaitable<void> segment_node::consume_some(shared it) {
    it->segments.clear();
    it->again = false;
    it->ticks = 0;
    it->reached = it->granted->what().start;
    std::vector<model::segment_id> none;
    co_await list(it, std::move(none));
    const std::string channel = it->granted->what().channel.value;
    const auto subscription = co_await streams_->subscribe(channel, it->reached);
    while (!it->over && !it->again) {
        const auto messages = co_await subscription->next(16);
        for (const auto& message : messages) {
            if (it->over || it->again || !it->granted->valid()) co_return;
            std::istringstream words(message.payload);
            std::string kind;
            words >> kind;
            if (kind == "R") {
                std::string row;
                model::segment_id segment;
                words >> row >> segment.value;
                co_await take_row(it, message, row, segment);
                it->reached = message.at;
            } else {
                it->reached = message.at;
                model::timestamp at;
                words >> at.value;
                co_await take_tick(it, at);
            }
        }
    }
}

awaitable<void> segment_node::list(shared it, std::vector<model::segment_id> these) {
    model::segments_request request;
    request.these = std::move(these);
    const auto reply = co_await node_->segments(it->granted, std::move(request));
    if (reply.grant == model::standing_of_grant::stale) {
        it->over = true;
        co_return;
    }
    for (const auto& one : reply.segments) it->segments[one.segment].recorded = one;
}

awaitable<void> segment_node::take_row(shared it, storage::message message, std::string row,
                                       model::segment_id segment) {
    if (!it->segments.contains(segment)) {
        std::vector<model::segment_id> these(1, segment);
        co_await list(it, std::move(these));
        if (it->over) co_return;
    }
    segment_state& to = it->segments[segment];
    const bool closed = to.recorded.state >= model::segment_state::flushed;
    if (closed || message.at <= to.recorded.end) {
        around_.world().count("row passed over");
        co_return;
    }
    buffered_row add;
    add.before = it->reached;
    add.at = message.at;
    add.row = std::move(row);
    to.rows.push_back(std::move(add));
}

awaitable<void> segment_node::take_tick(shared it, model::timestamp at) {
    model::tick_request request;
    request.at = at;
    for (const auto& [segment, one] : it->segments) {
        if (one.recorded.state >= model::segment_state::flushed) continue;
        model::segment_rows& rows = request.segments.emplace_back();
        rows.segment = segment;
        rows.rows = one.recorded.rows + one.rows.size();
        rows.bytes = 8 * rows.rows;
    }
    const auto reply = co_await node_->tick(it->granted, std::move(request));
    if (reply.grant == model::standing_of_grant::stale) {
        it->over = true;
        co_return;
    }
    if (reply.dropping) {
        co_await drop(it);
        co_return;
    }
    for (const auto segment : reply.flush) {
        if (it->over || it->again) co_return;
        co_await flush(it, segment, model::flush_effect::flushes);
    }
    if (++it->ticks >= 4) co_await flush_all(it);
}

model::position segment_node::checkpoint(const consumption& it, model::segment_id without) const {
    model::position least = it.reached;
    for (const auto& [segment, one] : it.segments) {
        if (segment == without || one.rows.empty()) continue;
        least = std::min(least, one.rows.front().before);
    }
    return least;
}

segment::flush_work segment_node::work_of(const consumption& it, model::segment_id segment) const {
    const segment_state& from = it.segments.at(segment);
    segment::flush_work work;
    work.partition = from.recorded.partition;
    work.segment = segment;
    work.from = from.recorded.end;
    work.to = from.rows.empty() ? from.recorded.end : from.rows.back().at;
    work.rows = from.rows.size();
    if (from.rows.empty()) return work;
    segment::binlog_bytes& file = work.files.emplace_back();
    file.field = model::field_id(1);
    file.rows = from.rows.size();
    for (const auto& one : from.rows) file.bytes += one.row + "\n";
    segment::binlog_bytes& stats = work.files.emplace_back();
    stats.kind = model::binlog_kind::stats;
    stats.field = model::field_id(1);
    return work;
}

awaitable<void> segment_node::flush(shared it, model::segment_id segment,
                                    model::flush_effect effect) {
    if (!it->segments.contains(segment)) {
        std::vector<model::segment_id> these(1, segment);
        co_await list(it, std::move(these));
        if (it->over) co_return;
    }
    if (it->segments.at(segment).recorded.state >= model::segment_state::flushed) co_return;
    auto work = work_of(*it, segment);
    const model::position to = work.to;
    const std::size_t rows = work.rows;
    auto until = checkpoint(*it, segment);
    const auto reply =
        co_await flusher_->flush(it->granted, std::move(work), effect, std::move(until));
    segment_state& of = it->segments[segment];
    switch (reply.outcome) {
        case model::commit_outcome::committed:
            // It happens that a host forgets what it has flushed, and flushes it again.
            if (effect == model::flush_effect::adds && around_.world().random().chance(1, 50)) {
                around_.world().count("flush forgotten");
                co_await flush(it, segment, effect);
                break;
            }
            of.recorded.end = to;
            of.recorded.rows += rows;
            of.rows.erase(of.rows.begin(), of.rows.begin() + static_cast<std::ptrdiff_t>(rows));
            if (effect == model::flush_effect::flushes) {
                of.recorded.state = model::segment_state::flushed;
            }
            break;
        case model::commit_outcome::stale:
            it->over = true;
            break;
        case model::commit_outcome::mismatch:
            around_.world().count("flush from elsewhere");
            it->again = true;
            break;
        case model::commit_outcome::dropped:
            of.recorded.state = model::segment_state::dropped;
            of.rows.clear();
            break;
    }
}

/// All at once: flushes of different segments may overlap.
awaitable<void> segment_node::flush_all(shared it) {
    it->ticks = 0;
    core::task_scope flushes(strand_);
    const auto failure = std::make_shared<std::exception_ptr>();
    for (const auto& [segment, one] : it->segments) {
        if (one.rows.empty()) continue;
        flushes.spawn(flush(it, segment, model::flush_effect::adds),
                      [failure](std::exception_ptr why) { *failure = std::move(why); });
    }
    co_await flushes.join();
    if (*failure) std::rethrow_exception(*failure);
}

awaitable<void> segment_node::drop(shared it) {
    std::vector<segment::flush_work> work;
    for (const auto& [segment, one] : it->segments) {
        if (!one.rows.empty()) work.push_back(work_of(*it, segment));
    }
    auto until = it->reached;
    const auto reply = co_await flusher_->drop(it->granted, std::move(work), std::move(until));
    it->over = reply.outcome == model::commit_outcome::committed ||
               reply.outcome == model::commit_outcome::stale;
    it->again = !it->over;
}

}  // namespace simulated
