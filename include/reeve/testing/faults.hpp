#pragma once

#include "reeve/core/random.hpp"

#include <chrono>
#include <cstdint>

namespace reeve::testing {

/// How long something takes: evenly spread over [min, max]. Both 0: no time at all.
struct delay_range {
    std::chrono::nanoseconds min{0};  ///< shortest
    std::chrono::nanoseconds max{0};  ///< longest

    /// One of them.
    [[nodiscard]] std::chrono::nanoseconds pick(core::random& random) const noexcept {
        const auto spread = static_cast<std::uint64_t>((max - min).count());
        return min + std::chrono::nanoseconds(random.below(spread + 1));
    }
};

/// A chance in millionths: 1'000'000 is always.
struct chance {
    std::uint32_t ppm = 0;  ///< millionths

    /// Does it happen this time?
    [[nodiscard]] bool happens(core::random& random) const noexcept {
        return ppm != 0 && random.chance(ppm, 1'000'000);
    }
};

/// What happens to messages between processes. The default is a network without faults.
struct network_faults {
    delay_range delay{std::chrono::microseconds(100), std::chrono::milliseconds(2)};  ///< one way
    chance not_sent;    ///< the call throws errc::unavailable and nothing is sent
    chance lost;        ///< a request vanishes
    chance reply_lost;  ///< a reply vanishes
    chance duplicated;  ///< a request arrives twice
    chance slow;        ///< a request or a reply takes `slow_delay` instead of `delay`
    chance old;         ///< a copy of a request arrives `old_delay` later, at whatever process
                        ///< then has the address; sometimes it is the only copy
    chance pause_lost;  ///< a message that arrives at a paused process vanishes
    delay_range slow_delay{std::chrono::milliseconds(20), std::chrono::seconds(5)};  ///< of `slow`
    delay_range old_delay{std::chrono::seconds(20), std::chrono::minutes(10)};       ///< of `old`

    /// Every fault, each at a rate at which useful work still gets done.
    [[nodiscard]] static network_faults chaos() noexcept;
};

/// What happens to requests to a store. The default is a store without faults.
struct request_faults {
    delay_range delay{std::chrono::microseconds(100), std::chrono::milliseconds(1)};  ///< one way
    chance slow;          ///< the way there takes `slow_delay` instead of `delay`
    chance unavailable;   ///< not applied, and the caller is told so
    chance full;          ///< writes only: not applied, errc::resource_exhausted
    chance request_lost;  ///< writes only: not applied, but the caller gets errc::outcome_unknown
    chance reply_lost;    ///< writes only: applied, and the caller gets errc::outcome_unknown
    chance ghost;  ///< writes only: the caller gets errc::outcome_unknown, and the request is
                   ///< applied `ghost_delay` later, even if the caller is dead by then
    delay_range slow_delay{std::chrono::milliseconds(10), std::chrono::seconds(3)};  ///< of `slow`
    delay_range give_up{std::chrono::milliseconds(20), std::chrono::seconds(5)};     ///< until the
                                                                                     ///< caller is
                                                                                     ///< told
    delay_range ghost_delay{std::chrono::milliseconds(1), std::chrono::minutes(2)};  ///< of `ghost`

    /// Every fault but `full`, each at a rate at which useful work still gets done.
    [[nodiscard]] static request_faults chaos() noexcept;
};

/// What happens at a metadata store.
struct metadata_faults {
    request_faults requests;  ///< of every call
    delay_range watch_lag;    ///< between a commit and its delivery to a watch
    chance watch_stalled;     ///< a delivery takes `watch_stall` instead of `watch_lag`
    chance watch_gap;         ///< per delivery: the watch fails with errc::unavailable, and what
                              ///< was on its way is lost to it
    chance watch_compacted;   ///< per delivery, and per call of watch: errc::compacted
    chance lease_early;       ///< per grant and renewal: the store ends the lease within its ttl
    chance lease_late;        ///< per grant and renewal: the store gives up to 90% of a ttl more
    delay_range watch_stall{std::chrono::milliseconds(50),
                            std::chrono::seconds(20)};  ///< of
                                                        ///< watch_stalled

    /// Every fault, each at a rate at which useful work still gets done.
    [[nodiscard]] static metadata_faults chaos() noexcept;
};

/// What happens at an object store.
struct object_faults {
    request_faults requests;  ///< of every call

    /// Every fault, each at a rate at which useful work still gets done.
    [[nodiscard]] static object_faults chaos() noexcept;
};

/// What happens at a message stream.
struct stream_faults {
    request_faults requests;  ///< of every call
    delay_range lag;          ///< between an append and its delivery to a subscription
    chance stalled;           ///< a delivery takes `stall` instead of `lag`
    chance gap;  ///< per delivery: the subscription fails with errc::unavailable, and what was on
                 ///< its way is lost to it
    delay_range stall{std::chrono::milliseconds(50), std::chrono::seconds(10)};  ///< of `stalled`

    /// Every fault, each at a rate at which useful work still gets done.
    [[nodiscard]] static stream_faults chaos() noexcept;
};

}  // namespace reeve::testing
