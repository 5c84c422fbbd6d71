#include "reeve/catalog/guarded.hpp"

#include "reeve/catalog/commit_large.hpp"
#include "reeve/core/error.hpp"
#include "reeve/core/guards.hpp"
#include "storage/printable.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <string_view>
#include <unordered_set>
#include <utility>

namespace reeve::catalog {

namespace {

void add(storage::transaction& into, const storage::condition& one) {
    switch (one.what) {
        case storage::condition::kind::absent:
            into.if_absent(one.key);
            break;
        case storage::condition::kind::created_at:
            into.if_created_at(one.key, one.expected);
            break;
        case storage::condition::kind::modified_at:
            into.if_modified_at(one.key, one.expected);
            break;
    }
}

void add(storage::transaction& into, const storage::operation& one) {
    if (one.what == storage::operation::kind::put) {
        into.put(one.key, one.value, one.lease);
    } else {
        into.remove(one.key);
    }
}

// `head` with the conditions and writes of `item` behind its own.
void append(storage::transaction& head, const storage::transaction& item) {
    for (const auto& one : item.conditions()) add(head, one);
    for (const auto& one : item.operations()) add(head, one);
}

// Which keys the items of one transaction, and those left for a later one, touch.
class touched_keys {
public:
    // Could `item` change what the others see, or they what it sees?
    [[nodiscard]] bool conflicts(const storage::transaction& item) const {
        for (const auto& one : item.conditions()) {
            if (written_.contains(one.key)) return true;
        }
        for (const auto& one : item.operations()) {
            if (written_.contains(one.key) || compared_.contains(one.key)) return true;
        }
        return false;
    }
    void add(const storage::transaction& item) {
        for (const auto& one : item.conditions()) compared_.insert(one.key);
        for (const auto& one : item.operations()) written_.insert(one.key);
    }

private:
    std::unordered_set<std::string_view> compared_;
    std::unordered_set<std::string_view> written_;
};

// The items that are still to be decided, in order.
class queue {
public:
    explicit queue(std::size_t items) : indexes_(items) {
        for (std::size_t at = 0; at < items; ++at) indexes_[at] = at;
    }
    [[nodiscard]] bool empty() const { return head_ == indexes_.size(); }
    [[nodiscard]] std::span<const std::size_t> waiting() const {
        return std::span(indexes_).subspan(head_);
    }
    // Drops the decided ones of the first `many`; the others stay in front, in order.
    template <class Decided>
    void drop_decided(std::size_t many, Decided decided) {
        const auto end = head_ + many;
        auto keep = end;
        for (auto at = end; at > head_; --at) {
            if (!decided(indexes_[at - 1])) indexes_[--keep] = indexes_[at - 1];
        }
        head_ = keep;
    }

private:
    std::vector<std::size_t> indexes_;
    std::size_t head_ = 0;
};

struct packed {
    storage::transaction change;
    std::size_t guards = 0;              // conditions before those of the items
    std::size_t seen = 0;                // waiting items looked at
    std::vector<std::size_t> items;      // which, in order
    std::vector<std::size_t> condition;  // one past the last condition of each of them
};

// As many of the first waiting items as fit into one transaction. Items that touch the same key
// stay in order, in different transactions.
packed pack(const storage::store_limits& limits, const leader_guard& guard,
            const std::vector<storage::transaction>& items, std::span<const std::size_t> waiting) {
    packed made;
    made.change = guard.begin();
    made.guards = made.change.conditions().size();
    touched_keys touched;
    std::size_t left_behind = 0;
    for (const auto index : waiting) {
        const auto& item = items[index];
        const auto& change = made.change;
        const bool fits =
            change.conditions().size() + item.conditions().size() <= limits.conditions_max &&
            change.operations().size() + item.operations().size() <= limits.operations_max &&
            change.bytes() + item.bytes() <= limits.bytes_max;
        if (!fits || left_behind > limits.operations_max) break;
        ++made.seen;
        const bool conflict = touched.conflicts(item);
        touched.add(item);
        if (conflict) {
            ++left_behind;
            continue;
        }
        append(made.change, item);
        made.items.push_back(index);
        made.condition.push_back(made.change.conditions().size());
    }
    return made;
}

// Refuses an item that could never be committed, before anything is sent.
void check_each(storage::store_limits limits, const leader_guard& guard,
                const std::vector<storage::transaction>& items) {
    if (items.empty()) return;
    const auto head = guard.begin();
    limits.conditions_max -= std::min(limits.conditions_max, head.conditions().size());
    limits.bytes_max -= std::min(limits.bytes_max, head.bytes());
    for (const auto& item : items) {
        storage::validate(item, limits);
        refuse_marked(item);
    }
}

// Marks the items whose own condition failed.
void mark_rejected(const packed& made, const storage::commit_result& result,
                   std::vector<item_result>& results) {
    bool any = false;
    std::size_t first = made.guards;
    for (std::size_t at = 0; at < made.items.size(); ++at) {
        for (std::size_t one = first; one < made.condition[at]; ++one) {
            if (!result.has_failed(one)) continue;
            results[made.items[at]] = {item_outcome::rejected, result.at};
            any = true;
        }
        first = made.condition[at];
    }
    if (!any) {
        throw error(errc::corrupt,
                    "the store rejected a transaction and named none of its "
                    "conditions as failed");
    }
}

}  // namespace

storage::transaction leader_guard::begin() const {
    if (!term_) throw error(errc::fenced, "a write without a term");
    storage::transaction change;
    if (core::enforced(core::guard::term)) {
        change.if_created_at(leader_key_, storage::revision(term_.value));
    }
#if defined(REEVE_GUARD_SWITCHES)
    // Without the condition, the term is written instead, so that whoever checks effects sees it.
    if (!core::enforced(core::guard::term)) {
        change.put(leader_key_ + ".claimed", std::to_string(term_.value));
    }
#endif
    return change;
}

void leader_guard::check(const storage::commit_result& result) const {
    if (!core::enforced(core::guard::term)) return;
    if (result || !result.has_failed(0)) return;
    throw error(errc::fenced, fmt::format("term {} is over: {} has another create revision", term_,
                                          storage::printable(leader_key_)));
}

awaitable<std::vector<item_result>> commit_items(storage::metadata_store& store, leader_guard guard,
                                                 std::vector<storage::transaction> items,
                                                 on_decided decided) {
    const auto limits = store.limits();
    check_each(limits, guard, items);
    std::vector<item_result> results(items.size());
    queue waiting(items.size());
    bool away = false;
    while (!waiting.empty() && !away) {
        auto made = pack(limits, guard, items, waiting.waiting());
        storage::commit_result result;
        try {
            result = co_await store.commit(std::move(made.change));
            guard.check(result);
            if (result) {
                for (const auto index : made.items) {
                    results[index] = {item_outcome::committed, result.at};
                }
            } else {
                mark_rejected(made, result, results);
            }
        } catch (const error& failure) {
            const bool unknown = is_outcome_unknown(failure);
            if (!unknown && failure.kind() != error_class::not_applied) throw;
            away = true;
            if (!unknown) break;
            for (const auto index : made.items) results[index].outcome = item_outcome::unknown;
        }
        const auto open = [&](std::size_t index) {
            return results[index].outcome == item_outcome::not_applied;
        };
        waiting.drop_decided(made.seen, [&](std::size_t index) { return !open(index); });
        if (!decided) continue;
        std::erase_if(made.items, open);
        decided(made.items, results);
    }
    co_return results;
}

}  // namespace reeve::catalog
