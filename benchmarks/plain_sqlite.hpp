// The baseline of a transaction on SQLite: the upserts that a program would write by hand: BEGIN
// IMMEDIATE, INSERT .. ON CONFLICT DO UPDATE, COMMIT with prepared statements, write-ahead log,
// synchronous=FULL.
#pragma once

#include <sqlite3.h>

#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace bench {

/// A file with one table of keys and values.
class plain_sqlite {
public:
    explicit plain_sqlite(const std::string& path) {
        check(sqlite3_open(path.c_str(), &database_));
        execute("PRAGMA journal_mode=WAL");
        execute("PRAGMA synchronous=FULL");
        execute("CREATE TABLE kv(key BLOB PRIMARY KEY, value BLOB) WITHOUT ROWID");
        begin_ = prepare("BEGIN IMMEDIATE");
        upsert_ = prepare(
            "INSERT INTO kv VALUES(?1,?2) ON CONFLICT(key) DO UPDATE SET value=excluded.value");
        commit_ = prepare("COMMIT");
    }
    plain_sqlite(const plain_sqlite&) = delete;
    plain_sqlite& operator=(const plain_sqlite&) = delete;
    ~plain_sqlite() {
        for (auto* statement : {begin_, upsert_, commit_}) sqlite3_finalize(statement);
        sqlite3_close(database_);
    }

    /// One key in one transaction.
    void put(const std::string& key, const std::string& value) {
        step(begin_);
        upsert(key, value);
        step(commit_);
    }
    /// Several keys in one transaction.
    void put(const std::vector<std::pair<std::string, std::string>>& records) {
        step(begin_);
        for (const auto& [key, value] : records) upsert(key, value);
        step(commit_);
    }

private:
    void upsert(const std::string& key, const std::string& value) {
        check(
            sqlite3_bind_blob(upsert_, 1, key.data(), static_cast<int>(key.size()), SQLITE_STATIC));
        check(sqlite3_bind_blob(upsert_, 2, value.data(), static_cast<int>(value.size()),
                                SQLITE_STATIC));
        step(upsert_);
    }
    void check(int code) const {
        if (code != SQLITE_OK) throw std::runtime_error(sqlite3_errmsg(database_));
    }
    void execute(const char* text) const {
        check(sqlite3_exec(database_, text, nullptr, nullptr, nullptr));
    }
    sqlite3_stmt* prepare(const char* text) const {
        sqlite3_stmt* statement = nullptr;
        check(sqlite3_prepare_v2(database_, text, -1, &statement, nullptr));
        return statement;
    }
    void step(sqlite3_stmt* statement) const {
        if (sqlite3_step(statement) != SQLITE_DONE) {
            throw std::runtime_error(sqlite3_errmsg(database_));
        }
        check(sqlite3_reset(statement));
    }

    sqlite3* database_ = nullptr;
    sqlite3_stmt* begin_ = nullptr;
    sqlite3_stmt* upsert_ = nullptr;
    sqlite3_stmt* commit_ = nullptr;
};

}  // namespace bench
