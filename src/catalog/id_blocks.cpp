#include "reeve/catalog/id_blocks.hpp"

#include "reeve/catalog/codec.hpp"
#include "reeve/core/error.hpp"
#include "storage/printable.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <utility>

namespace reeve::catalog {

namespace {

// The counter after `want` more numbers. Throws errc::corrupt near the end of all numbers: no store
// gets there by counting.
std::uint64_t raised(const std::string& key, std::uint64_t next, std::uint64_t want) {
    if (want > std::numeric_limits<std::uint64_t>::max() - next) {
        throw error(errc::corrupt, fmt::format("record {}: {} leaves no room for {} more numbers",
                                               storage::printable(key), next, want));
    }
    return next + want;
}

}  // namespace

id_blocks::id_blocks(storage::metadata_store& store, const key_layout& keys, leader_guard guard,
                     std::uint64_t block)
    : store_(store),
      keys_(keys),
      guard_(std::move(guard)),
      block_(std::max<std::uint64_t>(block, 1)) {}

awaitable<std::uint64_t> id_blocks::take(std::uint64_t count) {
    if (count == 0) throw error(errc::invalid_argument, "ids: at least 1 must be taken");
    while (end_ - next_ < count) co_await reserve(count);
    const auto first = next_;
    next_ += count;
    co_return first;
}

awaitable<void> id_blocks::reserve(std::uint64_t count) {
    const auto key = keys_.ids();
    const auto found = co_await store_.get(key);
    id_counter counter;
    if (found) decoder().decode(key, found->value, counter);
    const auto first = counter.next;
    counter.next = raised(key, first, std::max(count, block_));
    auto change = guard_.begin();
    change.if_modified_at(key, found ? found->modified : storage::revision{});
    change.put(key, encode(counter));
    // An unknown outcome is thrown from here: the block, if it was reserved, is never used.
    const auto result = co_await store_.commit(std::move(change));
    guard_.check(result);
    // Rejected: somebody else has reserved, so there is something new to read. A block below one
    // that an overlapping call has brought is too late to be given out in order.
    if (!result || first < end_) co_return;
    if (first > end_) next_ = first;
    end_ = counter.next;
}

}  // namespace reeve::catalog
