#include "reeve/cluster/leadership.hpp"

#include "reeve/core/error.hpp"
#include "reeve/core/timeout.hpp"

#include <fmt/format.h>

#include <memory>
#include <utility>

namespace reeve::cluster {

leadership::leadership(core::runtime& strand, storage::metadata_store& store,
                       const catalog::key_layout& keys, leadership_options options)
    : strand_(strand),
      store_(store),
      keys_(keys),
      options_(std::move(options)),
      lease_(strand, store, options_.lease) {
    if (!model::valid_name(options_.coordinator)) {
        throw error(errc::invalid_argument,
                    fmt::format("coordinator id '{}': 1..{} printable ASCII bytes without '/'",
                                options_.coordinator, model::name_bytes_max));
    }
}

awaitable<catalog::leader_guard> leadership::campaign() {
    core::backoff retry(options_.lease.retry, strand_.next_seed());
    for (;;) {
        bool elected = false;
        try {
            elected = co_await attempt();
            trouble_.clear();
        } catch (const error& failure) {
            if (failure.kind() == error_class::invalid || failure.kind() == error_class::corrupt) {
                throw;
            }
            trouble_ = failure.what();
            core::log(strand_.log(), core::log_level::warning, "cluster", "campaign of {}: {}",
                      options_.coordinator, trouble_);
        }
        if (elected) co_return catalog::leader_guard(keys_.leader(), term_);
        co_await strand_.sleep_for(retry.next());
    }
}

awaitable<bool> leadership::attempt() {
    // 1. Wait until nobody leads. A crash here leaves nothing.
    const bool mine = co_await look(std::string());
    if (mine) co_return true;
    if (seen_.term) co_await await_vacancy(storage::revision(seen_at_.value + 1));
    // 2. A lease of our own. A crash leaves a lease without keys, which ends by itself.
    co_await lease_.acquire();
    const std::string nonce =
        fmt::format("{}-{}-{:x}", options_.coordinator, lease_.id().value, strand_.next_seed());
    // 3. Create the key under it. A crash leaves a leader that never serves, until its lease ends.
    bool elected = false;
    bool unknown = false;
    try {
        elected = co_await stand(nonce);
    } catch (const error& failure) {
        if (!is_outcome_unknown(failure)) throw;
        unknown = true;
    }
    // 4. After an unknown outcome only what the key says counts: our nonce, whole.
    if (unknown) elected = co_await look(nonce);
    // A late success of this try would belong to a lease that ends now.
    if (!elected) co_await lease_.give_up();
    co_return elected;
}

awaitable<bool> leadership::stand(std::string nonce) {
    model::leader_info self;
    self.coordinator = options_.coordinator;
    self.address = options_.address;
    self.nonce = std::move(nonce);
    storage::transaction change;
    change.if_absent(keys_.leader()).put(keys_.leader(), catalog::encode(self), lease_.id());
    auto asked = store_.commit(std::move(change));
    const auto result = co_await core::with_deadline<storage::commit_result>(
        strand_, std::move(asked), strand_.now() + options_.lease.request, errc::outcome_unknown,
        "create the leader key");
    if (result) term_ = model::term(result.at.value);
    co_return static_cast<bool>(result);
}

awaitable<bool> leadership::look(std::string nonce) {
    auto asked = store_.list(storage::key_range::one(keys_.leader()), 1);
    const auto found = co_await core::with_deadline<storage::page>(
        strand_, std::move(asked), strand_.now() + options_.lease.request, errc::deadline_exceeded,
        "read the leader key");
    seen_ = model::leader_info();
    seen_at_ = found.at;
    if (found.records.empty()) co_return false;
    const storage::record& record = found.records.front();
    decoder_.decode(record.key, record.value, seen_);
    seen_.term = model::term(record.created.value);
    if (nonce.empty() || seen_.nonce != nonce) co_return false;
    term_ = seen_.term;
    co_return true;
}

awaitable<void> leadership::await_vacancy(storage::revision from) {
    auto watch = co_await store_.watch(storage::key_range::one(keys_.leader()), from);
    for (;;) {
        const auto batch = co_await watch->next();
        for (const auto& change : batch.changes) {
            if (change.what == storage::change::kind::removed) co_return;
        }
    }
}

awaitable<void> leadership::hold() { co_await lease_.keep(); }

awaitable<void> leadership::resign() { co_await lease_.give_up(); }

}  // namespace reeve::cluster
