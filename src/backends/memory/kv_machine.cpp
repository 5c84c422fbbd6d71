#include "reeve/backends/kv_machine.hpp"

#include "storage/printable.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace reeve::backends {

namespace {

kv_result refused(errc failure, std::string context) {
    kv_result result;
    result.failure = failure;
    result.context = std::move(context);
    return result;
}

}  // namespace

void kv_result::throw_failure() const {
    if (failure != errc{}) throw error(failure, context);
}

kv_result kv_machine::apply(const kv_command& command) {
    return std::visit([this](const auto& one) { return apply_one(one); }, command);
}

bool kv_machine::holds(const storage::condition& condition) const {
    const auto found = records_.find(condition.key);
    switch (condition.what) {
        case storage::condition::kind::absent:
            return found == records_.end();
        case storage::condition::kind::created_at:
            return found != records_.end() && found->second->created == condition.expected;
        case storage::condition::kind::modified_at:
            return found != records_.end() && found->second->modified == condition.expected;
    }
    return false;
}

kv_result kv_machine::apply_one(const kv_commit& command) {
    const auto& conditions = command.change.conditions();
    // The changes of a commit are told in key order.
    std::vector<const storage::operation*> writes;
    writes.reserve(command.change.operations().size());
    for (const auto& one : command.change.operations()) writes.push_back(&one);
    const auto by_key = [](auto* left, auto* right) { return left->key < right->key; };
    std::sort(writes.begin(), writes.end(), by_key);
    for (std::size_t at = 0; at < writes.size(); ++at) {
        const std::string& key = writes[at]->key;
        if (!key.empty() && (at == 0 || key != writes[at - 1]->key)) continue;
        return refused(errc::invalid_argument,
                       "commit: key " + storage::printable(key) + " is empty or written twice");
    }

    kv_result result;
    for (std::size_t at = 0; at < conditions.size(); ++at) {
        if (!holds(conditions[at])) result.commit.failed.push_back(at);
    }
    result.commit.at = revision_;
    if (!result.commit.failed.empty()) return result;

    for (const auto* write : writes) {
        if (!write->lease || write->what == storage::operation::kind::remove) continue;
        if (leases_.count(write->lease) != 0) continue;
        return refused(errc::lease_not_found,
                       fmt::format("commit: {} is bound to lease {}, which has ended or never was",
                                   storage::printable(write->key), write->lease));
    }
    logged_commit log;
    log.reserve(writes.size());
    for (const auto* write : writes) {
        if (write->what == storage::operation::kind::put) {
            put(*write, log);
        } else {
            remove(write->key, log);
        }
    }
    close_commit(std::move(log));
    result.commit.what = storage::commit_result::decision::committed;
    result.commit.at = revision_;
    return result;
}

void kv_machine::put(const storage::operation& write, logged_commit& log) {
    const storage::revision next(revision_.value + 1);
    const auto found = records_.find(write.key);
    auto fresh = std::make_shared<storage::record>();
    fresh->key = write.key;
    fresh->value = write.value;
    fresh->created = next;
    fresh->modified = next;
    fresh->version = 1;
    fresh->lease = write.lease;
    if (found == records_.end()) {
        records_.emplace(fresh->key, fresh);
    } else {
        const storage::record& was = *found->second;
        fresh->created = was.created;
        fresh->version = was.version + 1;
        unbind(was);
        const auto after = std::next(found);
        auto node = records_.extract(found);
        node.key() = fresh->key;
        node.mapped() = fresh;
        records_.insert(after, std::move(node));
    }
    if (write.lease) leases_.find(write.lease)->second.keys.insert(write.key);
    log.push_back({storage::change::kind::put, std::move(fresh)});
}

void kv_machine::remove(std::string_view key, logged_commit& log) {
    const auto found = records_.find(key);
    if (found == records_.end()) return;
    auto gone = std::make_shared<storage::record>();
    gone->key = key;
    gone->modified = storage::revision(revision_.value + 1);
    unbind(*found->second);
    records_.erase(found);
    log.push_back({storage::change::kind::removed, std::move(gone)});
}

void kv_machine::unbind(const storage::record& was) {
    if (!was.lease) return;
    const auto found = leases_.find(was.lease);
    if (found != leases_.end()) found->second.keys.erase(was.key);
}

void kv_machine::close_commit(logged_commit log) {
    if (log.empty()) return;  // nothing changed: no revision
    revision_ = storage::revision(revision_.value + 1);
    history_size_ += log.size();
    history_.push_back(std::move(log));
}

kv_result kv_machine::apply_one(const kv_grant& command) {
    if (command.ttl < std::chrono::milliseconds(1)) {
        return refused(
            errc::invalid_argument,
            fmt::format("lease of {} ms, at least 1 ms is accepted", command.ttl.count()));
    }
    kv_result result;
    result.grant.id = storage::lease_id(++last_lease_);
    result.grant.ttl = command.ttl;
    leases_.emplace(result.grant.id, lease_state{command.ttl, {}});
    return result;
}

kv_result kv_machine::apply_one(const kv_end_lease& command) {
    const auto found = leases_.find(command.lease);
    if (found == leases_.end()) return {};
    const auto keys = std::move(found->second.keys);
    leases_.erase(found);
    logged_commit log;
    for (const auto& key : keys) remove(key, log);
    close_commit(std::move(log));
    return {};
}

kv_result kv_machine::apply_one(const kv_compact& command) {
    const storage::revision up_to = std::min(command.up_to, revision_);
    while (compacted_ < up_to) {
        history_size_ -= history_.front().size();
        history_.pop_front();
        compacted_ = storage::revision(compacted_.value + 1);
    }
    return {};
}

storage::revision kv_machine::compaction_for(std::size_t changes_max) const noexcept {
    std::size_t left = history_size_;
    std::size_t dropped = 0;
    while (left > changes_max) left -= history_[dropped++].size();
    return storage::revision(compacted_.value + dropped);
}

std::optional<storage::record> kv_machine::get(std::string_view key) const {
    const auto found = records_.find(key);
    if (found == records_.end()) return std::nullopt;
    return *found->second;
}

storage::page kv_machine::list(const storage::key_range& range, std::size_t limit) const {
    storage::page result;
    result.at = revision_;
    for (auto at = records_.lower_bound(range.first()); at != records_.end(); ++at) {
        if (!range.last().empty() && at->first >= range.last()) break;
        if (result.records.size() == limit) {
            result.resume_at = at->first;
            break;
        }
        result.records.push_back(*at->second);
    }
    return result;
}

storage::change_batch kv_machine::changes(const storage::key_range& range, storage::revision from,
                                          std::size_t limit) const {
    if (from <= compacted_) {
        throw error(errc::compacted,
                    fmt::format("watch from revision {}: changes up to {} are forgotten", from,
                                compacted_));
    }
    storage::change_batch batch;
    batch.up_to = revision_;
    for (std::uint64_t at = from.value; at <= revision_.value; ++at) {
        for (const logged_change& one : history_[at - compacted_.value - 1]) {
            if (range.contains(one.now->key)) batch.changes.push_back({one.what, *one.now});
        }
        if (batch.changes.size() < limit) continue;
        batch.up_to = storage::revision(at);
        break;
    }
    return batch;
}

std::optional<std::chrono::milliseconds> kv_machine::ttl(storage::lease_id lease) const {
    const auto found = leases_.find(lease);
    if (found == leases_.end()) return std::nullopt;
    return found->second.ttl;
}

std::vector<storage::lease_id> kv_machine::leases() const {
    std::vector<storage::lease_id> ids;
    ids.reserve(leases_.size());
    for (const auto& [id, state] : leases_) ids.push_back(id);
    return ids;
}

}  // namespace reeve::backends
