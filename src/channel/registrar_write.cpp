#include "channel/registrar_impl.hpp"
#include "reeve/core/error.hpp"
#include "reeve/core/guards.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace reeve::channel {

awaitable<void> registrar_impl::run() {
    core::backoff retry(options_.retry, strand_.next_seed());
    for (;;) {
        std::chrono::nanoseconds pause{0};
        try {
            co_await step();
            store_trouble_.clear();
            retry.reset();
        } catch (const error& failure) {
            if (failure.kind() != error_class::not_applied && !is_outcome_unknown(failure)) throw;
            for (const row_number row : round_rows_) look_at(row);  // the round was cut short
            store_trouble_.set(failure.what(), strand_.now());
            core::log(strand_.log(), core::log_level::warning, "channel", "{}", failure.what());
            pause = retry.next();
        }
        if (pause.count() != 0) {
            co_await strand_.sleep_for(pause);
        } else if (queue_.empty()) {
            co_await work_.wait_until(next_wake());
        }
    }
}

core::time_point registrar_impl::next_wake() const {
    core::time_point when = next_balance_;
    if (!later_.empty()) when = std::min(when, later_.begin()->first);
    for (const auto& [node, one] : links_) {
        if (!one.calling && !one.rows.empty()) when = std::min(when, one.not_before);
    }
    return when;
}

/// One round: look at every channel that may need something, write all changes together, and tell
/// the nodes of each transaction once it is committed.
awaitable<void> registrar_impl::step() {
    const auto now = strand_.now();
    ++round_;
    while (!later_.empty() && later_.begin()->first <= now) {
        const row_number row = later_.begin()->second;
        later_.erase(later_.begin());
        look_at(row);
    }
    if (now >= next_balance_) plan_moves();
    round_rows_ = std::exchange(queue_, {});
    const std::vector<row_number>& rows = round_rows_;
    for (const row_number row : rows) table_[row].queued = false;
    std::vector<write> writes;
    std::vector<row_number> to_place;
    std::vector<std::uint32_t> preferred;
    std::vector<row_number> to_read;
    for (const row_number row : rows) {
        const decision verdict = decide(row);
        note(row, verdict);
        if (verdict.what != action::place) unplaced_.erase(row);
        switch (verdict.what) {
            case action::none:
                break;
            case action::wait:
                if (verdict.not_before) later_.emplace(*verdict.not_before, row);
                break;
            case action::reread:
                to_read.push_back(row);
                break;
            case action::place:
                to_place.push_back(row);
                preferred.push_back(verdict.preferred);
                break;
            case action::tell:
                tell_later(row);
                break;
            case action::release:
            case action::complete:
            case action::unassign:
                prepare_transition(row, verdict.what, writes);
                break;
        }
    }
    bool failed = false;
    for (const row_number row : to_read) {
        const bool known = co_await reread(row);
        failed = failed || !known;
    }
    co_await prepare_placements(std::move(to_place), std::move(preferred), writes);
    co_await carry_out(std::move(writes));
    start_calls();
    if (failed) throw error(errc::unavailable, "some channels could not be read again");
}

void registrar_impl::prepare_transition(row_number row, action what, std::vector<write>& writes) {
    write& change = writes.emplace_back();
    change.row = row;
    change.what = what;
    change.entry = table_.entry(row);
    switch (what) {
        case action::release:
            change.entry.state = model::channel_state::releasing;
            break;
        case action::complete:
            change.entry.state = model::channel_state::registered;
            // Whoever was told is registered: without the guard, possibly a successor.
            if (!core::enforced(core::guard::pending_incarnation)) {
                change.entry.process = members_->process_of(change.entry.node);
            }
            break;
        case action::unassign:
            change.entry.state = model::channel_state::unassigned;
            break;
        default:
            break;
    }
}

/// There is no node for it now. A new channel is recorded all the same: whoever asked for it was
/// told that it exists, and the next leader must know it.
void registrar_impl::leave_unplaced(row_number row, std::string_view why,
                                    std::vector<write>& writes) {
    unplaced_.insert(row);
    troubles_[row].why = why;
    if (!table_[row].entry_at) prepare_transition(row, action::unassign, writes);
}

awaitable<void> registrar_impl::prepare_placements(std::vector<row_number> rows,
                                                   std::vector<std::uint32_t> preferred,
                                                   std::vector<write>& writes) {
    if (rows.empty()) co_return;
    // Channels whose collection is not known yet wait for the host's schema service.
    std::size_t kept = 0;
    for (std::size_t at = 0; at < rows.size(); ++at) {
        collection& known = collections_[table_[rows[at]].collection];
        if (schemas_ != nullptr && !known.constraint) {
            ask_schema(table_[rows[at]].collection);
            leave_unplaced(rows[at], "the host has not yet said where its collection may go",
                           writes);
            continue;
        }
        rows[kept] = rows[at];
        preferred[kept] = preferred[at];
        ++kept;
    }
    rows.resize(kept);
    preferred.resize(kept);
    const candidates nodes = list_candidates();
    const auto placements = place(rows, preferred, nodes);
    std::vector<std::pair<row_number, model::node_info>> placed;
    for (std::size_t at = 0; at < rows.size(); ++at) {
        const placement& where = placements[at];
        if (where.node == no_node) {
            leave_unplaced(rows[at], name(where.reason), writes);
            continue;
        }
        unplaced_.erase(rows[at]);
        placed.emplace_back(rows[at], *nodes.nodes[where.node]);
    }
    if (placed.empty()) co_return;
    std::uint64_t next = co_await epochs_.take(placed.size());
    for (const auto& [row, node] : placed) {
        write& change = writes.emplace_back();
        change.row = row;
        change.what = action::place;
        change.entry = table_.entry(row);
        change.entry.state = model::channel_state::pending;
        change.entry.node = node.name;
        change.entry.process = node.process;
        change.entry.epoch = model::epoch(next++);
        change.entry.start = model::position(std::string(table_.checkpoint(row)));
    }
}

storage::transaction registrar_impl::transaction_of(const write& change) const {
    const channel_row& row = table_[change.row];
    const model::channel_name name{std::string(row.name)};
    storage::transaction body;
    if (core::enforced(core::guard::entry_comparison)) {
        body.if_modified_at(keys_.channel(name), row.entry_at);
    }
    if (change.what == action::place && core::enforced(core::guard::starting_checkpoint)) {
        body.if_modified_at(keys_.progress(name), row.progress_at);
    }
    body.put(keys_.channel(name), catalog::encode(change.entry));
    return body;
}

/// Everything of a round in as few transactions as the store's limits allow. A crash between them
/// leaves entries that the next leader finds in the state they were in, and goes on from there.
awaitable<void> registrar_impl::carry_out(std::vector<write> writes) {
    std::vector<storage::transaction> items;
    std::vector<write> sent;
    for (auto& change : writes) {
        // An epoch that is not above the last one would be mistaken for an older grant.
        if (change.what == action::place && change.entry.epoch <= table_[change.row].epoch) {
            troubles_[change.row].why = "its epoch is above the store's counter: lineage is wrong";
            continue;
        }
        items.push_back(transaction_of(change));
        sent.push_back(std::move(change));
    }
    if (items.empty()) co_return;
    // Nodes hear of what one transaction has recorded while the next one is being committed.
    catalog::on_decided decided = [this, &sent](std::span<const std::size_t> numbers,
                                                const std::vector<catalog::item_result>& results) {
        for (const std::size_t at : numbers) settle(sent[at], results[at]);
        start_calls();
        changed_.notify_all();
    };
    std::vector<catalog::item_result> results;
    try {
        results = co_await catalog::commit_items(store_, guard_, std::move(items),
                                                 std::move(decided));
    } catch (const error&) {
        for (const auto& change : sent) {
            table_[change.row].doubt();
            look_at(change.row);
        }
        throw;
    }
    bool failed = false;
    for (std::size_t at = 0; at < sent.size(); ++at) {
        if (results[at].outcome != catalog::item_outcome::not_applied) continue;
        settle(sent[at], results[at]);
        failed = true;
    }
    if (failed) throw error(errc::unavailable, "the metadata store is away");
}

void registrar_impl::settle(const write& change, const catalog::item_result& result) {
    channel_row& row = table_[change.row];
    look_at(change.row);
    switch (result.outcome) {
        case catalog::item_outcome::not_applied:
            return;
        case catalog::item_outcome::rejected:
            row.doubt();
            return;
        case catalog::item_outcome::unknown:
            row.doubt();
            if (core::enforced(core::guard::whole_entry)) return;
            row.uncertain = false;  // believes what it meant to write
            table_.set_entry(change.row, change.entry, row.entry_at);
            return;
        case catalog::item_outcome::committed:
            break;
    }
    ++transactions_;
    strand_.metrics().count("reeve_channel_entries_written_total", 1);
    last_change_ = strand_.now();
    table_.set_entry(change.row, change.entry, result.at);
    if (change.what == action::place) moves_.erase(change.row);
    if (decide(change.row).what == action::tell) tell_later(change.row);
}

/// Takes over what is recorded. False: the store was away, and the row stays uncertain.
awaitable<bool> registrar_impl::reread(row_number number) {
    const model::channel_name name{std::string(table_[number].name)};
    const std::uint32_t doubts = table_[number].doubts;
    std::optional<storage::record> entry;
    std::optional<storage::record> progress;
    try {
        entry = co_await store_.get(keys_.channel(name));
        progress = co_await store_.get(keys_.progress(name));
    } catch (const error& failure) {
        if (failure.kind() != error_class::not_applied) throw;
        look_at(number);
        co_return false;
    }
    // A slow read must not take back what another one, or a write, has found out meanwhile.
    if (entry && entry->modified > table_[number].entry_at) {
        model::channel_entry recorded;
        decoder_.decode(entry->key, entry->value, recorded);
        table_.set_entry(number, recorded, entry->modified);
    }
    if (progress && progress->modified > table_[number].progress_at) {
        model::channel_progress recorded;
        decoder_.decode(progress->key, progress->value, recorded);
        table_.set_progress(number, recorded, progress->modified);
    }
    if (table_[number].doubts == doubts) table_[number].uncertain = false;
    look_at(number);
    changed_.notify_all();
    co_return true;
}

}  // namespace reeve::channel
