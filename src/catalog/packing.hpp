#pragma once

#include "reeve/catalog/guarded.hpp"
#include "reeve/storage/metadata_store.hpp"

#include <cstddef>
#include <span>
#include <string_view>
#include <unordered_set>
#include <vector>

namespace reeve::catalog {

// Which keys some items touch. Holds views of the items' keys.
class touched_keys {
public:
    // Could `item` change what the others see, or they what it sees?
    [[nodiscard]] bool conflicts(const storage::transaction& item) const;
    void add(const storage::transaction& item);

private:
    std::unordered_set<std::string_view> compared_;
    std::unordered_set<std::string_view> written_;
};

// The numbers of the items that are neither decided nor under way, in order.
class item_queue {
public:
    // All of them.
    explicit item_queue(std::size_t items);
    [[nodiscard]] std::span<const std::size_t> waiting() const {
        return std::span(numbers_).subspan(head_);
    }
    // Takes `taken` out of the first `seen` that wait; the others stay in front, in order.
    void take(std::span<const std::size_t> taken, std::size_t seen);
    // They wait again, at their old places. Taken before, and in order.
    void put_back(std::span<const std::size_t> items);

private:
    std::vector<std::size_t> numbers_;  // those that wait begin at `head_`
    std::size_t head_ = 0;
};

// Several items as one transaction.
struct packed {
    storage::transaction change;
    std::size_t guards = 0;              // conditions before those of the items
    std::vector<std::size_t> items;      // which, in order
    std::vector<std::size_t> condition;  // one past the last condition of each of them
    touched_keys touched;                // by its items
    std::size_t seen = 0;                // waiting items looked at
};

// As many of the first waiting items as fit into one transaction. Items that touch the same key
// stay in order, in different transactions; what touches a key of one that is `under_way` waits for
// its end. No items: all that was looked at has to wait.
packed pack(const storage::store_limits& limits, const leader_guard& guard,
            const std::vector<storage::transaction>& items, std::span<const std::size_t> waiting,
            std::span<const packed* const> under_way);

}  // namespace reeve::catalog
