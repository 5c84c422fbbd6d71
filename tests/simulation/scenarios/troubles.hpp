#pragma once

#include "reeve/testing/simulation.hpp"

#include <chrono>
#include <cstdint>
#include <string>

namespace simulated {

namespace testing = reeve::testing;

/// Somebody is killed, paused or cut off from the stores, or mended and started again, counted as
/// "<noun> killed" and so on. One of `odds` (at least 3) is each of the three, the rest mends.
void disturb(testing::simulation& world, const std::string& noun, std::uint64_t odds);

/// The way from one process to the other is cut for 0.1 to 20 s.
void cut_for_a_while(testing::simulation& world, testing::process& from, const std::string& to);
/// The process does not reach its stores for 0.1 to 20 s.
void cut_stores_for_a_while(testing::simulation& world, testing::process& victim);
/// The process stands still for 0.1 s to `longest`.
void pause_for_a_while(testing::simulation& world, testing::process& victim,
                       std::chrono::milliseconds longest = std::chrono::seconds(40));

}  // namespace simulated
