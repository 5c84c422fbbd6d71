#include "backends/sqlite/connection.hpp"

#include <fmt/format.h>

#include <cerrno>

namespace reeve::backends::sqlite {

namespace {

errc code_of(int extended, int system_errno) {
    switch (extended & 0xff) {
        case SQLITE_FULL:
        case SQLITE_NOMEM:
            return errc::resource_exhausted;
        case SQLITE_CORRUPT:
        case SQLITE_NOTADB:
        case SQLITE_MISMATCH:
        case SQLITE_ERROR:  // "no such table": our own statements are right
            return errc::corrupt;
        case SQLITE_TOOBIG:
            return errc::too_large;
        case SQLITE_PERM:
        case SQLITE_AUTH:
        case SQLITE_READONLY:
            return errc::permission_denied;
        case SQLITE_CANTOPEN:
            if (system_errno == EACCES || system_errno == EPERM || system_errno == EROFS) {
                return errc::permission_denied;
            }
            if (system_errno == ENOENT || system_errno == ENOTDIR) return errc::not_found;
            return errc::unavailable;
        default:
            break;
    }
    // SQLite reports a full disk as an I/O error where it does not write pages itself.
    if ((extended & 0xff) == SQLITE_IOERR && system_errno == ENOSPC) {
        return errc::resource_exhausted;
    }
    return errc::unavailable;  // busy, locked, I/O errors and what else keeps a call from running
}

}  // namespace

connection::connection(const std::string& path, access how, const std::string& vfs,
                       std::chrono::milliseconds busy_patience)
    : path_(path), busy_patience_(busy_patience) {
    int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    if (how == access::read_only) flags |= SQLITE_OPEN_READONLY;
    if (how == access::read_write) flags |= SQLITE_OPEN_READWRITE;
    if (how == access::create) flags |= SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    sqlite3* opened = nullptr;
    const int code =
        sqlite3_open_v2(path.c_str(), &opened, flags, vfs.empty() ? nullptr : vfs.c_str());
    handle_.reset(opened);
    if (code != SQLITE_OK) fail(code, "open");
    sqlite3_busy_handler(opened, &connection::on_busy, this);
}

// Short steps, so that a lock given up by another process is found soon.
int connection::on_busy(void* self, int tries) {
    auto& mine = *static_cast<connection*>(self);
    const auto now = core::system_clock::instance().now();
    if (tries == 0) mine.busy_since_ = now;
    if (now - mine.busy_since_ >= mine.busy_patience_) return 0;
    sqlite3_sleep(1);
    return 1;
}

void connection::run(const char* sql) {
    const int code = sqlite3_exec(handle(), sql, nullptr, nullptr, nullptr);
    if (code != SQLITE_OK) fail(code, sql);
}

sqlite3_stmt* connection::prepared(const char* literal) {
    auto& kept = statements_[literal];
    if (!kept) {
        sqlite3_stmt* made = nullptr;
        const int code =
            sqlite3_prepare_v3(handle(), literal, -1, SQLITE_PREPARE_PERSISTENT, &made, nullptr);
        if (code != SQLITE_OK) fail(code, literal);
        kept.reset(made);
    }
    return kept.get();
}

error connection::failure(int code, std::string_view doing) const {
    sqlite3* db = handle();
    const int system = db == nullptr ? 0 : sqlite3_system_errno(db);
    std::string text = db == nullptr ? sqlite3_errstr(code) : sqlite3_errmsg(db);
    return {code_of(code, system),
            fmt::format("sqlite file {}: {}: {} (SQLite result {})", path_, doing, text, code)};
}

void connection::fail(int code, std::string_view doing) const { throw failure(code, doing); }

sqlite3_file* connection::file() {
    sqlite3_file* found = nullptr;
    const int code = sqlite3_file_control(handle(), "main", SQLITE_FCNTL_FILE_POINTER, &found);
    if (code != SQLITE_OK) fail(code, "find the file");
    if (found == nullptr || found->pMethods == nullptr) fail(SQLITE_CANTOPEN, "find the file");
    return found;
}

std::string connection::head(int count) {
    std::string bytes(static_cast<std::size_t>(count), '\0');
    const int code = file()->pMethods->xRead(file(), bytes.data(), count, 0);
    if (code != SQLITE_OK && code != SQLITE_IOERR_SHORT_READ) fail(code, "read the header");
    return bytes;
}

void query::check(int code) const {
    if (code != SQLITE_OK) on_.fail(code, sqlite3_sql(statement_));
}

query& query::bind(std::int64_t value) {
    check(sqlite3_bind_int64(statement_, ++bound_, value));
    return *this;
}

// A null pointer would bind NULL instead of no bytes.
query& query::bind_blob(std::string_view bytes) {
    const char* at = bytes.data() == nullptr ? "" : bytes.data();
    check(sqlite3_bind_blob64(statement_, ++bound_, at, bytes.size(), SQLITE_STATIC));
    return *this;
}

query& query::bind_text(std::string_view text) {
    const char* at = text.data() == nullptr ? "" : text.data();
    check(sqlite3_bind_text64(statement_, ++bound_, at, text.size(), SQLITE_STATIC, SQLITE_UTF8));
    return *this;
}

bool query::step() {
    const int code = sqlite3_step(statement_);
    if (code == SQLITE_ROW) return true;
    if (code == SQLITE_DONE) return false;
    on_.fail(code, sqlite3_sql(statement_));
}

void query::expect(int column, int type) const {
    if (sqlite3_column_type(statement_, column) == type) return;
    throw error(errc::corrupt, fmt::format("sqlite: column {} of \"{}\" has an unexpected type",
                                           column, sqlite3_sql(statement_)));
}

std::int64_t query::integer(int column) const {
    expect(column, SQLITE_INTEGER);
    return sqlite3_column_int64(statement_, column);
}

std::string_view query::blob(int column) const {
    expect(column, SQLITE_BLOB);
    const void* bytes = sqlite3_column_blob(statement_, column);
    const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement_, column));
    return bytes == nullptr ? std::string_view("")
                            : std::string_view(static_cast<const char*>(bytes), size);
}

std::string_view query::text(int column) const {
    expect(column, SQLITE_TEXT);
    const void* bytes = sqlite3_column_text(statement_, column);
    const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement_, column));
    return bytes == nullptr ? std::string_view("")
                            : std::string_view(static_cast<const char*>(bytes), size);
}

}  // namespace reeve::backends::sqlite
