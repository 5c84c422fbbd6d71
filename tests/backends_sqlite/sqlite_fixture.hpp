#pragma once

#include "catch.hpp"
#include "reeve/backends/sqlite.hpp"
#include "reeve/core/error.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <optional>
#include <string>

namespace sqlite_test {

using namespace std::chrono_literals;
using reeve::errc;
using reeve::backends::sqlite_options;
using reeve::storage::key_range;
using reeve::storage::revision;
using reeve::storage::transaction;

using metadata_file = std::shared_ptr<reeve::storage::blocking_metadata_store>;

/// A directory that is removed with its contents.
class scratch {
public:
    scratch() {
        std::string name = (std::filesystem::temp_directory_path() / "reeve-XXXXXX").string();
        REQUIRE(::mkdtemp(name.data()) != nullptr);
        path_ = name;
    }
    ~scratch() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    scratch(const scratch&) = delete;
    scratch& operator=(const scratch&) = delete;
    [[nodiscard]] std::string file(const std::string& name = "store.db") const {
        return (path_ / name).string();
    }
    [[nodiscard]] const std::filesystem::path& path() const { return path_; }

private:
    std::filesystem::path path_;
};

/// A machine whose time stands still until it is moved.
struct machine {
    std::chrono::nanoseconds up{1h};
    std::string boot_id = "first boot";

    /// Options of a process on this machine, which must outlive it.
    [[nodiscard]] sqlite_options options(const std::string& path) const {
        sqlite_options result(path);
        result.boot_time = [this] { return up; };
        result.boot_id = boot_id;
        return result;
    }
    void restart() {
        up = 5s;
        boot_id += "+";
    }
};

/// The code of the reeve::error that `call` throws; nothing if it throws none.
template <class Call>
std::optional<errc> code_of(Call call) {
    try {
        call();
    } catch (const reeve::error& failure) {
        return failure.code_value();
    }
    return std::nullopt;
}

inline std::string contents(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

inline void write_file(const std::string& path, const std::string& bytes) {
    std::ofstream(path, std::ios::binary) << bytes;
}

/// Commits one put, whatever was there.
inline revision put(reeve::storage::blocking_metadata_store& store, const std::string& key,
                    const std::string& value, reeve::storage::lease_id lease = {}) {
    transaction change;
    change.put(key, value, lease);
    return store.commit(change).at;
}

/// A forked process that runs `body` and exits with what it returns.
class child {
public:
    explicit child(const std::function<int()>& body) : id_(::fork()) {
        if (id_ != 0) return;
        int code = 99;
        try {
            code = body();
        } catch (const std::exception& failure) {
            std::fprintf(stderr, "child: %s\n", failure.what());
        }
        ::_exit(code);
    }
    ~child() {
        if (id_ > 0) {
            kill();
            wait();
        }
    }
    child(const child&) = delete;
    child& operator=(const child&) = delete;
    void kill() const { ::kill(id_, SIGKILL); }
    /// The exit code; -1 if it was killed.
    int wait() {
        int status = 0;
        ::waitpid(id_, &status, 0);
        id_ = 0;
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    }

private:
    ::pid_t id_;
};

}  // namespace sqlite_test
