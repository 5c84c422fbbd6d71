#include "backends/sqlite/file_kind.hpp"

#include "backends/sqlite/connection.hpp"
#include "reeve/core/guards.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <mutex>
#include <random>
#include <string>
#include <string_view>

namespace reeve::backends::sqlite {

namespace {

constexpr int header_bytes = 100;
constexpr std::string_view magic("SQLite format 3\0", 16);

[[noreturn]] void fail_system(int number, const std::string& path, std::string_view doing) {
    errc code = errc::unavailable;
    if (number == EACCES || number == EPERM || number == EROFS) code = errc::permission_denied;
    if (number == ENOENT || number == ENOTDIR) code = errc::not_found;
    if (number == ENOSPC || number == EDQUOT) code = errc::resource_exhausted;
    throw error(code, fmt::format("sqlite file {}: {}: {}", path, doing, std::strerror(number)));
}

class descriptor {
public:
    descriptor(const std::string& path, int flags) : number_(::open(path.c_str(), flags)) {}
    ~descriptor() {
        if (number_ >= 0) ::close(number_);
    }
    descriptor(const descriptor&) = delete;
    descriptor& operator=(const descriptor&) = delete;
    [[nodiscard]] int number() const noexcept { return number_; }

private:
    int number_;
};

enum class presence { absent, empty, filled };

presence look(const std::string& path) {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0) {
        if (errno == ENOENT) return presence::absent;
        fail_system(errno, path, "open");
    }
    if (!S_ISREG(status.st_mode)) {
        throw error(errc::invalid_argument, fmt::format("sqlite file {}: not a file", path));
    }
    return status.st_size == 0 ? presence::empty : presence::filled;
}

std::uint32_t big_endian(std::string_view bytes, std::size_t at, std::size_t size) {
    std::uint32_t value = 0;
    for (std::size_t next = at; next < at + size; ++next) {
        value = value << 8U | static_cast<unsigned char>(bytes[next]);
    }
    return value;
}

// Offsets: "The Database Header" of https://sqlite.org/fileformat2.html.
void check_head(const std::string& path, std::string_view head, std::uint64_t file_size,
                const file_kind& kind) {
    const auto known = head.substr(0, magic.size());
    if (known != magic.substr(0, known.size())) {
        throw error(errc::foreign, fmt::format("sqlite file {}: not an SQLite database", path));
    }
    if (head.size() < header_bytes) {
        throw error(errc::corrupt,
                    fmt::format("sqlite file {}: cut off after {} bytes", path, file_size));
    }
    const auto application_id = big_endian(head, 68, 4);
    if (application_id != kind.application_id) {
        throw error(errc::foreign,
                    fmt::format("sqlite file {}: its application id is {:#x}, not that of a reeve "
                                "{} ({:#x})",
                                path, application_id, kind.noun, kind.application_id));
    }
    const auto format = big_endian(head, 62, 2);
    const auto min_reader = big_endian(head, 60, 2);
    if (format == 0 || min_reader == 0 || min_reader > format) {
        throw error(errc::corrupt,
                    fmt::format("sqlite file {}: impossible format {}, readable from {}", path,
                                format, min_reader));
    }
    if (min_reader > kind.format) {
        throw error(errc::unsupported_format,
                    fmt::format("sqlite file {}: a {} of format {}, readable from release format "
                                "{} on; this release reads up to {}",
                                path, kind.noun, format, min_reader, kind.format));
    }
    const std::uint64_t page = big_endian(head, 16, 2) == 1 ? 65536 : big_endian(head, 16, 2);
    struct stat log {};
    const bool has_log = ::stat((path + "-wal").c_str(), &log) == 0 && log.st_size > 0;
    const auto expected = page * big_endian(head, 28, 4);
    if (!has_log && file_size < expected) {
        throw error(errc::corrupt, fmt::format("sqlite file {}: cut off after {} of {} bytes", path,
                                               file_size, expected));
    }
}

// A file under construction; removed unless it was put in place.
class new_file {
public:
    explicit new_file(const std::string& path)
        : path_(fmt::format("{}.new-{}-{:08x}", path, ::getpid(), std::random_device()())) {}
    ~new_file() {
        if (placed_) return;
        for (const char* part : {"", "-journal", "-wal", "-shm"}) {
            ::unlink((path_ + part).c_str());
        }
    }
    new_file(const new_file&) = delete;
    new_file& operator=(const new_file&) = delete;
    [[nodiscard]] const std::string& path() const noexcept { return path_; }
    void placed() noexcept { placed_ = true; }

private:
    std::string path_;
    bool placed_ = false;
};

// Closing the only connection also removes the empty log, so that one file is left to rename.
void fill(const std::string& path, const sqlite_options& options, const file_kind& kind) {
    connection made(path, access::create, options.vfs, options.busy_patience);
    made.run("PRAGMA page_size = 4096; PRAGMA synchronous = FULL; BEGIN EXCLUSIVE");
    made.run(fmt::format("PRAGMA application_id = {}", kind.application_id).c_str());
    made.run(fmt::format("PRAGMA user_version = {}",
                         std::uint32_t{kind.min_reader} << 16U | std::uint32_t{kind.format})
                 .c_str());
    made.run(kind.schema);
    made.run("COMMIT; PRAGMA journal_mode = WAL");
}

void sync_path(const std::string& path, int flags) {
    const descriptor opened(path, flags | O_CLOEXEC);
    if (opened.number() < 0) fail_system(errno, path, "open");
    if (::fsync(opened.number()) != 0) fail_system(errno, path, "sync");
}

void place_at_absent(new_file& made, const std::string& path) {
    int result =
        ::renameat2(AT_FDCWD, made.path().c_str(), AT_FDCWD, path.c_str(), RENAME_NOREPLACE);
    if (result == 0) return made.placed();
    if (errno == EEXIST) return;  // somebody else was faster
    if (errno != EINVAL && errno != ENOSYS) fail_system(errno, path, "create");
    // A file system that cannot rename without replacing.
    result = ::link(made.path().c_str(), path.c_str());
    if (result != 0 && errno != EEXIST) fail_system(errno, path, "create");
}

// Whoever holds the lock of the empty file that is still there may replace it.
void place_at_empty(new_file& made, const std::string& path, const sqlite_options& options) {
    const descriptor there(path, O_RDWR | O_CLOEXEC);
    if (there.number() < 0) {
        if (errno == ENOENT) return;
        fail_system(errno, path, "open");
    }
    const auto since = core::system_clock::instance().now();
    while (::flock(there.number(), LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK && errno != EINTR) fail_system(errno, path, "lock");
        if (core::system_clock::instance().now() - since > options.busy_patience) {
            throw error(errc::unavailable,
                        fmt::format("sqlite file {}: empty, and locked by somebody", path));
        }
        sqlite3_sleep(1);
    }
    struct stat locked {};
    struct stat named {};
    if (::fstat(there.number(), &locked) != 0) fail_system(errno, path, "look at");
    if (::stat(path.c_str(), &named) != 0) return;  // looked at again by the caller
    const bool same = locked.st_ino == named.st_ino && locked.st_dev == named.st_dev;
    if (!same || named.st_size != 0) return;
    if (::rename(made.path().c_str(), path.c_str()) != 0) fail_system(errno, path, "create");
    made.placed();
}

void create(const sqlite_options& options, const file_kind& kind, presence before) {
    new_file made(options.path);
    fill(made.path(), options, kind);
    if (core::enforced(core::guard::fsync)) sync_path(made.path(), O_RDONLY);
    if (before == presence::absent) {
        place_at_absent(made, options.path);
    } else {
        place_at_empty(made, options.path, options);
    }
    const auto directory = std::filesystem::path(options.path).parent_path().string();
    if (core::enforced(core::guard::fsync)) sync_path(directory, O_RDONLY | O_DIRECTORY);
}

}  // namespace

// Closing a descriptor of a file drops the process's record locks on it, those of SQLite included
// (https://sqlite.org/howtocorrupt.html, 2.2). Here one is opened for an empty file only, and the
// lock sees to it that no other thread of this process has gone on to open that file with SQLite.
void prepare_file(const sqlite_options& options, const file_kind& kind) {
    static std::mutex one_at_a_time;
    const std::lock_guard lock(one_at_a_time);
    for (auto found = look(options.path); found != presence::filled; found = look(options.path)) {
        create(options, kind, found);
    }
    connection there(options.path, access::read_only, options.vfs, options.busy_patience);
    auto head = there.head(header_bytes);
    // Not from SQLite, which takes one byte for none.
    const auto size = std::filesystem::file_size(options.path);
    if (size < head.size()) head.resize(size);
    check_head(options.path, head, size, kind);
}

}  // namespace reeve::backends::sqlite
