#include "reeve/recovery/recover.hpp"

#include <fmt/format.h>

#include <iterator>
#include <utility>

namespace reeve::recovery {

awaitable<report> recover(core::runtime& strand, const cluster::membership& members,
                          channel::registrar& registrar, segment::manager& segments,
                          procedure::engine& procedures, model::term term,
                          std::function<awaitable<void>()> members_complete, progress tell) {
    report found;
    found.term = term;
    // 1. Who is alive, and who is being emptied.
    const auto begun = strand.now();
    co_await members_complete();
    found.nodes = members.alive().size();
    found.drains = members.drains().size();
    found.membership_took = strand.now() - begun;
    if (tell) tell("nodes", found.nodes + found.drains);
    // 2. Every channel: who holds it, and what of it is durable.
    const auto count = [&tell](std::string_view what) -> std::function<void(std::size_t)> {
        if (!tell) return nullptr;
        return [tell, what](std::size_t records) { tell(what, records); };
    };
    auto count_channels = count("channels");
    found.channels = co_await registrar.load(std::move(count_channels));
    // 3. Every segment, and how far drops are.
    auto count_segments = count("segments");
    found.segments = co_await segments.load(std::move(count_segments));
    // 4. Long operations that a former leader left.
    auto count_procedures = count("procedures");
    found.procedures = co_await procedures.load(std::move(count_procedures));
    // 5. What differs. The registrar carries it out once it runs.
    found.repairs = registrar.plan();
    co_return found;
}

std::string to_string(const report& it) {
    using milliseconds = std::chrono::duration<double, std::milli>;
    std::string text;
    auto out = std::back_inserter(text);
    fmt::format_to(out, "recovery of term {}\n", it.term);
    fmt::format_to(out, "  nodes       {:>9} alive, {} draining, {:.1f} ms\n", it.nodes, it.drains,
                   milliseconds(it.membership_took).count());
    fmt::format_to(out, "  channels    {:>9} entries, {} progress records, {:.1f} ms\n",
                   it.channels.channels, it.channels.progresses,
                   milliseconds(it.channels.took).count());
    fmt::format_to(out,
                   "  segments    {:>9} alive, {} dropped, {} flushes of {} files, {:.1f} ms\n",
                   it.segments.segments, it.segments.tombstones, it.segments.flushes,
                   it.segments.files, milliseconds(it.segments.took).count());
    if (it.segments.drops + it.segments.jobs != 0) {
        fmt::format_to(out, "  drops       {:>9} of collections; {} jobs granted\n",
                       it.segments.drops, it.segments.jobs);
    }
    if (it.procedures.procedures != 0) {
        fmt::format_to(out, "  procedures  {:>9} records, {} not ended\n", it.procedures.procedures,
                       it.procedures.open);
    }
    if (it.segments.orphans != 0) {
        fmt::format_to(out, "  orphans     {:>9} flushes of segments that are not there\n",
                       it.segments.orphans);
    }
    if (it.batches.completed + it.batches.aborted != 0) {
        fmt::format_to(out, "  batches     {:>9} completed, {} undone\n", it.batches.completed,
                       it.batches.aborted);
    }
    if (it.channels.orphans != 0) {
        fmt::format_to(out, "  orphans     {:>9} progress records without an entry\n",
                       it.channels.orphans);
    }
    fmt::format_to(out, "  repairs     {:>9}\n", it.repairs.size());
    constexpr std::size_t shown_max = 20;
    for (std::size_t at = 0; at < it.repairs.size() && at < shown_max; ++at) {
        const auto& one = it.repairs[at];
        fmt::format_to(out, "    {}: {} ({})\n", one.channel, one.action, one.why);
    }
    if (it.repairs.size() > shown_max) {
        fmt::format_to(out, "    and {} more\n", it.repairs.size() - shown_max);
    }
    return text;
}

}  // namespace reeve::recovery
