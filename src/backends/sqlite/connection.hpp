#pragma once

#include "reeve/core/clock.hpp"
#include "reeve/core/error.hpp"

#include <sqlite3.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

namespace reeve::backends::sqlite {

/// How a connection opens its file.
enum class access {
    read_only,   ///< never changes a byte of it
    read_write,  ///< must exist
    create       ///< made if absent
};

/// An SQLite connection and its prepared statements. One thread at a time.
class connection {
public:
    /// Opens the file; waits for locks up to `busy_patience`. Throws what `failure` gives.
    connection(const std::string& path, access how, const std::string& vfs,
               std::chrono::milliseconds busy_patience);
    connection(const connection&) = delete;
    connection& operator=(const connection&) = delete;

    /// Runs statements that give no rows, or whose rows do not matter. `sql` is not kept.
    void run(const char* sql);
    /// The statement of a string literal, prepared once: told apart by its address.
    sqlite3_stmt* prepared(const char* literal);

    /// The error for a result code: what it says of a call that certainly had no effect.
    [[nodiscard]] error failure(int code, std::string_view doing) const;
    /// Throws `failure`.
    [[noreturn]] void fail(int code, std::string_view doing) const;

    /// The connection itself.
    [[nodiscard]] sqlite3* handle() const noexcept { return handle_.get(); }
    /// True while a transaction is open.
    [[nodiscard]] bool in_transaction() const noexcept {
        return sqlite3_get_autocommit(handle_.get()) == 0;
    }
    /// The file's first `count` bytes, as they are on disk; zeros where it ends before.
    [[nodiscard]] std::string head(int count);

private:
    struct closer {
        void operator()(sqlite3* it) const noexcept { sqlite3_close_v2(it); }
    };
    struct finalizer {
        void operator()(sqlite3_stmt* it) const noexcept { sqlite3_finalize(it); }
    };
    static int on_busy(void* self, int tries);
    sqlite3_file* file();

    std::string path_;
    std::chrono::milliseconds busy_patience_;
    core::time_point busy_since_;
    std::unique_ptr<sqlite3, closer> handle_;
    std::unordered_map<const char*, std::unique_ptr<sqlite3_stmt, finalizer>> statements_;
};

/// One execution of a prepared statement. Values are bound in order of their marks and must live as
/// long as the query. One query per statement at a time.
class query {
public:
    /// Of a string literal.
    query(connection& on, const char* literal) : on_(on), statement_(on.prepared(literal)) {}
    ~query() {
        sqlite3_reset(statement_);
        sqlite3_clear_bindings(statement_);
    }
    query(const query&) = delete;
    query& operator=(const query&) = delete;

    query& bind(std::int64_t value);
    query& bind(std::uint64_t value) { return bind(static_cast<std::int64_t>(value)); }
    query& bind_blob(std::string_view bytes);
    query& bind_text(std::string_view text);

    /// The next row; false at the end.
    bool step();
    /// All of it.
    void run() {
        while (step()) {
        }
    }
    /// A column of the row; errc::corrupt if it is not of that type.
    [[nodiscard]] std::int64_t integer(int column) const;
    [[nodiscard]] std::uint64_t number(int column) const {
        return static_cast<std::uint64_t>(integer(column));
    }
    [[nodiscard]] std::string_view blob(int column) const;
    [[nodiscard]] std::string_view text(int column) const;
    [[nodiscard]] bool is_null(int column) const noexcept {
        return sqlite3_column_type(statement_, column) == SQLITE_NULL;
    }

private:
    void check(int code) const;
    void expect(int column, int type) const;

    connection& on_;
    sqlite3_stmt* statement_;
    int bound_ = 0;
};

}  // namespace reeve::backends::sqlite
