#include "reeve/cluster/lease_keeper.hpp"

#include "reeve/core/error.hpp"
#include "reeve/core/guards.hpp"
#include "reeve/core/timeout.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace reeve::cluster {

lease_keeper::lease_keeper(core::runtime& strand, storage::metadata_store& store,
                           lease_options options)
    : strand_(strand), store_(store), options_(options) {
    if (options.ttl.count() < 10 || options.margin.count() < 0 ||
        options.margin * 2 >= options.ttl || options.request.count() <= 0) {
        throw error(
            errc::invalid_argument,
            fmt::format("lease of {} ms with a margin of {} ms and requests of {} ms: "
                        "wanted ttl >= 10, 0 <= margin < ttl / 2, request > 0",
                        options.ttl.count(), options.margin.count(), options.request.count()));
    }
}

awaitable<void> lease_keeper::acquire() {
    const auto sent = strand_.now();
    auto asked = store_.grant(options_.ttl);
    const auto granted = co_await core::with_deadline<storage::lease_grant>(
        strand_, std::move(asked), sent + options_.request, errc::outcome_unknown, "grant a lease");
    id_ = granted.id;
    ttl_ = granted.ttl;
    safe_until_ = sent + granted.ttl - options_.margin;
    lost_ = false;
}

awaitable<bool> lease_keeper::renew() {
    const auto sent = strand_.now();
    auto limit = sent + options_.request;
    if (core::enforced(core::guard::self_fencing)) limit = std::min(limit, safe_until_);
    auto asked = store_.keep_alive(id_);
    try {
        const auto ttl = co_await core::with_deadline<std::chrono::milliseconds>(
            strand_, std::move(asked), limit, errc::outcome_unknown, "renew a lease");
        safe_until_ = std::max(safe_until_, sent + ttl - options_.margin);
    } catch (const error& failure) {
        if (failure.code_value() != errc::lease_not_found) throw;
        lost_ = true;
    }
    co_return !lost_;
}

awaitable<void> lease_keeper::keep() {
    core::backoff retry(options_.retry, strand_.next_seed());
    while (held()) {
        std::chrono::nanoseconds pause = (ttl_ - options_.margin) / 3;
        try {
            const bool renewed = co_await renew();
            if (!renewed) co_return;
            retry.reset();
        } catch (const error& failure) {
            core::log(strand_.log(), core::log_level::warning, "cluster", "lease {}: {}", id_.value,
                      failure.what());
            pause = retry.next();
        }
        auto until = strand_.now() + pause;
        if (core::enforced(core::guard::self_fencing)) until = std::min(until, safe_until_);
        co_await strand_.sleep_until(until);
    }
}

awaitable<void> lease_keeper::give_up() {
    const auto ended = id_;
    lost_ = true;
    if (!ended) co_return;
    auto asked = store_.revoke(ended);
    try {
        co_await core::with_deadline<void>(strand_, std::move(asked),
                                           strand_.now() + options_.request, errc::outcome_unknown,
                                           "revoke a lease");
    } catch (const error& failure) {
        core::log(strand_.log(), core::log_level::info, "cluster", "lease {} ends by itself: {}",
                  ended.value, failure.what());
    }
}

bool lease_keeper::held() const noexcept {
    if (lost_) return false;
    return strand_.now() < safe_until_ || !core::enforced(core::guard::self_fencing);
}

}  // namespace reeve::cluster
