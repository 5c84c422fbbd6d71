// Loading: one pass over each kind of record, in the order in which they rest on each other. Writes
// nothing.
#include "catalog/page_reader.hpp"
#include "reeve/core/error.hpp"
#include "reeve/core/guards.hpp"
#include "segment/manager_impl.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace reeve::segment {

namespace {

error contradiction(const std::string& key) {
    return {errc::corrupt, fmt::format("{}: contradicts what else is recorded", key)};
}

}  // namespace

/// Tombstones. That a channel is dropped says its entry; when, its tombstone: the records of its
/// segments may still have to follow.
awaitable<void> manager_impl::load_drops(load_report& report) {
    catalog::page_reader pages(strand_, store_, keys_.drops(), options_.page_size);
    for (;;) {
        const auto page = co_await pages.next();
        if (!page) break;
        for (const auto& record : page->records) {
            const auto key = keys_.parse(record.key);
            if (key.what == catalog::key_layout::kind::channel_drop) {
                model::channel_drop mark;
                decoder_.decode(record.key, record.value, mark);
                dropped_channels_[std::string(key.name)] = mark.at;
                continue;
            }
            if (key.what != catalog::key_layout::kind::collection_drop) {
                throw contradiction(record.key);
            }
            collection_row row;
            decoder_.decode(record.key, record.value, row.record);
            row.at = record.modified;
            know_drop(key.collection, std::move(row));
            ++report.drops;
        }
    }
}

/// L6: the leader before may have given out timestamps up to the mark, and allocations that end as
/// much later as the longest lifetime then was.
awaitable<void> manager_impl::load_oracle() {
    const auto found = co_await store_.get(keys_.oracle());
    catalog::oracle_mark mark;
    if (found) decoder_.decode(keys_.oracle(), found->value, mark);
    auto lifetime = options_.allocation.lifetime_max;
    lifetime = std::max(lifetime, std::chrono::milliseconds(mark.lifetime_ms));
    if (!core::enforced(core::guard::expiry_mark)) co_return;
    loading_expiry_ =
        after(model::timestamp(mark.high), lifetime, options_.allocation.seal.timestamps_per_ms);
}

void manager_impl::load_segment(const storage::record& record, load_report& report) {
    const auto key = keys_.parse(record.key);
    if (key.what != catalog::key_layout::kind::segment) throw contradiction(record.key);
    if (catalog::unmark(record.value).batch != 0) return;  // of a batch that is not finished
    decoder_.decode(record.key, record.value, loading_segment_);
    const auto outcome = rows_.recover(key.collection, key.segment, loading_segment_,
                                       record.modified, loading_expiry_);
    if (outcome != learned::taken) throw contradiction(record.key);
    ++(model::is_dropped(loading_segment_.state) ? report.tombstones : report.segments);
    if (loading_segment_.state < model::segment_state::flushed) index(key.segment);
}

void manager_impl::load_binlog(const storage::record& record, load_report& report) {
    const auto key = keys_.parse(record.key);
    if (key.what != catalog::key_layout::kind::binlog) throw contradiction(record.key);
    if (catalog::unmark(record.value).batch != 0) return;
    decoder_.decode(record.key, record.value, loading_binlog_);
    const auto files = model::file_count(loading_binlog_);
    ++report.flushes;
    report.files += files;
    if (!rows_.table().state_of(key.segment)) ++report.orphans;
    rows_.add_flush(key.segment, files);
    add_references(loading_binlog_.groups);
}

awaitable<void> manager_impl::load_jobs(load_report& report) {
    catalog::page_reader pages(strand_, store_, keys_.jobs(), options_.page_size);
    for (;;) {
        const auto page = co_await pages.next();
        if (!page) break;
        for (const auto& record : page->records) {
            const auto key = keys_.parse(record.key);
            job_row row;
            decoder_.decode(record.key, record.value, row.record);
            row.at = record.modified;
            if (row.record.state != model::job_state::granted) continue;
            jobs_[model::job_id(key.number)] = std::move(row);
            ++report.jobs;
        }
    }
}

awaitable<load_report> manager_impl::load(std::function<void(std::size_t)> progress) {
    load_report report;
    const auto begun = strand_.now();
    // 1. Which collections and channels are dropped.
    co_await load_drops(report);
    std::vector<std::pair<model::channel_name, model::collection_id>> marked;
    channels_->each([&](const channel::registration& one) {
        if (one.entry.state == model::channel_state::dropped) {
            marked.emplace_back(one.name, one.entry.collection);
        } else {
            (void)rows_.add_channel(one.name.value, one.entry.collection);
        }
    });
    for (const auto& [name, collection] : marked) {
        (void)rows_.drop_channel(name.value, collection);
    }
    // 2. Until when rows of earlier allocations may come.
    co_await load_oracle();
    // 3. The segments, then their flushes.
    catalog::page_reader segments(strand_, store_, keys_.segments(), options_.page_size);
    for (;;) {
        const auto page = co_await segments.next();
        if (!page) break;
        for (const auto& record : page->records) load_segment(record, report);
        if (progress) progress(report.segments + report.tombstones);
    }
    catalog::page_reader binlogs(strand_, store_, keys_.binlogs(), options_.page_size);
    for (;;) {
        const auto page = co_await binlogs.next();
        if (!page) break;
        for (const auto& record : page->records) load_binlog(record, report);
        if (progress) progress(report.segments + report.tombstones + report.flushes);
    }
    // 4. Who works on them.
    co_await load_jobs(report);
    report.took = strand_.now() - begun;
    co_return report;
}

}  // namespace reeve::segment
