#include "reeve/gc/orphan_sweep.hpp"

#include "gc/orphan_round.hpp"
#include "reeve/catalog/codec.hpp"
#include "reeve/catalog/inspect.hpp"
#include "reeve/catalog/root.hpp"
#include "reeve/core/error.hpp"
#include "reeve/core/guards.hpp"
#include "reeve/core/log.hpp"
#include "reeve/core/metrics.hpp"
#include "reeve/gc/marker.hpp"
#include "storage/printable.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace reeve::gc {

using core::log_level;

orphan_sweep::orphan_sweep(sweep_site site, knowledge& known, orphan_options options)
    : site_(std::move(site)), known_(known), options_(options) {
    check_options(options_.pace);
    const double fraction = options_.delete_fraction_max;
    const bool sizes = options_.page >= 1 && options_.window >= 1;
    const bool times = options_.retention.count() >= 0 && options_.interval.count() >= 0 &&
                       options_.interval <= sweep_interval_max;
    if (!sizes || !times || !(fraction >= 0 && fraction <= 1)) {
        throw error(errc::invalid_argument,
                    fmt::format("orphan sweep with pages of {}, windows of {}, a fraction of {}, "
                                "a retention of {} ms, an interval of {} ms: at least 1, at least "
                                "1, 0 to 1, at least 0, 0 to 10 years are accepted",
                                options_.page, options_.window, fraction,
                                options_.retention.count(), options_.interval.count()));
    }
}

void orphan_sweep::tell(const orphan_report& report) const {
    if (progress_) progress_(report);
}

// G5. Whose files are these? Asked of both stores, again for every page.
awaitable<void> orphan_sweep::check_marker() {
    const auto root = co_await catalog::read_root(site_.metadata, site_.keys);
    if (!root) {
        throw error(errc::not_found,
                    fmt::format("record {}: missing, so no data root is this store's",
                                storage::printable(site_.keys.root_record())));
    }
    co_await gc::check_marker(site_.objects, *site_.names, *root);
}

awaitable<core::wall_time> orphan_sweep::age_now() {
    if (!core::enforced(core::guard::object_age)) co_return site_.strand.wall_now();
    const auto now = co_await site_.objects.server_time();
    co_return now;
}

// One page of the listing, and what is thought of it. The order is the rule (G1): list, then the
// clock, then the facts; between them and the judgement nothing waits.
awaitable<void> orphan_sweep::read_page(std::shared_ptr<round> now) {
    const std::string root(site_.names->root());
    const bool in_order = core::enforced(core::guard::reading_order);
    const view* known = nullptr;
    if (!in_order) known = co_await known_.refresh();
    auto page = co_await site_.objects.list(root, now->after, options_.page);
    if (!page.resume_after.empty() && page.resume_after <= now->after) {
        throw error(errc::corrupt,
                    fmt::format("listing of {} after {}: it does not advance",
                                storage::printable(root), storage::printable(now->after)));
    }
    age_rule age;
    age.now = co_await age_now();
    age.retention = options_.retention;
    if (in_order) known = co_await known_.refresh();
    judge_page(page.objects, *site_.names, *known, age, now->judged);
    now->page = std::move(page.objects);
    now->end = page.resume_after.empty();
    now->after = std::move(page.resume_after);
}

// Counts one object, and remembers it if it is to be deleted.
void orphan_sweep::take(round& now, const storage::object_meta& object, const judgement& judged) {
    auto& report = now.report;
    const auto at = static_cast<std::size_t>(judged.is);
    ++report.objects[at];
    report.bytes[at] += object.size;
    ++now.window_seen;
    const auto most = options_.pace.samples_max;
    if (judged.is == verdict::unreadable && report.unreadable.size() < most) {
        report.unreadable.push_back(catalog::escaped(object.key));
    }
    if (judged.is == verdict::suspicious && report.suspicious.size() < most) {
        report.suspicious.push_back(
            fmt::format("{}: {}", catalog::escaped(object.key), judged.why));
    }
    if (judged.is != verdict::garbage) return;
    const auto name = site_.names->parse(object.key);
    if (!name) return;
    now.garbage.push_back({{object.key, object.size, judged.why}, name->collection});
}

// O2. Pages until the window is full. A pause or a suspicious object ends it; nothing of it is
// deleted then.
awaitable<void> orphan_sweep::read_window(std::shared_ptr<round> now) {
    now->window_seen = 0;
    now->garbage.clear();
    const auto marker = marker_name(*site_.names);
    while (!now->end && now->window_seen < options_.window) {
        const auto pauses = co_await read_pauses(site_.metadata, site_.keys);
        now->report.paused = pauses.all.has_value();
        if (now->report.paused) co_return;
        co_await check_marker();
        co_await read_page(now);
        for (std::size_t at = 0; at < now->page.size(); ++at) {
            const auto& object = now->page[at];
            if (object.key == marker) continue;
            take(*now, object, now->judged[at]);
            if (now->judged[at].is != verdict::suspicious || options_.pass_suspicious) continue;
            throw error(errc::refused,
                        fmt::format("orphan sweep stopped at {}: {}",
                                    storage::printable(object.key), now->judged[at].why));
        }
        site_.strand.metrics().count("reeve_gc_objects_seen_total",
                                     static_cast<double>(now->page.size()));
        tell(now->report);
        co_await now->pace.spend(site_.strand, now->page.size());
    }
}

// O3. Facts by which so much is garbage are likely to be wrong.
void orphan_sweep::require_few(std::uint64_t garbage, std::uint64_t seen) {
    if (!core::enforced(core::guard::delete_fraction)) return;
    const double most = options_.delete_fraction_max * static_cast<double>(seen);
    if (garbage <= options_.few_deletes || static_cast<double>(garbage) <= most) return;
    const auto text = fmt::format("{} of {} objects would be deleted, at most a fraction of {}",
                                  garbage, seen, options_.delete_fraction_max);
    if (!options_.any_fraction) {
        throw error(errc::refused, fmt::format("orphan sweep stopped: {} is accepted", text));
    }
    core::log(site_.strand.log(), log_level::warning, "gc", "forced: {}", text);
}

// O4. Some at a time, and none of a collection that is paused by now.
awaitable<void> orphan_sweep::delete_window(std::shared_ptr<round> now) {
    const auto pace = options_.pace;
    const auto some = pace.delete_batch * pace.deletes_at_once;
    for (std::size_t begin = 0; begin < now->garbage.size(); begin += some) {
        const auto pauses = co_await read_pauses(site_.metadata, site_.keys);
        now->report.paused = pauses.all.has_value();
        if (now->report.paused) co_return;
        std::vector<doomed_object> doomed;
        const auto end = std::min(begin + some, now->garbage.size());
        for (auto at = begin; at < end; ++at) {
            auto& one = now->garbage[at];
            if (pauses.paused(one.collection)) {
                ++now->report.kept_by_pause;
            } else {
                doomed.push_back(std::move(one.object));
            }
        }
        const auto count = doomed.size();
        // A crash in here leaves the rest to the next sweep: it is garbage for ever.
        auto made =
            co_await remove_journaled(site_, model::gc_sweep::orphans, std::move(doomed), pace);
        add(now->report.deleted, std::move(made), pace.samples_max);
        tell(now->report);
        co_await now->pace.spend(site_.strand, count);
    }
}

awaitable<orphan_sweep::cursor_seen> orphan_sweep::read_cursor() {
    const auto key = cursor_key(site_);
    const auto found = co_await site_.metadata.get(key);
    cursor_seen seen;
    if (found) {
        catalog::decoder().decode(key, found->value, seen.cursor);
        seen.at = found->modified;
    }
    co_return seen;
}

awaitable<void> orphan_sweep::write_cursor(std::shared_ptr<cursor_seen> cursor) {
    const auto key = cursor_key(site_);
    auto change = site_.guard.begin();
    change.if_modified_at(key, cursor->at).put(key, catalog::encode(cursor->cursor));
    const auto decided = co_await site_.metadata.commit(std::move(change));
    site_.guard.check(decided);
    if (!decided) {
        throw error(errc::unavailable,
                    fmt::format("record {}: another sweep has moved it", storage::printable(key)));
    }
    cursor->at = decided.at;
}

awaitable<orphan_report> orphan_sweep::sweep() {
    // O1. Where to go on. A crash anywhere leads back to the last cursor that was written.
    auto seen = co_await read_cursor();
    auto cursor = std::make_shared<cursor_seen>(std::move(seen));
    auto now = std::make_shared<round>(options_.pace.objects_per_second);
    now->after = cursor->cursor.after;
    while (!now->end) {
        co_await read_window(now);  // O2
        if (now->report.paused) break;
        require_few(now->garbage.size(), now->window_seen);  // O3
        co_await delete_window(now);                         // O4
        if (now->report.paused) break;
        // O5. The window is done with, failed deletes included: the next round finds those again.
        cursor->cursor.after = now->after.substr(0, model::object_name_bytes_max);
        if (now->end) {
            ++cursor->cursor.rounds;
            const auto at = co_await site_.objects.server_time();
            cursor->cursor.finished_ms = milliseconds_of(at);
        }
        co_await write_cursor(cursor);
    }
    now->report.complete = !now->report.paused;
    if (options_.pass_suspicious && now->report.count(verdict::suspicious) != 0) {
        core::log(site_.strand.log(), log_level::warning, "gc",
                  "forced: {} suspicious objects were passed over, such as {}",
                  now->report.count(verdict::suspicious), now->report.suspicious.front());
    }
    co_return std::move(now->report);
}

}  // namespace reeve::gc
