#pragma once

#include "reeve/model/ids.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace reeve::model {

/// A node as its session key describes it.
struct node_info {
    node_name name;                             ///< in the key
    std::string address;                        ///< where its transport listens; 1..1000 bytes
    std::uint32_t capacity = 0;                 ///< channels it takes at most; 0 = no limit
    std::string zone;                           ///< failure domain; may be empty
    std::map<std::string, std::string> labels;  ///< for the host's constraints
    std::chrono::milliseconds ttl{0};           ///< of its session: how long the process may run on
    incarnation process;                        ///< the key's mod revision; not in the value

    friend bool operator==(const node_info&, const node_info&) = default;
};

/// Is a node being emptied?
enum class drain_state : std::uint8_t {
    draining,  ///< yes
    ended,     ///< it was, and may be given channels again
};

/// The state's name, as stored.
[[nodiscard]] std::string_view name(drain_state state) noexcept;

/// Whether and why a node is being emptied. The record is never deleted, so that a late copy of a
/// request finds a newer revision than the one that it compares.
struct drain_info {
    std::int64_t since_ms = 0;  ///< wall clock, milliseconds since 1970; for people
    std::string reason;         ///< for people
    drain_state state = drain_state::draining;  ///< which

    friend bool operator==(const drain_info&, const drain_info&) = default;
};

/// Who leads.
struct leader_info {
    std::string coordinator;  ///< its id; 1..200 bytes
    std::string address;      ///< where its transport listens
    std::string nonce;  ///< of the campaign: tells an own success of unknown outcome from another's
    model::term term;   ///< the key's create revision; not in the value

    friend bool operator==(const leader_info&, const leader_info&) = default;
};

}  // namespace reeve::model
