#include "reeve/cluster/session.hpp"

#include "reeve/core/error.hpp"
#include "reeve/core/guards.hpp"
#include "reeve/core/timeout.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

namespace reeve::cluster {

session::session(core::runtime& strand, storage::metadata_store& store,
                 const catalog::key_layout& keys, model::node_info self, lease_options lease)
    : strand_(strand),
      store_(store),
      keys_(keys),
      self_(std::move(self)),
      lease_options_(lease),
      lease_(strand, store, lease) {
    if (self_.address.empty() || self_.address.size() > 1000) {
        throw error(errc::invalid_argument,
                    fmt::format("address of node '{}': {} bytes, wanted 1..1000", self_.name,
                                self_.address.size()));
    }
    self_.process = model::incarnation();
    (void)keys_.node(self_.name);  // throws for a bad name
}

awaitable<model::incarnation> session::open() {
    core::backoff retry(lease_options_.retry, strand_.next_seed());
    self_.process = model::incarnation();  // nothing is held under an earlier one
    for (;;) {
        bool open = false;
        try {
            open = co_await attempt();
        } catch (const error& failure) {
            if (failure.kind() == error_class::invalid || failure.kind() == error_class::corrupt) {
                throw;
            }
            core::log(strand_.log(), core::log_level::warning, "cluster", "session of {}: {}",
                      self_.name, failure.what());
        }
        if (open) co_return self_.process;
        co_await strand_.sleep_for(retry.next());
    }
}

awaitable<bool> session::attempt() {
    const std::string key = keys_.node(self_.name);
    const auto limit = lease_options_.request;
    // 1. What is there: nothing, or an older self.
    auto asked = store_.get(key);
    const auto found = co_await core::with_deadline<std::optional<storage::record>>(
        strand_, std::move(asked), strand_.now() + limit, errc::deadline_exceeded, key);
    // 2. A lease of our own. A crash leaves a lease without keys, which ends by itself.
    co_await lease_.acquire();
    self_.ttl = lease_.ttl();
    // 3. Replace exactly what was read. From then on the older self's commits are refused.
    storage::transaction change;
    change.if_modified_at(key, found ? found->modified : storage::revision());
    change.put(key, catalog::encode(self_), lease_.id());
    auto sent = store_.commit(std::move(change));
    bool unknown = false;
    try {
        const auto result = co_await core::with_deadline<storage::commit_result>(
            strand_, std::move(sent), strand_.now() + limit, errc::outcome_unknown, key);
        if (result) self_.process = model::incarnation(result.at.value);
        if (result) co_return true;
    } catch (const error& failure) {
        if (!is_outcome_unknown(failure)) throw;
        unknown = true;
    }
    // 4. After an unknown outcome: it is ours if it carries our lease.
    bool mine = false;
    if (unknown) {
        auto again = store_.get(key);
        const auto now = co_await core::with_deadline<std::optional<storage::record>>(
            strand_, std::move(again), strand_.now() + limit, errc::deadline_exceeded, key);
        mine = now && now->lease == lease_.id();
        if (mine) self_.process = model::incarnation(now->modified.value);
    }
    if (!mine) co_await lease_.give_up();
    co_return mine;
}

awaitable<bool> session::still_mine() {
    const std::string key = keys_.node(self_.name);
    auto limit = strand_.now() + lease_options_.request;
    if (core::enforced(core::guard::self_fencing)) limit = std::min(limit, lease_.safe_until());
    auto asked = store_.get(key);
    const auto now = co_await core::with_deadline<std::optional<storage::record>>(
        strand_, std::move(asked), limit, errc::deadline_exceeded, key);
    co_return now && now->modified.value == self_.process.value;
}

awaitable<void> session::hold() {
    core::backoff retry(lease_options_.retry, strand_.next_seed());
    while (lease_.held()) {
        std::chrono::nanoseconds pause = (lease_.ttl() - lease_options_.margin) / 3;
        try {
            const bool renewed = co_await lease_.renew();
            if (!renewed) co_return;
            // Another process of our name may own the key while our old lease lives on.
            const bool mine = co_await still_mine();
            if (!mine) {
                lease_.lose();
                co_return;
            }
            retry.reset();
        } catch (const error& failure) {
            core::log(strand_.log(), core::log_level::warning, "cluster", "session of {}: {}",
                      self_.name, failure.what());
            pause = retry.next();
        }
        auto until = strand_.now() + pause;
        if (core::enforced(core::guard::self_fencing)) {
            until = std::min(until, lease_.safe_until());
        }
        co_await strand_.sleep_until(until);
    }
}

awaitable<void> session::close() { co_await lease_.give_up(); }

bool session::held() const noexcept { return self_.process && lease_.held(); }

}  // namespace reeve::cluster
