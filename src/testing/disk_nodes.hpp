#pragma once

#include "reeve/backends/file_system.hpp"
#include "reeve/core/random.hpp"

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

// The files and directories of a simulated_disk: what programs see, and beside it what a loss of
// power may leave. Not thread-safe: the disk's mutex guards all.
namespace reeve::testing::disk {

struct node;
using node_pointer = std::shared_ptr<node>;

/// A file or a directory. Names are entries of directories; a file may have several.
struct node {
    /// Empty.
    explicit node(backends::file_kind what) : kind(what) {}

    backends::file_kind kind;  ///< regular or directory

    std::string bytes;   ///< of a file, as programs read it
    std::string synced;  ///< of a file, what survives
    bool lost = false;   ///< of a file: a sync failed, later ones keep nothing

    std::map<std::string, node_pointer> entries;         ///< of a directory, as programs see it
    std::map<std::string, node_pointer> synced_entries;  ///< of a directory, what survives
    /// Of a directory: the states that a name had since it was synced (nullptr: absent).
    std::map<std::string, std::vector<node_pointer>> unsynced;

    /// The entry, or nullptr.
    [[nodiscard]] node_pointer find(const std::string& name) const;
    /// A new entry. Fails with EEXIST.
    void add(const std::string& name, node_pointer child);
    /// Replaces, adds or (nullptr) removes an entry.
    void set(const std::string& name, node_pointer child);
    /// All bytes survive, unless a sync has failed before.
    void sync_bytes();
    /// All entries survive.
    void sync_entries();
    /// A sync of the bytes failed.
    void lose_unsynced() noexcept { lost = true; }
};

/// A name and the directory that it is in, or would be.
struct place {
    node_pointer directory;  ///< exists
    std::string name;        ///< may not exist in it
};

/// What is at `path`, or nullptr. Fails with ENOTDIR.
[[nodiscard]] node_pointer find(const node_pointer& root, const std::string& path);
/// What is at `path`. Fails with ENOENT, ENOTDIR.
[[nodiscard]] node_pointer require(const node_pointer& root, const std::string& path);
/// Where `path` is or would be. Fails with ENOENT, ENOTDIR.
[[nodiscard]] place find_parent(const node_pointer& root, const std::string& path);

/// What the disk holds after a loss of power.
[[nodiscard]] node_pointer after_crash(const node& root, core::random& random);

/// Adds the contents of all files below, by path.
void collect(const node& directory, const std::string& head,
             std::map<std::string, std::string>& all);

/// A durable file at `path`, and its directories.
void plant_file(const node_pointer& root, std::string_view path, std::string bytes);

}  // namespace reeve::testing::disk
