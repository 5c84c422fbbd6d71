#include "backends/sqlite/commit.hpp"

#include <algorithm>

namespace reeve::backends::sqlite {

std::uint64_t current_revision(connection& db) {
    query last(db, "SELECT number FROM changes ORDER BY number DESC LIMIT 1");
    return last.step() ? last.number(0) >> place_bits : 0;
}

std::uint64_t oldest_revision(connection& db) {
    query first(db, "SELECT number FROM changes ORDER BY number LIMIT 1");
    return first.step() ? first.number(0) >> place_bits : 0;
}

bool has_due_lease(connection& db, std::int64_t now) {
    query first(db, "SELECT deadline FROM leases ORDER BY deadline LIMIT 1");
    return first.step() && first.integer(0) <= now;
}

commit_writer::commit_writer(connection& db, std::int64_t now)
    : db_(db), now_(now), revision_(current_revision(db)) {}

void commit_writer::end_due_leases() {
    std::vector<std::uint64_t> due;
    {
        query found(db_, "SELECT id FROM leases WHERE deadline <= ? ORDER BY deadline, id");
        found.bind(now_);
        while (found.step()) due.push_back(found.number(0));
    }
    for (const auto lease : due) end_lease(lease);
}

void commit_writer::end_lease(std::uint64_t lease) {
    query(db_, "DELETE FROM leases WHERE id = ?").bind(lease).run();
    std::vector<std::string> keys;
    {
        query found(db_, "SELECT key FROM records WHERE lease = ? AND lease <> 0 ORDER BY key");
        found.bind(lease);
        while (found.step()) keys.emplace_back(found.blob(0));
    }
    looked_up_.clear();
    place_ = 0;
    for (const auto& key : keys) remove(key);
    looked_up_.clear();  // its keys are those of this function
}

const commit_writer::known& commit_writer::look_up(std::string_view key) {
    const auto [at, fresh] = looked_up_.try_emplace(key);
    if (!fresh) return at->second;
    query found(db_, "SELECT created, modified, version FROM records WHERE key = ?");
    found.bind_blob(key);
    if (found.step()) at->second = {found.number(0), found.number(1), found.number(2)};
    return at->second;
}

bool commit_writer::holds(const storage::condition& condition) {
    const known& found = look_up(condition.key);
    switch (condition.what) {
        case storage::condition::kind::absent:
            return found.created == 0;
        case storage::condition::kind::created_at:
            return found.created != 0 && found.created == condition.expected.value;
        case storage::condition::kind::modified_at:
            return found.created != 0 && found.modified == condition.expected.value;
    }
    return false;
}

bool commit_writer::lease_exists(std::uint64_t lease) {
    query found(db_, "SELECT 1 FROM leases WHERE id = ?");
    found.bind(lease);
    return found.step();
}

storage::commit_result commit_writer::apply(const storage::transaction& change,
                                            const storage::operation*& missing) {
    storage::commit_result result;
    looked_up_.clear();
    const auto& conditions = change.conditions();
    for (std::size_t at = 0; at < conditions.size(); ++at) {
        if (!holds(conditions[at])) result.failed.push_back(at);
    }
    result.at = storage::revision(revision_);
    if (!result.failed.empty()) return result;

    // The changes of a commit are told in key order; the table likes that order too.
    std::vector<const storage::operation*> writes;
    writes.reserve(change.operations().size());
    for (const auto& one : change.operations()) writes.push_back(&one);
    std::sort(writes.begin(), writes.end(),
              [](const auto* left, const auto* right) { return left->key < right->key; });
    std::uint64_t checked = 0;
    for (const auto* write : writes) {
        const bool bound = write->what == storage::operation::kind::put && write->lease;
        if (!bound || write->lease.value == checked) continue;
        if (!lease_exists(write->lease.value)) {
            missing = write;
            return result;
        }
        checked = write->lease.value;
    }
    place_ = 0;
    for (const auto* write : writes) {
        if (write->what == storage::operation::kind::put) {
            put(*write);
        } else {
            remove(write->key);
        }
    }
    result.what = storage::commit_result::decision::committed;
    result.at = storage::revision(revision_);
    return result;
}

// The first change of a commit begins a new revision. So does every 2^20th, which only the end of a
// lease with so many records reaches.
std::uint64_t commit_writer::next_place() {
    if (place_ == 0 || place_ == places_max) {
        ++revision_;
        place_ = 0;
    }
    ++written_;
    return revision_ << place_bits | place_++;
}

void commit_writer::put(const storage::operation& write) {
    const known was = look_up(write.key);
    const auto number = next_place();
    const auto created = was.created == 0 ? revision_ : was.created;
    if (was.created == 0) {
        query(db_,
              "INSERT INTO records (key, created, modified, version, lease, value) "
              "VALUES (?, ?, ?, 1, ?, ?)")
            .bind_blob(write.key)
            .bind(revision_)
            .bind(revision_)
            .bind(write.lease.value)
            .bind_blob(write.value)
            .run();
    } else {
        query(db_,
              "UPDATE records SET modified = ?, version = version + 1, lease = ?, value = ? "
              "WHERE key = ?")
            .bind(revision_)
            .bind(write.lease.value)
            .bind_blob(write.value)
            .bind_blob(write.key)
            .run();
    }
    query(db_,
          "INSERT INTO changes (number, committed, key, created, version, lease, value) "
          "VALUES (?, ?, ?, ?, ?, ?, ?)")
        .bind(number)
        .bind(now_)
        .bind_blob(write.key)
        .bind(created)
        .bind(was.version + 1)
        .bind(write.lease.value)
        .bind_blob(write.value)
        .run();
}

void commit_writer::remove(std::string_view key) {
    if (look_up(key).created == 0) return;
    query(db_, "DELETE FROM records WHERE key = ?").bind_blob(key).run();
    query(db_, "INSERT INTO changes (number, committed, key) VALUES (?, ?, ?)")
        .bind(next_place())
        .bind(now_)
        .bind_blob(key)
        .run();
}

void forget_changes(connection& db, const history_limits& limits, std::size_t changes_max) {
    const auto current = current_revision(db);
    std::uint64_t forget = 0;  // the last revision that may go
    {
        query oldest(db, "SELECT number, committed FROM changes ORDER BY number LIMIT ?");
        oldest.bind(static_cast<std::uint64_t>(changes_max));
        while (oldest.step()) {
            const auto revision = oldest.number(0) >> place_bits;
            const bool too_many = revision + limits.commits_max <= current;
            const bool too_old = oldest.integer(1) < limits.committed_min;
            if (revision >= current || (!too_many && !too_old)) break;
            forget = revision;
        }
    }
    if (forget == 0) return;
    query(db, "DELETE FROM changes WHERE number < ?").bind((forget + 1) << place_bits).run();
}

}  // namespace reeve::backends::sqlite
