#pragma once

#include "reeve/core/awaitable.hpp"
#include "reeve/core/runtime.hpp"
#include "reeve/storage/object_store.hpp"
#include "reeve/testing/conformance.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <vector>

namespace reeve::testing {

/// Opens the object store under test.
class object_store_factory : public check_factory {
public:
    /// Opens the store. Every call since `reset` gives another handle on the same objects; after
    /// all handles are closed the objects are still there.
    virtual awaitable<std::unique_ptr<storage::object_store>> open(core::runtime& strand) = 0;

    /// The largest object that is tried, at most object_limits::object_bytes_max. The default is
    /// 8 MiB.
    [[nodiscard]] virtual std::uint64_t tried_bytes_max() const;

    /// How far the machine's wall clock or the store's resolution may put last_modified outside of
    /// the time of the put, by the store's own clock. The default is 2 s.
    [[nodiscard]] virtual std::chrono::milliseconds clock_error() const;
};

/// All rules of storage::object_store as named checks. Checks of conditions that the store says it
/// lacks are skipped.
[[nodiscard]] std::vector<check> object_store_checks(std::shared_ptr<object_store_factory> factory);

}  // namespace reeve::testing
