// What a tick does: ends allocations, takes reports over, seals, finds what can be flushed.
#include "segment/allocator.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace reeve::segment {

void allocator::touch(open_segment& it) {
    if (it.touched) return;
    it.touched = true;
    touched_.push_back(&it);
}

void allocator::end_due(open_channel& in, model::timestamp at) {
    while (!in.due.empty() && in.due.begin()->due <= at) {
        open_segment& it = *in.due.begin();
        in.due.erase(in.due.begin());
        if (it.sealed) {
            it.ripe = true;
            ripe_.push_back(it);
            flushable_.push_back(it.id);
        } else {
            it.charged += it.reserved.end_until(at);  // what is free stays the same
            touch(it);
        }
    }
}

std::size_t allocator::take_reports(std::uint32_t channel, model::timestamp at,
                                    std::span<const segment_rows> reports) {
    std::size_t ignored = 0;
    for (const auto& report : reports) {
        const std::uint32_t row = table_.find(report.segment);
        if (row == none || table_[row].channel != channel || table_[row].open == none) {
            ++ignored;
            continue;
        }
        open_segment& it = open_[table_[row].open];
        it.reported = true;
        if (report.rows > it.rows) {
            it.rows = report.rows;
            it.written = std::max(it.written, at);
        }
        count_bytes(it, report.bytes);
        // All that ended by now has come or never will: it is among these rows. What is recorded
        // came, whatever the node says.
        it.charged = std::min(it.charged, std::max(it.rows, table_[row].rows));
        count_free(it);
        touch(it);
    }
    return ignored;
}

void allocator::seal_largest(open_channel& in) {
    std::vector<open_segment*> growing;
    std::vector<std::uint64_t> bytes;
    for (auto& it : in.due) {
        if (!it.grows()) continue;
        growing.push_back(&it);
        bytes.push_back(it.bytes);
    }
    for (const auto index : over_channel_bytes(bytes, options_.seal.channel_bytes_max)) {
        close(*growing[index], model::seal_reason::channel_bytes);
    }
}

tick_result allocator::tick(std::string_view channel, model::timestamp at,
                            std::span<const segment_rows> reports, model::timestamp now) {
    tick_result result;
    const std::uint32_t number = table_.find_channel(channel);
    if (number == none) return result;
    result.outcome = tick_outcome::in_future;
    if (at > now) return result;
    open_channel& in = channels_[number];
    result.outcome = tick_outcome::not_newer;
    if (at <= in.last_tick) return result;
    result.outcome = tick_outcome::taken;
    in.last_tick = at;
    touched_.clear();
    flushable_.clear();
    end_due(in, at);
    result.ignored = take_reports(number, at, reports);
    for (auto* const it : touched_) {
        it->touched = false;
        judge(*it, at);
    }
    const auto most = options_.seal.channel_bytes_max;
    if (most != 0 && in.growing_bytes.above(most)) seal_largest(in);
    result.looked_at = touched_.size() + flushable_.size();
    result.flushable = flushable_;
    return result;
}

}  // namespace reeve::segment
