#include "reeve/cluster/timestamp_oracle.hpp"

#include "reeve/catalog/codec.hpp"
#include "reeve/core/error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <utility>

namespace reeve::cluster {

namespace {

constexpr auto all = std::numeric_limits<std::uint64_t>::max();

std::uint64_t plus(std::uint64_t from, std::uint64_t count) {
    if (count <= all - from) return from + count;
    throw error(errc::resource_exhausted,
                fmt::format("timestamp oracle: {} more after {} do not fit 64 bits", count, from));
}

}  // namespace

persisted_timestamp_oracle::persisted_timestamp_oracle(core::runtime& strand,
                                                       storage::metadata_store& store,
                                                       const catalog::key_layout& keys,
                                                       catalog::leader_guard guard,
                                                       std::chrono::milliseconds window)
    : strand_(strand),
      store_(store),
      keys_(keys),
      guard_(std::move(guard)),
      window_(static_cast<std::uint64_t>(
                  std::clamp<std::int64_t>(window.count(), 1, std::int64_t{1} << 32))
              << timestamp_counter_bits) {}

awaitable<consensus::timestamp> persisted_timestamp_oracle::next(std::uint64_t count) {
    if (count == 0) throw error(errc::invalid_argument, "timestamps: at least 1 must be taken");
    while (high_ == 0 || plus(first_free(), count) > high_) co_await raise(count);
    const auto first = first_free();
    next_ = first + count;
    co_return consensus::timestamp(first);
}

// Timestamps have come so far at least: the line on which time goes on begins there, unless it is
// further already.
void persisted_timestamp_oracle::anchor(std::uint64_t at_least) {
    const auto passed =
        std::chrono::duration_cast<std::chrono::milliseconds>(strand_.now() - anchor_at_).count();
    const auto ms = std::clamp<std::int64_t>(passed, 0, std::int64_t{1} << 40U);
    const auto on = static_cast<std::uint64_t>(ms) << timestamp_counter_bits;
    if (anchor_ != 0 && on <= all - anchor_ && anchor_ + on >= at_least) {
        anchor_ += on;
        anchor_at_ += std::chrono::milliseconds(ms);
        return;
    }
    anchor_ = at_least;
    anchor_at_ = strand_.now();
}

// Where the next timestamps begin: at the wall clock if it is ahead, but never back, and never
// slower than time passes.
std::uint64_t persisted_timestamp_oracle::first_free() {
    const auto since_1970 = strand_.wall_now().time_since_epoch();
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(since_1970).count();
    const auto bounded = std::clamp<std::int64_t>(ms, 1, std::int64_t{1} << 45U);
    anchor(static_cast<std::uint64_t>(bounded) << timestamp_counter_bits);
    return std::max(next_, anchor_);
}

awaitable<void> persisted_timestamp_oracle::raise(std::uint64_t count) {
    const auto key = keys_.oracle();
    const auto found = co_await store_.get(key);
    catalog::oracle_mark mark;
    if (found) catalog::decoder().decode(key, found->value, mark);
    const auto before = mark.high;
    // Another term, or a reservation whose outcome stayed unknown, may have used all below.
    const auto start =
        before == high_ && high_ != 0 ? first_free() : std::max(first_free(), before);
    if (high_ == 0 && mark.lifetime_ms > lifetime_ms_) {
        longer_ms_ = mark.lifetime_ms;
        longer_until_ = plus(before, longer_ms_ << timestamp_counter_bits);
    }
    mark.lifetime_ms = start < longer_until_ ? longer_ms_ : lifetime_ms_;
    mark.high = plus(plus(start, count), window_);
    auto change = guard_.begin();
    change.if_modified_at(key, found ? found->modified : storage::revision{});
    change.put(key, catalog::encode(mark));
    const auto result = co_await store_.commit(std::move(change));
    guard_.check(result);
    // Rejected, or older than what an overlapping call has brought: the caller looks again.
    if (!result || mark.high <= high_) co_return;
    if (before != high_) {
        next_ = std::max(next_, before);
        anchor(next_);
    }
    high_ = mark.high;
}

}  // namespace reeve::cluster
