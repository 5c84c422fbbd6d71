#include "gc/orphan_round.hpp"
#include "reeve/catalog/inspect.hpp"
#include "reeve/core/error.hpp"
#include "reeve/core/guards.hpp"
#include "reeve/gc/marker.hpp"
#include "reeve/gc/orphan_sweep.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

// Looking without deleting, and deleting what was looked at.
namespace reeve::gc {

namespace {

void refuse(apply_report& into, const judged_object& one, std::string_view why,
            std::size_t samples_max) {
    ++into.refused;
    if (into.refusals.size() >= samples_max) return;
    into.refusals.push_back(fmt::format("{}: {}", catalog::escaped(one.object.key), why));
}

bool same_object(const storage::object_meta& planned, const storage::object_meta& now) {
    return planned.version == now.version && planned.size == now.size &&
           planned.last_modified == now.last_modified;
}

}  // namespace

std::uint64_t orphan_report::seen() const noexcept {
    std::uint64_t all = 0;
    for (const auto one : objects) all += one;
    return all;
}

std::string text(const orphan_report& it) {
    auto lines = fmt::format("{} objects:", it.seen());
    for (std::size_t at = 0; at < verdict_count; ++at) {
        fmt::format_to(std::back_inserter(lines), "{} {} {} ({} bytes)", at == 0 ? "" : ",",
                       it.objects[at], name(static_cast<verdict>(at)), it.bytes[at]);
    }
    fmt::format_to(std::back_inserter(lines),
                   "\n{} deleted ({} bytes), {} deletes failed, {} kept by a pause",
                   it.deleted.objects, it.deleted.bytes, it.deleted.failed, it.kept_by_pause);
    for (const auto& one : it.unreadable) lines += "\nunreadable " + one;
    for (const auto& one : it.suspicious) lines += "\nsuspicious " + one;
    for (const auto& one : it.deleted.failures) lines += "\nnot deleted " + one;
    if (it.paused) lines += "\npaused";
    return lines;
}

std::string text(const judged_object& it) {
    return fmt::format("{} {} ({} bytes): {}", name(it.is), catalog::escaped(it.object.key),
                       it.object.size, it.why);
}

awaitable<orphan_report> orphan_sweep::look(on_judged each) {
    auto now = std::make_shared<round>(options_.pace.objects_per_second);
    const auto marker = marker_name(*site_.names);
    while (!now->end) {
        co_await check_marker();
        co_await read_page(now);
        for (std::size_t at = 0; at < now->page.size(); ++at) {
            auto& object = now->page[at];
            if (object.key == marker) continue;
            take(*now, object, now->judged[at]);
            if (each) each({std::move(object), now->judged[at].is, now->judged[at].why});
        }
        now->garbage.clear();
        tell(now->report);
        co_await now->pace.spend(site_.strand, now->page.size());
    }
    now->report.complete = true;
    co_return std::move(now->report);
}

awaitable<deletion_plan> orphan_sweep::plan(std::size_t most) {
    auto made = std::make_shared<deletion_plan>();
    on_judged each = [made, most](const judged_object& one) {
        if (one.is != verdict::garbage) return;
        if (made->garbage.size() < most) {
            made->garbage.push_back(one);
        } else {
            ++made->omitted;
        }
    };
    made->report = co_await look(std::move(each));
    co_return std::move(*made);
}

awaitable<apply_report> orphan_sweep::apply(deletion_plan plan) {
    // A1. The plan as a whole: is so much garbage to be believed?
    require_few(plan.garbage.size() + plan.omitted, plan.report.seen());
    auto all = std::make_shared<deletion_plan>(std::move(plan));
    auto made = std::make_shared<apply_report>();
    pacer pace(options_.pace.objects_per_second);
    const auto some = options_.pace.delete_batch;
    for (std::size_t begin = 0; begin < all->garbage.size(); begin += some) {
        const auto end = std::min(begin + some, all->garbage.size());
        co_await apply_some(all, begin, end, made);
        co_await pace.spend(site_.strand, end - begin);
    }
    co_return std::move(*made);
}

// In the order of the rule (G1), for each: look at the object, then ask what is known.
awaitable<void> orphan_sweep::apply_some(std::shared_ptr<deletion_plan> plan, std::size_t begin,
                                         std::size_t end, std::shared_ptr<apply_report> into) {
    const auto most = options_.pace.samples_max;
    co_await check_marker();
    // A2. Is it still the object that was planned?
    std::vector<std::size_t> same;
    for (auto at = begin; at < end; ++at) {
        const auto& one = plan->garbage[at];
        const auto found = co_await site_.objects.head(one.object.key);
        if (!found) {
            ++into->gone;
        } else if (!same_object(one.object, *found)) {
            refuse(*into, one, "another object than was planned", most);
        } else {
            same.push_back(at);
        }
    }
    // A3. Is it still garbage?
    age_rule age;
    age.now = co_await age_now();
    age.retention = options_.retention;
    const auto pauses = co_await read_pauses(site_.metadata, site_.keys);
    const view* known = co_await known_.refresh();
    std::vector<doomed_object> doomed;
    for (const auto at : same) {
        const auto& one = plan->garbage[at];
        const auto judged = judge(one.object, *site_.names, *known, age);
        const auto name = site_.names->parse(one.object.key);
        if (!name || (judged.is != verdict::garbage && core::enforced(core::guard::judged_again))) {
            refuse(*into, one, judged.why, most);
        } else if (pauses.paused(name->collection)) {
            refuse(*into, one, "garbage collection is paused", most);
        } else {
            doomed.push_back({one.object.key, one.object.size, one.why});
        }
    }
    // A4. Delete.
    auto gone = co_await remove_journaled(site_, model::gc_sweep::orphans, std::move(doomed),
                                          options_.pace);
    add(into->deleted, std::move(gone), most);
}

}  // namespace reeve::gc
