#include "channel/node_board.hpp"

#include <algorithm>

namespace reeve::channel {

node_board::node_board(std::span<const node_load> nodes) : nodes_(nodes) {
    loads_.reserve(nodes.size());
    for (const node_load& node : nodes) loads_.push_back(node.channels);

    node_class& all = classes_.emplace_back();
    all.has.resize(nodes.size());
    for (std::uint32_t node = 0; node < size(); ++node) {
        if (!nodes[node].accepts || nodes[node].info == nullptr) continue;
        all.nodes.push_back(node);
        all.has[node] = true;
    }
    weighted_ = std::all_of(all.nodes.begin(), all.nodes.end(),
                            [&](std::uint32_t node) { return nodes[node].info->capacity != 0; });

    std::vector<std::uint32_t> by_name = all.nodes;
    std::stable_sort(by_name.begin(), by_name.end(), [&](std::uint32_t a, std::uint32_t b) {
        return nodes[a].info->name < nodes[b].info->name;
    });
    ranks_.resize(nodes.size());
    for (std::uint32_t rank = 0; rank < by_name.size(); ++rank) ranks_[by_name[rank]] = rank;
}

std::uint32_t node_board::class_of(const placement_constraint* constraint) {
    if (constraint == nullptr) return 0;
    if (constraint->zones.empty() && constraint->labels.empty()) return 0;
    const auto [known, is_new] = known_.try_emplace(constraint, 0);
    if (!is_new) return known->second;
    const auto [equal, is_other] =
        equal_.try_emplace(constraint, static_cast<std::uint32_t>(classes_.size()));
    known->second = equal->second;
    if (!is_other) return equal->second;

    node_class one;
    one.has.resize(nodes_.size());
    for (const std::uint32_t node : accepting()) {
        if (!satisfies(*nodes_[node].info, *constraint)) continue;
        one.nodes.push_back(node);
        one.has[node] = true;
    }
    one.every = one.nodes.size() == accepting().size();
    classes_.push_back(std::move(one));
    return equal->second;
}

placement node_board::answer(std::uint32_t of_class, std::uint32_t node) const {
    if (node != no_node) return {node, placement_reason::chosen};
    if (nodes_.empty()) return {no_node, placement_reason::no_nodes};
    if (accepting().empty()) return {no_node, placement_reason::none_accepts};
    if (classes_[of_class].nodes.empty()) return {no_node, placement_reason::constrained};
    return {no_node, placement_reason::full};
}

std::vector<placement> keep_preferred(node_board& board, std::span<const wanted_channel> channels) {
    std::vector<placement> answers(channels.size());
    for (std::size_t at = 0; at < channels.size(); ++at) {
        const std::uint32_t node = channels[at].preferred;
        if (node >= board.size()) continue;
        const std::uint32_t wanted = board.class_of(channels[at].constraint);
        if (!board.of_class(wanted).has[node] || !board.has_room(node)) continue;
        board.take(node);
        answers[at] = {node, placement_reason::preferred};
    }
    return answers;
}

}  // namespace reeve::channel
