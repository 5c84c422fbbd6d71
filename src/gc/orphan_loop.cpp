#include "gc/orphan_round.hpp"
#include "gc/sweep_loop.hpp"
#include "reeve/core/metrics.hpp"
#include "reeve/gc/orphan_sweep.hpp"

#include <algorithm>

namespace reeve::gc {

// A round that was begun goes on at once. The next begins an interval after the last one ended, by
// the object store's clock, which does not change with the leader; if it jumps, an interval from
// now.
awaitable<void> orphan_sweep::wait_for_turn() {
    const auto seen = co_await read_cursor();
    if (!seen.cursor.after.empty() || seen.cursor.rounds == 0) co_return;
    const auto now = co_await site_.objects.server_time();
    const auto finished = std::max<std::int64_t>(seen.cursor.finished_ms, 0);
    const auto since = std::max<std::int64_t>(milliseconds_of(now) - finished, 0);
    const auto interval = options_.interval.count();
    co_await site_.strand.sleep_for(
        std::chrono::milliseconds(std::clamp<std::int64_t>(interval - since, 0, interval)));
}

awaitable<void> orphan_sweep::run() {
    sweep_loop loop(site_, options_.pace, status_, "orphan sweep");
    while (true) {
        std::chrono::milliseconds pause{0};
        try {
            co_await wait_for_turn();
            loop.begins();
            const auto report = co_await sweep();
            site_.strand.metrics().set("reeve_gc_unreadable_objects",
                                       static_cast<double>(report.count(verdict::unreadable)));
            pause = loop.ended(report.paused);
        } catch (const error& failure) {
            pause = loop.failed(failure);
        }
        co_await site_.strand.sleep_for(pause);
    }
}

}  // namespace reeve::gc
