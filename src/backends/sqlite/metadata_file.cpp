#include "backends/sqlite/metadata_file.hpp"

#include "backends/sqlite/commit.hpp"
#include "storage/printable.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace reeve::backends::sqlite {

namespace {

constexpr std::chrono::milliseconds ttl_max = std::chrono::hours(24 * 366 * 100);
// A page or a batch ends after so many bytes, whatever was asked for.
constexpr std::size_t answer_bytes_max = std::size_t{16} << 20U;
// History is forgotten so many changes at a time, after half as many were written.
constexpr std::size_t compaction_step = 256;

// STRICT: a value of another type is damage. WITHOUT ROWID: the records are in key order.
constexpr const char* schema = R"(
CREATE TABLE meta (name TEXT PRIMARY KEY, value ANY NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO meta VALUES ('boot_id', ''), ('boot_offset', 0);
CREATE TABLE records (
    key BLOB PRIMARY KEY, created INTEGER NOT NULL, modified INTEGER NOT NULL,
    version INTEGER NOT NULL, lease INTEGER NOT NULL, value BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX records_by_lease ON records (lease) WHERE lease <> 0;
CREATE TABLE changes (
    number INTEGER PRIMARY KEY, committed INTEGER NOT NULL, key BLOB NOT NULL,
    created INTEGER, version INTEGER, lease INTEGER, value BLOB
) STRICT;
CREATE TABLE leases (
    id INTEGER PRIMARY KEY AUTOINCREMENT, ttl INTEGER NOT NULL, deadline INTEGER NOT NULL
) STRICT;
CREATE INDEX leases_by_deadline ON leases (deadline);
)";

std::int64_t last_known_time(connection& db) {
    query found(db,
                "SELECT max(coalesce((SELECT committed FROM changes ORDER BY number DESC LIMIT 1), "
                "0), coalesce((SELECT max(deadline - ttl) FROM leases), 0))");
    return found.step() ? found.integer(0) : 0;
}

storage::page read_page(connection& db, const storage::key_range& range, std::size_t limit) {
    storage::page result;
    result.at = storage::revision(current_revision(db));
    query found(db, range.last().empty()
                        ? "SELECT key, created, modified, version, lease, value FROM records "
                          "WHERE key >= ?1 ORDER BY key"
                        : "SELECT key, created, modified, version, lease, value FROM records "
                          "WHERE key >= ?1 AND key < ?2 ORDER BY key");
    found.bind_blob(range.first());
    if (!range.last().empty()) found.bind_blob(range.last());
    std::size_t bytes = 0;
    while (found.step()) {
        const auto key = found.blob(0);
        if (result.records.size() == limit || bytes >= answer_bytes_max) {
            result.resume_at = key;
            break;
        }
        auto& one = result.records.emplace_back();
        one.key = key;
        one.value = found.blob(5);
        one.created = storage::revision(found.number(1));
        one.modified = storage::revision(found.number(2));
        one.version = found.number(3);
        one.lease = storage::lease_id(found.number(4));
        bytes += one.key.size() + one.value.size();
    }
    return result;
}

storage::change change_of(const query& row) {
    storage::change result{storage::change::kind::removed, {}};
    result.now.key = row.blob(1);
    result.now.modified = storage::revision(row.number(0) >> place_bits);
    if (row.is_null(2)) return result;
    result.what = storage::change::kind::put;
    result.now.created = storage::revision(row.number(2));
    result.now.version = row.number(3);
    result.now.lease = storage::lease_id(row.number(4));
    result.now.value = row.blob(5);
    return result;
}

storage::change_batch read_changes(connection& db, const storage::key_range& range,
                                   std::uint64_t from, std::size_t limit) {
    const auto oldest = oldest_revision(db);
    if (from < oldest) {
        throw error(errc::compacted,
                    fmt::format("watch from revision {}: changes up to {} are forgotten", from,
                                oldest - 1));
    }
    storage::change_batch batch;
    batch.up_to = storage::revision(std::max(current_revision(db), from - 1));
    query found(db, range.last().empty()
                        ? "SELECT number, key, created, version, lease, value FROM changes "
                          "WHERE number >= ?1 AND key >= ?2 ORDER BY number"
                        : "SELECT number, key, created, version, lease, value FROM changes "
                          "WHERE number >= ?1 AND key >= ?2 AND key < ?3 ORDER BY number");
    if (from > batch.up_to.value) return batch;
    found.bind(from << place_bits).bind_blob(range.first());
    if (!range.last().empty()) found.bind_blob(range.last());
    std::size_t bytes = 0;
    while (found.step()) {
        const storage::revision at(found.number(0) >> place_bits);
        const bool full = batch.changes.size() >= limit || bytes >= answer_bytes_max;
        if (full && at != batch.changes.back().now.modified) {
            batch.up_to = storage::revision(at.value - 1);
            break;
        }
        batch.changes.push_back(change_of(found));
        bytes += batch.changes.back().now.key.size() + batch.changes.back().now.value.size();
    }
    return batch;
}

void check_limit(std::size_t limit) {
    if (limit == 0) throw error(errc::invalid_argument, "a limit of 0, at least 1 is accepted");
}

error no_lease(std::uint64_t lease) {
    return {errc::lease_not_found, fmt::format("lease {} has ended or never was", lease)};
}

}  // namespace

// The application id is "rvMD".
const file_kind& metadata_kind() noexcept {
    static constexpr file_kind kind{"metadata store", 0x72764d44, 1, 1, schema};
    return kind;
}

metadata_file::metadata_file(sqlite_options options)
    : options_(std::move(options)),
      clock_(options_),
      database_(options_, metadata_kind(), [this](connection& db) { return overdue(db); }),
      written_since_compaction_(compaction_step) {
    start_boot();
}

// While the machine was down nobody could renew: every lease gets its whole time again.
void metadata_file::start_boot() {
    struct boot {
        std::string id;
        std::int64_t offset;
    };
    const auto known = [](connection& db) {
        query id(db, "SELECT value FROM meta WHERE name = 'boot_id'");
        query offset(db, "SELECT value FROM meta WHERE name = 'boot_offset'");
        if (!id.step() || !offset.step()) {
            throw error(errc::corrupt, "sqlite metadata store: rows of table meta are missing");
        }
        return boot{std::string(id.text(0)), offset.integer(0)};
    };
    boot found = database_.read(known);
    if (found.id != clock_.boot_id()) {
        found = database_.write("start of the machine", [&](connection& db) {
            const boot before = known(db);
            if (before.id == clock_.boot_id()) return before;
            const boot now{clock_.boot_id(),
                           std::max<std::int64_t>(0, last_known_time(db) - clock_.since_boot())};
            query(db, "UPDATE meta SET value = ? WHERE name = 'boot_id'").bind_text(now.id).run();
            query(db, "UPDATE meta SET value = ? WHERE name = 'boot_offset'")
                .bind(now.offset)
                .run();
            clock_.set_offset(now.offset);
            query(db, "UPDATE leases SET deadline = ? + ttl")
                .bind(clock_.deadline(std::chrono::milliseconds(0)))
                .run();
            return now;
        });
    }
    clock_.set_offset(found.offset);
}

bool metadata_file::overdue(connection& db) const { return has_due_lease(db, clock_.now()); }

void metadata_file::end_due_leases() {
    try {
        database_.write("end leases", [this](connection& db) {
            commit_writer(db, clock_.now()).end_due_leases();
            return true;
        });
    } catch (const error& failure) {
        if (!is_outcome_unknown(failure)) throw;
        throw error(errc::unavailable, failure.context());  // the caller only reads
    }
}

template <class Body>
auto metadata_file::read(Body body) {
    bool due = false;
    auto result = database_.read([&](connection& db) {
        due = overdue(db);
        return body(db);
    });
    if (!due) return result;
    end_due_leases();
    return database_.read(body);
}

std::optional<storage::record> metadata_file::get(const std::string& key) {
    return read([&](connection& db) {
        std::optional<storage::record> result;
        query found(db,
                    "SELECT created, modified, version, lease, value FROM records WHERE key = ?");
        found.bind_blob(key);
        if (!found.step()) return result;
        auto& one = result.emplace();
        one.key = key;
        one.created = storage::revision(found.number(0));
        one.modified = storage::revision(found.number(1));
        one.version = found.number(2);
        one.lease = storage::lease_id(found.number(3));
        one.value = found.blob(4);
        return result;
    });
}

storage::page metadata_file::list(const storage::key_range& range, std::size_t limit) {
    check_limit(limit);
    const auto count = std::min(limit, options_.limits.page_records_max);
    return read([&](connection& db) { return read_page(db, range, count); });
}

storage::commit_result metadata_file::commit(const storage::transaction& change) {
    storage::validate(change, options_.limits);
    const storage::operation* missing = nullptr;
    auto result = database_.write("commit", [&](connection& db) {
        const auto now = clock_.now();
        commit_writer writer(db, now);
        writer.end_due_leases();
        auto decided = writer.apply(change, missing);
        written_since_compaction_ += writer.written();
        if (written_since_compaction_ >= compaction_step / 2) {
            const history_limits kept{options_.history_commits_max,
                                      now - options_.history_age_max.count()};
            forget_changes(db, kept, std::max(compaction_step, 2 * written_since_compaction_));
            written_since_compaction_ = 0;
        }
        return decided;
    });
    if (missing == nullptr) return result;
    throw error(errc::lease_not_found,
                fmt::format("commit: {} is bound to lease {}, which has ended or never was",
                            storage::printable(missing->key), missing->lease));
}

storage::change_batch metadata_file::changes(const storage::key_range& range,
                                             storage::revision from, std::size_t limit,
                                             std::chrono::milliseconds patience) {
    check_limit(limit);
    if (!from) throw error(errc::invalid_argument, "watch from revision 0, the first is 1");
    const auto deadline = core::system_clock::instance().now() + patience;
    auto next = from.value;
    for (;;) {
        const auto seen = database_.signal().count();
        auto batch = read([&](connection& db) { return read_changes(db, range, next, limit); });
        if (!batch.changes.empty()) return batch;
        next = batch.up_to.value + 1;
        if (!database_.signal().wait(seen, deadline)) return batch;
    }
}

storage::lease_grant metadata_file::grant(std::chrono::milliseconds ttl) {
    if (ttl < std::chrono::milliseconds(1) || ttl > ttl_max) {
        throw error(errc::invalid_argument, fmt::format("lease of {} ms, accepted are 1 to {}",
                                                        ttl.count(), ttl_max.count()));
    }
    return database_.write("grant", [&](connection& db) {
        commit_writer(db, clock_.now()).end_due_leases();
        query(db, "INSERT INTO leases (ttl, deadline) VALUES (?, ?)")
            .bind(ttl.count())
            .bind(clock_.deadline(ttl))
            .run();
        const auto id = sqlite3_last_insert_rowid(db.handle());
        return storage::lease_grant{storage::lease_id(static_cast<std::uint64_t>(id)), ttl};
    });
}

std::chrono::milliseconds metadata_file::keep_alive(storage::lease_id lease) {
    const auto ttl = database_.write("keep_alive", [&](connection& db) {
        commit_writer(db, clock_.now()).end_due_leases();
        std::chrono::milliseconds granted{0};
        {
            query found(db, "SELECT ttl FROM leases WHERE id = ?");
            found.bind(lease.value);
            if (!found.step()) return granted;
            granted = std::chrono::milliseconds(found.integer(0));
        }
        query(db, "UPDATE leases SET deadline = ? WHERE id = ?")
            .bind(clock_.deadline(granted))
            .bind(lease.value)
            .run();
        return granted;
    });
    if (ttl.count() == 0) throw no_lease(lease.value);
    return ttl;
}

void metadata_file::revoke(storage::lease_id lease) {
    database_.write("revoke", [&](connection& db) {
        commit_writer writer(db, clock_.now());
        writer.end_due_leases();
        writer.end_lease(lease.value);
        return true;
    });
}

}  // namespace reeve::backends::sqlite
