#include "channel/node_board.hpp"
#include "reeve/channel/policy.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace reeve::channel {
namespace {

/// Moves one channel at a time from the fullest node that can give to the emptiest one that it can
/// reach, until no move makes the pair more even. Where constraints keep a channel from going there
/// directly, nodes between pass on one of their own (a cost-reducing path, as in Harvey, Ladner,
/// Lovasz and Tamir, "Semi-matchings for bipartite graphs and load balancing"): no such path is
/// left when the balance is the best possible, and without constraints all paths have one step.
/// What is answered is the difference between beginning and end, so no channel moves twice.
class balancer {
public:
    balancer(std::span<const node_load> nodes, std::span<const held_channel> channels)
        : board_(nodes), channels_(channels), stock_(nodes.size()), reached_(nodes.size()) {
        for (std::uint32_t at = 0; at < channels.size(); ++at) {
            const std::uint32_t node = channels[at].node;
            at_.push_back(node);
            if (node >= nodes.size() || !board_.of_class(0).has[node]) continue;
            if (board_.load(node) == 0) continue;
            stock_[node][board_.class_of(channels[at].constraint)].push_back(at);
        }
        moved_.resize(channels.size());
        asked_.resize(board_.classes());
        std::uint64_t capacity = 0;
        for (const std::uint32_t node : board_.accepting()) capacity += board_.weight(node);
        const auto accepting = static_cast<double>(board_.accepting().size());
        weight_mean_ = accepting > 0 ? static_cast<double>(capacity) / accepting : 1;
    }

    /// Moves until nothing is left to do, or `steps_max` steps are done and one of them, its pair
    /// being at least `difference_min` apart, was worth to begin. False: none was.
    bool run(std::uint32_t difference_min, std::uint64_t steps_max) {
        bool begun = false;
        std::uint64_t steps = 0;
        for (std::uint64_t before = 0;; before = steps) {
            fill_queues();
            while (!fullest_.empty() && !(begun && steps >= steps_max)) {
                const std::uint32_t source = fullest_.rbegin()->node;
                const auto path = find_path(source);
                if (path.size() < 2) {
                    fullest_.erase(board_.last(source));
                    continue;
                }
                begun = begun || difference(path.front(), path.back()) >= difference_min;
                follow(path);
                ++steps;
            }
            if (steps == before || (begun && steps >= steps_max)) return begun;
        }
    }

    /// Channels whose node has changed, in the order in which they first moved.
    [[nodiscard]] std::vector<balance_move> moves() const {
        std::vector<balance_move> all;
        for (const std::uint32_t channel : order_) {
            if (at_[channel] == channels_[channel].node) continue;
            balance_move& one = all.emplace_back();
            one.channel = channel;
            one.from = channels_[channel].node;
            one.to = at_[channel];
        }
        return all;
    }

private:
    using channels_by_class = std::map<std::uint32_t, std::vector<std::uint32_t>>;

    void fill_queues() {
        fullest_.clear();
        emptiest_.clear();
        for (const std::uint32_t node : board_.accepting()) {
            if (board_.load(node) != 0) fullest_.insert(board_.last(node));
            if (board_.has_room(node)) emptiest_.insert(board_.next(node));
        }
    }

    /// How many channels of a node of mean weight the two are apart.
    [[nodiscard]] double difference(std::uint32_t full, std::uint32_t empty) const {
        const auto fullness = [&](std::uint32_t node) {
            return static_cast<double>(board_.load(node)) /
                   static_cast<double>(board_.weight(node));
        };
        return (fullness(full) - fullness(empty)) * weight_mean_;
    }

    /// The nodes along which one channel each moves on, `source` or an equally full node first;
    /// empty if nothing helps.
    std::vector<std::uint32_t> find_path(std::uint32_t source) {
        if (emptiest_.empty()) return {};
        const slot last = board_.last(source);
        if (last.fullness(*emptiest_.begin()) <= 0) return {};
        for (const auto& [number, stock] : stock_[source]) {
            if (stock.empty() || !board_.of_class(number).every) continue;
            via_of(emptiest_.begin()->node, source, number);
            return {source, emptiest_.begin()->node};
        }
        const std::uint32_t best = search(source);
        if (best == no_node || last.fullness(board_.next(best)) <= 0) return {};
        std::vector<std::uint32_t> path{best};
        for (std::uint32_t node = best; node != source;) {
            node = reached_[node].from;
            path.push_back(node);
            if (board_.last(node).fullness(last) >= 0) break;
        }
        std::reverse(path.begin(), path.end());
        return path;
    }

    /// Breadth first over "a channel of this node may go there"; the emptiest node found, the
    /// nearest of equally empty ones. Full nodes do not even pass on: for a moment they would hold
    /// one too many.
    std::uint32_t search(std::uint32_t source) {
        ++round_;
        reached_[source].round = round_;
        std::vector<std::uint32_t> queue{source};
        std::uint32_t best = no_node;
        for (std::size_t head = 0; head < queue.size(); ++head) {
            const std::uint32_t node = queue[head];
            for (const auto& [number, stock] : stock_[node]) {
                if (stock.empty() || asked_[number] == round_) continue;
                asked_[number] = round_;
                for (const std::uint32_t to : board_.of_class(number).nodes) {
                    if (reached_[to].round == round_ || !board_.has_room(to)) continue;
                    via_of(to, node, number);
                    queue.push_back(to);
                    if (best == no_node || board_.next(to).fullness(board_.next(best)) < 0) {
                        best = to;
                    }
                }
            }
        }
        return best;
    }

    void via_of(std::uint32_t to, std::uint32_t from, std::uint32_t of_class) {
        reached_[to].round = round_;
        reached_[to].from = from;
        reached_[to].of_class = of_class;
    }

    /// From the path's end on, so that no node between ever holds more than before.
    void follow(const std::vector<std::uint32_t>& path) {
        for (std::size_t at = path.size() - 1; at > 0; --at) {
            const std::uint32_t from = path[at - 1];
            const std::uint32_t to = path[at];
            const std::uint32_t number = reached_[to].of_class;
            auto& stock = stock_[from][number];
            const std::uint32_t channel = stock.back();
            stock.pop_back();
            stock_[to][number].push_back(channel);
            at_[channel] = to;
            if (!moved_[channel]) order_.push_back(channel);
            moved_[channel] = true;
        }
        fullest_.erase(board_.last(path.front()));
        emptiest_.erase(board_.next(path.front()));
        if (board_.load(path.back()) != 0) fullest_.erase(board_.last(path.back()));
        emptiest_.erase(board_.next(path.back()));
        board_.give(path.front());
        board_.take(path.back());
        for (const std::uint32_t node : {path.front(), path.back()}) {
            if (board_.load(node) != 0) fullest_.insert(board_.last(node));
            if (board_.has_room(node)) emptiest_.insert(board_.next(node));
        }
    }

    /// How the search came to a node.
    struct step {
        std::uint64_t round = 0;
        std::uint32_t from = no_node;
        std::uint32_t of_class = 0;
    };

    node_board board_;
    std::span<const held_channel> channels_;
    std::vector<channels_by_class> stock_;  ///< what each node can give
    std::vector<std::uint32_t> at_;         ///< node of each channel by now
    std::vector<std::uint32_t> order_;      ///< channels in the order of their first move
    std::vector<bool> moved_;               ///< is in `order_`
    std::set<slot> fullest_;                ///< last slots of nodes that may have something to give
    std::set<slot> emptiest_;               ///< next slots of nodes with room
    std::vector<step> reached_;
    std::vector<std::uint64_t> asked_;  ///< per class: the last search that went over it
    std::uint64_t round_ = 0;
    double weight_mean_ = 1;
};

/// The first moves that together stay within the throttles, with their reasons.
std::vector<balance_move> throttle(std::vector<balance_move> all, std::span<const node_load> nodes,
                                   const balance_options& options) {
    std::vector<std::uint32_t> on_the_move(nodes.size());
    std::vector<balance_move> some;
    for (balance_move& one : all) {
        if (some.size() >= options.moves_max) break;
        if (on_the_move[one.from] >= options.moves_per_node_max) continue;
        if (on_the_move[one.to] >= options.moves_per_node_max) continue;
        ++on_the_move[one.from];
        ++on_the_move[one.to];
        const node_load& from = nodes[one.from];
        const node_load& to = nodes[one.to];
        one.reason = fmt::format("node {} holds {}, node {} holds {}", from.info->name,
                                 from.channels, to.info->name, to.channels);
        some.push_back(std::move(one));
    }
    return some;
}

}  // namespace

std::vector<balance_move> plan_balance(std::span<const node_load> nodes,
                                       std::span<const held_channel> channels,
                                       const balance_options& options) {
    if (options.moves_max == 0 || options.moves_per_node_max == 0) return {};
    balancer work(nodes, channels);
    // Enough steps to fill the throttles although some nodes reach theirs early.
    const std::uint64_t steps_max = std::uint64_t{16} * options.moves_max + 1000;
    if (!work.run(std::max<std::uint32_t>(options.difference_min, 2), steps_max)) return {};
    return throttle(work.moves(), nodes, options);
}

}  // namespace reeve::channel
