#include "reeve/testing/faulty_metadata_store.hpp"

#include "testing/simulation/feed.hpp"
#include "testing/simulation/remote_call.hpp"

#include <utility>

namespace reeve::testing {

namespace {

using detail::call_read;
using detail::call_write;
using detail::remote_link;
using std::chrono::milliseconds;
using storage::metadata_store;
using watch_feed = detail::feed<storage::change_batch>;
using shared_link = std::shared_ptr<remote_link>;
using shared_store = std::shared_ptr<metadata_store>;

std::string first_key(const storage::transaction& change) {
    if (!change.operations().empty()) return change.operations().front().key;
    return change.conditions().empty() ? std::string() : change.conditions().front().key;
}

awaitable<storage::commit_result> counted_commit(shared_link link, shared_store backing,
                                                 storage::transaction change) {
    storage::commit_result result = co_await backing->commit(std::move(change));
    if (result) link->world->count_commit();
    co_return result;
}

/// The store ends the lease, although its holder is alive and renews it.
awaitable<void> end_early(shared_link link, shared_store backing, storage::lease_id lease,
                          std::chrono::nanoseconds delay) {
    co_await link->world->world_runtime().sleep_for(delay);
    co_await backing->revoke(lease);
    link->world->count("lease ended early");
    link->world->note("world", "lease {} ended early", lease);
}

/// The store lets the lease live longer than its holder renewed it.
awaitable<void> end_late(shared_link link, shared_store backing, storage::lease_id lease,
                         std::chrono::nanoseconds delay) {
    co_await link->world->world_runtime().sleep_for(delay);
    try {
        co_await backing->keep_alive(lease);
        link->world->count("lease kept late");
    } catch (const error& gone) {
        if (gone.code_value() != errc::lease_not_found) throw;
    }
}

void disturb_lease(const shared_link& link, const shared_store& backing,
                   const metadata_faults& faults, storage::lease_id lease, milliseconds ttl) {
    const auto tenth = std::chrono::nanoseconds(ttl) / 10;
    const auto delay = tenth * static_cast<int>(link->random.between(1, 9));
    const bool early = faults.lease_early.happens(link->random);
    const bool late = faults.lease_late.happens(link->random);
    if (!early && !late) return;
    auto finish = [world = link->world](const std::exception_ptr& failure) {
        if (failure) world->fail("simulation: disturbing a lease failed");
    };
    auto work =
        early ? end_early(link, backing, lease, delay) : end_late(link, backing, lease, delay);
    boost::asio::co_spawn(link->world->world_runtime().executor(), std::move(work),
                          std::move(finish));
}

awaitable<storage::lease_grant> disturbed_grant(shared_link link, shared_store backing,
                                                const metadata_faults* faults, milliseconds ttl) {
    const storage::lease_grant granted = co_await backing->grant(ttl);
    disturb_lease(link, backing, *faults, granted.id, granted.ttl);
    co_return granted;
}

awaitable<milliseconds> disturbed_keep_alive(shared_link link, shared_store backing,
                                             const metadata_faults* faults,
                                             storage::lease_id lease) {
    const milliseconds ttl = co_await backing->keep_alive(lease);
    disturb_lease(link, backing, *faults, lease, ttl);
    co_return ttl;
}

/// Carries batches from the store's watch to the process's, in order.
awaitable<void> fill_watch(std::shared_ptr<watch_feed> into, const metadata_faults* faults,
                           std::unique_ptr<storage::watcher> source) {
    remote_link& link = *into->link;
    core::runtime& strand = link.world->world_runtime();
    while (!into->closed) {
        storage::change_batch batch = co_await source->next();
        const bool stalled = faults->watch_stalled.happens(link.random);
        if (stalled) link.world->count("watch stalled");
        const delay_range range = stalled ? faults->watch_stall : faults->watch_lag;
        co_await strand.sleep_for(range.pick(link.random));
        if (into->closed) co_return;
        if (link.owner->owner().stores_cut() || faults->watch_gap.happens(link.random)) {
            into->fail(errc::unavailable, "watch gap");
        } else if (faults->watch_compacted.happens(link.random)) {
            into->fail(errc::compacted, "watch compacted");
        } else {
            into->deliver(std::move(batch));
        }
    }
}

awaitable<storage::change_batch> next_batch(std::shared_ptr<watch_feed> from) {
    co_await detail::wait_for_item(from);
    storage::change_batch batch = std::move(from->items.front());
    from->items.pop_front();
    co_return batch;
}

class faulty_watcher final : public storage::watcher {
public:
    explicit faulty_watcher(std::shared_ptr<watch_feed> from) : from_(std::move(from)) {}
    ~faulty_watcher() override { detail::stop_feed(from_); }
    awaitable<storage::change_batch> next() override { return next_batch(from_); }

private:
    std::shared_ptr<watch_feed> from_;
};

awaitable<std::unique_ptr<storage::watcher>> open_watch(shared_link link, shared_store backing,
                                                        const metadata_faults* faults,
                                                        storage::key_range range,
                                                        storage::revision from) {
    using opened = std::unique_ptr<storage::watcher>;
    std::string label = fmt::format("watch {} from {}", range.first(), from);
    if (from && faults->watch_compacted.happens(link->random)) {
        link->world->count("watch compacted");
        throw error(errc::compacted, "simulated " + link->name + ": " + label);
    }
    std::function<awaitable<opened>()> run = [backing, range = std::move(range), from] {
        return backing->watch(range, from);
    };
    opened source =
        co_await call_read<opened>(link, faults->requests, std::move(label), std::move(run));
    auto into = std::make_shared<watch_feed>(link);
    detail::start_feed(into, fill_watch(into, faults, std::move(source)));
    co_return std::make_unique<faulty_watcher>(std::move(into));
}

}  // namespace

faulty_metadata_store::faulty_metadata_store(process& caller, shared_store backing,
                                             const metadata_faults& faults)
    : link_(std::make_shared<remote_link>(caller, "metadata store")),
      backing_(std::move(backing)),
      faults_(&faults) {}

faulty_metadata_store::~faulty_metadata_store() = default;

storage::store_limits faulty_metadata_store::limits() const noexcept { return backing_->limits(); }

awaitable<std::optional<storage::record>> faulty_metadata_store::get(std::string key) {
    using result = std::optional<storage::record>;
    std::string label = "get " + key;
    auto run = [backing = backing_, key = std::move(key)] { return backing->get(key); };
    return call_read<result>(link_, faults_->requests, std::move(label), std::move(run));
}

awaitable<storage::page> faulty_metadata_store::list(storage::key_range range, std::size_t limit) {
    std::string label = "list " + range.first();
    auto run = [backing = backing_, range = std::move(range), limit] {
        return backing->list(range, limit);
    };
    return call_read<storage::page>(link_, faults_->requests, std::move(label), std::move(run));
}

awaitable<storage::commit_result> faulty_metadata_store::commit(storage::transaction change) {
    std::string label = "commit " + first_key(change);
    auto run = [link = link_, backing = backing_, change = std::move(change)] {
        return counted_commit(link, backing, change);
    };
    return call_write<storage::commit_result>(
        link_, faults_->requests, effect_kind::metadata_commit, std::move(label), std::move(run));
}

awaitable<std::unique_ptr<storage::watcher>> faulty_metadata_store::watch(storage::key_range range,
                                                                          storage::revision from) {
    return open_watch(link_, backing_, faults_, std::move(range), from);
}

awaitable<storage::lease_grant> faulty_metadata_store::grant(milliseconds ttl) {
    auto run = [link = link_, backing = backing_, faults = faults_, ttl] {
        return disturbed_grant(link, backing, faults, ttl);
    };
    return call_write<storage::lease_grant>(link_, faults_->requests, effect_kind::metadata_grant,
                                            fmt::format("grant {} ms", ttl.count()),
                                            std::move(run));
}

awaitable<milliseconds> faulty_metadata_store::keep_alive(storage::lease_id lease) {
    auto run = [link = link_, backing = backing_, faults = faults_, lease] {
        return disturbed_keep_alive(link, backing, faults, lease);
    };
    return call_write<milliseconds>(link_, faults_->requests, effect_kind::metadata_keep_alive,
                                    fmt::format("keep_alive {}", lease), std::move(run));
}

awaitable<void> faulty_metadata_store::revoke(storage::lease_id lease) {
    auto run = [backing = backing_, lease] { return backing->revoke(lease); };
    return call_write<void>(link_, faults_->requests, effect_kind::metadata_revoke,
                            fmt::format("revoke {}", lease), std::move(run));
}

}  // namespace reeve::testing
