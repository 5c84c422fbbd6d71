#pragma once

#include "input.hpp"

#include <cstddef>
#include <memory>
#include <optional>
#include <string>

namespace linedb {

/// Which input a directory belongs to: its file `input`.
struct input_record {
    std::string path;          ///< where it was first seen, for people
    input_identity identity;   ///< what it is
    std::size_t channels = 0;  ///< lines are spread over so many
    std::string store;         ///< identity of the metadata store; empty: the directory's own file
    std::string token;  ///< random, tells apart directories that share a store; empty: own file
};

/// Held exclusively as long as it exists; the kernel takes it from a process that dies. Whoever
/// holds it knows that no other run works on the directory.
class directory_lock {
public:
    /// For data_directory.
    explicit directory_lock(int file) noexcept : file_(file) {}
    ~directory_lock();
    directory_lock(const directory_lock&) = delete;
    directory_lock& operator=(const directory_lock&) = delete;

private:
    int file_;
};

/// The directory of one database. Its small files are written under another name, synced and
/// renamed, so that a kill leaves the old one or the new one. Throws reeve::error.
class data_directory {
public:
    /// Touches nothing.
    explicit data_directory(std::string path) : path_(std::move(path)) {}

    [[nodiscard]] const std::string& path() const noexcept { return path_; }
    [[nodiscard]] std::string metadata() const { return path_ + "/metadata.sqlite"; }
    [[nodiscard]] std::string streams() const { return path_ + "/streams.sqlite"; }
    [[nodiscard]] std::string objects() const { return path_ + "/objects"; }

    /// Creates the directory if it is missing and locks it. Throws errc::locked if a run holds it,
    /// errc::foreign if it holds something else than a database: then it is left untouched.
    [[nodiscard]] std::unique_ptr<directory_lock> lock() const;

    /// Which input it belongs to; nothing: none yet. Throws errc::not_found (no such directory),
    /// errc::foreign, errc::corrupt, errc::unsupported_format.
    [[nodiscard]] std::optional<input_record> input() const;
    /// The same, for commands that need one: errc::not_found if there is none yet.
    [[nodiscard]] input_record require_input() const;
    /// Records the input. The lock must be held.
    void claim(const input_record& record) const;
    /// Throws errc::foreign unless `record` belongs to the metadata store with this identity;
    /// empty: the directory's own file.
    void check_store(const input_record& record, const std::string& identity) const;
    /// Throws errc::foreign unless `record` has this content.
    void check_same(const input_record& record, const input_identity& identity,
                    const std::string& path) const;

    /// Has a run stored and verified all lines?
    [[nodiscard]] bool finished(const input_record& record) const;
    /// Records that. The lock must be held.
    void finish(const input_record& record) const;

private:
    void refuse_foreign() const;
    [[nodiscard]] std::optional<input_record> read(const char* name) const;
    void write(const char* name, const input_record& record) const;

    std::string path_;
};

/// Names the database in the metadata store, so that files of another one are noticed.
[[nodiscard]] std::string cluster_id(const input_record& record);

}  // namespace linedb
