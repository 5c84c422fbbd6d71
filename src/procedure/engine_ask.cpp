#include "procedure/counts.hpp"
#include "procedure/engine_impl.hpp"
#include "reeve/core/error.hpp"
#include "reeve/core/guards.hpp"
#include "storage/printable.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

namespace reeve::procedure {

namespace {

// "forced: " and the like stand before it.
constexpr std::size_t force_bytes_max = 900;

void check_why(std::string_view why) {
    if (!why.empty() && why.size() <= force_bytes_max) return;
    throw error(errc::invalid_argument, fmt::format("a reason of {} bytes: 1 to {} are accepted",
                                                    why.size(), force_bytes_max));
}

std::int64_t deadline_of(const start_request& request) {
    if (!request.deadline) return 0;
    const auto since = request.deadline->time_since_epoch();
    const auto made = std::chrono::ceil<std::chrono::milliseconds>(since).count();
    if (made > 0) return made;
    throw error(errc::invalid_argument, "a deadline that is not after the beginning of 1970");
}

}  // namespace

// Starting.

/// The procedure that was started so before. The same key with other arguments is a mistake.
shared_entry engine_impl::known_start(const model::procedure_record& record) const {
    if (!core::enforced(core::guard::procedure_start)) return nullptr;
    const auto found = by_start_.find(start_key(record.kind, record.key));
    if (found == by_start_.end()) return nullptr;
    const auto& it = all_.at(found->second);
    if (it->record.arguments == record.arguments) return it;
    throw error(errc::invalid_argument,
                fmt::format("{} was started with other arguments", it->name()));
}

awaitable<procedure_view> engine_impl::start(start_request request) {
    const auto self = shared_from_this();
    refuse_when_over();
    model::procedure_record record;
    record.deadline_ms = deadline_of(request);
    record.kind = std::move(request.kind);
    record.key = std::move(request.key);
    record.arguments = std::move(request.arguments);
    record.begun_ms = wall_ms();
    (void)catalog::encode(record);  // refuses what cannot be recorded
    if (!definitions_.contains(record.kind)) {
        throw error(errc::invalid_argument,
                    fmt::format("no definition of procedures of kind {}", record.kind));
    }
    auto it = known_start(record);
    if (!it) {
        const auto active = all_.size() - ended_.size();
        if (active >= options_.active_max) {
            throw error(errc::resource_exhausted,
                        fmt::format("{} procedures have not ended: no more are started", active));
        }
        const auto number = co_await ids_.take(1);
        const model::procedure_id id(number);
        refuse_when_over();
        it = known_start(record);  // another call may have been faster
        if (!it && all_.contains(id)) {
            throw error(errc::corrupt, fmt::format("procedure {} is not below the counter {}", id,
                                                   storage::printable(keys_.ids())));
        }
        if (!it) it = add(id, std::move(record));
    }
    co_await write_start(it);
    if (!it->ended()) wake(it);
    co_return view(*it);
}

awaitable<procedure_view> engine_impl::until_ended(model::procedure_id id,
                                                   core::time_point deadline) {
    const auto self = shared_from_this();
    const auto it = require(id);
    while (!it->ended() && strand_.now() < deadline) {
        refuse_when_over();
        co_await it->changed.wait_until(deadline);
        if (!all_.contains(id)) throw error(errc::not_found, fmt::format("{} is gone", it->name()));
    }
    co_return view(*it);
}

// Acknowledgements.

acknowledge_outcome engine_impl::ignore(acknowledge_outcome why) {
    switch (why) {
        case acknowledge_outcome::recorded:
            break;
        case acknowledge_outcome::other_step:
            ++counted_.other_step;
            break;
        case acknowledge_outcome::other_incarnation:
            ++counted_.other_process;
            break;
        case acknowledge_outcome::not_asked:
            ++counted_.not_asked;
            break;
        case acknowledge_outcome::ended:
        case acknowledge_outcome::unknown:
            ++counted_.too_late;
            break;
    }
    if (why != acknowledge_outcome::recorded) {
        strand_.metrics().count("reeve_procedure_acknowledgements_ignored_total", 1);
    }
    return why;
}

/// Why it does not count, or that it has been recorded before; nothing: it is to be recorded.
std::optional<acknowledge_outcome> engine_impl::judge(const entry& it,
                                                      const acknowledgement& from) const {
    if (!it.modified) return acknowledge_outcome::unknown;
    if (it.record.state != model::procedure_state::running) return acknowledge_outcome::ended;
    if (from.step != it.record.step) return acknowledge_outcome::other_step;
    const auto whom = it.asked.find(from.node);
    if (whom == it.asked.end()) return acknowledge_outcome::not_asked;
    if (whom->second != from.process && core::enforced(core::guard::procedure_incarnation)) {
        return acknowledge_outcome::other_incarnation;
    }
    const auto part = it.parts.find(from.node);
    if (part == it.parts.end()) return std::nullopt;
    if (counts(part->second.part, it.record.step, from.process)) {
        return acknowledge_outcome::recorded;
    }
    return std::nullopt;
}

awaitable<acknowledge_outcome> engine_impl::acknowledge(acknowledgement from) {
    const auto self = shared_from_this();
    model::procedure_part part;
    part.step = from.step;
    part.process = from.process;
    part.outcome = from.outcome;
    (void)catalog::encode(part);  // refuses what cannot be recorded, before anything else
    (void)keys_.procedure_part(from.id.value, from.node.value);
    for (;;) {
        refuse_when_over();
        const auto found = all_.find(from.id);
        if (found == all_.end()) co_return ignore(acknowledge_outcome::unknown);
        const auto it = found->second;
        if (it->uncertain) {
            co_await reread(it);
            continue;
        }
        const auto verdict = judge(*it, from);
        if (verdict) {
            // The definition may not know yet that the node has another process. Not at once:
            // whoever sends old acknowledgements must not keep it busy.
            if (*verdict == acknowledge_outcome::other_incarnation) {
                it->look_at = std::min(it->look_at, strand_.now() + options_.retry.delay_min);
                it->changed.notify_all();
            }
            co_return ignore(*verdict);
        }
        const auto result = co_await write_part(it, from.node, part);
        if (result != written::committed) continue;
        ++counted_.recorded;
        strand_.metrics().count("reeve_procedure_acknowledgements_total", 1);
        co_return acknowledge_outcome::recorded;
    }
}

void engine_impl::look_again(model::procedure_id id) {
    const auto found = all_.find(id);
    if (found == all_.end() || found->second->ended()) return;
    found->second->look = true;
    found->second->changed.notify_all();
}

void engine_impl::look_again() {
    for (const auto& [id, it] : all_) look_again(id);
}

// Operators.

/// What is recorded of a procedure, without a doubt.
awaitable<shared_entry> engine_impl::settled(model::procedure_id id) {
    refuse_when_over();
    auto it = require(id);
    while (it->uncertain) co_await reread(it);
    it = require(id);
    if (!it->modified) {
        throw error(errc::unavailable,
                    fmt::format("{}: its start is not recorded yet", it->name()));
    }
    co_return it;
}

void engine_impl::note_force(const entry& it, std::string_view what, std::string_view why) {
    ++counted_.forced;
    strand_.metrics().count("reeve_procedure_forced_total", 1);
    core::log(strand_.log(), core::log_level::warning, "procedure", "{}: {} by an operator: {}",
              it.name(), what, for_record(why));
}

// E10. Conditions as for every change. A crash before: nothing. A crash after: it is so.
awaitable<procedure_view> engine_impl::force_finish(model::procedure_id id, std::string why) {
    const auto self = shared_from_this();
    check_why(why);
    for (;;) {
        const auto it = co_await settled(id);
        if (it->ended()) co_return view(*it);
        auto next = it->record;
        const bool running = next.state == model::procedure_state::running;
        next.state = running ? model::procedure_state::finished : model::procedure_state::stopped;
        next.why = running ? "forced: " + why : for_record(next.why + "; forced: " + why);
        next.ended_ms = wall_ms();
        const auto result = co_await change(it, std::move(next), storage::transaction());
        if (result != written::committed) continue;
        note_force(*it, "ended", why);
        co_return view(*it);
    }
}

awaitable<procedure_view> engine_impl::force_stop(model::procedure_id id, std::string why) {
    const auto self = shared_from_this();
    check_why(why);
    for (;;) {
        const auto it = co_await settled(id);
        if (it->record.state != model::procedure_state::running) co_return view(*it);
        auto next = it->record;
        next.state = model::procedure_state::stopping;
        next.why = "forced: " + why;
        const auto result = co_await change(it, std::move(next), storage::transaction());
        if (result != written::committed) continue;
        note_force(*it, "stopped", why);
        co_return view(*it);
    }
}

awaitable<procedure_view> engine_impl::skip(model::procedure_id id, model::node_name node,
                                            std::string why) {
    const auto self = shared_from_this();
    check_why(why);
    for (;;) {
        const auto it = co_await settled(id);
        const auto part = it->parts.find(node);
        if (part != it->parts.end() && part->second.part.step == it->record.step &&
            part->second.part.state == model::part_state::skipped) {
            co_return view(*it);
        }
        if (it->record.state != model::procedure_state::running || !it->waiting.contains(node)) {
            throw error(errc::refused, fmt::format("{} does not wait for {} now", it->name(),
                                                   storage::printable(node.value)));
        }
        model::procedure_part skipped;
        skipped.state = model::part_state::skipped;
        skipped.step = it->record.step;
        skipped.outcome = why;
        const auto result = co_await write_part(it, node, std::move(skipped));
        if (result != written::committed) continue;
        note_force(*it, fmt::format("{} skipped in step {}", node, it->record.step), why);
        co_return view(*it);
    }
}

}  // namespace reeve::procedure
