#pragma once

#include "reeve/backends/file_system.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_set>

// The store's directory:
//
//   reeve-object-store    the marker: its one line names the format. Written last
//   objects/              the tree of objects, see key_names.hpp
//   locks/00 ... ff       locked while an object whose key hashes there is replaced or removed
//   temporary/<owner>/    files that an open store is writing; it holds temporary/<owner>/lock
namespace reeve::backends::files {

/// A file that is not yet an object. Its name is removed at the end, if it is still there.
class staged_file {
public:
    /// The new file `path`.
    staged_file(file_system& files, std::string path);
    staged_file(const staged_file&) = delete;
    staged_file& operator=(const staged_file&) = delete;
    ~staged_file();

    /// The file, for writing.
    [[nodiscard]] file& content() noexcept { return *file_; }
    /// Its name.
    [[nodiscard]] const std::string& path() const noexcept { return path_; }
    /// The name was moved away: there is nothing to remove.
    void moved() noexcept { path_.clear(); }

private:
    file_system& files_;
    std::string path_;
    std::unique_ptr<file> file_;
};

/// Opens, marks and cleans the directory of a store, and makes directories in it durable. Calls may
/// overlap, from any thread. Throws reeve::error when opening, later what the file system throws.
class store_directory {
public:
    /// The tree of objects; ends with "/".
    static constexpr const char* tree = "objects/";

    /// Opens or makes the store; `name` is for the texts of errors. Throws errc::foreign if the
    /// directory is another's, errc::unsupported_format, errc::corrupt.
    store_directory(std::shared_ptr<file_system> files, std::string name);

    /// The file system below.
    [[nodiscard]] file_system& files() const noexcept { return *files_; }
    /// A new file that only this store knows.
    [[nodiscard]] std::unique_ptr<staged_file> stage();
    /// Held while the object of `key` is replaced or removed; waits for its turn.
    [[nodiscard]] std::unique_ptr<file_lock> lock_key(std::string_view key);
    /// Makes `directory` ("objects/" or below, ends with "/") and its parents, durably.
    void prepare(const std::string& directory);

private:
    enum class state { empty, marked };
    [[nodiscard]] state read_state();
    [[nodiscard]] bool is_marked();
    void check_marker(file& marker);
    void initialise();
    void make(const std::string& directory);
    void clean();
    void clean_owner(const std::string& directory);
    void take_ownership();

    std::shared_ptr<file_system> files_;
    std::string name_;
    std::string owner_;  // "temporary/<owner>/"
    std::unique_ptr<file_lock> owner_lock_;
    std::atomic<std::uint64_t> staged_ = 0;
    std::mutex durable_mutex_;
    std::unordered_set<std::string> durable_;  // directories that survive a loss of power
};

/// Syncs unless the guard core::guard::fsync is switched off.
void sync(file& target);
/// Syncs unless the guard core::guard::fsync is switched off.
void sync_directory(file_system& files, const std::string& directory);

}  // namespace reeve::backends::files
