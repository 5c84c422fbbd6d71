#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace linedb_test {

/// A directory for the files of one test, removed at the end.
class scratch {
public:
    scratch();
    ~scratch();
    scratch(const scratch&) = delete;
    scratch& operator=(const scratch&) = delete;

    /// The path of a file in it.
    [[nodiscard]] std::string path(const std::string& name) const {
        return (root_ / name).string();
    }
    /// Writes a file and returns its path.
    [[nodiscard]] std::string file(const std::string& name, const std::string& bytes) const;

private:
    std::filesystem::path root_;
};

/// How a program ended, and what it printed.
struct ended {
    int code = -1;       ///< exit code; -1: it was killed
    std::string output;  ///< standard output
    std::string errors;  ///< standard error
};

/// The program linedb, running.
class program {
public:
    /// Starts it with these arguments.
    explicit program(const std::vector<std::string>& arguments);
    /// Kills it if it still runs.
    ~program();
    program(const program&) = delete;
    program& operator=(const program&) = delete;

    /// Has it ended within this time?
    [[nodiscard]] bool ends_within(std::chrono::milliseconds time) const;
    /// SIGKILL, at once.
    void kill() const;
    /// Waits for its end, at most ten minutes; then kills it, and the code is -1.
    [[nodiscard]] ended wait();

private:
    pid_t id_ = -1;
    int descriptor_ = -1;
    std::string output_;
    std::string errors_;
};

/// Runs linedb to its end.
[[nodiscard]] ended linedb(const std::vector<std::string>& arguments);

/// What a file holds.
[[nodiscard]] std::string content(const std::string& path);

/// Inverts the bits of one byte of a file.
void damage(const std::string& path, std::uint64_t offset);

}  // namespace linedb_test
