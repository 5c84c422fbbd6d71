#include "procedure/counts.hpp"
#include "procedure/engine_impl.hpp"
#include "reeve/catalog/commit_large.hpp"
#include "reeve/core/error.hpp"
#include "reeve/core/guards.hpp"
#include "storage/printable.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace reeve::procedure {

namespace {

// `body` with the conditions and writes of a definition behind its own.
void append(storage::transaction& body, const storage::transaction& together,
            const storage::key_range& forbidden) {
    catalog::refuse_marked(together);
    for (const auto& one : together.operations()) {
        if (forbidden.contains(one.key)) {
            throw error(errc::invalid_argument,
                        fmt::format("a definition writes {}: records of procedures are written by "
                                    "the engine alone",
                                    storage::printable(one.key)));
        }
    }
    body.append(together);
}

bool failed_between(const storage::commit_result& result, std::size_t first, std::size_t last) {
    for (std::size_t at = first; at < last; ++at) {
        if (result.has_failed(at)) return true;
    }
    return false;
}

}  // namespace

void engine_impl::doubt(const shared_entry& it) {
    it->uncertain = true;
    ++it->doubts;
    if (!it->ended()) wake(it);  // whoever drives it reads first
    it->changed.notify_all();
}

// Whoever learns that the term is over ends everything.
void engine_impl::check(const storage::commit_result& result) {
    try {
        guard_.check(result);
    } catch (const error&) {
        failure_ = std::current_exception();
        work_.notify_all();
        throw;
    }
}

// What is durable counts if it is newer than what is known.
void engine_impl::adopt(const shared_entry& it, model::procedure_record record,
                        storage::revision at) {
    if (at <= it->modified) return;
    ended_.erase({it->modified, it->id});
    it->record = std::move(record);
    it->modified = at;
    it->answer.reset();
    it->asked.clear();
    it->waiting.clear();
    it->look = false;
    it->pause.reset();
    it->trouble.set({}, strand_.now());
    if (it->ended()) {
        ended_.emplace(at, it->id);
        it->doing.set({}, strand_.now());
        work_.notify_all();
    } else {
        it->doing.set(fmt::format("step {} is to be carried out", it->record.step), strand_.now());
    }
    it->changed.notify_all();
}

void engine_impl::adopt_part(entry& it, const storage::record& record) {
    model::procedure_part read;
    decoder_.decode(record.key, record.value, read);
    if (read.step > it.record.step) {
        throw error(errc::corrupt,
                    fmt::format("record {}: step {} is above its procedure's, {}",
                                storage::printable(record.key), read.step, it.record.step));
    }
    const model::node_name node{std::string(keys_.parse(record.key).name)};
    adopt_part(it, node, std::move(read), record.modified);
}

void engine_impl::adopt_part(entry& it, const model::node_name& node, model::procedure_part part,
                             storage::revision at) {
    auto& known = it.parts[node];
    if (at <= known.modified) return;
    known.part = std::move(part);
    known.modified = at;
    const auto waits = it.waiting.find(node);
    if (waits == it.waiting.end()) return;
    if (counts(known.part, it.record.step, waits->second)) it.waiting.erase(waits);
}

/// E1. Conditions: term; there is no such record. A copy that lands late finds the record: it is
/// not removed in a term in which one may still come. A crash before: nothing was started. A crash
/// after: the next leader finds it running.
awaitable<void> engine_impl::write_start(shared_entry it) {
    if (it->modified) co_return;
    auto body = guard_.begin();
    const auto key = keys_.procedure(it->id.value);
    body.if_absent(key).put(key, catalog::encode(it->record));
    const auto sent = it->record;
    ++it->starts;
    storage::commit_result result;
    try {
        result = co_await store_.commit(std::move(body));
    } catch (const error& failure) {
        --it->starts;
        if (is_outcome_unknown(failure)) {
            it->start_unknown = true;
            doubt(it);
        } else if (!it->modified && !it->start_unknown && it->starts == 0) {
            forget(it);
        }
        throw;
    }
    --it->starts;
    check(result);
    if (result) {
        ++counted_.changes;
        strand_.metrics().count("reeve_procedure_changes_total", 1);
        adopt(it, sent, result.at);
        co_return;
    }
    // An earlier try has landed.
    co_await reread(it);
    if (!it->modified) {
        throw error(errc::outcome_unknown,
                    fmt::format("record {}: there, and then not", storage::printable(key)));
    }
}

/// E4 to E7, E10. Conditions: term; the record as it was read; those of the definition. A copy that
/// lands late fails on the record's revision.
awaitable<engine_impl::written> engine_impl::change(shared_entry it, model::procedure_record next,
                                                    storage::transaction together) {
    const auto key = keys_.procedure(it->id.value);
    auto body = guard_.begin();
    const auto first = body.conditions().size();
    if (core::enforced(core::guard::procedure_step)) body.if_modified_at(key, it->modified);
    const auto last = body.conditions().size();
    body.put(key, catalog::encode(next));
    append(body, together, keys_.procedures());
    storage::commit_result result;
    try {
        result = co_await store_.commit(std::move(body));
    } catch (const error& failure) {
        if (is_outcome_unknown(failure)) doubt(it);
        throw;
    }
    check(result);
    if (!result) {
        if (!failed_between(result, first, last)) co_return written::refused;
        doubt(it);
        co_return written::moved;
    }
    ++counted_.changes;
    strand_.metrics().count("reeve_procedure_changes_total", 1);
    adopt(it, std::move(next), result.at);
    co_return written::committed;
}

/// E3. Conditions: term; the procedure's record as it was read, so that the step is still this one
/// and the procedure runs; the participant's record as it was read. A copy that lands late fails on
/// one of them.
awaitable<engine_impl::written> engine_impl::write_part(shared_entry it, model::node_name node,
                                                        model::procedure_part part) {
    const auto key = keys_.procedure_part(it->id.value, node.value);
    const auto known = it->parts.find(node);
    auto body = guard_.begin();
    body.if_modified_at(keys_.procedure(it->id.value), it->modified);
    body.if_modified_at(key,
                        known == it->parts.end() ? storage::revision() : known->second.modified);
    body.put(key, catalog::encode(part));
    storage::commit_result result;
    try {
        result = co_await store_.commit(std::move(body));
    } catch (const error& failure) {
        if (is_outcome_unknown(failure)) doubt(it);
        throw;
    }
    check(result);
    if (!result) {
        doubt(it);
        co_return written::moved;
    }
    adopt_part(*it, node, std::move(part), result.at);
    it->pause.reset();
    it->changed.notify_all();
    co_return written::committed;
}

/// Takes over what is recorded, and ends the doubts that began before.
awaitable<void> engine_impl::reread(shared_entry it) {
    const auto doubts = it->doubts;
    const auto key = keys_.procedure(it->id.value);
    const auto found = co_await store_.get(key);
    if (!found) {
        if (it->ended()) {
            forget(it);
        } else if (it->modified) {
            throw error(errc::corrupt,
                        fmt::format("record {}: it was removed", storage::printable(key)));
        }
        if (it->doubts == doubts) it->uncertain = false;
        co_return;
    }
    model::procedure_record read;
    decoder_.decode(found->key, found->value, read);
    if (read.kind != it->record.kind || read.key != it->record.key ||
        read.arguments != it->record.arguments) {
        throw error(errc::corrupt,
                    fmt::format("record {}: it is another procedure's", storage::printable(key)));
    }
    auto rest = storage::key_range::prefix(key + "/");
    std::vector<storage::record> parts;
    for (bool more = true; more;) {
        auto page = co_await store_.list(rest, options_.page_size);
        for (auto& one : page.records) parts.push_back(std::move(one));
        more = !page.resume_at.empty();
        if (more) rest = storage::key_range(page.resume_at, rest.last());
    }
    adopt(it, std::move(read), found->modified);
    for (const auto& one : parts) {
        // A part that is newer than the record read belongs to a later look.
        if (found->modified == it->modified) adopt_part(*it, one);
    }
    if (it->doubts == doubts && found->modified == it->modified) it->uncertain = false;
    it->changed.notify_all();
}

/// E8. Participants' records of a procedure that has ended, in batches. Condition: term; the
/// procedure's record, which does not change any more. A crash between: the next leader goes on.
awaitable<void> engine_impl::remove_parts(shared_entry it) {
    const auto limits = store_.limits();
    while (!it->parts.empty()) {
        auto body = guard_.begin();
        body.if_modified_at(keys_.procedure(it->id.value), it->modified);
        std::vector<model::node_name> gone;
        for (const auto& [node, known] : it->parts) {
            const auto key = keys_.procedure_part(it->id.value, node.value);
            const bool full = gone.size() >= limits.operations_max ||
                              body.bytes() + key.size() > limits.bytes_max;
            if (full && !gone.empty()) break;
            body.remove(key);
            gone.push_back(node);
        }
        storage::commit_result result;
        try {
            result = co_await store_.commit(std::move(body));
        } catch (const error& failure) {
            if (is_outcome_unknown(failure)) doubt(it);  // repeating it does no harm
            throw;
        }
        check(result);
        if (!result) {
            doubt(it);
            throw error(errc::unavailable, fmt::format("the record of {} has moved", it->name()));
        }
        for (const auto& node : gone) it->parts.erase(node);
    }
}

/// E9. Condition: term; the record as it was read. Its participants' records went before, so that
/// none is left without it.
awaitable<void> engine_impl::remove(shared_entry it) {
    const auto key = keys_.procedure(it->id.value);
    if (it->uncertain) co_await reread(it);
    if (!all_.contains(it->id)) co_return;  // an earlier try has landed
    co_await remove_parts(it);
    auto body = guard_.begin();
    body.if_modified_at(key, it->modified).remove(key);
    storage::commit_result result;
    try {
        result = co_await store_.commit(std::move(body));
    } catch (const error& failure) {
        if (is_outcome_unknown(failure)) doubt(it);
        throw;
    }
    check(result);
    if (result) {
        forget(it);
    } else {
        doubt(it);
    }
}

/// Those that ended first go first, except one whose start may still land in this term.
awaitable<void> engine_impl::prune() {
    for (;;) {
        shared_entry oldest;
        std::size_t kept = ended_.size();
        for (const auto& [at, id] : ended_) {
            if (kept <= options_.retention) break;
            const auto& it = all_.at(id);
            --kept;
            if (it->start_unknown || it->driven || it->starts != 0) continue;
            oldest = it;
            break;
        }
        if (!oldest) co_return;
        co_await remove(oldest);
    }
}

}  // namespace reeve::procedure
