#pragma once

#include "reeve/core/clock.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace reeve::backends {

/// What a name in a directory stands for.
enum class file_kind : std::uint8_t {
    regular,    ///< a file of bytes
    directory,  ///< a directory
    other,      ///< a symbolic link, a device, a socket or a pipe
};

/// An open file. Calls do not overlap. Closing reports nothing: what must be durable was synced.
/// Failures: std::system_error with errno's number in std::generic_category().
class file {
public:
    virtual ~file() = default;

    /// Adds bytes at the end. After a failure any part of them may be there.
    virtual void append(std::string_view bytes) = 0;
    /// Up to `length` bytes from `offset`; fewer only at the end of the file.
    [[nodiscard]] virtual std::string read(std::uint64_t offset, std::size_t length) = 0;
    /// Bytes in the file.
    [[nodiscard]] virtual std::uint64_t size() = 0;
    /// Returns when all bytes would survive a loss of power. A failed sync must not be tried again:
    /// the kernel may have dropped the bytes, and a second call may then succeed (fsync of Linux).
    virtual void sync() = 0;
};

/// Held until destroyed, or until the process ends.
class file_lock {
public:
    virtual ~file_lock() = default;
};

/// Whether to wait for a lock.
enum class lock_wait : std::uint8_t {
    block,  ///< until it is free
    never,  ///< give up at once
};

/// Everything that the file store asks of the machine, so that tests can put a simulated disk below
/// it (testing::simulated_disk). Paths are relative to one directory, parts separated by `/`; links
/// are not followed. An entry of a directory survives a loss of power only after sync_directory.
///
/// Threading: calls may overlap, from any thread. Failures: std::system_error with errno's number
/// in std::generic_category().
class file_system {
public:
    virtual ~file_system() = default;

    /// A new, empty file. Fails with EEXIST if the name is taken.
    [[nodiscard]] virtual std::unique_ptr<file> create(const std::string& path) = 0;
    /// The file, for reading; nullptr if there is none. Fails with ELOOP for a symbolic link,
    /// EISDIR for a directory, ENXIO for what else is no regular file, ENOTDIR if a parent is none.
    [[nodiscard]] virtual std::unique_ptr<file> open(const std::string& path) = 0;
    /// Gives the file a second name, atomically. Fails with EEXIST if `to` is taken.
    virtual void link(const std::string& from, const std::string& to) = 0;
    /// Moves the name, atomically, in place of what `to` was.
    virtual void rename(const std::string& from, const std::string& to) = 0;
    /// Removes a name. Fails with ENOENT if there is none.
    virtual void remove(const std::string& path) = 0;
    /// A new directory. Fails with EEXIST if the name is taken.
    virtual void make_directory(const std::string& path) = 0;
    /// Removes an empty directory. Fails with ENOENT or ENOTEMPTY.
    virtual void remove_directory(const std::string& path) = 0;
    /// Returns when the directory's entries would survive a loss of power. "" is the root.
    virtual void sync_directory(const std::string& path) = 0;
    /// Calls `each` for every entry but the directory itself and its parent, in no order. Entries
    /// that come or go meanwhile may be missed. Fails with ENOENT. "" is the root.
    virtual void list(const std::string& path,
                      const std::function<void(std::string_view, file_kind)>& each) = 0;
    /// An exclusive lock on a file, which is created if it is missing; excludes other threads and
    /// other processes. nullptr: taken, and `wait` says never.
    [[nodiscard]] virtual std::unique_ptr<file_lock> lock(const std::string& path,
                                                          lock_wait wait) = 0;
    /// When an entry of the directory last came, went or was replaced, by the clock of `now`, as
    /// coarse as the machine keeps it. Fails with ENOENT. "" is the root.
    [[nodiscard]] virtual core::wall_time changed_at(const std::string& path) = 0;
    /// The machine's wall clock.
    [[nodiscard]] virtual core::wall_time now() = 0;
    /// 64 bits that nobody else has, in any process.
    [[nodiscard]] virtual std::uint64_t unique() = 0;
};

/// The machine's file system below `directory`, which is created (with its parents) if it is
/// missing. Links inside are never followed. Throws std::system_error.
[[nodiscard]] std::shared_ptr<file_system> open_posix_file_system(const std::string& directory);

}  // namespace reeve::backends
