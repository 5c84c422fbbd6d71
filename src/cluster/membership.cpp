#include "reeve/cluster/membership.hpp"

#include "reeve/core/error.hpp"

#include <utility>
#include <vector>

namespace reeve::cluster {

std::string_view name(member_event event) noexcept {
    switch (event) {
        case member_event::joined:
            return "joined";
        case member_event::restarted:
            return "restarted";
        case member_event::left:
            return "left";
        case member_event::draining:
            return "draining";
        case member_event::drain_ended:
            return "drain_ended";
    }
    return "?";
}

namespace {
constexpr std::size_t ended_max = 1000;
}

membership::membership(core::runtime& strand, const catalog::key_layout& keys,
                       membership_options options,
                       std::function<void(member_event, const model::node_name&)> listener,
                       std::function<void()> settled)
    : strand_(strand),
      keys_(keys),
      options_(options),
      listener_(std::move(listener)),
      settled_(std::move(settled)) {}

void membership::tell(member_event event, const model::node_name& node) const {
    core::log(strand_.log(), core::log_level::info, "cluster", "node {} {}", node, name(event));
    if (listener_) listener_(event, node);
}

void membership::reset() {
    ++version_;
    // The facts of the last pass stay until the new one is complete: a lost watch is no news.
    if (!before_) {
        before_ = std::move(alive_);
        drains_before_ = std::move(drains_);
    }
    alive_.clear();
    drains_.clear();
    unreadable_before_ = std::exchange(unreadable_, {});
}

void membership::put(const storage::record& now) {
    ++version_;
    const auto key = keys_.parse(now.key);
    try {
        if (key.what == catalog::key_layout::kind::node) {
            put_node(model::node_name(std::string(key.name)), now);
        } else if (key.what == catalog::key_layout::kind::drain) {
            put_drain(model::node_name(std::string(key.name)), now);
        } else {
            return;
        }
        unreadable_.erase(now.key);
    } catch (const error& failure) {
        // Neither alive nor gone can be concluded: it stays visible and everything else goes on.
        const auto known = unreadable_before_.find(now.key);
        const auto since = known == unreadable_before_.end() ? strand_.now() : known->second.since;
        unreadable_.try_emplace(now.key, unreadable_record{{}, since}).first->second.why =
            failure.what();
        core::log(strand_.log(), core::log_level::error, "cluster", "{}", failure.what());
    }
}

void membership::put_node(model::node_name name, const storage::record& now) {
    model::node_info info;
    decoder_.decode(now.key, now.value, info);
    info.name = name;
    info.process = model::incarnation(now.modified.value);
    const auto found = alive_.find(name);
    if (found == alive_.end()) {
        alive_.emplace(name, std::move(info));
        if (!before_) tell(member_event::joined, name);
        return;
    }
    if (found->second.process == info.process) return;
    end(found->second);
    found->second = std::move(info);
    if (!before_) tell(member_event::restarted, name);
}

void membership::put_drain(const model::node_name& name, const storage::record& now) {
    model::drain_info info;
    decoder_.decode(now.key, now.value, info);
    if (info.state == model::drain_state::ended) {
        end_drain(name);
        return;
    }
    const bool news = drains_.insert_or_assign(name, std::move(info)).second;
    if (news && !before_) tell(member_event::draining, name);
}

void membership::end_drain(const model::node_name& name) {
    if (drains_.erase(name) != 0 && !before_) tell(member_event::drain_ended, name);
}

void membership::end(const model::node_info& node) {
    // What ended long ago is judged as if never seen, with the same answer: so memory stays
    // bounded.
    const auto now = strand_.now();
    if (ended_.size() >= ended_max && complete_ && now >= last_complete_ + options_.ttl_unknown) {
        std::erase_if(ended_, [now](const auto& one) { return one.second.ttl_passes_at <= now; });
    }
    ended_.emplace(process(node.name, node.process), ending{now, now + node.ttl});
}

void membership::removed(std::string_view key, storage::revision) {
    ++version_;
    unreadable_.erase(std::string(key));
    const auto parsed = keys_.parse(key);
    const model::node_name node{std::string(parsed.name)};
    if (parsed.what == catalog::key_layout::kind::node) {
        const auto found = alive_.find(node);
        if (found == alive_.end()) return;
        end(found->second);
        alive_.erase(found);
        if (!before_) tell(member_event::left, node);
    } else if (parsed.what == catalog::key_layout::kind::drain) {
        end_drain(node);
    }
}

void membership::reached(storage::revision at) {
    ++version_;
    if (before_) compare_with_before(at);
    if (settled_) settled_();
}

void membership::compare_with_before(storage::revision at) {
    const auto before = std::move(*before_);
    const auto drains = std::move(drains_before_);
    before_.reset();
    drains_before_.clear();
    if (!complete_) {
        complete_ = true;
        first_complete_ = strand_.now();
        first_reached_ = at;
    }
    last_complete_ = strand_.now();
    for (const auto& [node, info] : before) {
        const auto now = alive_.find(node);
        if (now != alive_.end() && now->second.process == info.process) continue;
        if (now == alive_.end() && unreadable(node)) {
            alive_.emplace(node, info);  // its key is there: it has not left
            continue;
        }
        end(info);
        if (now == alive_.end()) tell(member_event::left, node);
    }
    for (const auto& [node, info] : alive_) {
        const auto then = before.find(node);
        if (then == before.end()) {
            tell(member_event::joined, node);
        } else if (then->second.process != info.process) {
            tell(member_event::restarted, node);
        }
    }
    for (const auto& [node, info] : drains_) {
        if (!drains.contains(node)) tell(member_event::draining, node);
    }
    for (const auto& [node, info] : drains) {
        if (!drains_.contains(node)) tell(member_event::drain_ended, node);
    }
}

model::incarnation membership::process_of(const model::node_name& node) const {
    const auto& facts = before_ ? *before_ : alive_;
    const auto found = facts.find(node);
    return found == facts.end() ? model::incarnation() : found->second.process;
}

bool membership::draining(const model::node_name& node) const {
    return (before_ ? drains_before_ : drains_).contains(node);
}

process_state membership::judge(const model::node_name& node,
                                model::incarnation incarnation) const {
    process_state state;
    if (!complete_) return state;
    state.session_ended = process_of(node) != incarnation && !unreadable(node);
    if (!state.session_ended) return state;
    const auto ended = ended_.find(process(node, incarnation));
    const bool seen = ended != ended_.end();
    // Never seen: it had ended before the first view, or came and went during a later pass.
    const bool earlier = !seen && incarnation.value <= first_reached_.value;
    state.dead =
        dead_.contains(process(node, incarnation)) || (earlier && options_.earlier_processes_dead);
    const auto unseen = earlier ? first_complete_ : last_complete_;
    state.ended_at = seen ? ended->second.seen_at : unseen;
    state.passes_at = seen ? ended->second.ttl_passes_at : unseen + options_.ttl_unknown;
    state.ttl_passed = strand_.now() >= state.passes_at;
    return state;
}

bool membership::unreadable(const model::node_name& node) const {
    if (unreadable_.empty() || !model::valid_name(node.value)) return false;
    return unreadable_.contains(keys_.node(node));
}

void membership::confirm_dead(const model::node_name& node, model::incarnation incarnation) {
    ++version_;
    dead_.insert(process(node, incarnation));
}

}  // namespace reeve::cluster
