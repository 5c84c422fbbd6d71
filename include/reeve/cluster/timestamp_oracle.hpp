#pragma once

#include "reeve/catalog/guarded.hpp"
#include "reeve/catalog/key_layout.hpp"
#include "reeve/consensus/timestamp_oracle.hpp"
#include "reeve/core/awaitable.hpp"
#include "reeve/core/runtime.hpp"
#include "reeve/storage/metadata_store.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace reeve::cluster {

/// Bits of a timestamp of persisted_timestamp_oracle below the milliseconds since 1970.
inline constexpr unsigned timestamp_counter_bits = 18;

/// Timestamps of the leader: milliseconds since 1970 and a counter, which together never go back,
/// whatever the wall clock does. They go on at the rate of the monotonic clock, too: a leader whose
/// wall clock was set back, or is behind the mark that one with a clock ahead has left, does not
/// stand still until its wall clock has caught up. The store's record `oracle` holds a mark that no
/// timestamp given out has reached; it is raised by a window at a time, under the leader guard, so
/// that most calls cost no commit and a new leader starts above all that an old one gave.
///
/// A deposed leader's timestamps are still unique, but may be below those that its successor gives
/// at the same time: use them only for what the guard protects.
class persisted_timestamp_oracle final : public consensus::timestamp_oracle {
public:
    /// `strand`, `store` and `keys` must outlive it. `window`: how far ahead the mark is raised, at
    /// least 1 ms; what a leader leaves unused of it is skipped.
    persisted_timestamp_oracle(core::runtime& strand, storage::metadata_store& store,
                               const catalog::key_layout& keys, catalog::leader_guard guard,
                               std::chrono::milliseconds window = std::chrono::milliseconds(3000));

    awaitable<consensus::timestamp> next(std::uint64_t count) override;

    /// What is given out may be used for this long after it: persisted with the mark before the
    /// first timestamp of this term, so that a new leader knows how long to wait
    /// (docs/protocols/segments.md, L6). Before the first `next`. A longer one that is recorded
    /// stays until the mark has passed its end.
    void keep_lifetime(std::chrono::milliseconds lifetime) noexcept {
        lifetime_ms_ = static_cast<std::uint64_t>(std::max<std::int64_t>(lifetime.count(), 0));
    }

private:
    [[nodiscard]] awaitable<void> raise(std::uint64_t count);
    [[nodiscard]] std::uint64_t first_free();
    void anchor(std::uint64_t at_least);

    core::runtime& strand_;
    storage::metadata_store& store_;
    const catalog::key_layout& keys_;
    catalog::leader_guard guard_;
    std::uint64_t window_;
    std::uint64_t lifetime_ms_ = 0;
    std::uint64_t longer_until_ = 0;  // a longer lifetime of an earlier term is in use until then
    std::uint64_t longer_ms_ = 0;
    std::uint64_t next_ = 0;
    std::uint64_t anchor_ = 0;      // from here on timestamps pass at the monotonic clock's rate
    core::time_point anchor_at_{};  // when it was reached
    std::uint64_t high_ = 0;       // of the record; 0: not known in this term
};

}  // namespace reeve::cluster
