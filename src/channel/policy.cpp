#include "reeve/channel/policy.hpp"

#include "channel/node_board.hpp"
#include "reeve/core/error.hpp"
#include "reeve/core/random.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

namespace reeve::channel {

bool satisfies(const model::node_info& node, const placement_constraint& constraint) {
    const auto& zones = constraint.zones;
    if (!zones.empty() && std::find(zones.begin(), zones.end(), node.zone) == zones.end()) {
        return false;
    }
    for (const auto& [label, value] : constraint.labels) {
        const auto found = node.labels.find(label);
        if (found == node.labels.end() || found->second != value) return false;
    }
    return true;
}

std::string_view name(placement_reason reason) noexcept {
    switch (reason) {
        case placement_reason::preferred:
            return "the node that had it is back";
        case placement_reason::chosen:
            return "chosen by the policy";
        case placement_reason::no_nodes:
            return "there is no node";
        case placement_reason::none_accepts:
            return "all nodes drain or are unfit";
        case placement_reason::constrained:
            return "no accepting node satisfies the constraint";
        case placement_reason::full:
            return "all nodes that satisfy the constraint are at capacity";
    }
    return "unknown";
}

namespace {

/// A policy that decides channel by channel: `Chooser(board, seed)`, then `choose(class)` for each
/// channel that could not stay; it answers a node with room of that class, or no node.
template <class Chooser>
class one_by_one final : public assignment_policy {
public:
    explicit one_by_one(std::string_view name) : name_(name) {}

    [[nodiscard]] std::string_view name() const noexcept override { return name_; }

    [[nodiscard]] std::vector<placement> place(std::span<const node_load> nodes,
                                               std::span<const wanted_channel> channels,
                                               std::uint64_t seed) const override {
        node_board board(nodes);
        auto answers = keep_preferred(board, channels);
        Chooser chooser(board, seed);
        for (std::size_t at = 0; at < channels.size(); ++at) {
            if (answers[at].node != no_node) continue;
            const std::uint32_t wanted = board.class_of(channels[at].constraint);
            const std::uint32_t node = chooser.choose(wanted);
            if (node != no_node) board.take(node);
            answers[at] = board.answer(wanted, node);
        }
        return answers;
    }

private:
    std::string_view name_;
};

/// Draws among the nodes not yet found full. A full node is drawn at most once per class.
class random_chooser {
public:
    random_chooser(const node_board& board, std::uint64_t seed) : board_(board), random_(seed) {}

    std::uint32_t choose(std::uint32_t wanted) {
        const auto [found, is_new] = open_.try_emplace(wanted);
        auto& open = found->second;
        if (is_new) open = board_.of_class(wanted).nodes;
        while (!open.empty()) {
            const auto at = static_cast<std::size_t>(random_.below(open.size()));
            if (board_.has_room(open[at])) return open[at];
            open[at] = open.back();
            open.pop_back();
        }
        return no_node;
    }

private:
    const node_board& board_;
    core::random random_;
    std::unordered_map<std::uint32_t, std::vector<std::uint32_t>> open_;
};

/// Goes around among the nodes not yet found full.
class round_robin_chooser {
public:
    round_robin_chooser(const node_board& board, std::uint64_t seed) : board_(board), seed_(seed) {}

    std::uint32_t choose(std::uint32_t wanted) {
        const auto [found, is_new] = rings_.try_emplace(wanted);
        auto& [open, at] = found->second;
        if (is_new) {
            open = board_.of_class(wanted).nodes;
            at = open.empty() ? 0 : static_cast<std::size_t>(seed_ % open.size());
        }
        while (!open.empty()) {
            if (at >= open.size()) at = 0;
            if (board_.has_room(open[at])) return open[at++];
            open.erase(open.begin() + static_cast<std::ptrdiff_t>(at));
        }
        return no_node;
    }

private:
    struct ring {
        std::vector<std::uint32_t> open;
        std::size_t at = 0;
    };

    const node_board& board_;
    std::uint64_t seed_;
    std::unordered_map<std::uint32_t, ring> rings_;
};

/// One heap per class, brought up to date only where it is looked at: loads only grow here, so
/// the top of a heap that is up to date is the least.
class least_loaded_chooser {
public:
    least_loaded_chooser(const node_board& board, std::uint64_t) : board_(board) {}

    std::uint32_t choose(std::uint32_t wanted) {
        const auto [found, is_new] = heaps_.try_emplace(wanted);
        auto& heap = found->second;
        if (is_new) {
            for (const std::uint32_t node : board_.of_class(wanted).nodes) {
                heap.push_back(board_.next(node));
            }
            std::make_heap(heap.begin(), heap.end(), later);
        }
        while (!heap.empty()) {
            const std::uint32_t node = heap.front().node;
            const slot now = board_.next(node);
            const bool room = board_.has_room(node);
            if (room && now.count == heap.front().count) return node;
            std::pop_heap(heap.begin(), heap.end(), later);
            heap.pop_back();
            if (!room) continue;
            heap.push_back(now);
            std::push_heap(heap.begin(), heap.end(), later);
        }
        return no_node;
    }

private:
    static bool later(const slot& a, const slot& b) { return b < a; }

    const node_board& board_;
    std::unordered_map<std::uint32_t, std::vector<slot>> heaps_;
};

}  // namespace

std::shared_ptr<const assignment_policy> random_assignment() {
    return std::make_shared<one_by_one<random_chooser>>("random");
}

std::shared_ptr<const assignment_policy> round_robin_assignment() {
    return std::make_shared<one_by_one<round_robin_chooser>>("round_robin");
}

std::shared_ptr<const assignment_policy> least_loaded_assignment() {
    return std::make_shared<one_by_one<least_loaded_chooser>>("least_loaded");
}

std::shared_ptr<const assignment_policy> assignment_by_name(std::string_view name) {
    if (name == "random") return random_assignment();
    if (name == "round_robin") return round_robin_assignment();
    if (name == "least_loaded") return least_loaded_assignment();
    if (name == "spread_by_collection") return spread_by_collection_assignment();
    throw error(errc::invalid_argument,
                fmt::format("assignment policy '{}': accepted are random, round_robin, "
                            "least_loaded, spread_by_collection",
                            name));
}

}  // namespace reeve::channel
