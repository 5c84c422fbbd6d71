#include "gc/dropped_batch.hpp"
#include "reeve/catalog/commit_large.hpp"
#include "reeve/core/error.hpp"
#include "reeve/core/guards.hpp"
#include "reeve/core/metrics.hpp"
#include "reeve/gc/dropped_sweep.hpp"

#include <algorithm>
#include <memory>
#include <utility>

// A segment in state collecting: its files, then its flushes, then the tombstone.
namespace reeve::gc {

namespace {

// Flushes whose files are deleted together.
struct flush_group {
    std::vector<doomed_object> files;
    std::vector<storage::record> records;  // as read
    std::vector<model::binlog_record> flushes;
};

std::vector<storage::transaction> removals_of(const flush_group& group) {
    std::vector<storage::transaction> items;
    items.reserve(group.records.size());
    for (const auto& one : group.records) {
        items.emplace_back().if_modified_at(one.key, one.modified).remove(one.key);
    }
    return items;
}

// Deletes the files of a group, and its records if all of the files are gone: true then. A crash
// between the two leaves records whose files are deleted again.
awaitable<bool> collect_group(sweep_site site, dropped_segments& known, segment_place place,
                              pace_options pace, std::shared_ptr<flush_group> group,
                              std::shared_ptr<dropped_report> into) {
    bool gone = !core::enforced(core::guard::files_first);
    if (!gone) {
        auto made = co_await remove_journaled(site, model::gc_sweep::dropped,
                                              std::move(group->files), pace);
        gone = made.failed == 0;
        add(into->deleted, std::move(made), pace.samples_max);
    }
    if (!gone) co_return false;
    const auto results =
        co_await catalog::commit_items(site.metadata, site.guard, removals_of(*group));
    bool all = true;
    for (std::size_t at = 0; at < results.size(); ++at) {
        if (results[at].outcome != catalog::item_outcome::committed) {
            all = false;
            continue;
        }
        const auto parsed = site.keys.parse(group->records[at].key);
        known.forgotten(place, parsed.flush, group->flushes[at]);
    }
    if (!core::enforced(core::guard::files_first)) {
        auto made = co_await remove_journaled(site, model::gc_sweep::dropped,
                                              std::move(group->files), pace);
        add(into->deleted, std::move(made), pace.samples_max);
    }
    co_return all;
}

}  // namespace

// D5, D6. True: none of its flushes is left.
awaitable<bool> dropped_sweep::collect_flushes(std::shared_ptr<batch> now, std::size_t which) {
    const auto place = now->targets[which].place;
    const auto partition = now->targets[which].record.partition;
    const auto some = options_.pace.delete_batch * options_.pace.deletes_at_once;
    // Of the report, which lives in the batch.
    const std::shared_ptr<dropped_report> report(now, &now->report);
    bool all = true;
    auto rest = site_.keys.binlogs(place.segment);
    while (!rest.first().empty()) {
        now->pauses = co_await read_pauses(site_.metadata, site_.keys);
        now->report.paused = now->pauses.all.has_value();
        if (now->pauses.paused(place.collection)) co_return false;
        // Listed after `collecting` was seen, so it is all that there will ever be.
        auto page = co_await site_.metadata.list(rest, options_.flushes);
        rest = storage::key_range(page.resume_at, rest.last());
        std::size_t at = 0;
        while (at < page.records.size()) {
            auto group = std::make_shared<flush_group>();
            for (; at < page.records.size() && group->files.size() < some; ++at) {
                auto& record = page.records[at];
                // Of a large transaction that is not finished: a later sweep finds what is left.
                if (catalog::unmark(record.value).batch != 0) {
                    all = false;
                    continue;
                }
                auto& flush = group->flushes.emplace_back();
                now->reader.decode(record.key, record.value, flush);
                auto files = files_of(site_, place, partition, flush);
                std::move(files.begin(), files.end(), std::back_inserter(group->files));
                group->records.push_back(std::move(record));
            }
            const auto files = group->files.size();
            const bool gone = co_await collect_group(site_, known_, place, options_.pace,
                                                     std::move(group), report);
            all = all && gone;
            co_await now->pace.spend(site_.strand, files);
        }
    }
    co_return all;
}

awaitable<void> dropped_sweep::collect(std::shared_ptr<batch> now, std::size_t which) {
    bool all = false;
    try {
        all = co_await collect_flushes(now, which);
    } catch (const error& failure) {
        if (failure.kind() != error_class::corrupt) throw;
        give_up(*now, now->targets[which], failure);
        co_return;
    }
    if (all) {
        co_await finish(now, which);
    } else {
        ++now->report.unfinished;
    }
}

// D7. The tombstone that stays.
awaitable<void> dropped_sweep::finish(std::shared_ptr<batch> now, std::size_t which) {
    auto& one = now->targets[which];
    const auto key = site_.keys.segment(one.place.collection, one.place.segment);
    one.record.state = model::segment_state::collected;
    std::vector<storage::transaction> items(1);
    items.front().if_modified_at(key, one.at).put(key, catalog::encode(one.record));
    const auto results =
        co_await catalog::commit_items(site_.metadata, site_.guard, std::move(items));
    if (results.front().outcome != catalog::item_outcome::committed) {
        ++now->report.unfinished;
        co_return;
    }
    known_.learned(one.place, one.record, results.front().at);
    ++now->report.collected;
    site_.strand.metrics().count("reeve_gc_segments_collected_total", 1);
}

}  // namespace reeve::gc
