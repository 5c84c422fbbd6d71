#include "catch.hpp"
#include "channel/policy_instances.hpp"

#include <algorithm>
#include <numeric>
#include <set>
#include <vector>

using namespace policy_test;
using channel::balance_move;
using channel::plan_balance;

namespace {

constexpr std::uint64_t seeds = 400;

/// The sum of what nodes hold above an even share, the larger shares going to the fullest nodes.
std::size_t surplus(const instance& it) {
    std::vector<std::uint32_t> loads;
    for (const auto& node : it.nodes) {
        if (node.accepts) loads.push_back(node.channels);
    }
    if (loads.empty()) return 0;
    std::sort(loads.rbegin(), loads.rend());
    const auto all = std::accumulate(loads.begin(), loads.end(), std::size_t{0});
    std::size_t sum = 0;
    for (std::size_t at = 0; at < loads.size(); ++at) {
        const std::size_t share = all / loads.size() + (at < all % loads.size() ? 1 : 0);
        if (loads[at] > share) sum += loads[at] - share;
    }
    return sum;
}

std::uint32_t difference(const instance& it) {
    std::vector<std::uint32_t> loads;
    for (const auto& node : it.nodes) {
        if (node.accepts) loads.push_back(node.channels);
    }
    if (loads.empty()) return 0;
    const auto [low, high] = std::minmax_element(loads.begin(), loads.end());
    return *high - *low;
}

/// Every move is of a channel at its node, to an accepting one that satisfies and has room.
void require_lawful(const instance& it, const std::vector<balance_move>& moves) {
    auto loads = it.nodes;
    std::set<std::uint32_t> moved;
    for (const auto& one : moves) {
        REQUIRE(moved.insert(one.channel).second);
        REQUIRE(it.held.at(one.channel).node == one.from);
        REQUIRE(one.from != one.to);
        REQUIRE(it.nodes.at(one.from).accepts);
        REQUIRE(allows(it.nodes.at(one.to), it.held[one.channel].constraint));
        --loads[one.from].channels;
        ++loads[one.to].channels;
    }
    for (const auto& node : loads) {
        const auto capacity = node.info->capacity;
        REQUIRE((capacity == 0 || node.channels <= capacity));
    }
}

/// The least unevenness that any placement of the channels has: each stays or goes where it may.
std::uint64_t best_unevenness(instance& it, std::size_t from = 0) {
    if (from == it.held.size()) return it.unevenness();
    auto& one = it.held[from];
    std::uint64_t best = best_unevenness(it, from + 1);
    const std::uint32_t home = one.node;
    if (!it.nodes[home].accepts) return best;
    for (std::uint32_t to = 0; to < it.nodes.size(); ++to) {
        if (to == home || !allows(it.nodes[to], one.constraint)) continue;
        --it.nodes[home].channels;
        ++it.nodes[to].channels;
        best = std::min(best, best_unevenness(it, from + 1));
        ++it.nodes[home].channels;
        --it.nodes[to].channels;
    }
    return best;
}

shape free_shape() {
    shape like;
    like.capacity = capacities::unlimited;
    like.constraint = constraints::none;
    return like;
}

}  // namespace

TEST_CASE("balance: fullest and emptiest node end within 1, by as many moves as the surpluses") {
    std::size_t all = 0;
    for (std::uint64_t seed = 0; seed < seeds; ++seed) {
        INFO("seed " << seed);
        instance it(seed, free_shape());
        it.hold_some(100);
        const auto moves = plan_balance(it.nodes, it.held, unlimited());
        require_lawful(it, moves);
        REQUIRE(moves.size() == (difference(it) < 2 ? 0 : surplus(it)));
        it.apply(moves);
        REQUIRE(difference(it) <= 1);
        all += moves.size();
    }
    REQUIRE(all > seeds);
}

TEST_CASE("balance: plan(apply(plan)) is empty, with constraints and capacities too (helix#931)") {
    std::size_t all = 0;
    for (const auto capacity : {capacities::unlimited, capacities::all, capacities::mixed}) {
        for (std::uint64_t seed = 0; seed < seeds; ++seed) {
            INFO("seed " << seed);
            shape like;
            like.capacity = capacity;
            instance it(seed, like);
            it.hold_some(60);
            auto options = unlimited();
            options.difference_min = static_cast<std::uint32_t>(it.random.between(0, 4));
            const auto moves = plan_balance(it.nodes, it.held, options);
            require_lawful(it, moves);
            it.apply(moves);
            REQUIRE(plan_balance(it.nodes, it.held, options).empty());
            all += moves.size();
        }
    }
    REQUIRE(all > seeds);
}

TEST_CASE("balance: no placement that the constraints allow is more even") {
    std::size_t improved = 0;
    for (std::uint64_t seed = 0; seed < 300; ++seed) {
        INFO("seed " << seed);
        shape like;
        like.capacity = capacities::unlimited;
        like.nodes_max = 4;
        instance it(seed, like);
        it.hold_some(7);
        const auto best = best_unevenness(it);
        const auto moves = plan_balance(it.nodes, it.held, unlimited());
        it.apply(moves);
        REQUIRE(it.unevenness() == best);
        if (!moves.empty()) ++improved;
    }
    REQUIRE(improved > 50);
}

TEST_CASE("balance: where a channel may not go directly, a node between passes on its own") {
    instance it;
    for (const char* node : {"a", "b", "c"}) it.add_node(node).accepts = true;
    for (std::size_t at = 0; at < 3; ++at) it.infos[at].zone = std::string(1, "xyz"[at]);
    auto& left = it.limits.emplace_back();
    left.zones = {"x", "y"};
    auto& right = it.limits.emplace_back();
    right.zones = {"y", "z"};
    for (int at = 0; at < 4; ++at) it.hold(0, &left);
    for (int at = 0; at < 3; ++at) it.hold(1, &right);
    for (int at = 0; at < 2; ++at) it.hold(2, &right);
    const auto moves = plan_balance(it.nodes, it.held, unlimited());
    require_lawful(it, moves);
    REQUIRE(moves.size() == 2);
    it.apply(moves);
    REQUIRE(difference(it) == 0);
}

TEST_CASE("balance: nothing moves below difference_min, everything that is due at it") {
    for (std::uint32_t wanted = 2; wanted < 9; ++wanted) {
        for (std::uint32_t apart = 0; apart < 12; ++apart) {
            instance it;
            it.add_node("a");
            it.add_node("b");
            for (std::uint32_t at = 0; at < apart; ++at) it.hold(0);
            auto options = unlimited();
            options.difference_min = wanted;
            const auto moves = plan_balance(it.nodes, it.held, options);
            REQUIRE(moves.size() == (apart < wanted ? 0 : apart / 2));
        }
    }
}

TEST_CASE("balance: a difference_min below 2 counts as 2") {
    instance it;
    it.add_node("a");
    it.add_node("b");
    it.hold(0);
    auto options = unlimited();
    options.difference_min = 0;
    REQUIRE(plan_balance(it.nodes, it.held, options).empty());
}

TEST_CASE("balance: where all nodes have a capacity, loads end in relation to it") {
    std::size_t all = 0;
    for (std::uint64_t seed = 0; seed < seeds; ++seed) {
        INFO("seed " << seed);
        shape like = free_shape();
        like.capacity = capacities::all;
        instance it(seed, like);
        for (auto& info : it.infos) info.capacity *= 10;
        it.hold_some(300);
        const auto moves = plan_balance(it.nodes, it.held, unlimited());
        it.apply(moves);
        all += moves.size();
        if (moves.empty()) continue;
        for (const auto& a : it.nodes) {
            for (const auto& b : it.nodes) {
                if (!a.accepts || !b.accepts) continue;
                REQUIRE(a.channels * b.info->capacity <= (b.channels + 1) * a.info->capacity);
            }
        }
    }
    REQUIRE(all > seeds);
}

TEST_CASE("balance: a throttled plan stays within its limits and its parts add up to the whole") {
    for (std::uint64_t seed = 0; seed < seeds; ++seed) {
        INFO("seed " << seed);
        instance it(seed, free_shape());
        it.hold_some(100);
        const std::size_t whole = plan_balance(it.nodes, it.held, unlimited()).size();
        channel::balance_options options;
        options.moves_max = static_cast<std::uint32_t>(it.random.between(1, 8));
        options.moves_per_node_max = static_cast<std::uint32_t>(it.random.between(1, 4));
        std::set<std::uint32_t> moved;
        for (;;) {
            const auto moves = plan_balance(it.nodes, it.held, options);
            if (moves.empty()) break;
            require_lawful(it, moves);
            REQUIRE(moves.size() <= options.moves_max);
            std::map<std::uint32_t, std::uint32_t> of_node;
            for (const auto& one : moves) {
                REQUIRE(++of_node[one.from] <= options.moves_per_node_max);
                REQUIRE(++of_node[one.to] <= options.moves_per_node_max);
                REQUIRE(moved.insert(one.channel).second);
            }
            it.apply(moves);
        }
        REQUIRE(moved.size() == whole);
        REQUIRE(difference(it) <= 1);
    }
}

TEST_CASE("balance: throttled, with constraints, it ends at the same evenness and never bounces") {
    for (std::uint64_t seed = 0; seed < seeds; ++seed) {
        INFO("seed " << seed);
        shape like;
        like.capacity = capacities::unlimited;
        instance it(seed, like);
        it.hold_some(60);
        instance whole(seed, like);
        whole.hold_some(60);
        whole.apply(plan_balance(whole.nodes, whole.held, unlimited()));
        channel::balance_options options;
        options.moves_max = static_cast<std::uint32_t>(it.random.between(1, 5));
        options.moves_per_node_max = static_cast<std::uint32_t>(it.random.between(1, 3));
        std::vector<std::set<std::uint32_t>> been(it.held.size());
        for (int round = 0;; ++round) {
            REQUIRE(round < 200);
            const auto moves = plan_balance(it.nodes, it.held, options);
            if (moves.empty()) break;
            require_lawful(it, moves);
            for (const auto& one : moves) {
                been[one.channel].insert(one.from);
                REQUIRE_FALSE(been[one.channel].contains(one.to));
            }
            it.apply(moves);
        }
        REQUIRE(it.unevenness() == whole.unevenness());
    }
}

TEST_CASE("balance: nodes that do not accept neither give nor take") {
    instance it;
    it.add_node("a");
    it.add_node("b");
    it.add_node("c");
    for (int at = 0; at < 9; ++at) it.hold(0);
    for (int at = 0; at < 4; ++at) it.hold(1);
    it.nodes[0].accepts = false;
    const auto moves = plan_balance(it.nodes, it.held, unlimited());
    require_lawful(it, moves);
    REQUIRE(moves.size() == 2);
    REQUIRE(moves[0].reason == "node b holds 4, node c holds 0");
    it.nodes[2].accepts = false;
    REQUIRE(plan_balance(it.nodes, it.held, unlimited()).empty());
}

TEST_CASE("balance: what a node holds but may not move now counts and stays") {
    instance it;
    it.add_node("a", 0, 6);
    it.add_node("b");
    it.hold(0);
    const auto moves = plan_balance(it.nodes, it.held, unlimited());
    REQUIRE(moves.size() == 1);
}

TEST_CASE("balance: the same question has the same answer") {
    for (std::uint64_t seed = 0; seed < seeds; ++seed) {
        instance it(seed, {});
        it.hold_some(60);
        const auto one = plan_balance(it.nodes, it.held, unlimited());
        const auto other = plan_balance(it.nodes, it.held, unlimited());
        REQUIRE(one.size() == other.size());
        for (std::size_t at = 0; at < one.size(); ++at) {
            REQUIRE(one[at].channel == other[at].channel);
            REQUIRE(one[at].to == other[at].to);
            REQUIRE(one[at].reason == other[at].reason);
        }
    }
}

TEST_CASE("balance: nothing to move, no node, or no move allowed is an empty plan") {
    instance it;
    REQUIRE(plan_balance(it.nodes, it.held, unlimited()).empty());
    it.hold(7);  // of a node that the caller does not list
    REQUIRE(plan_balance(it.nodes, it.held, unlimited()).empty());
    it.add_node("a");
    it.add_node("b");
    for (int at = 0; at < 5; ++at) it.hold(0);
    REQUIRE_FALSE(plan_balance(it.nodes, it.held, unlimited()).empty());
    auto none = unlimited();
    none.moves_max = 0;
    REQUIRE(plan_balance(it.nodes, it.held, none).empty());
    none = unlimited();
    none.moves_per_node_max = 0;
    REQUIRE(plan_balance(it.nodes, it.held, none).empty());
}
