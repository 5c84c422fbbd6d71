#include "reeve/gc/dropped_sweep.hpp"

#include "gc/dropped_batch.hpp"
#include "gc/sweep_loop.hpp"
#include "reeve/catalog/commit_large.hpp"
#include "reeve/catalog/root.hpp"
#include "reeve/core/error.hpp"
#include "reeve/core/guards.hpp"
#include "reeve/core/metrics.hpp"
#include "reeve/gc/marker.hpp"
#include "storage/printable.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>

namespace reeve::gc {

using model::segment_state;

namespace {

// How often segments are tried again at once when pins or records have changed meanwhile.
constexpr unsigned mark_tries = 10;

}  // namespace

std::string text(const dropped_report& it) {
    auto lines = fmt::format(
        "{} dropped segments: {} marked, {} collected, {} pinned, {} paused, {} early, {} moved, "
        "{} unfinished\n{} files deleted ({} bytes), {} deletes failed",
        it.due, it.marked, it.collected, it.pinned, it.paused_segments, it.early, it.moved,
        it.unfinished, it.deleted.objects, it.deleted.bytes, it.deleted.failed);
    for (const auto& one : it.troubles) lines += "\ntrouble " + one;
    for (const auto& one : it.deleted.failures) lines += "\nnot deleted " + one;
    if (it.paused) lines += "\npaused";
    return lines;
}

dropped_sweep::dropped_sweep(sweep_site site, dropped_segments& known, dropped_options options)
    : site_(std::move(site)), known_(known), options_(options) {
    check_options(options_.pace);
    if (options_.segments == 0 || options_.flushes == 0 || options_.drop_retention.count() < 0 ||
        options_.time_travel.count() < 0 || options_.interval.count() < 0 ||
        options_.interval > sweep_interval_max) {
        throw error(
            errc::invalid_argument,
            fmt::format("dropped sweep of {} segments and {} flushes together, retention "
                        "{} ms, time travel {} ms, interval {} ms: at least 1, 1, 0, 0, "
                        "and 0 to 10 years are accepted",
                        options_.segments, options_.flushes, options_.drop_retention.count(),
                        options_.time_travel.count(), options_.interval.count()));
    }
}

// Segments in the order of their ids, so many at a time. The order makes it a pass: what cannot be
// dealt with is passed over, and met again in the next sweep.
awaitable<dropped_report> dropped_sweep::sweep() {
    auto now = std::make_shared<batch>(options_.pace.objects_per_second);
    // D1. Dropped for long enough: for undo, and for readers that look back.
    now->horizon = co_await known_.before(std::max(options_.drop_retention, options_.time_travel));
    model::segment_id after;
    while (true) {
        const auto places = known_.due(now->horizon, after, options_.segments);
        if (places.empty()) break;
        now->targets.clear();
        for (const auto& place : places) {
            if (place.segment <= after) {
                throw error(errc::corrupt, fmt::format("dropped segments: {} given after {}",
                                                       place.segment, after));
            }
            after = place.segment;
            now->targets.emplace_back().place = place;
        }
        co_await begin_batch(now);
        if (now->report.paused) break;
        co_await mark(now);
        for (std::size_t at = 0; at < now->targets.size() && !now->report.paused; ++at) {
            if (now->targets[at].collecting) co_await collect(now, at);
            if (progress_) progress_(now->report);
        }
        if (now->report.paused) break;
    }
    co_return std::move(now->report);
}

// G5, and who is paused.
awaitable<void> dropped_sweep::begin_batch(std::shared_ptr<batch> now) {
    const auto root = co_await catalog::read_root(site_.metadata, site_.keys);
    if (!root) {
        throw error(errc::not_found,
                    fmt::format("record {}: missing, so no data root is this store's",
                                storage::printable(site_.keys.root_record())));
    }
    co_await check_marker(site_.objects, *site_.names, *root);
    now->pauses = co_await read_pauses(site_.metadata, site_.keys);
    now->report.paused = now->pauses.all.has_value();
    if (now->report.paused) co_return;
    now->report.due += now->targets.size();
    for (auto& one : now->targets) {
        if (!now->pauses.paused(one.place.collection)) continue;
        one.waits = false;
        ++now->report.paused_segments;
    }
}

// A record that cannot be read keeps its segment as it is, and nobody else's.
void dropped_sweep::give_up(batch& now, target& one, const error& why) const {
    one.waits = false;
    ++now.report.unfinished;
    if (now.report.troubles.size() >= options_.pace.samples_max) return;
    now.report.troubles.emplace_back(why.what());
}

// D2. The records as they are now. What is not dropped for long enough waits no more.
awaitable<void> dropped_sweep::read_targets(std::shared_ptr<batch> now) {
    for (auto& one : now->targets) {
        if (!one.waits) continue;
        const auto key = site_.keys.segment(one.place.collection, one.place.segment);
        const auto found = co_await site_.metadata.get(key);
        // A large transaction still creates it, or it is not there at all.
        if (!found || catalog::unmark(found->value).batch != 0) {
            one.waits = false;
            ++now->report.moved;
            continue;
        }
        try {
            now->reader.decode(key, found->value, one.record);
        } catch (const error& failure) {
            give_up(*now, one, failure);
            continue;
        }
        one.at = found->modified;
        known_.learned(one.place, one.record, one.at);
        if (one.record.state == segment_state::dropped && one.record.dropped_at <= now->horizon) {
            one.collecting = !core::enforced(core::guard::collecting);
            one.waits = !one.collecting;
            continue;
        }
        one.waits = false;
        one.collecting = one.record.state == segment_state::collecting;
        if (one.record.state <= segment_state::dropped) ++now->report.early;
    }
}

// By its name, or by the name of one of its files. Nothing is added to a dropped segment, so what
// its flushes say now is true when its record is compared.
awaitable<bool> dropped_sweep::pinned(std::shared_ptr<batch> now, std::size_t which) {
    const auto& one = now->targets[which];
    if (now->pinned.holds(one.place.collection, one.place.segment)) co_return true;
    if (!now->pinned.has_prefixes()) co_return false;
    auto rest = site_.keys.binlogs(one.place.segment);
    model::binlog_record flush;
    while (!rest.first().empty()) {
        const auto page = co_await site_.metadata.list(rest, options_.flushes);
        for (const auto& record : page.records) {
            now->reader.decode(record.key, catalog::unmark(record.value).value, flush);
            for (const auto& file : files_of(site_, one.place, one.record.partition, flush)) {
                if (now->pinned.holds(std::string_view(file.key))) co_return true;
            }
        }
        rest = storage::key_range(page.resume_at, rest.last());
    }
    co_return false;
}

// A rejected one waits on; a later sweep finds out what became of one in doubt.
void dropped_sweep::settle(batch& now, target& one, const catalog::item_result& result) const {
    if (result.outcome == catalog::item_outcome::rejected) return;
    one.waits = false;
    one.collecting = result.outcome == catalog::item_outcome::committed;
    if (!one.collecting) {
        ++now.report.moved;
        return;
    }
    one.at = result.at;
    ++now.report.marked;
    known_.learned(one.place, one.record, one.at);
}

// D2 to D4, again for those whose record or whose pins have changed meanwhile.
awaitable<void> dropped_sweep::mark(std::shared_ptr<batch> now) {
    const auto waiting = [&] {
        return std::any_of(now->targets.begin(), now->targets.end(),
                           [](const target& one) { return one.waits; });
    };
    const bool compares = core::enforced(core::guard::pins);
    for (unsigned tries = 0; tries < mark_tries && waiting(); ++tries) {
        co_await read_targets(now);
        // D3. The pins, read after the records so that little time is left for another.
        const auto pins = co_await read_pins(site_.metadata, site_.keys);
        now->pinned = pin_set(pins);
        std::vector<target*> asked;
        std::vector<storage::transaction> items;
        for (std::size_t at = 0; at < now->targets.size(); ++at) {
            auto& one = now->targets[at];
            if (!one.waits) continue;
            bool held = false;
            try {
                held = co_await pinned(now, at);
            } catch (const error& failure) {
                if (failure.kind() != error_class::corrupt) throw;
                give_up(*now, one, failure);
                continue;
            }
            if (held && compares) {
                one.waits = false;
                ++now->report.pinned;
                continue;
            }
            const auto key = site_.keys.segment(one.place.collection, one.place.segment);
            one.record.state = segment_state::collecting;
            auto& item = items.emplace_back();
            if (compares) item.if_modified_at(site_.keys.pins_version(), pins.version);
            item.if_modified_at(key, one.at).put(key, catalog::encode(one.record));
            asked.push_back(&one);
        }
        // D4. Collecting: from here on nobody can pin it. A crash after it leaves a segment that
        // the next sweep goes on with.
        const auto results =
            co_await catalog::commit_items(site_.metadata, site_.guard, std::move(items));
        for (std::size_t at = 0; at < asked.size(); ++at) settle(*now, *asked[at], results[at]);
    }
    for (const auto& one : now->targets) {
        if (one.waits) ++now->report.moved;
    }
}

awaitable<void> dropped_sweep::run() {
    sweep_loop loop(site_, options_.pace, status_, "dropped sweep");
    while (true) {
        std::chrono::milliseconds pause{0};
        try {
            loop.begins();
            const auto report = co_await sweep();
            pause = loop.ended(report.paused);
            if (!report.paused) pause = options_.interval;
        } catch (const error& failure) {
            pause = loop.failed(failure);
        }
        co_await site_.strand.sleep_for(pause);
    }
}

}  // namespace reeve::gc
