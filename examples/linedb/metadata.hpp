#pragma once

#include "directory.hpp"
#include "reeve/backends/event_loop.hpp"
#include "reeve/core/awaitable.hpp"
#include "reeve/core/callback.hpp"
#include "reeve/core/error.hpp"
#include "reeve/core/runtime.hpp"
#include "reeve/storage/metadata_store.hpp"
#include "store_address.hpp"

#include <cstddef>
#include <memory>
#include <optional>
#include <string>

namespace linedb {

/// Where a database keeps its metadata.
struct metadata_place {
    example::store_address address;
    std::string prefix;  ///< of all its keys, so that databases can share a cluster; etcd only

    /// May there be something? False: the file has not been created yet.
    [[nodiscard]] bool exists() const;
    /// Opens it; creates the file.
    [[nodiscard]] std::unique_ptr<reeve::storage::metadata_store> open(
        reeve::core::runtime& strand, reeve::core::blocking_executor workers) const;
};

/// `wanted`, or the directory's own file.
[[nodiscard]] metadata_place place_of(const std::optional<example::store_address>& wanted,
                                      const data_directory& directory, const input_record& record);
/// What input_record::store says about it; asks an etcd cluster for its id. Throws reeve::error.
[[nodiscard]] std::string identity_of(const std::optional<example::store_address>& wanted,
                                      const data_directory& directory);

/// A store that is away now and may come back: worth another try. A full disk and missing
/// permissions are for people to mend.
[[nodiscard]] bool is_away(const reeve::error& failure) noexcept;

/// A page; tries for up to a minute while the store is away. References must outlive the call.
[[nodiscard]] reeve::awaitable<reeve::storage::page> list_patiently(
    reeve::core::runtime& strand, reeve::storage::metadata_store& store,
    reeve::storage::key_range range, std::size_t limit);

/// Reads metadata without a loop of the caller's. One thread.
class metadata_reader {
public:
    /// Opens the store.
    explicit metadata_reader(const metadata_place& place);

    /// See list_patiently; blocks.
    [[nodiscard]] reeve::storage::page list(const reeve::storage::key_range& range,
                                            std::size_t limit);

private:
    reeve::backends::event_loop loop_;
    reeve::core::runtime strand_{loop_};
    std::unique_ptr<reeve::storage::metadata_store> store_;
};

}  // namespace linedb
