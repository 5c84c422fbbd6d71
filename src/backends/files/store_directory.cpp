#include "backends/files/store_directory.hpp"

#include "backends/files/failure.hpp"
#include "reeve/core/error.hpp"
#include "reeve/core/guards.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cstddef>
#include <system_error>
#include <utility>
#include <vector>

namespace reeve::backends::files {

namespace {

constexpr const char* marker_name = "reeve-object-store";
constexpr std::string_view marker_begin = "reeve-object-store format ";
constexpr std::uint64_t format_now = 1;
constexpr std::size_t marker_bytes_max = 64;
constexpr std::size_t durable_max = 16384;  // names that are remembered; then it starts again
constexpr std::size_t lock_count = 256;

bool is(const std::system_error& failure, std::errc what) { return failure.code() == what; }

// Removes what may be gone already.
void remove_if_there(file_system& files, const std::string& path) {
    try {
        files.remove(path);
    } catch (const std::system_error& failure) {
        if (!is(failure, std::errc::no_such_file_or_directory)) throw;
    }
}

std::vector<std::pair<std::string, file_kind>> entries_of(file_system& files,
                                                          const std::string& directory) {
    std::vector<std::pair<std::string, file_kind>> entries;
    try {
        files.list(directory, [&](std::string_view name, file_kind kind) {
            entries.emplace_back(name, kind);
        });
    } catch (const std::system_error& failure) {
        if (!is(failure, std::errc::no_such_file_or_directory)) throw;
    }
    return entries;
}

bool is_empty(file_system& files, const std::string& directory) {
    bool empty = true;
    files.list(directory, [&](std::string_view, file_kind) { empty = false; });
    return empty;
}

// FNV-1a: the same in every process and release, since all must agree on a key's lock.
std::size_t lock_of(std::string_view key) {
    std::uint64_t hash = 0xcbf29ce484222325ULL;
    for (const char c : key) {
        hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
    }
    return (hash ^ hash >> 32U) % lock_count;
}

}  // namespace

void sync(file& target) {
    if (core::enforced(core::guard::fsync)) target.sync();
}

void sync_directory(file_system& files, const std::string& directory) {
    if (core::enforced(core::guard::fsync)) files.sync_directory(directory);
}

staged_file::staged_file(file_system& files, std::string path)
    : files_(files), path_(std::move(path)), file_(files.create(path_)) {}

staged_file::~staged_file() {
    if (path_.empty()) return;
    try {
        files_.remove(path_);
    } catch (const std::system_error&) {
        // It stays in this store's own directory, which the next opening cleans.
    }
}

store_directory::store_directory(std::shared_ptr<file_system> files, std::string name)
    : files_(std::move(files)), name_(std::move(name)) {
    classified(effect::none, "object store " + name_, [this] {
        if (read_state() == state::empty) initialise();
        clean();
        take_ownership();
    });
}

bool store_directory::is_marked() {
    const auto marker = files_->open(marker_name);
    if (!marker) return false;
    check_marker(*marker);
    return true;
}

void store_directory::check_marker(file& marker) {
    const auto text = marker.read(0, marker_bytes_max);
    std::uint64_t format = 0;
    const char* end = text.data() + text.size();
    const bool ours = text.starts_with(marker_begin) && text.size() < marker_bytes_max;
    if (ours) {
        const auto parsed = std::from_chars(text.data() + marker_begin.size(), end, format);
        if (parsed.ec == std::errc() && parsed.ptr + 1 == end && *parsed.ptr == '\n' &&
            format > 0) {
            if (format <= format_now) return;
            throw error(errc::unsupported_format,
                        fmt::format("object store {} has format {}, this release reads up to {}",
                                    name_, format, format_now));
        }
    }
    if (marker_begin.starts_with(text) || ours) {
        throw error(errc::corrupt, "the marker of object store " + name_ + " is damaged");
    }
    throw error(errc::foreign, "directory " + name_ + " has the marker of something else");
}

// A crash before the marker is written leaves directories of ours without objects: still empty.
store_directory::state store_directory::read_state() {
    if (is_marked()) {
        for (const auto* part : {"objects", "locks", "temporary"}) {
            bool there = false;
            files_->list("", [&](std::string_view name, file_kind kind) {
                if (name == part && kind == file_kind::directory) there = true;
            });
            if (!there) {
                throw error(errc::corrupt,
                            "object store " + name_ + " lacks its directory " + part);
            }
        }
        return state::marked;
    }
    std::string stray;
    bool has_objects = false;
    for (const auto& [entry, kind] : entries_of(*files_, "")) {
        const bool directory = kind == file_kind::directory;
        const bool ours = directory && (entry == "objects" || entry == "locks" ||
                                        entry == "temporary" || entry == "lost+found");
        if (directory && entry == "objects") has_objects = !is_empty(*files_, entry);
        if (!ours) stray = entry;
    }
    if (!has_objects && stray.empty()) return state::empty;
    if (is_marked()) return state::marked;  // another process has just made the store
    throw error(errc::foreign, "directory " + name_ + " is not empty and no object store: it has " +
                                   (stray.empty() ? "objects, but no marker" : stray));
}

void store_directory::initialise() {
    for (const auto* part : {"objects", "locks", "temporary"}) make(part);
    sync_directory(*files_, "");
    take_ownership();
    const auto marker = stage();
    marker->content().append(fmt::format("{}{}\n", marker_begin, format_now));
    sync(marker->content());
    try {
        files_->link(marker->path(), marker_name);
    } catch (const std::system_error& failure) {
        if (!is(failure, std::errc::file_exists)) throw;  // another process was faster
    }
    sync_directory(*files_, "");
}

void store_directory::make(const std::string& directory) {
    try {
        files_->make_directory(directory);
    } catch (const std::system_error& failure) {
        if (!is(failure, std::errc::file_exists)) throw;
    }
}

// Owners are known dead when their lock is free. A file of an owner that has just come is safe:
// it takes its lock before it writes anything, and notices when that was removed.
void store_directory::clean() {
    for (const auto& [entry, kind] : entries_of(*files_, "temporary")) {
        const auto directory = "temporary/" + entry;
        if (kind != file_kind::directory) {
            throw error(errc::foreign, "file " + directory + " is not of this store");
        }
        if (directory + "/" != owner_) clean_owner(directory);
    }
}

void store_directory::clean_owner(const std::string& directory) {
    try {
        const auto lock = files_->lock(directory + "/lock", lock_wait::never);
        if (!lock) return;  // alive
        for (const auto& [entry, kind] : entries_of(*files_, directory)) {
            if (kind != file_kind::regular) {
                throw error(errc::foreign,
                            "file " + directory + "/" + entry + " is not of this store");
            }
            if (entry != "lock") remove_if_there(*files_, directory + "/" + entry);
        }
        remove_if_there(*files_, directory + "/lock");
        files_->remove_directory(directory);
    } catch (const std::system_error& failure) {
        const bool gone = is(failure, std::errc::no_such_file_or_directory);
        const bool used_again = is(failure, std::errc::directory_not_empty);
        if (!gone && !used_again) throw;  // others cleaned it, or its owner has just come
    }
}

void store_directory::take_ownership() {
    while (!owner_lock_) {
        const auto directory = fmt::format("temporary/{:016x}", files_->unique());
        try {
            files_->make_directory(directory);
            owner_lock_ = files_->lock(directory + "/lock", lock_wait::never);
            owner_ = directory + "/";
        } catch (const std::system_error& failure) {
            const bool cleaned = is(failure, std::errc::no_such_file_or_directory);
            if (!cleaned && !is(failure, std::errc::file_exists)) throw;
        }
    }
}

std::unique_ptr<staged_file> store_directory::stage() {
    return std::make_unique<staged_file>(*files_, owner_ + std::to_string(++staged_));
}

std::unique_ptr<file_lock> store_directory::lock_key(std::string_view key) {
    return files_->lock(fmt::format("locks/{:02x}", lock_of(key)), lock_wait::block);
}

void store_directory::prepare(const std::string& directory) {
    {
        const std::lock_guard lock(durable_mutex_);
        if (durable_.contains(directory)) return;
    }
    std::string parent(tree);
    while (parent.size() < directory.size()) {
        const auto end = directory.find('/', parent.size());
        const auto child = directory.substr(0, end);
        make(child);
        sync_directory(*files_, parent.substr(0, parent.size() - 1));
        parent = child + '/';
    }
    const std::lock_guard lock(durable_mutex_);
    if (durable_.size() >= durable_max) durable_.clear();
    durable_.insert(directory);
}

}  // namespace reeve::backends::files
