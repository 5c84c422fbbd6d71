#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace linedb {

/// What goes wrong.
enum class fault : std::uint8_t {
    kill_node,      ///< a node ends without warning
    restart_node,   ///< a node is stopped gracefully
    kill_leader,    ///< the leading coordinator ends without warning
    kill_ingester,  ///< the reader of the input ends without warning
};

/// One fault of a run. What ended starts again after `downtime`.
struct planned_fault {
    fault what = fault::kill_node;          ///< what goes wrong
    std::size_t node = 0;                   ///< which node, if it is one
    std::uint64_t at_bytes = 0;             ///< when so many bytes of the input are stored
    std::chrono::milliseconds downtime{0};  ///< how long it stays away
};

/// The faults of a run that begins with `from` of `to` bytes stored, in order. Pure: equal
/// arguments give equal faults.
[[nodiscard]] std::vector<planned_fault> plan_faults(std::uint64_t seed, std::size_t nodes,
                                                     std::uint64_t from, std::uint64_t to);

}  // namespace linedb
