#pragma once

#include "reeve/core/callback.hpp"
#include "reeve/core/runtime.hpp"
#include "reeve/storage/object_store.hpp"

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace reeve::storage {

/// The same promises as object_store, as plain functions. Functions may be called at once from
/// several threads. Keys are already validated.
class blocking_object_store {
public:
    virtual ~blocking_object_store() = default;

    /// See object_store::capabilities. Called from any thread.
    [[nodiscard]] virtual object_capabilities capabilities() const noexcept = 0;
    /// See object_store::limits. Called from any thread.
    [[nodiscard]] virtual object_limits limits() const noexcept = 0;
    /// See object_store::put.
    virtual object_version put(const std::string& key, const std::string& bytes) = 0;
    /// See object_store::put_if_absent.
    virtual std::optional<object_version> put_if_absent(const std::string& key,
                                                        const std::string& bytes) = 0;
    /// See object_store::put_if_match.
    virtual std::optional<object_version> put_if_match(const std::string& key,
                                                       const std::string& bytes,
                                                       const object_version& expected) = 0;
    /// See object_store::get.
    virtual std::optional<object> get(const std::string& key, byte_range range) = 0;
    /// See object_store::head.
    virtual std::optional<object_meta> head(const std::string& key) = 0;
    /// See object_store::remove.
    virtual void remove(const std::string& key) = 0;
    /// See object_store::remove_many. The default removes one after the other.
    virtual std::vector<remove_result> remove_many(const std::vector<std::string>& keys);
    /// See object_store::list.
    virtual object_page list(const std::string& prefix, const std::string& after,
                             std::size_t limit) = 0;
    /// See object_store::server_time.
    virtual core::wall_time server_time() = 0;
};

/// An object_store over blocking functions that run on `workers`. A cancelled call is detached, and
/// a write then reports errc::outcome_unknown. `strand` must outlive the store.
[[nodiscard]] std::unique_ptr<object_store> from_blocking(
    core::runtime& strand, std::shared_ptr<blocking_object_store> store,
    core::blocking_executor workers);

}  // namespace reeve::storage
