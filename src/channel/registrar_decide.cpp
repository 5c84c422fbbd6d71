#include "channel/registrar_impl.hpp"
#include "reeve/core/guards.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace reeve::channel {

namespace {

decision decided(action what, const char* why) {
    decision verdict;
    verdict.what = what;
    verdict.why = why;
    return verdict;
}

decision wait_until(std::optional<core::time_point> when, const char* why) {
    decision verdict = decided(action::wait, why);
    verdict.not_before = when;
    return verdict;
}

}  // namespace

const registrar_impl::node_facts& registrar_impl::facts_of(std::uint32_t node) const {
    if (facts_.size() <= node) facts_.resize(table_.nodes());
    node_facts& facts = facts_[node];
    if (facts.version == members_->version()) return facts;
    const model::node_name& name = table_.node_name(node);
    facts.process = members_->process_of(name);
    facts.draining = members_->draining(name);
    facts.unfit = unfit_.contains(name);
    facts.version = members_->version();
    return facts;
}

decision registrar_impl::decide(row_number number) const {
    const channel_row& row = table_[number];
    if (row.uncertain) return decided(action::reread, "its records must be read again");
    if (row.state == model::channel_state::dropped) return {};
    if (!members_->complete()) return wait_until(std::nullopt, "the nodes are not known yet");
    if (row.state == model::channel_state::unassigned) {
        decision verdict = decided(action::place, "it has no node");
        const auto moving = moves_.find(number);
        if (moving != moves_.end()) verdict.preferred = moving->second;
        return verdict;
    }
    const model::incarnation alive = facts_of(row.node).process;
    if (alive == row.process) return decide_held(number);
    const bool told_anyway = row.state == model::channel_state::pending && alive &&
                             !core::enforced(core::guard::pending_incarnation);
    if (told_anyway) return decide_held(number);
    return decide_vacated(number);
}

bool registrar_impl::serves(const model::node_name& node) const {
    return members_->process_of(node) && !members_->draining(node) && !unfit_.contains(node);
}

bool registrar_impl::wanted_away(row_number number, const char*& why) const {
    const channel_row& row = table_[number];
    const node_facts& facts = facts_of(row.node);
    if (facts.draining) {
        why = "its node is being drained";
        return true;
    }
    if (facts.unfit) {
        why = "its node was reported unfit";
        return true;
    }
    const auto moving = moves_.find(number);
    if (moving == moves_.end() || moving->second == row.node) return false;
    why = "it moves to another node";
    return true;
}

/// The holder's process is alive.
decision registrar_impl::decide_held(row_number number) const {
    const channel_row& row = table_[number];
    const bool tell_again = row.answer == told::nothing || core::enforced(core::guard::retell);
    const char* why = "";
    if (row.state == model::channel_state::releasing) {
        if (row.answer == told::done) return decided(action::unassign, "its holder has let go");
        if (row.answer == told::in_flight || !tell_again) {
            return decided(action::wait, "its holder is asked to let go");
        }
        return decided(action::tell, "its holder must let go");
    }
    const bool away = wanted_away(number, why);
    if (away && !core::enforced(core::guard::handover)) return decided(action::place, why);
    if (away) return decided(action::release, why);
    if (row.state == model::channel_state::registered) return {};
    if (row.answer == told::done) return decided(action::complete, "its holder has confirmed");
    if (row.answer == told::refused) {
        decision verdict = decided(action::place, "its holder has seen the end of this epoch");
        verdict.preferred = row.node;
        return verdict;
    }
    if (row.answer == told::in_flight || !tell_again) {
        return decided(action::wait, "its holder is being told");
    }
    return decided(action::tell, "its holder must be told");
}

/// The holder's process is not alive, or not known to be.
decision registrar_impl::decide_vacated(row_number number) const {
    const channel_row& row = table_[number];
    const model::node_name& node = table_.node_name(row.node);
    if (!members_->unreadable().empty() && members_->unreadable().contains(keys_.node(node))) {
        return decided(action::wait, "the session of its node cannot be read");
    }
    const auto known = members_->judge(node, row.process);
    holder_state holder;
    holder.session_ended = known.session_ended;
    holder.process_dead = known.dead;
    holder.ttl_passed = known.ttl_passed;
    if (core::enforced(core::guard::handover) &&
        decide_handover(holder) == handover::refused_holder_may_still_run) {
        return wait_until(known.passes_at, "its last holder may still run");
    }
    if (row.state == model::channel_state::releasing) {
        return decided(action::unassign, "its holder is gone");
    }
    decision verdict = decided(action::place, "its holder is gone");
    if (serves(node)) {
        verdict.preferred = row.node;
        verdict.why = "its node has restarted";
        return verdict;
    }
    if (members_->process_of(node)) return verdict;  // it is back, but being emptied
    switch (options_.leave.what) {
        case leave_policy::kind::reassign:
            break;
        case leave_policy::kind::leave:
            return decided(action::wait, "its node left, and channels are left as they are");
        case leave_policy::kind::reassign_after: {
            const auto grace_ends = known.ended_at + options_.leave.grace;
            if (strand_.now() < grace_ends) {
                return wait_until(grace_ends, "its node left, and may come back");
            }
            break;
        }
    }
    return verdict;
}

registrar_impl::candidates registrar_impl::list_candidates() const {
    candidates all;
    for (const auto& [name, info] : members_->alive()) {
        all.by_name.emplace(name.value, static_cast<std::uint32_t>(all.nodes.size()));
        all.nodes.push_back(&info);
        node_load& load = all.loads.emplace_back();
        load.info = &info;
        load.accepts = serves(name);
    }
    for (std::uint32_t number = 0; number < table_.nodes(); ++number) {
        const auto found = all.by_name.find(table_.node_name(number).value);
        if (found == all.by_name.end()) continue;
        node_load& load = all.loads[found->second];
        load.channels = table_.held(number);
        load.by_collection = &table_.held_by_collection(number);
    }
    return all;
}

std::vector<placement> registrar_impl::place(const std::vector<row_number>& rows,
                                             const std::vector<std::uint32_t>& preferred,
                                             const candidates& nodes) const {
    std::vector<wanted_channel> wanted;
    wanted.reserve(rows.size());
    auto loads = nodes.loads;
    for (std::size_t at = 0; at < rows.size(); ++at) {
        const channel_row& row = table_[rows[at]];
        // A channel that is placed anew must not stand in its own way on its last node.
        if (row.node != channel_table::none && model::has_holder(row.state)) {
            const auto holder = nodes.by_name.find(table_.node_name(row.node).value);
            if (holder != nodes.by_name.end()) --loads[holder->second].channels;
        }
        wanted_channel& one = wanted.emplace_back();
        one.name = row.name;
        one.collection = row.collection;
        if (preferred[at] != channel_table::none) {
            const auto found = nodes.by_name.find(table_.node_name(preferred[at]).value);
            if (found != nodes.by_name.end()) one.preferred = found->second;
        }
        const auto known = collections_.find(row.collection);
        if (known != collections_.end() && known->second.constraint) {
            one.constraint = &*known->second.constraint;
        }
    }
    return options_.assignment->place(loads, wanted, options_.seed + round_);
}

/// Asks the balance policy; what it answers is carried out as graceful moves.
void registrar_impl::plan_moves() {
    const auto now = strand_.now();
    next_balance_ = now + options_.balance.interval;
    if (now - last_change_ < options_.balance.quiet || !moves_.empty() || !unplaced_.empty()) {
        return;
    }
    const candidates nodes = list_candidates();
    std::vector<held_channel> held;
    std::vector<row_number> rows;
    for (std::uint32_t number = 0; number < table_.nodes(); ++number) {
        const auto found = nodes.by_name.find(table_.node_name(number).value);
        if (found == nodes.by_name.end()) continue;
        for (const row_number row : table_.rows_of(number)) {
            if (table_[row].state != model::channel_state::registered) continue;
            held_channel& one = held.emplace_back();
            one.name = table_[row].name;
            one.collection = table_[row].collection;
            one.node = found->second;
            const auto known = collections_.find(one.collection);
            if (known != collections_.end() && known->second.constraint) {
                one.constraint = &*known->second.constraint;
            }
            rows.push_back(row);
        }
    }
    for (const auto& one : plan_balance(nodes.loads, held, options_.balance)) {
        core::log(strand_.log(), core::log_level::info, "channel", "channel {} moves to {}: {}",
                  held[one.channel].name, nodes.nodes[one.to]->name, one.reason);
        moves_[rows[one.channel]] = table_.intern(nodes.nodes[one.to]->name);
        look_at(rows[one.channel]);
    }
}

}  // namespace reeve::channel
