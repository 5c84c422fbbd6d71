#pragma once

#include "reeve/core/callback.hpp"
#include "reeve/core/runtime.hpp"
#include "reeve/storage/blocking_message_stream.hpp"
#include "reeve/storage/blocking_metadata_store.hpp"
#include "reeve/storage/message_stream.hpp"
#include "reeve/storage/metadata_store.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>

namespace reeve::backends {

/// Which file, and how it is used. A class with a user-declared constructor, so that it is safe
/// beside `co_await` (gcc 12.2).
struct sqlite_options {
    /// The file at `file`, everything else by default.
    explicit sqlite_options(std::string file) : path(std::move(file)) {}

    /// The database file. `path` + "-wal" and "-shm" belong to it: copy, move or remove the three
    /// together. It is created if absent; its directory must exist. Must be on a local file system
    /// (not NFS), because the processes share memory.
    std::string path;
    /// What a transaction and a page may hold (metadata only). `operations_max` is at most 2^20.
    storage::store_limits limits{4096, 4096, 16U << 20U, 3U << 19U, 10'000};
    /// Bytes of one message (streams only).
    std::size_t payload_bytes_max = 4U << 20U;
    /// How long a call waits while other processes or threads write, until it gives up with
    /// errc::unavailable.
    std::chrono::milliseconds busy_patience{5000};
    /// How often other processes' commits are looked for while somebody waits for changes (5 us
    /// each); also the longest that one stays unseen.
    std::chrono::milliseconds poll_interval{5};
    /// The changes of this many commits are kept for watches at most (metadata only). Writers
    /// forget older ones a little at a time, so somewhat more may be there.
    std::uint64_t history_commits_max = 100'000;
    /// Changes older than this, counted while the machine is up, are forgotten too (metadata only).
    std::chrono::milliseconds history_age_max = std::chrono::hours(24);
    /// Time since the machine started, of lease deadlines and history ages; nothing: the kernel's
    /// CLOCK_BOOTTIME. Called from any thread. Processes that share a file must agree on it.
    std::function<std::chrono::nanoseconds()> boot_time;
    /// Names the start of the machine that `boot_time` counts from; empty: the kernel's boot id.
    /// When it has changed, all leases start their time again.
    std::string boot_id;
    /// The SQLite VFS that files are accessed through; empty: the default one.
    std::string vfs;
};

/// Opens or creates a metadata store in one SQLite file. Several processes of one machine, and
/// several stores in a process, may share the file: each sees the others' commits.
///
/// Commits are durable (write-ahead log, synced) before they are acknowledged. Leases end without
/// any particular process alive: whoever reads, writes or waits for changes next carries out what
/// is due. A power loss or kill at any moment loses no acknowledged commit. The first write of a
/// kind that the disk refuses is an error of that call: errc::resource_exhausted (disk full) or
/// errc::unavailable (I/O error) if nothing was applied, errc::outcome_unknown if the sync of the
/// commit itself failed. After a failed checkpoint (the copying of committed changes from the log
/// into the file) commits are refused until one succeeds. Destroying the store writes nothing.
///
/// Throws errc::foreign (the file belongs to another program or is a message stream), errc::corrupt
/// (it is damaged), errc::unsupported_format (written by a newer release): such a file is left
/// untouched; errc::not_found (no such directory), errc::permission_denied, errc::unavailable,
/// errc::invalid_argument (an option out of range). Blocks while it opens.
///
/// Functions of the result: from any thread, at once; each blocks its caller. A read never waits
/// for a write to be synced, unless a lease is due.
[[nodiscard]] std::shared_ptr<storage::blocking_metadata_store> open_sqlite_metadata_file(
    sqlite_options options);

/// The same as a metadata_store for coroutines: `strand` must outlive it; the blocking calls run on
/// `workers`. The opening itself blocks the caller.
[[nodiscard]] std::unique_ptr<storage::metadata_store> open_sqlite_metadata_store(
    core::runtime& strand, core::blocking_executor workers, sqlite_options options);

/// Opens or creates message streams in one SQLite file, which holds nothing else. Sharing,
/// durability, failure, errors and threading as open_sqlite_metadata_file. A position is the
/// message's number within its stream, 8 bytes, big-endian, from 1; one past the end of the stream
/// is errc::invalid_argument.
[[nodiscard]] std::shared_ptr<storage::blocking_message_stream> open_sqlite_stream_file(
    sqlite_options options);

/// The same as a message_stream for coroutines; see open_sqlite_metadata_store.
[[nodiscard]] std::unique_ptr<storage::message_stream> open_sqlite_message_stream(
    core::runtime& strand, core::blocking_executor workers, sqlite_options options);

}  // namespace reeve::backends
