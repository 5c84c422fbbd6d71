#pragma once

#include "reeve/backends/file_system.hpp"
#include "reeve/core/callback.hpp"
#include "reeve/core/runtime.hpp"
#include "reeve/storage/blocking_object_store.hpp"
#include "reeve/storage/object_store.hpp"

#include <memory>
#include <string>

namespace reeve::backends {

/// Where and how objects are kept as files.
struct file_store_options {
    std::string directory;               ///< of the store; created if it is missing
    std::shared_ptr<file_system> files;  ///< nullptr: the machine's; else only named `directory`
    storage::object_limits limits;       ///< key_bytes_max at most 1024
};

/// Objects as files below one directory. Any number of threads and processes of one machine may use
/// a directory at once. Opening does blocking I/O on the calling thread.
///
/// A put writes a file of its own, syncs it, links or renames it into place and syncs the directory
/// before it returns. Exactly one of several put_if_absent wins (link), and put_if_match compares
/// the stored random version under a lock of the key, which a process that dies gives up. A reader
/// may see a put that has not returned yet; a loss of power may then undo it. What a condition
/// rejected is durable before the rejection is reported.
///
/// Each file states its key, version, length and checksums. A file that is damaged, truncated or
/// not ours is never read as an object, replaced or removed: every call that meets it, listings
/// too, throws errc::corrupt, errc::unsupported_format or errc::foreign, which names the file. So
/// does opening a directory that is neither empty nor a store.
///
/// A full disk is errc::resource_exhausted, a failing one errc::unavailable while nothing is
/// visible yet, and errc::outcome_unknown afterwards. What dead processes left half-written is
/// removed at opening. `/` in a key divides directories; a page of a listing reads those on its way
/// and holds a page of names of each. So that long listings do not read a large directory for each
/// page, up to 4 windows of 32768 names are remembered, as long as the directory's time of change
/// proves that nothing has changed in it for 3 s. Directories whose objects are all removed stay.
[[nodiscard]] std::shared_ptr<storage::blocking_object_store> open_blocking_file_object_store(
    file_store_options options);

/// The same as an object_store, whose file operations run on `workers`. `strand` must outlive it.
[[nodiscard]] std::unique_ptr<storage::object_store> open_file_object_store(
    core::runtime& strand, core::blocking_executor workers, file_store_options options);

}  // namespace reeve::backends
