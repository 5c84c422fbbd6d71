#include "catalog/packing.hpp"

#include <algorithm>
#include <utility>

namespace reeve::catalog {

namespace {

bool fits(const storage::transaction& change, const storage::transaction& item,
          const storage::store_limits& limits) {
    return change.conditions().size() + item.conditions().size() <= limits.conditions_max &&
           change.operations().size() + item.operations().size() <= limits.operations_max &&
           change.bytes() + item.bytes() <= limits.bytes_max;
}

}  // namespace

bool touched_keys::conflicts(const storage::transaction& item) const {
    for (const auto& one : item.conditions()) {
        if (written_.contains(one.key)) return true;
    }
    for (const auto& one : item.operations()) {
        if (written_.contains(one.key) || compared_.contains(one.key)) return true;
    }
    return false;
}

void touched_keys::add(const storage::transaction& item) {
    for (const auto& one : item.conditions()) compared_.insert(one.key);
    for (const auto& one : item.operations()) written_.insert(one.key);
}

item_queue::item_queue(std::size_t items) : numbers_(items) {
    for (std::size_t at = 0; at < items; ++at) numbers_[at] = at;
}

void item_queue::take(std::span<const std::size_t> taken, std::size_t seen) {
    const auto end = head_ + seen;
    auto keep = end;
    for (auto at = end; at > head_; --at) {
        if (!taken.empty() && taken.back() == numbers_[at - 1]) {
            taken = taken.first(taken.size() - 1);
        } else {
            numbers_[--keep] = numbers_[at - 1];
        }
    }
    head_ = keep;
}

void item_queue::put_back(std::span<const std::size_t> items) {
    auto from = head_;
    head_ -= items.size();  // the room that they left when they were taken
    auto into = head_;
    for (const auto item : items) {
        while (from < numbers_.size() && numbers_[from] < item) numbers_[into++] = numbers_[from++];
        numbers_[into++] = item;
    }
}

packed pack(const storage::store_limits& limits, const leader_guard& guard,
            const std::vector<storage::transaction>& items, std::span<const std::size_t> waiting,
            std::span<const packed* const> under_way) {
    packed made;
    made.change = guard.begin();
    made.guards = made.change.conditions().size();
    touched_keys behind;  // by items that have to wait: those after them must not pass them
    std::size_t left_behind = 0;
    for (const auto index : waiting) {
        const auto& item = items[index];
        if (!fits(made.change, item, limits) || left_behind > limits.operations_max) break;
        ++made.seen;
        const bool conflict =
            made.touched.conflicts(item) || behind.conflicts(item) ||
            std::any_of(under_way.begin(), under_way.end(),
                        [&item](const packed* other) { return other->touched.conflicts(item); });
        if (conflict) {
            behind.add(item);
            ++left_behind;
            continue;
        }
        made.touched.add(item);
        made.change.append(item);
        made.items.push_back(index);
        made.condition.push_back(made.change.conditions().size());
    }
    return made;
}

}  // namespace reeve::catalog
