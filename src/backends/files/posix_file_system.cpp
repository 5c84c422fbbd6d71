#include "reeve/backends/file_system.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <system_error>
#include <utility>

namespace reeve::backends {

namespace {

[[noreturn]] void fail(int number, const char* what, const std::string& path) {
    throw std::system_error(number, std::generic_category(), std::string(what) + " " + path);
}

// Calls until the call is not interrupted by a signal.
template <class Call>
auto retried(Call call) {
    for (;;) {
        const auto result = call();
        if (result >= 0 || errno != EINTR) return result;
    }
}

class descriptor {
public:
    explicit descriptor(int number) noexcept : number_(number) {}
    descriptor(descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
    descriptor& operator=(descriptor&&) = delete;
    ~descriptor() {
        if (number_ >= 0) ::close(number_);
    }
    [[nodiscard]] int get() const noexcept { return number_; }
    [[nodiscard]] int release() noexcept { return std::exchange(number_, -1); }

private:
    int number_;
};

// Below `directory` only, following no link on the way; -1 with errno on failure.
int open_below(int directory, const std::string& path, int flags, ::mode_t mode) {
    ::open_how how{};
    how.flags = static_cast<std::uint64_t>(flags | O_CLOEXEC);
    how.mode = mode;
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
    const char* name = path.empty() ? "." : path.c_str();
    const auto number =
        retried([&] { return ::syscall(SYS_openat2, directory, name, &how, sizeof(how)); });
    if (number >= 0 || (errno != ENOSYS && errno != EPERM)) return static_cast<int>(number);
    // A kernel before 5.6, or a sandbox: at least the last part is not followed.
    return retried([&] { return ::openat(directory, name, flags | O_CLOEXEC | O_NOFOLLOW, mode); });
}

class posix_file final : public file {
public:
    posix_file(descriptor opened, std::string path)
        : opened_(std::move(opened)), path_(std::move(path)) {}

    void append(std::string_view bytes) override {
        while (!bytes.empty()) {
            const auto chunk = std::min<std::size_t>(bytes.size(), 1U << 30U);
            const auto written =
                retried([&] { return ::write(opened_.get(), bytes.data(), chunk); });
            if (written < 0) fail(errno, "write", path_);
            if (written == 0) fail(EIO, "write", path_);
            bytes.remove_prefix(static_cast<std::size_t>(written));
        }
    }

    std::string read(std::uint64_t offset, std::size_t length) override {
        const auto bytes_in_file = size();
        if (offset >= bytes_in_file) return {};
        std::string bytes(std::min<std::uint64_t>(length, bytes_in_file - offset), '\0');
        std::size_t done = 0;
        while (done < bytes.size()) {
            const auto got = retried([&] {
                return ::pread(opened_.get(), bytes.data() + done, bytes.size() - done,
                               static_cast<::off_t>(offset + done));
            });
            if (got < 0) fail(errno, "read", path_);
            if (got == 0) break;
            done += static_cast<std::size_t>(got);
        }
        bytes.resize(done);
        return bytes;
    }

    std::uint64_t size() override {
        struct ::stat status {};
        if (::fstat(opened_.get(), &status) != 0) fail(errno, "stat", path_);
        return static_cast<std::uint64_t>(status.st_size);
    }

    void sync() override {
        if (retried([&] { return ::fsync(opened_.get()); }) != 0) fail(errno, "sync", path_);
    }

private:
    descriptor opened_;
    std::string path_;
};

class posix_lock final : public file_lock {
public:
    explicit posix_lock(descriptor opened) : opened_(std::move(opened)) {}

private:
    descriptor opened_;  // closing it gives up the lock
};

struct directory_stream {
    explicit directory_stream(::DIR* opened) : stream(opened) {}
    directory_stream(const directory_stream&) = delete;
    directory_stream& operator=(const directory_stream&) = delete;
    ~directory_stream() { ::closedir(stream); }
    ::DIR* stream;
};

file_kind kind_of_mode(::mode_t mode) {
    if (S_ISREG(mode)) return file_kind::regular;
    return S_ISDIR(mode) ? file_kind::directory : file_kind::other;
}

file_kind kind_of(int directory, const ::dirent& entry) {
    if (entry.d_type == DT_REG) return file_kind::regular;
    if (entry.d_type == DT_DIR) return file_kind::directory;
    if (entry.d_type != DT_UNKNOWN) return file_kind::other;
    struct ::stat status {};
    if (::fstatat(directory, entry.d_name, &status, AT_SYMLINK_NOFOLLOW) != 0) {
        return file_kind::other;
    }
    return kind_of_mode(status.st_mode);
}

class posix_file_system final : public file_system {
public:
    explicit posix_file_system(descriptor root) : root_(std::move(root)) {}

    std::unique_ptr<file> create(const std::string& path) override {
        descriptor opened(open_below(root_.get(), path, O_CREAT | O_EXCL | O_WRONLY, 0666));
        if (opened.get() < 0) fail(errno, "create", path);
        return std::make_unique<posix_file>(std::move(opened), path);
    }

    std::unique_ptr<file> open(const std::string& path) override {
        // O_NONBLOCK: a pipe must not make us wait.
        descriptor opened(open_below(root_.get(), path, O_RDONLY | O_NONBLOCK, 0));
        if (opened.get() < 0) {
            if (errno == ENOENT) return nullptr;
            fail(errno, "open", path);
        }
        struct ::stat status {};
        if (::fstat(opened.get(), &status) != 0) fail(errno, "stat", path);
        const auto kind = kind_of_mode(status.st_mode);
        if (kind != file_kind::regular) {
            fail(kind == file_kind::directory ? EISDIR : ENXIO, "open", path);
        }
        return std::make_unique<posix_file>(std::move(opened), path);
    }

    void link(const std::string& from, const std::string& to) override {
        const place source = place_of(from);
        const place target = place_of(to);
        if (::linkat(source.parent.get(), source.name.c_str(), target.parent.get(),
                     target.name.c_str(), 0) != 0) {
            fail(errno, "link", to);
        }
    }

    void rename(const std::string& from, const std::string& to) override {
        const place source = place_of(from);
        const place target = place_of(to);
        if (::renameat(source.parent.get(), source.name.c_str(), target.parent.get(),
                       target.name.c_str()) != 0) {
            fail(errno, "rename", to);
        }
    }

    void remove(const std::string& path) override {
        const place target = place_of(path);
        if (::unlinkat(target.parent.get(), target.name.c_str(), 0) != 0) {
            fail(errno, "remove", path);
        }
    }

    void make_directory(const std::string& path) override {
        const place target = place_of(path);
        if (::mkdirat(target.parent.get(), target.name.c_str(), 0777) != 0) {
            fail(errno, "make directory", path);
        }
    }

    void remove_directory(const std::string& path) override {
        const place target = place_of(path);
        if (::unlinkat(target.parent.get(), target.name.c_str(), AT_REMOVEDIR) != 0) {
            fail(errno == EEXIST ? ENOTEMPTY : errno, "remove directory", path);
        }
    }

    void sync_directory(const std::string& path) override {
        const descriptor opened = open_directory(path);
        if (retried([&] { return ::fsync(opened.get()); }) != 0) {
            fail(errno, "sync directory", path);
        }
    }

    void list(const std::string& path,
              const std::function<void(std::string_view, file_kind)>& each) override {
        descriptor opened = open_directory(path);
        ::DIR* stream = ::fdopendir(opened.get());
        if (stream == nullptr) fail(errno, "list", path);
        const int number = opened.release();
        const directory_stream entries(stream);
        for (;;) {
            errno = 0;
            const ::dirent* entry = ::readdir(stream);
            if (entry == nullptr) {
                if (errno != 0) fail(errno, "list", path);
                return;
            }
            const std::string_view name(static_cast<const char*>(entry->d_name));
            if (name != "." && name != "..") each(name, kind_of(number, *entry));
        }
    }

    std::unique_ptr<file_lock> lock(const std::string& path, lock_wait wait) override {
        const int how = LOCK_EX | (wait == lock_wait::never ? LOCK_NB : 0);
        for (;;) {
            descriptor opened(open_below(root_.get(), path, O_CREAT | O_RDWR, 0666));
            if (opened.get() < 0) fail(errno, "lock", path);
            if (retried([&] { return ::flock(opened.get(), how); }) != 0) {
                if (errno == EWOULDBLOCK) return nullptr;
                fail(errno, "lock", path);
            }
            // Whoever held it may have removed the file: then this is a lock on nothing.
            if (is_still(opened.get(), path))
                return std::make_unique<posix_lock>(std::move(opened));
        }
    }

    core::wall_time changed_at(const std::string& path) override {
        const descriptor opened = open_directory(path);
        struct ::stat status {};
        if (::fstat(opened.get(), &status) != 0) fail(errno, "stat", path);
        return core::wall_time(std::chrono::seconds(status.st_mtim.tv_sec) +
                               std::chrono::nanoseconds(status.st_mtim.tv_nsec));
    }

    core::wall_time now() override { return core::system_clock::instance().wall_now(); }

    std::uint64_t unique() override {
        std::uint64_t number = 0;
        const auto got = retried([&] { return ::getrandom(&number, sizeof(number), 0); });
        if (got != static_cast<::ssize_t>(sizeof(number))) fail(EIO, "random", "bytes");
        return number;
    }

private:
    struct place {
        descriptor parent;
        std::string name;
    };

    [[nodiscard]] place place_of(const std::string& path) const {
        const auto slash = path.rfind('/');
        if (slash == std::string::npos) return {open_directory(""), path};
        return {open_directory(path.substr(0, slash)), path.substr(slash + 1)};
    }

    [[nodiscard]] descriptor open_directory(const std::string& path) const {
        descriptor opened(open_below(root_.get(), path, O_RDONLY | O_DIRECTORY, 0));
        if (opened.get() < 0) fail(errno, "open directory", path);
        return opened;
    }

    [[nodiscard]] bool is_still(int opened, const std::string& path) const {
        struct ::stat mine {};
        struct ::stat named {};
        if (::fstat(opened, &mine) != 0) fail(errno, "stat", path);
        if (::fstatat(root_.get(), path.c_str(), &named, AT_SYMLINK_NOFOLLOW) != 0) {
            if (errno == ENOENT) return false;
            fail(errno, "stat", path);
        }
        return mine.st_ino == named.st_ino && mine.st_dev == named.st_dev;
    }

    descriptor root_;
};

void sync_path(const std::filesystem::path& path) {
    const descriptor opened(
        retried([&] { return ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); }));
    if (opened.get() < 0) fail(errno, "open directory", path);
    if (retried([&] { return ::fsync(opened.get()); }) != 0) fail(errno, "sync directory", path);
}

// Makes the directory and its parents, each durable in its own parent.
void make_durable(const std::filesystem::path& directory) {
    if (directory.empty() || std::filesystem::is_directory(directory)) return;
    const auto parent = directory.parent_path();
    if (parent != directory) make_durable(parent);
    if (::mkdir(directory.c_str(), 0777) != 0 && errno != EEXIST) {
        fail(errno, "make directory", directory);
    }
    sync_path(parent.empty() ? std::filesystem::path(".") : parent);
}

}  // namespace

std::shared_ptr<file_system> open_posix_file_system(const std::string& directory) {
    std::filesystem::path path(directory);
    if (!path.has_filename()) path = path.parent_path();  // "data/" is "data"
    make_durable(path);
    descriptor root(
        retried([&] { return ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); }));
    if (root.get() < 0) fail(errno, "open directory", directory);
    return std::make_shared<posix_file_system>(std::move(root));
}

}  // namespace reeve::backends
