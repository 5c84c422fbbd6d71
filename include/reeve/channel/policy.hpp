#pragma once

#include "reeve/model/ids.hpp"
#include "reeve/model/node.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace reeve::channel {

/// Where channels of a collection may go. Empty members demand nothing.
struct placement_constraint {
    std::vector<std::string> zones;             ///< one of these zones
    std::map<std::string, std::string> labels;  ///< all of these labels with these values

    friend bool operator==(const placement_constraint&, const placement_constraint&) = default;
};

/// Does a node satisfy a constraint? Capacity is not asked.
[[nodiscard]] bool satisfies(const model::node_info& node, const placement_constraint& constraint);

/// No node.
inline constexpr std::uint32_t no_node = ~std::uint32_t{0};

/// A node as a policy sees it. Its index in the list is how the answer names it.
struct node_load {
    const model::node_info* info = nullptr;  ///< never null; name, capacity, zone, labels
    std::uint32_t channels = 0;              ///< that it holds or is about to; see `place`
    bool accepts = true;                     ///< false: draining or reported unfit by the host
    /// Channels by collection; may be null, when each counts as 0.
    const std::map<model::collection_id, std::uint32_t>* by_collection = nullptr;
};

/// A channel that needs a node.
struct wanted_channel {
    std::string_view name;              ///< valid for the call
    model::collection_id collection;    ///< whose shard
    std::uint32_t preferred = no_node;  ///< keep it there if the node accepts and satisfies
    const placement_constraint* constraint = nullptr;  ///< null: none
};

/// Why a channel goes where it goes.
enum class placement_reason : std::uint8_t {
    preferred,     ///< the node that had it is back
    chosen,        ///< by the policy's own rule
    no_nodes,      ///< there is no node at all
    none_accepts,  ///< all nodes drain or are unfit
    constrained,   ///< no accepting node satisfies the constraint
    full,          ///< all nodes that satisfy it are at capacity
};

/// The reason in words.
[[nodiscard]] std::string_view name(placement_reason reason) noexcept;

/// The answer for one channel.
struct placement {
    std::uint32_t node = channel::no_node;                 ///< index into the nodes given
    placement_reason reason = placement_reason::no_nodes;  ///< why
};

/// Chooses nodes for channels that have none. Pure and total: equal input gives an equal answer.
/// Each answer respects accepts, constraints and capacity, those taken by other answers of the
/// same call included. Channels that can stay on the node they prefer are placed before all others,
/// so that no chosen one takes their room.
class assignment_policy {
public:
    virtual ~assignment_policy() = default;
    /// As in options: "least_loaded".
    [[nodiscard]] virtual std::string_view name() const noexcept = 0;
    /// One answer per channel, in order. The channels asked about are not part of the nodes' loads.
    /// O((channels + nodes) log nodes) for channels without constraints.
    [[nodiscard]] virtual std::vector<placement> place(std::span<const node_load> nodes,
                                                       std::span<const wanted_channel> channels,
                                                       std::uint64_t seed) const = 0;
};

/// A seeded choice among the nodes that may take it.
[[nodiscard]] std::shared_ptr<const assignment_policy> random_assignment();
/// One node after the other, beginning at one that the seed names.
[[nodiscard]] std::shared_ptr<const assignment_policy> round_robin_assignment();
/// The node that is least full once it has the channel: fewest channels, or, if all accepting nodes
/// have a capacity, the smallest (channels + 1) / capacity; ties by name.
[[nodiscard]] std::shared_ptr<const assignment_policy> least_loaded_assignment();
/// The node with the fewest channels of the same collection, then the least loaded one.
[[nodiscard]] std::shared_ptr<const assignment_policy> spread_by_collection_assignment();
/// The shipped policy of that name ("random", "round_robin", "least_loaded",
/// "spread_by_collection"); throws errc::invalid_argument naming the accepted ones.
[[nodiscard]] std::shared_ptr<const assignment_policy> assignment_by_name(std::string_view name);

/// What to do with the channels of a node that left.
struct leave_policy {
    /// The choices.
    enum class kind : std::uint8_t {
        leave,           ///< leave them as they are until the node comes back
        reassign,        ///< give them to others as soon as the handover allows
        reassign_after,  ///< the same, but `grace` after the node left, in case it comes back
    };
    kind what = kind::reassign;          ///< the choice
    std::chrono::milliseconds grace{0};  ///< for reassign_after
};

/// What is known of a holder that should be out.
struct holder_state {
    bool released = false;       ///< it acknowledged the release of this epoch
    bool session_ended = false;  ///< its session key is gone or another process's
    bool process_dead = false;   ///< the host or a lock proves that the process ended
    bool ttl_passed = false;     ///< its ttl has passed since the session was seen to have ended
};

/// May a channel be given to another process?
enum class handover : std::uint8_t {
    allowed,                       ///< the old holder is out
    refused_holder_may_still_run,  ///< wait: releases, confirmations or time will decide
};

/// The handover rule (docs/protocols/channels.md). Politeness only: the comparisons in every commit
/// keep the result correct.
[[nodiscard]] constexpr handover decide_handover(const holder_state& holder) noexcept {
    if (holder.released) return handover::allowed;
    if (holder.session_ended && (holder.process_dead || holder.ttl_passed))
        return handover::allowed;
    return handover::refused_holder_may_still_run;
}

/// When to move channels although nothing is wrong. Off unless `interval` is set.
struct balance_options {
    std::chrono::milliseconds interval{0};  ///< between looks; 0 = off
    std::chrono::milliseconds quiet{5000};  ///< no look until nothing has changed for so long
    std::uint32_t difference_min =
        2;  ///< hysteresis: fullest minus emptiest node to begin at; at least 2
    std::uint32_t moves_max = 16;          ///< channels on the move at a time, in all
    std::uint32_t moves_per_node_max = 4;  ///< channels on the move at a time, to or from one node
    bool on_join = true;  ///< also look as soon as a node has joined (minimal moves)
};

/// One channel to move, and why.
struct balance_move {
    std::uint32_t channel = 0;  ///< index into the channels given
    std::uint32_t from = 0;     ///< index into the nodes given
    std::uint32_t to = 0;       ///< index into the nodes given
    std::string reason;         ///< "node a holds 12, node b holds 3"
};

/// A channel that may move, as the balance policy sees it.
struct held_channel {
    std::string_view name;                             ///< valid for the call
    model::collection_id collection;                   ///< whose shard
    std::uint32_t node = 0;                            ///< index of its holder
    const placement_constraint* constraint = nullptr;  ///< null: none
};

/// The fewest moves that bring fullest and emptiest node within 1 of each other, as far as
/// constraints and capacity allow, and of those as many as the throttles let through. Nothing if no
/// node could pass a channel, directly or over others, to one that is `difference_min` emptier.
/// If all accepting nodes have a capacity, loads count in relation to it, and differences as
/// channels of a node of mean capacity. Nodes that do not accept neither give nor take.
/// Pure. Applying all its moves and asking again gives nothing: no bouncing. Applying a throttled
/// plan and asking again gives the next part, until the difference is below `difference_min`.
[[nodiscard]] std::vector<balance_move> plan_balance(std::span<const node_load> nodes,
                                                     std::span<const held_channel> channels,
                                                     const balance_options& options);

}  // namespace reeve::channel
