#pragma once

#include "reeve/model/channel.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>

namespace reeve::catalog {

// What encode refuses to write and decode refuses to read: the ranges stated in model/.
inline constexpr std::size_t address_bytes_max = 1000;
inline constexpr std::size_t coordinator_bytes_max = 200;
inline constexpr std::int64_t ttl_ms_max = std::numeric_limits<std::int64_t>::max() / 1'000'000;

// What a channel entry's state may be called.
inline constexpr std::array channel_states{
    model::channel_state::unassigned, model::channel_state::pending,
    model::channel_state::registered, model::channel_state::releasing,
    model::channel_state::dropped};

}  // namespace reeve::catalog
