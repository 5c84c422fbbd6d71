#include "channel/node_board.hpp"
#include "reeve/channel/policy.hpp"

#include <algorithm>
#include <set>

namespace reeve::channel {
namespace {

/// Places the channels collection by collection, so that the counts of one collection at a time
/// are at hand, and nodes stay ordered by load in between.
class spreader {
public:
    spreader(node_board& board, std::span<const wanted_channel> channels,
             std::vector<placement>& answers)
        : board_(board), channels_(channels), answers_(answers), counts_(board.size()) {
        for (const std::uint32_t node : board.accepting()) {
            if (board.has_room(node)) open_.insert(board.next(node));
        }
    }

    void run() {
        group();
        count_what_nodes_hold();
        for (std::size_t at = 0; at < groups_.size(); ++at) place_group(at);
    }

private:
    /// A channel to place.
    struct todo {
        model::collection_id collection;
        std::uint32_t of_class = 0;
        std::uint32_t channel = 0;

        friend auto operator<=>(const todo&, const todo&) = default;
    };
    /// The channels of one collection: a range of `todo_`.
    struct channel_group {
        model::collection_id collection;
        std::size_t first = 0;
        std::size_t last = 0;
    };
    /// A node holds `channels` of the collection of `group`.
    struct share {
        std::uint32_t group = 0;
        std::uint32_t node = 0;
        std::uint32_t channels = 0;
    };
    /// A node by how many of the collection it holds, then by load.
    struct candidate {
        std::uint64_t of_collection = 0;
        slot next;
    };
    static bool later(const candidate& a, const candidate& b) {
        return a.of_collection != b.of_collection ? b.of_collection < a.of_collection
                                                  : b.next < a.next;
    }

    void group() {
        for (std::uint32_t at = 0; at < channels_.size(); ++at) {
            if (answers_[at].node != no_node) continue;
            todo_.push_back(
                {channels_[at].collection, board_.class_of(channels_[at].constraint), at});
        }
        std::sort(todo_.begin(), todo_.end());
        for (std::size_t at = 0; at < todo_.size(); ++at) {
            if (groups_.empty() || groups_.back().collection != todo_[at].collection) {
                groups_.push_back({todo_[at].collection, at, at});
            }
            groups_.back().last = at + 1;
        }
    }

    /// The first group at or after `from` whose collection is not below the one given. Near ones,
    /// the usual case, are found in a few steps.
    [[nodiscard]] std::size_t find_group(model::collection_id collection, std::size_t from) const {
        for (int step = 0; step < 8; ++step, ++from) {
            if (from >= groups_.size() || groups_[from].collection >= collection) return from;
        }
        const auto found = std::lower_bound(
            groups_.begin() + static_cast<std::ptrdiff_t>(from), groups_.end(), collection,
            [](const channel_group& a, model::collection_id b) { return a.collection < b; });
        return static_cast<std::size_t>(found - groups_.begin());
    }

    void add_share(std::size_t group, std::uint32_t node, std::uint32_t channels) {
        shares_.push_back({static_cast<std::uint32_t>(group), node, channels});
    }

    /// For each group the nodes that hold channels of its collection. Walks a node's collections
    /// or looks up the groups, whichever is fewer.
    void count_what_nodes_hold() {
        for (const std::uint32_t node : board_.accepting()) {
            const auto* held = board_[node].by_collection;
            if (held == nullptr) continue;
            if (held->size() / 8 > groups_.size()) {
                for (std::size_t at = 0; at < groups_.size(); ++at) {
                    const auto found = held->find(groups_[at].collection);
                    if (found != held->end()) add_share(at, node, found->second);
                }
                continue;
            }
            std::size_t at = 0;
            for (const auto& [collection, channels] : *held) {
                at = find_group(collection, at);
                if (at == groups_.size()) break;
                if (groups_[at].collection == collection) add_share(at, node, channels);
            }
        }
        for (std::size_t at = 0; at < channels_.size(); ++at) {
            if (answers_[at].node == no_node) continue;
            const std::size_t group = find_group(channels_[at].collection, 0);
            if (group == groups_.size()) continue;
            if (groups_[group].collection == channels_[at].collection) {
                add_share(group, answers_[at].node, 1);
            }
        }
        starts_.assign(groups_.size() + 1, 0);
        for (const share& one : shares_) ++starts_[one.group + 1];
        for (std::size_t at = 1; at < starts_.size(); ++at) starts_[at] += starts_[at - 1];
        auto next = starts_;
        sorted_.resize(shares_.size());
        for (const share& one : shares_) sorted_[next[one.group]++] = one;
    }

    void place_group(std::size_t number) {
        for (std::size_t at = starts_[number]; at < starts_[number + 1]; ++at) {
            counts_[sorted_[at].node] += sorted_[at].channels;
            touched_.push_back(sorted_[at].node);
        }
        const channel_group& group = groups_[number];
        for (std::size_t first = group.first; first < group.last;) {
            std::size_t last = first;
            while (last < group.last && todo_[last].of_class == todo_[first].of_class) ++last;
            place_alike(first, last);
            first = last;
        }
        for (const std::uint32_t node : touched_) counts_[node] = 0;
        touched_.clear();
    }

    /// Channels of one collection and one constraint: few are looked for one by one, for many a
    /// heap pays.
    void place_alike(std::size_t first, std::size_t last) {
        const std::uint32_t number = todo_[first].of_class;
        const node_class& allowed = board_.of_class(number);
        if ((last - first) * 8 < allowed.nodes.size()) {
            for (std::size_t at = first; at < last; ++at) answer(at, look_for(allowed));
            return;
        }
        std::vector<candidate> heap;
        for (const std::uint32_t node : allowed.nodes) {
            if (board_.has_room(node)) heap.push_back({counts_[node], board_.next(node)});
        }
        std::make_heap(heap.begin(), heap.end(), later);
        for (std::size_t at = first; at < last; ++at) {
            if (heap.empty()) {
                answer(at, no_node);
                continue;
            }
            std::pop_heap(heap.begin(), heap.end(), later);
            const std::uint32_t node = heap.back().next.node;
            heap.pop_back();
            answer(at, node);
            if (!board_.has_room(node)) continue;
            heap.push_back({counts_[node], board_.next(node)});
            std::push_heap(heap.begin(), heap.end(), later);
        }
    }

    /// From the least loaded node on, until one holds none of the collection.
    [[nodiscard]] std::uint32_t look_for(const node_class& allowed) const {
        std::uint32_t best = no_node;
        for (const slot& one : open_) {
            if (!allowed.every && !allowed.has[one.node]) continue;
            if (best == no_node || counts_[one.node] < counts_[best]) best = one.node;
            if (counts_[best] == 0) break;
        }
        return best;
    }

    void answer(std::size_t at, std::uint32_t node) {
        if (node != no_node) {
            auto handle = open_.extract(board_.next(node));
            board_.take(node);
            if (board_.has_room(node)) {
                handle.value() = board_.next(node);
                open_.insert(std::move(handle));
            }
            ++counts_[node];
            touched_.push_back(node);
        }
        answers_[todo_[at].channel] = board_.answer(todo_[at].of_class, node);
    }

    node_board& board_;
    std::span<const wanted_channel> channels_;
    std::vector<placement>& answers_;
    std::vector<todo> todo_;
    std::vector<channel_group> groups_;
    std::vector<share> shares_;
    std::vector<share> sorted_;           ///< the same by group
    std::vector<std::size_t> starts_;     ///< of each group in `sorted_`
    std::set<slot> open_;                 ///< accepting nodes with room
    std::vector<std::uint64_t> counts_;   ///< channels of the present collection, by node
    std::vector<std::uint32_t> touched_;  ///< nodes whose count may not be 0
};

class spread_by_collection final : public assignment_policy {
public:
    [[nodiscard]] std::string_view name() const noexcept override { return "spread_by_collection"; }

    [[nodiscard]] std::vector<placement> place(std::span<const node_load> nodes,
                                               std::span<const wanted_channel> channels,
                                               std::uint64_t) const override {
        node_board board(nodes);
        auto answers = keep_preferred(board, channels);
        spreader(board, channels, answers).run();
        return answers;
    }
};

}  // namespace

std::shared_ptr<const assignment_policy> spread_by_collection_assignment() {
    return std::make_shared<spread_by_collection>();
}

}  // namespace reeve::channel
