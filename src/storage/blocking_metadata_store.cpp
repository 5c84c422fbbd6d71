#include "reeve/storage/blocking_metadata_store.hpp"

#include "reeve/core/error.hpp"
#include "storage/blocking_write.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace reeve::storage {

namespace {

constexpr std::size_t batch_changes = 1000;

/// What calls own: they may outlive the store.
struct shared_store {
    shared_store(core::runtime& on, std::shared_ptr<blocking_metadata_store> functions,
                 core::blocking_executor pool)
        : strand(&on), calls(std::move(functions)), workers(std::move(pool)) {}

    core::runtime* strand;
    std::shared_ptr<blocking_metadata_store> calls;
    core::blocking_executor workers;
};
using store_ptr = std::shared_ptr<shared_store>;

awaitable<std::optional<record>> get_from(store_ptr store, std::string key) {
    std::function<std::optional<record>()> call = [calls = store->calls, key = std::move(key)] {
        return calls->get(key);
    };
    co_return co_await core::blocking_call(*store->strand, store->workers, std::move(call));
}

awaitable<page> list_from(store_ptr store, key_range range, std::size_t limit) {
    if (limit == 0) throw error(errc::invalid_argument, "list with a limit of 0, at least 1");
    const std::size_t most = std::min(limit, store->calls->limits().page_records_max);
    std::function<page()> call = [calls = store->calls, range = std::move(range), most] {
        return calls->list(range, most);
    };
    co_return co_await core::blocking_call(*store->strand, store->workers, std::move(call));
}

awaitable<commit_result> commit_to(store_ptr store, transaction change) {
    validate(change, store->calls->limits());
    std::function<commit_result()> call = [calls = store->calls, change = std::move(change)] {
        return calls->commit(change);
    };
    const std::string context = "commit";
    co_return co_await blocking_write(*store->strand, store->workers, std::move(call), context);
}

awaitable<lease_grant> grant_from(store_ptr store, std::chrono::milliseconds ttl) {
    if (ttl < std::chrono::milliseconds(1)) {
        throw error(errc::invalid_argument,
                    fmt::format("lease of {} ms, at least 1 ms is accepted", ttl.count()));
    }
    std::function<lease_grant()> call = [calls = store->calls, ttl] { return calls->grant(ttl); };
    const std::string context = "grant";
    co_return co_await blocking_write(*store->strand, store->workers, std::move(call), context);
}

awaitable<std::chrono::milliseconds> keep_alive_at(store_ptr store, lease_id lease) {
    std::function<std::chrono::milliseconds()> call = [calls = store->calls, lease] {
        return calls->keep_alive(lease);
    };
    const std::string context = fmt::format("keep-alive of lease {}", lease);
    co_return co_await blocking_write(*store->strand, store->workers, std::move(call), context);
}

awaitable<void> revoke_at(store_ptr store, lease_id lease) {
    std::function<void()> call = [calls = store->calls, lease] { calls->revoke(lease); };
    const std::string context = fmt::format("revocation of lease {}", lease);
    co_await blocking_write(*store->strand, store->workers, std::move(call), context);
}

struct watch_state {
    watch_state(store_ptr owner, key_range what, revision first)
        : store(std::move(owner)), range(std::move(what)), from(first) {}

    store_ptr store;
    key_range range;
    revision from;
    std::optional<change_batch> ready;  // found while the watch was established
    bool closed = false;
};
using watch_ptr = std::shared_ptr<watch_state>;

awaitable<change_batch> poll(watch_ptr watch, std::chrono::milliseconds patience) {
    std::function<change_batch()> call = [calls = watch->store->calls, range = watch->range,
                                          from = watch->from, patience] {
        return calls->changes(range, from, batch_changes, patience);
    };
    co_return co_await core::blocking_call(*watch->store->strand, watch->store->workers,
                                           std::move(call));
}

bool delivers(const watch_state& watch, const change_batch& batch) {
    return !batch.changes.empty() || batch.up_to >= watch.from;
}

awaitable<change_batch> next_of(watch_ptr watch) {
    core::runtime& strand = *watch->store->strand;
    for (;;) {
        change_batch batch;
        const core::time_point begin = strand.now();
        if (watch->ready) {
            batch = std::move(*watch->ready);
            watch->ready.reset();
        } else {
            batch = co_await poll(watch, blocking_patience);
        }
        if (watch->closed) throw boost::system::system_error(boost::asio::error::operation_aborted);
        if (delivers(*watch, batch)) {
            watch->from = revision(batch.up_to.value + 1);
            co_return batch;
        }
        if (strand.now() - begin < blocking_patience / 2) {
            co_await strand.sleep_for(blocking_pause);  // it does not wait, so we do
        }
    }
}

class blocking_watcher final : public watcher {
public:
    explicit blocking_watcher(watch_ptr watch) : watch_(std::move(watch)) {}
    ~blocking_watcher() override { watch_->closed = true; }
    awaitable<change_batch> next() override { return next_of(watch_); }

private:
    watch_ptr watch_;
};

awaitable<std::unique_ptr<watcher>> watch_on(store_ptr store, key_range range, revision from) {
    if (!from) throw error(errc::invalid_argument, "watch from revision 0, at least 1");
    auto watch = std::make_shared<watch_state>(std::move(store), std::move(range), from);
    // The first poll tells whether the store still knows that far back.
    change_batch batch = co_await poll(watch, std::chrono::milliseconds(0));
    if (delivers(*watch, batch)) watch->ready = std::move(batch);
    co_return std::make_unique<blocking_watcher>(std::move(watch));
}

class adapted_store final : public metadata_store {
public:
    explicit adapted_store(store_ptr store) : store_(std::move(store)) {}

    [[nodiscard]] store_limits limits() const noexcept override { return store_->calls->limits(); }
    awaitable<std::optional<record>> get(std::string key) override {
        return get_from(store_, std::move(key));
    }
    awaitable<page> list(key_range range, std::size_t limit) override {
        return list_from(store_, std::move(range), limit);
    }
    awaitable<commit_result> commit(transaction change) override {
        return commit_to(store_, std::move(change));
    }
    awaitable<std::unique_ptr<watcher>> watch(key_range range, revision from) override {
        return watch_on(store_, std::move(range), from);
    }
    awaitable<lease_grant> grant(std::chrono::milliseconds ttl) override {
        return grant_from(store_, ttl);
    }
    awaitable<std::chrono::milliseconds> keep_alive(lease_id lease) override {
        return keep_alive_at(store_, lease);
    }
    awaitable<void> revoke(lease_id lease) override { return revoke_at(store_, lease); }

private:
    store_ptr store_;
};

}  // namespace

std::unique_ptr<metadata_store> from_blocking(core::runtime& strand,
                                              std::shared_ptr<blocking_metadata_store> store,
                                              core::blocking_executor workers) {
    return std::make_unique<adapted_store>(
        std::make_shared<shared_store>(strand, std::move(store), std::move(workers)));
}

}  // namespace reeve::storage
