#include "catch.hpp"
#include "channel/policy_instances.hpp"
#include "reeve/core/error.hpp"

#include <algorithm>
#include <vector>

using namespace policy_test;
using channel::placement;
using channel::placement_reason;

namespace {

const char* const policy_names[] = {"random", "round_robin", "least_loaded",
                                    "spread_by_collection"};
constexpr std::uint64_t seeds = 400;

/// Loads after the answers.
std::vector<std::uint32_t> loads_after(const instance& it, const std::vector<placement>& answers) {
    std::vector<std::uint32_t> loads;
    for (const auto& node : it.nodes) loads.push_back(node.channels);
    for (const auto& one : answers) {
        if (one.node != channel::no_node) ++loads.at(one.node);
    }
    return loads;
}

bool has_room(const channel::node_load& node, std::uint32_t load) {
    return node.info->capacity == 0 || load < node.info->capacity;
}

/// Calls `check(instance, answers)` for random instances and each policy.
template <class Check>
void for_each_answer(shape like, Check check) {
    for (std::uint64_t seed = 0; seed < seeds; ++seed) {
        instance it(seed, like);
        it.want(like.channels_max);
        for (const char* name : policy_names) {
            INFO("seed " << seed << " policy " << name);
            const auto answers =
                channel::assignment_by_name(name)->place(it.nodes, it.wanted, seed);
            REQUIRE(answers.size() == it.wanted.size());
            check(it, answers);
        }
    }
}

std::vector<std::uint32_t> place_on_empty(const char* policy, std::vector<std::uint32_t> capacity,
                                          std::uint32_t channels) {
    instance it;
    for (std::size_t at = 0; at < capacity.size(); ++at) {
        it.add_node(fmt::format("n{}", at), capacity[at]);
    }
    it.wanted.resize(channels);
    return loads_after(it, channel::assignment_by_name(policy)->place(it.nodes, it.wanted, 5));
}

}  // namespace

TEST_CASE("assignment: a channel goes only to nodes that accept and satisfy its constraint") {
    for_each_answer({}, [](const instance& it, const std::vector<placement>& answers) {
        for (std::size_t at = 0; at < answers.size(); ++at) {
            if (answers[at].node == channel::no_node) continue;
            REQUIRE(answers[at].node < it.nodes.size());
            REQUIRE(allows(it.nodes[answers[at].node], it.wanted[at].constraint));
        }
    });
}

TEST_CASE("assignment: no answer puts a node over its capacity") {
    for_each_answer({}, [](const instance& it, const std::vector<placement>& answers) {
        const auto loads = loads_after(it, answers);
        for (std::size_t node = 0; node < loads.size(); ++node) {
            if (loads[node] == it.nodes[node].channels) continue;
            REQUIRE(has_room(it.nodes[node], loads[node] - 1));
        }
    });
}

TEST_CASE("assignment: a channel stays without a node only when no allowed one has room") {
    for_each_answer({}, [](const instance& it, const std::vector<placement>& answers) {
        const auto loads = loads_after(it, answers);
        for (std::size_t at = 0; at < answers.size(); ++at) {
            if (answers[at].node != channel::no_node) continue;
            for (std::size_t node = 0; node < loads.size(); ++node) {
                if (!allows(it.nodes[node], it.wanted[at].constraint)) continue;
                REQUIRE_FALSE(has_room(it.nodes[node], loads[node]));
            }
        }
    });
}

TEST_CASE("assignment: every answer gives the true reason") {
    for_each_answer({}, [](const instance& it, const std::vector<placement>& answers) {
        for (std::size_t at = 0; at < answers.size(); ++at) {
            const auto any = [&](auto test) {
                return std::any_of(it.nodes.begin(), it.nodes.end(), test);
            };
            const auto* constraint = it.wanted[at].constraint;
            auto wanted = placement_reason::full;
            if (!any([&](const auto& node) { return allows(node, constraint); })) {
                wanted = placement_reason::constrained;
            }
            if (!any([](const auto& node) { return node.accepts; })) {
                wanted = placement_reason::none_accepts;
            }
            if (it.nodes.empty()) wanted = placement_reason::no_nodes;
            if (answers[at].node != channel::no_node) {
                wanted = answers[at].node == it.wanted[at].preferred ? placement_reason::preferred
                                                                     : placement_reason::chosen;
            }
            REQUIRE(name(answers[at].reason) == name(wanted));
        }
    });
}

TEST_CASE("assignment: a channel is kept on its preferred node unless others kept there fill it") {
    for_each_answer({}, [](const instance& it, const std::vector<placement>& answers) {
        std::vector<std::uint32_t> kept;
        for (const auto& node : it.nodes) kept.push_back(node.channels);
        for (const auto& one : answers) {
            if (one.reason == placement_reason::preferred) ++kept[one.node];
        }
        for (std::size_t at = 0; at < answers.size(); ++at) {
            const auto preferred = it.wanted[at].preferred;
            if (preferred >= it.nodes.size() || answers[at].node == preferred) continue;
            const auto& node = it.nodes[preferred];
            REQUIRE((!allows(node, it.wanted[at].constraint) || !has_room(node, kept[preferred])));
        }
    });
}

TEST_CASE("assignment: the same question has the same answer") {
    for_each_answer({}, [](const instance& it, const std::vector<placement>&) {
        for (const char* policy : policy_names) {
            const auto first = channel::assignment_by_name(policy)->place(it.nodes, it.wanted, 42);
            const auto again = channel::assignment_by_name(policy)->place(it.nodes, it.wanted, 42);
            for (std::size_t at = 0; at < first.size(); ++at) {
                REQUIRE(first[at].node == again[at].node);
            }
        }
    });
}

TEST_CASE("assignment: least_loaded takes the node that is least full with it, ties by name") {
    for (const auto capacity : {capacities::unlimited, capacities::all, capacities::mixed}) {
        shape like;
        like.capacity = capacity;
        for (std::uint64_t seed = 0; seed < seeds; ++seed) {
            INFO("seed " << seed);
            instance it(seed, like);
            it.want(like.channels_max);
            for (auto& one : it.wanted) one.preferred = channel::no_node;
            const auto answers = channel::least_loaded_assignment()->place(it.nodes, it.wanted, 0);
            const bool weighted = std::all_of(
                it.nodes.begin(), it.nodes.end(),
                [](const auto& node) { return !node.accepts || node.info->capacity != 0; });
            auto loads = loads_after(it, {});
            for (std::size_t at = 0; at < answers.size(); ++at) {
                std::uint32_t best = channel::no_node;
                const auto better = [&](std::uint32_t a, std::uint32_t b) {
                    const double weight_a = weighted ? it.infos[a].capacity : 1;
                    const double weight_b = weighted ? it.infos[b].capacity : 1;
                    const double with_a = (loads[a] + 1) / weight_a;
                    const double with_b = (loads[b] + 1) / weight_b;
                    return with_a != with_b ? with_a < with_b : it.infos[a].name < it.infos[b].name;
                };
                for (std::uint32_t node = 0; node < it.nodes.size(); ++node) {
                    if (!allows(it.nodes[node], it.wanted[at].constraint)) continue;
                    if (!has_room(it.nodes[node], loads[node])) continue;
                    if (best == channel::no_node || better(node, best)) best = node;
                }
                REQUIRE(answers[at].node == best);
                if (best != channel::no_node) ++loads[best];
            }
        }
    }
}

TEST_CASE("assignment: spread_by_collection keeps counts of a collection within 1 of each other") {
    shape like;
    like.constraint = constraints::none;
    for (std::uint64_t seed = 0; seed < seeds; ++seed) {
        INFO("seed " << seed);
        instance it(seed, like);
        it.want(200);
        for (std::size_t at = 0; at < it.nodes.size(); ++at) {
            it.nodes[at].by_collection = &it.by_collection[at];
        }
        const auto answers =
            channel::spread_by_collection_assignment()->place(it.nodes, it.wanted, 0);
        const auto loads = loads_after(it, answers);
        auto counts = it.by_collection;
        for (std::size_t at = 0; at < answers.size(); ++at) {
            if (answers[at].node == channel::no_node) continue;
            ++counts[answers[at].node][it.wanted[at].collection];
        }
        for (std::size_t at = 0; at < answers.size(); ++at) {
            if (answers[at].reason != placement_reason::chosen) continue;
            const auto collection = it.wanted[at].collection;
            for (std::size_t other = 0; other < it.nodes.size(); ++other) {
                if (!it.nodes[other].accepts || !has_room(it.nodes[other], loads[other])) continue;
                REQUIRE(counts[answers[at].node][collection] <= counts[other][collection] + 1);
            }
        }
    }
}

TEST_CASE("assignment: spread_by_collection prefers the less loaded of equally spread nodes") {
    instance it;
    it.add_node("a", 0, 7);
    it.add_node("b", 0, 3);
    it.add_node("c", 0, 5);
    std::map<model::collection_id, std::uint32_t> of_b{{model::collection_id(1), 1}};
    it.nodes[1].by_collection = &of_b;
    it.wanted.resize(4);
    for (auto& one : it.wanted) one.collection = model::collection_id(1);
    const auto answers = channel::spread_by_collection_assignment()->place(it.nodes, it.wanted, 0);
    REQUIRE(answers[0].node == 2);
    REQUIRE(answers[1].node == 0);
    REQUIRE(answers[2].node == 1);
    REQUIRE(answers[3].node == 2);
}

TEST_CASE("assignment: round_robin begins at the node that the seed names and goes around") {
    instance it;
    for (const char* node : {"a", "b", "c"}) it.add_node(node);
    it.nodes[1].accepts = false;
    it.wanted.resize(3);
    for (std::uint64_t seed = 0; seed < 4; ++seed) {
        const auto answers = channel::round_robin_assignment()->place(it.nodes, it.wanted, seed);
        const std::uint32_t first = seed % 2 == 0 ? 0 : 2;
        REQUIRE(answers[0].node == first);
        REQUIRE(answers[1].node == 2 - first);
        REQUIRE(answers[2].node == first);
    }
}

TEST_CASE("assignment: random reaches every node about equally, and differs by seed") {
    const auto loads = place_on_empty("random", std::vector<std::uint32_t>(10), 10000);
    for (const auto load : loads) {
        REQUIRE(load > 800);
        REQUIRE(load < 1200);
    }
    instance it;
    for (int at = 0; at < 10; ++at) it.add_node(fmt::format("n{}", at));
    it.wanted.resize(50);
    const auto one = channel::random_assignment()->place(it.nodes, it.wanted, 1);
    const auto other = channel::random_assignment()->place(it.nodes, it.wanted, 2);
    REQUIRE_FALSE(std::equal(one.begin(), one.end(), other.begin(),
                             [](const auto& a, const auto& b) { return a.node == b.node; }));
}

TEST_CASE("assignment: a capacity of 0 is no limit, any other is filled to the last channel") {
    for (const char* policy : policy_names) {
        INFO(policy);
        REQUIRE(place_on_empty(policy, {0}, 1000) == std::vector<std::uint32_t>{1000});
        REQUIRE(place_on_empty(policy, {3, 1, 4}, 8) == std::vector<std::uint32_t>{3, 1, 4});
        REQUIRE(place_on_empty(policy, {3, 1, 4}, 9) == std::vector<std::uint32_t>{3, 1, 4});
        const auto mixed = place_on_empty(policy, {2, 0}, 100);
        REQUIRE(mixed[0] <= 2);
        REQUIRE(mixed[0] + mixed[1] == 100);
    }
}

TEST_CASE("assignment: least_loaded fills nodes in relation to their capacity if all have one") {
    REQUIRE(place_on_empty("least_loaded", {10, 20, 70}, 50) ==
            std::vector<std::uint32_t>{5, 10, 35});
}

TEST_CASE("assignment: nothing asked is nothing answered") {
    instance it;
    for (const char* policy : policy_names) {
        const auto chosen = channel::assignment_by_name(policy);
        REQUIRE(chosen->name() == policy);
        REQUIRE(chosen->place({}, {}, 0).empty());
        it.wanted.resize(2);
        REQUIRE(chosen->place({}, it.wanted, 0).size() == 2);
    }
}

TEST_CASE("assignment: an unknown policy name is refused with the accepted ones") {
    try {
        (void)channel::assignment_by_name("fastest");
        FAIL("accepted");
    } catch (const error& failure) {
        REQUIRE(failure.code_value() == errc::invalid_argument);
        const std::string text = failure.what();
        REQUIRE(text.find("fastest") != std::string::npos);
        for (const char* policy : policy_names) REQUIRE(text.find(policy) != std::string::npos);
    }
}

TEST_CASE("assignment: a constraint asks for one of its zones and for all of its labels") {
    model::node_info node;
    node.zone = "b";
    node.labels["disk"] = "ssd";
    node.labels["rack"] = "7";
    channel::placement_constraint wanted;
    REQUIRE(satisfies(node, wanted));
    wanted.zones = {"a", "b"};
    REQUIRE(satisfies(node, wanted));
    wanted.labels["disk"] = "ssd";
    wanted.labels["rack"] = "7";
    REQUIRE(satisfies(node, wanted));
    wanted.labels["rack"] = "8";
    REQUIRE_FALSE(satisfies(node, wanted));
    wanted.labels = {{"cpu", ""}};
    REQUIRE_FALSE(satisfies(node, wanted));
    wanted.labels.clear();
    wanted.zones = {"a"};
    REQUIRE_FALSE(satisfies(node, wanted));
}
