// How long does deciding take? 1,000,000 channels ("channel-0000000", in 1000 collections) for
// 1000 nodes ("node-0000") with the default policy: all of them from scratch; and those of one node
// that is lost, with everything that a plan needs then: finding that node's channels among all and
// counting what the others hold.
#include "bench.hpp"

#include "reeve/channel/policy.hpp"
#include "reeve/model/node.hpp"

#include <cstdint>

namespace {

using reeve::channel::node_load;
using reeve::channel::placement;
using reeve::channel::wanted_channel;

constexpr std::size_t node_count = 1000;
constexpr std::uint64_t seed = 1;

struct cluster {
    explicit cluster(std::size_t channels) {
        for (std::size_t index = 0; index < node_count; ++index) {
            nodes.emplace_back().name = reeve::model::node_name(fmt::format("node-{:04}", index));
        }
        for (std::size_t index = 0; index < channels; ++index) {
            names.push_back(fmt::format("channel-{:07}", index));
        }
        holder.assign(channels, reeve::channel::no_node);
    }

    [[nodiscard]] wanted_channel wanted(std::size_t index) const {
        wanted_channel channel;
        channel.name = names[index];
        channel.collection = reeve::model::collection_id(index % 1000);
        return channel;
    }

    std::vector<reeve::model::node_info> nodes;
    std::vector<std::string> names;
    std::vector<std::uint32_t> holder;  // by channel
};

// All channels, to empty nodes.
std::vector<placement> plan_all(const cluster& of) {
    std::vector<node_load> nodes;
    for (const auto& info : of.nodes) nodes.emplace_back().info = &info;
    std::vector<wanted_channel> channels;
    channels.reserve(of.names.size());
    for (std::size_t index = 0; index < of.names.size(); ++index) {
        channels.push_back(of.wanted(index));
    }
    return reeve::channel::least_loaded_assignment()->place(nodes, channels, seed);
}

struct moves {
    std::vector<std::uint32_t> channels;  // indexes
    std::vector<placement> placements;    // of them
};

// The channels of `lost`, to the others.
moves plan_without(const cluster& of, std::uint32_t lost) {
    moves result;
    std::vector<node_load> nodes;
    for (const auto& info : of.nodes) nodes.emplace_back().info = &info;
    nodes[lost].accepts = false;
    std::vector<wanted_channel> channels;
    for (std::size_t index = 0; index < of.holder.size(); ++index) {
        ++nodes[of.holder[index]].channels;
        if (of.holder[index] != lost) continue;
        channels.push_back(of.wanted(index));
        result.channels.push_back(static_cast<std::uint32_t>(index));
    }
    result.placements = reeve::channel::least_loaded_assignment()->place(nodes, channels, seed);
    return result;
}

void require(bool holds, const char* what) {
    if (!holds) throw std::runtime_error(what);
}

void measure(bench::size size) {
    const bool quick = size == bench::size::quick;
    const std::size_t channels = quick ? 100'000 : 1'000'000;
    cluster of(channels);
    std::vector<double> times;
    std::vector<placement> plan;
    for (int round = 0; round < (quick ? 1 : 5); ++round) {
        times.push_back(bench::time_of([&] { plan = plan_all(of); }));
    }
    std::vector<std::size_t> held(node_count);
    require(plan.size() == channels, "a plan leaves channels out");
    for (std::size_t index = 0; index < channels; ++index) {
        require(plan[index].node < node_count, "a channel has no node");
        of.holder[index] = plan[index].node;
        ++held[plan[index].node];
    }
    const auto [least, most] = std::minmax_element(held.begin(), held.end());
    require(*most - *least <= 1, "the plan is uneven");
    bench::print_at_most(fmt::format("plan_{}_channels_on_{}_nodes", channels, node_count),
                         bench::median(times), "s", 1);

    times.clear();
    constexpr std::uint32_t lost = 500;
    moves after;
    for (int round = 0; round < (quick ? 1 : 11); ++round) {
        times.push_back(bench::time_of([&] { after = plan_without(of, lost); }));
    }
    require(after.channels.size() == held[lost], "moves are not the lost node's channels");
    for (const auto& placed : after.placements) {
        require(placed.node < node_count && placed.node != lost, "a channel has no living node");
    }
    bench::print_at_most("plan_after_a_node_is_lost", 1e3 * bench::median(times), "ms", 50);
    bench::print({"moves_after_a_node_is_lost", static_cast<double>(after.channels.size()),
                  "channels", static_cast<double>(held[lost]), 1, "=its_channels", true});
}

}  // namespace

int main(int argc, char** argv) { return bench::run_main(argc, argv, measure); }
