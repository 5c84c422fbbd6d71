#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>

namespace reeve::catalog {

// What encode refuses to write and decode refuses to read: the ranges stated in model/.
inline constexpr std::size_t address_bytes_max = 1000;
inline constexpr std::size_t coordinator_bytes_max = 200;
inline constexpr std::int64_t ttl_ms_max = std::numeric_limits<std::int64_t>::max() / 1'000'000;

}  // namespace reeve::catalog
