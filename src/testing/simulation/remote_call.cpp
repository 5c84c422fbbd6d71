#include "testing/simulation/remote_call.hpp"

namespace reeve::testing::detail {

namespace {

fate choose(remote_link& link, const request_faults& faults, access what) {
    core::random& random = link.random;
    if (link.owner->owner().stores_cut()) {
        if (what == access::read || random.chance(1, 2)) return fate::unavailable;
        return fate::request_lost;
    }
    if (faults.unavailable.happens(random)) return fate::unavailable;
    if (what == access::read) return fate::normal;
    if (faults.full.happens(random)) return fate::full;
    if (faults.request_lost.happens(random)) return fate::request_lost;
    if (faults.reply_lost.happens(random)) return fate::reply_lost;
    if (faults.ghost.happens(random)) return fate::ghost;
    return fate::normal;
}

}  // namespace

plan make_plan(remote_link& link, const request_faults& faults, access what, verdict crash) {
    plan how;
    const bool slow = crash == verdict::proceed && faults.slow.happens(link.random);
    how.there = slow ? faults.slow_delay.pick(link.random) : faults.delay.pick(link.random);
    how.back = faults.delay.pick(link.random);
    how.give_up = faults.give_up.pick(link.random);
    how.ghost_delay = faults.ghost_delay.pick(link.random);
    if (crash == verdict::proceed) {
        how.what = choose(link, faults, what);
    } else if (crash == verdict::lose_reply) {
        how.what = fate::reply_lost;
    }
    // Whoever cannot reach the other side notices only after a while.
    if (how.what == fate::unavailable && link.owner->owner().stores_cut()) how.back += how.give_up;
    return how;
}

}  // namespace reeve::testing::detail
