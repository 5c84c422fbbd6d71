#pragma once

#include "reeve/core/awaitable.hpp"
#include "reeve/core/callback.hpp"
#include "reeve/core/runtime.hpp"
#include "reeve/model/ids.hpp"

#include <cstdint>
#include <memory>

namespace reeve::consensus {

/// A moment in the one order of a cluster's events. 0 = none.
using timestamp = model::timestamp;

/// Gives out timestamps that strictly increase, across restarts and changes of the leader: a call
/// that begins after another has ended gets larger ones. One strand; calls may overlap.
class timestamp_oracle {
public:
    virtual ~timestamp_oracle() = default;

    /// The first of `count` timestamps in a row. Throws errc::invalid_argument if `count` is 0;
    /// errc::unavailable or errc::outcome_unknown (none was given out, try again); errc::fenced
    /// when this process may no longer give any. Cancellation: throws operation_aborted; what was
    /// reserved may be lost.
    virtual awaitable<timestamp> next(std::uint64_t count) = 0;
};

/// The same promise as a plain function, for hosts whose oracle blocks. Called at once from several
/// threads of the executor given to `from_blocking`.
class blocking_timestamp_oracle {
public:
    virtual ~blocking_timestamp_oracle() = default;

    /// See timestamp_oracle::next.
    virtual timestamp next(std::uint64_t count) = 0;
};

/// A timestamp_oracle over a blocking one that runs on `workers`. A cancelled call is detached: it
/// goes on, and what it gets is lost. `strand` must outlive the oracle.
[[nodiscard]] std::unique_ptr<timestamp_oracle> from_blocking(
    core::runtime& strand, std::shared_ptr<blocking_timestamp_oracle> oracle,
    core::blocking_executor workers);

}  // namespace reeve::consensus
