// Flushed segments as they are recorded: what the benchmarks of recovery and drop read.
#pragma once

#include "recovering.hpp"

#include "reeve/model/segment.hpp"

namespace recovering {

constexpr std::size_t flushes_of_segment = 3;

// Segments are given to the channels in turn, so each is of its channel's collection.
inline model::collection_id collection_of(std::size_t channel) {
    return model::collection_id(channel / 4);
}
inline model::segment_id segment_of(std::size_t number) {
    return model::segment_id(1'000'000 + number);
}

inline model::segment_record flushed_segment(const cluster& of, std::size_t number) {
    const std::uint64_t created = (1'700'000'000'000 + number) << 18U;
    model::segment_record record;
    record.partition = model::partition_id(number % 10);
    record.channel = model::channel_name(fmt::format("channel-{:06}", number % of.channels));
    record.state = model::segment_state::flushed;
    record.limits = {1'000'000, std::uint64_t{1} << 30U};
    record.rows = 900'000;
    record.bytes = 800'000'000;
    record.created = model::timestamp(created);
    record.sealed = model::seal_reason::rows;
    record.last_expiry = model::timestamp(created + (std::uint64_t{60'000} << 18U));
    record.start = position_of(0);
    record.end = position_of(flushes_of_segment);
    return record;
}

// Flush `index` of a segment: an insert file of two fields and a stats file.
inline void add_flush(transaction& change, const cluster& of, std::size_t number,
                      std::size_t index) {
    const model::epoch epoch(1000 + number % of.channels);
    const std::uint64_t first = 16 * number + 4 * index;
    model::binlog_record record;
    record.from = position_of(index);
    record.to = position_of(index + 1);
    record.checkpoint = position_of(index + 1);
    record.rows = 300'000;
    for (std::uint64_t at = 0; at < 3; ++at) {
        model::binlog_group group;
        group.kind = at < 2 ? model::binlog_kind::insert : model::binlog_kind::stats;
        group.field = model::field_id(at < 2 ? 100 + at : 100);
        model::binlog_file file;
        file.id = {epoch, first + 2 + at};
        file.bytes = 88'888'888;
        file.rows = 300'000;
        group.files.push_back(std::move(file));
        record.groups.push_back(std::move(group));
    }
    const model::flush_id id{epoch, first + 1};
    change.put(of.keys.binlog(segment_of(number), id), reeve::catalog::encode(record));
}

inline awaitable<void> fill_segments(metadata_store& store, const cluster& of) {
    const std::size_t operations = 1 + flushes_of_segment;
    for (std::size_t number = 0; number < of.segments;) {
        transaction change;
        while (number < of.segments &&
               change.operations().size() + operations <= store.limits().operations_max) {
            const auto collection = collection_of(number % of.channels);
            const auto record = flushed_segment(of, number);
            change.put(of.keys.segment(collection, segment_of(number)),
                       reeve::catalog::encode(record));
            for (std::size_t index = 0; index < flushes_of_segment; ++index) {
                add_flush(change, of, number, index);
            }
            ++number;
        }
        const auto result = co_await store.commit(std::move(change));
        require(bool(result), "filling was rejected");
    }
}

}  // namespace recovering
