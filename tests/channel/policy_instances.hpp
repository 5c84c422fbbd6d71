#pragma once

#include "reeve/channel/policy.hpp"
#include "reeve/core/random.hpp"

#include <fmt/format.h>

#include <cstdint>
#include <deque>
#include <limits>
#include <map>
#include <string>
#include <vector>

namespace policy_test {

using namespace reeve;

enum class capacities { unlimited, all, mixed };
enum class constraints { none, some };

/// What a random instance looks like.
struct shape {
    std::uint64_t nodes_max = 8;
    std::uint64_t channels_max = 60;
    capacities capacity = capacities::mixed;
    constraints constraint = constraints::some;
};

/// Nodes, and channels that want one of them or are held by them. Everything that the policies only
/// refer to lives here.
class instance {
public:
    instance() = default;
    instance(const instance&) = delete;
    instance& operator=(const instance&) = delete;

    /// A random one.
    instance(std::uint64_t seed, shape like) : random(seed) {
        const auto count = random.between(0, like.nodes_max);
        for (std::uint64_t at = 0; at < count; ++at) {
            std::uint32_t capacity = 0;
            const bool limited = like.capacity == capacities::all ||
                                 (like.capacity == capacities::mixed && random.chance(1, 2));
            if (limited) capacity = static_cast<std::uint32_t>(random.between(1, 20));
            auto& node = add_node(fmt::format("n{}", at * 7 % 10), capacity);
            node.accepts = random.chance(4, 5);
            infos.back().zone = std::string(1, static_cast<char>('a' + random.below(3)));
            infos.back().labels["disk"] = random.chance(1, 2) ? "ssd" : "hdd";
        }
        if (like.constraint == constraints::none) return;
        for (int at = 0; at < 4; ++at) {
            auto& one = limits.emplace_back();
            if (random.chance(1, 2)) one.zones.emplace_back(1, "abc"[random.below(3)]);
            if (random.chance(1, 3)) one.zones.emplace_back(1, "abcd"[random.below(4)]);
            if (random.chance(1, 3)) one.labels["disk"] = random.chance(1, 2) ? "ssd" : "hdd";
        }
    }

    channel::node_load& add_node(const std::string& name, std::uint32_t capacity = 0,
                                 std::uint32_t channels = 0) {
        auto& info = infos.emplace_back();
        info.name = model::node_name(name);
        info.capacity = capacity;
        auto& node = nodes.emplace_back();
        node.info = &info;
        node.channels = channels;
        return node;
    }

    [[nodiscard]] const channel::placement_constraint* any_constraint() {
        if (limits.empty() || random.chance(1, 3)) return nullptr;
        return &limits[random.below(limits.size())];
    }

    /// Random loads, and channels that want a node.
    void want(std::uint64_t channels_max) {
        for (auto& node : nodes) {
            auto& shares = by_collection.emplace_back();
            const auto capacity = node.info->capacity;
            const auto most = capacity == 0 ? 12 : capacity + random.below(3);
            while (node.channels < most && random.chance(3, 4)) {
                ++node.channels;
                ++shares[model::collection_id(random.below(5))];
            }
            if (random.chance(9, 10)) node.by_collection = &shares;
        }
        const auto channels = random.below(channels_max + 1);
        for (std::uint64_t at = 0; at < channels; ++at) {
            auto& one = wanted.emplace_back();
            one.name = names.emplace_back(fmt::format("c{}", at));
            one.collection = model::collection_id(random.below(5));
            if (random.chance(1, 2)) {
                one.preferred = static_cast<std::uint32_t>(random.below(nodes.size() + 2));
            }
            one.constraint = any_constraint();
        }
    }

    channel::held_channel& hold(std::uint32_t node,
                                const channel::placement_constraint* constraint = nullptr) {
        auto& one = held.emplace_back();
        one.name = names.emplace_back(fmt::format("c{}", held.size()));
        one.node = node;
        one.constraint = constraint;
        if (node < nodes.size()) ++nodes[node].channels;
        return one;
    }

    /// Channels that random nodes hold, crowded on few of them; constraints need not hold yet.
    void hold_some(std::uint64_t channels_max) {
        if (nodes.empty()) return;
        const auto channels = random.below(channels_max + 1);
        for (std::uint64_t at = 0; at < channels; ++at) {
            const auto crowded = random.between(1, nodes.size());
            const auto node = static_cast<std::uint32_t>(random.below(crowded));
            const auto capacity = nodes[node].info->capacity;
            if (capacity != 0 && nodes[node].channels >= capacity) continue;
            hold(node, any_constraint());
        }
    }

    void apply(const std::vector<channel::balance_move>& moves) {
        for (const auto& one : moves) {
            held[one.channel].node = one.to;
            --nodes[one.from].channels;
            ++nodes[one.to].channels;
        }
    }

    /// What balancing makes smaller.
    [[nodiscard]] std::uint64_t unevenness() const {
        std::uint64_t sum = 0;
        for (const auto& node : nodes) sum += std::uint64_t{node.channels} * node.channels;
        return sum;
    }

    core::random random{0};
    std::deque<model::node_info> infos;
    std::vector<channel::node_load> nodes;
    std::deque<std::map<model::collection_id, std::uint32_t>> by_collection;
    std::deque<channel::placement_constraint> limits;
    std::deque<std::string> names;
    std::vector<channel::wanted_channel> wanted;
    std::vector<channel::held_channel> held;
};

[[nodiscard]] inline bool allows(const channel::node_load& node,
                                 const channel::placement_constraint* constraint) {
    return node.accepts && (constraint == nullptr || channel::satisfies(*node.info, *constraint));
}

/// No throttle.
[[nodiscard]] inline channel::balance_options unlimited() {
    channel::balance_options options;
    options.moves_max = std::numeric_limits<std::uint32_t>::max();
    options.moves_per_node_max = std::numeric_limits<std::uint32_t>::max();
    return options;
}

}  // namespace policy_test
