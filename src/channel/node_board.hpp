#pragma once

#include "reeve/channel/policy.hpp"

#include <compare>
#include <cstdint>
#include <map>
#include <span>
#include <unordered_map>
#include <vector>

namespace reeve::channel {

/// The `count`-th channel of a node, ordered by how full the node is with it: `count` in relation
/// to the node's weight, then by the node's name.
struct slot {
    std::uint64_t count = 0;   ///< 1 is a node's first channel
    std::uint64_t weight = 1;  ///< of the node; at least 1
    std::uint32_t rank = 0;    ///< of the node's name
    std::uint32_t node = 0;    ///< its index

    /// Compares fullness alone. Counts are below 2^32 + 1, weights below 2^32: no overflow.
    [[nodiscard]] std::strong_ordering fullness(const slot& other) const noexcept {
        return count * other.weight <=> other.count * weight;
    }
    /// Less full, then the earlier name.
    friend bool operator<(const slot& a, const slot& b) noexcept {
        const auto order = a.fullness(b);
        return order != 0 ? order < 0 : a.rank < b.rank;
    }
};

/// The accepting nodes that satisfy one constraint.
struct node_class {
    std::vector<std::uint32_t> nodes;  ///< by index, ascending
    std::vector<bool> has;             ///< for each node: is it among them?
    bool every = true;                 ///< they are all the accepting ones
};

/// What all policies know of the nodes while they decide: who accepts, loads that grow with each
/// answer, weights, and which nodes satisfy which constraint (asked once per constraint).
class node_board {
public:
    /// Reads `nodes`, which must stay valid.
    explicit node_board(std::span<const node_load> nodes);

    /// Number of nodes, those that do not accept included.
    [[nodiscard]] std::uint32_t size() const noexcept {
        return static_cast<std::uint32_t>(nodes_.size());
    }
    /// As given.
    [[nodiscard]] const node_load& operator[](std::uint32_t node) const { return nodes_[node]; }
    /// The nodes that accept, by index.
    [[nodiscard]] const std::vector<std::uint32_t>& accepting() const noexcept {
        return classes_.front().nodes;
    }
    /// Channels on it by now.
    [[nodiscard]] std::uint64_t load(std::uint32_t node) const { return loads_[node]; }
    /// In relation to what its load counts: its capacity if all accepting nodes have one, else 1.
    [[nodiscard]] std::uint64_t weight(std::uint32_t node) const {
        return weighted_ ? nodes_[node].info->capacity : 1;
    }
    /// May it take one more?
    [[nodiscard]] bool has_room(std::uint32_t node) const {
        const std::uint32_t capacity = nodes_[node].info->capacity;
        return capacity == 0 || loads_[node] < capacity;
    }
    /// It takes one more.
    void take(std::uint32_t node) { ++loads_[node]; }
    /// It gives one away.
    void give(std::uint32_t node) { --loads_[node]; }
    /// The slot that the next channel would take.
    [[nodiscard]] slot next(std::uint32_t node) const {
        return {loads_[node] + 1, weight(node), ranks_[node], node};
    }
    /// The slot that the last channel took. The node holds at least one.
    [[nodiscard]] slot last(std::uint32_t node) const {
        return {loads_[node], weight(node), ranks_[node], node};
    }

    /// The class of a constraint; null and empty ones are class 0.
    [[nodiscard]] std::uint32_t class_of(const placement_constraint* constraint);
    /// A class that `class_of` returned. Valid until the next call of it.
    [[nodiscard]] const node_class& of_class(std::uint32_t number) const {
        return classes_[number];
    }
    /// Classes so far.
    [[nodiscard]] std::size_t classes() const noexcept { return classes_.size(); }

    /// The answer for a channel of that class for which a policy chose `node`, or no node.
    [[nodiscard]] placement answer(std::uint32_t of_class, std::uint32_t node) const;

private:
    struct by_value {
        bool operator()(const placement_constraint* a, const placement_constraint* b) const {
            return a->zones != b->zones ? a->zones < b->zones : a->labels < b->labels;
        }
    };

    std::span<const node_load> nodes_;
    std::vector<std::uint64_t> loads_;
    std::vector<std::uint32_t> ranks_;
    bool weighted_ = false;
    std::vector<node_class> classes_;
    std::unordered_map<const placement_constraint*, std::uint32_t> known_;
    std::map<const placement_constraint*, std::uint32_t, by_value> equal_;
};

/// Answers for the channels that can stay on the node they prefer; the others' answers name no
/// node yet. Comes before any choice, so that no chosen channel takes the room of one that stays.
[[nodiscard]] std::vector<placement> keep_preferred(node_board& board,
                                                    std::span<const wanted_channel> channels);

}  // namespace reeve::channel
