#pragma once

#include "reeve/core/callback.hpp"
#include "reeve/core/runtime.hpp"
#include "reeve/storage/metadata_store.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace example {

/// A metadata store as people name it on a command line.
struct store_address {
    /// What keeps the records.
    enum class kind : std::uint8_t { sqlite, etcd };
    kind what = kind::sqlite;
    std::string file;                    ///< sqlite: the database file
    std::vector<std::string> endpoints;  ///< etcd: members, HOST:PORT
};

/// What `parse_store_address` accepts.
inline constexpr std::string_view store_addresses = "sqlite:FILE or etcd:HOST:PORT[,HOST:PORT...]";

/// Reads "sqlite:FILE" or "etcd:HOST:PORT[,HOST:PORT...]"; a host may be "[v6]". Throws
/// std::invalid_argument, whose text says what is wrong and what is accepted.
[[nodiscard]] store_address parse_store_address(const std::string& text);
/// The address as it is written.
[[nodiscard]] std::string to_string(const store_address& address);

/// Opens the store; creates an SQLite file that is not there. On etcd all keys stand behind
/// `key_prefix`, unseen by the caller. `strand` must outlive the store. Throws reeve::error:
/// errc::unsupported if this program was built without such stores, and what opening throws.
[[nodiscard]] std::unique_ptr<reeve::storage::metadata_store> open_store(
    reeve::core::runtime& strand, reeve::core::blocking_executor workers,
    const store_address& address, const std::string& key_prefix = {});

/// Which store it is, whatever path or member leads to it: "sqlite:" and the absolute path, or
/// "etcd:" and the id of the cluster, which is asked for (blocks). Throws reeve::error.
[[nodiscard]] std::string identity(const store_address& address);

}  // namespace example
