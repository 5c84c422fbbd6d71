#pragma once

#include "reeve/core/awaitable.hpp"
#include "reeve/core/clock.hpp"

#include <string>

namespace reeve::transport {

/// Carries request bytes to a process and reply bytes back: the host's RPC. Requests may be lost,
/// duplicated, delayed and reordered; whoever answers may be an older or newer process than the one
/// meant, so messages name whom they are meant for.
///
/// Threading: calls may overlap, on the strand that it was opened on. May be destroyed with calls
/// in flight.
class transport {
public:
    virtual ~transport() = default;

    /// Sends `request` to `address` (as the node registered it) and returns the reply. Throws
    /// reeve::error: errc::unavailable or errc::deadline_exceeded = not sent, and never will be;
    /// errc::outcome_unknown = sent, perhaps, and no answer before `deadline`; errc::too_large.
    /// Cancellation: at once; throws errc::outcome_unknown if it may have been sent.
    virtual awaitable<std::string> call(std::string address, std::string request,
                                        core::time_point deadline) = 0;
};

}  // namespace reeve::transport
