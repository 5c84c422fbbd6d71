#include "reeve/backends/memory_metadata_store.hpp"

#include "backends/memory/memory_engine.hpp"

#include <boost/asio/error.hpp>
#include <boost/system/system_error.hpp>

#include <utility>

namespace reeve::backends {

namespace {

using engine_ptr = std::shared_ptr<detail::memory_engine>;

struct watch_state {
    watch_state(engine_ptr database, std::shared_ptr<detail::memory_hub> place,
                storage::key_range what, storage::revision first)
        : engine(std::move(database)),
          hub(std::move(place)),
          range(std::move(what)),
          from(first),
          generation(engine->check_watch(first)) {}

    engine_ptr engine;
    std::shared_ptr<detail::memory_hub> hub;
    storage::key_range range;
    storage::revision from;
    std::uint64_t generation;
    bool closed = false;
};

awaitable<storage::change_batch> next_of(std::shared_ptr<watch_state> watch) {
    for (;;) {
        if (watch->closed) throw boost::system::system_error(boost::asio::error::operation_aborted);
        auto batch = watch->engine->changes(watch->range, watch->from, watch->generation);
        if (batch.up_to >= watch->from) {
            watch->from = storage::revision(batch.up_to.value + 1);
            co_return batch;
        }
        // A lease that ends is a change that nobody else may notice.
        const auto expiry = watch->engine->next_expiry();
        if (expiry) {
            const core::time_point deadline = watch->hub->strand->now() + *expiry;
            co_await watch->hub->changed.wait_until(deadline);
        } else {
            co_await watch->hub->changed.wait();
        }
    }
}

class memory_watcher final : public storage::watcher {
public:
    explicit memory_watcher(std::shared_ptr<watch_state> watch) : watch_(std::move(watch)) {
        ++watch_->hub->watchers;
    }
    ~memory_watcher() override {
        watch_->closed = true;
        --watch_->hub->watchers;
    }
    awaitable<storage::change_batch> next() override { return next_of(watch_); }

private:
    std::shared_ptr<watch_state> watch_;
};

// Static coroutines that own what they use: a call may start after its store is gone.

awaitable<std::optional<storage::record>> get_from(engine_ptr engine, std::string key) {
    co_return engine->get(key);
}

awaitable<storage::page> list_from(engine_ptr engine, storage::key_range range, std::size_t limit) {
    co_return engine->list(range, limit);
}

awaitable<storage::commit_result> commit_to(engine_ptr engine, storage::transaction change) {
    const kv_commit command(std::move(change));
    co_return engine->commit(command);
}

awaitable<std::unique_ptr<storage::watcher>> watch_on(engine_ptr engine,
                                                      std::shared_ptr<detail::memory_hub> hub,
                                                      storage::key_range range,
                                                      storage::revision from) {
    auto watch = std::make_shared<watch_state>(engine, hub, std::move(range), from);
    co_return std::make_unique<memory_watcher>(std::move(watch));
}

awaitable<storage::lease_grant> grant_from(engine_ptr engine, std::chrono::milliseconds ttl) {
    co_return engine->grant(ttl);
}

awaitable<std::chrono::milliseconds> keep_alive_at(engine_ptr engine, storage::lease_id lease) {
    co_return engine->keep_alive(lease);
}

awaitable<void> revoke_at(engine_ptr engine, storage::lease_id lease) {
    engine->end_lease(lease);
    co_return;
}

}  // namespace

memory_database::memory_database(memory_database_options options)
    : engine_(std::make_shared<detail::memory_engine>(options)) {}

memory_database::~memory_database() = default;

void memory_database::compact(storage::revision up_to) { engine_->compact(up_to); }

bool memory_database::expire(storage::lease_id lease) { return engine_->end_lease(lease); }

bool memory_database::delay(storage::lease_id lease, std::chrono::milliseconds by) {
    return engine_->delay_lease(lease, by);
}

std::vector<storage::lease_id> memory_database::leases() { return engine_->leases(); }

storage::revision memory_database::revision() { return engine_->revision(); }

std::vector<storage::record> memory_database::dump() { return engine_->dump(); }

std::string memory_database::snapshot() { return engine_->snapshot(); }

void memory_database::restore(std::string_view bytes) { engine_->restore(bytes); }

memory_metadata_store::memory_metadata_store(core::runtime& strand,
                                             std::shared_ptr<memory_database> database)
    : engine_(database->engine()), hub_(std::make_shared<detail::memory_hub>(strand)) {
    engine_->join(hub_);
}

memory_metadata_store::~memory_metadata_store() = default;

storage::store_limits memory_metadata_store::limits() const noexcept { return engine_->limits(); }

awaitable<std::optional<storage::record>> memory_metadata_store::get(std::string key) {
    return get_from(engine_, std::move(key));
}

awaitable<storage::page> memory_metadata_store::list(storage::key_range range, std::size_t limit) {
    return list_from(engine_, std::move(range), limit);
}

awaitable<storage::commit_result> memory_metadata_store::commit(storage::transaction change) {
    return commit_to(engine_, std::move(change));
}

awaitable<std::unique_ptr<storage::watcher>> memory_metadata_store::watch(storage::key_range range,
                                                                          storage::revision from) {
    return watch_on(engine_, hub_, std::move(range), from);
}

awaitable<storage::lease_grant> memory_metadata_store::grant(std::chrono::milliseconds ttl) {
    return grant_from(engine_, ttl);
}

awaitable<std::chrono::milliseconds> memory_metadata_store::keep_alive(storage::lease_id lease) {
    return keep_alive_at(engine_, lease);
}

awaitable<void> memory_metadata_store::revoke(storage::lease_id lease) {
    return revoke_at(engine_, lease);
}

}  // namespace reeve::backends
