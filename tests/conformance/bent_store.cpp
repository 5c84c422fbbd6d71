#include "conformance/bent_store.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <utility>

namespace conformance {

namespace {

using reeve::error;
using storage::change_batch;
using storage::commit_result;
using storage::key_range;
using storage::lease_grant;
using storage::lease_id;
using storage::page;
using storage::record;
using storage::revision;
using storage::transaction;
using how_ptr = std::shared_ptr<const bend>;

// Waits for the call and translates the codes of its errors.
template <class T>
awaitable<T> translated(how_ptr how, awaitable<T> call) {
    try {
        if constexpr (std::is_void_v<T>) {
            co_await std::move(call);
            co_return;
        } else {
            T result = co_await std::move(call);
            co_return result;
        }
    } catch (const error& failure) {
        if (!how->code) throw;
        throw error(how->code(failure.code_value()), failure.context());
    }
}

class bent_watcher final : public storage::watcher {
public:
    bent_watcher(how_ptr how, std::shared_ptr<storage::watcher> inner, watch_state state)
        : how_(std::move(how)), inner_(std::move(inner)), state_(std::move(state)) {}

    awaitable<change_batch> next() override {
        if (how_->next) return bent_next(how_, inner_, alive_);
        return next_of(how_, inner_->next(), state_);
    }

private:
    static awaitable<change_batch> bent_next(how_ptr how, std::shared_ptr<storage::watcher> inner,
                                             std::weak_ptr<void> alive) {
        auto bent = how->next(*inner, alive);
        co_return co_await std::move(bent);
    }
    static awaitable<change_batch> next_of(how_ptr how, awaitable<change_batch> inner,
                                           watch_state state) {
        auto call = translated<change_batch>(how, std::move(inner));
        change_batch batch = co_await std::move(call);
        if (how->delivered) how->delivered(batch, state);
        co_return batch;
    }

    how_ptr how_;
    std::shared_ptr<storage::watcher> inner_;
    watch_state state_;
    std::shared_ptr<int> alive_ = std::make_shared<int>(0);
};

class bent_store final : public storage::metadata_store {
public:
    bent_store(how_ptr how, std::shared_ptr<storage::metadata_store> inner,
               std::shared_ptr<memory_database> database, std::size_t handle)
        : how_(std::move(how)),
          inner_(std::move(inner)),
          database_(std::move(database)),
          handle_(handle) {
        if (how_->opened) how_->opened(life_);
    }

    storage::store_limits limits() const noexcept override {
        auto limits = inner_->limits();
        if (how_->limits) how_->limits(limits);
        return limits;
    }
    awaitable<std::optional<record>> get(std::string key) override {
        return get_of(how_, inner_, handle_, std::move(key));
    }
    awaitable<page> list(key_range range, std::size_t limit) override {
        return list_of(how_, inner_, std::move(range), limit);
    }
    awaitable<commit_result> commit(transaction change) override {
        return commit_of(how_, inner_, handle_, std::move(change));
    }
    awaitable<std::unique_ptr<storage::watcher>> watch(key_range range, revision from) override {
        return watch_of(how_, inner_, database_, std::move(range), from);
    }
    awaitable<lease_grant> grant(milliseconds ttl) override { return grant_of(how_, inner_, ttl); }
    awaitable<milliseconds> keep_alive(lease_id lease) override {
        if (how_->keep_alive) return how_->keep_alive(*inner_, lease);
        return translated<milliseconds>(how_, inner_->keep_alive(lease));
    }
    awaitable<void> revoke(lease_id lease) override {
        if (how_->revoke) return how_->revoke(*inner_, lease);
        return translated<void>(how_, inner_->revoke(lease));
    }

private:
    using inner_ptr = std::shared_ptr<storage::metadata_store>;

    static awaitable<std::optional<record>> get_of(how_ptr how, inner_ptr inner, std::size_t handle,
                                                   std::string key) {
        if (how->get) {
            auto bent = how->get(*inner, std::move(key));
            co_return co_await std::move(bent);
        }
        auto call = translated<std::optional<record>>(how, inner->get(std::move(key)));
        std::optional<record> found = co_await std::move(call);
        if (how->got) how->got(found, handle);
        co_return found;
    }
    static awaitable<page> list_of(how_ptr how, inner_ptr inner, key_range range,
                                   std::size_t limit) {
        if (how->listing) how->listing(range, limit);
        auto call = translated<page>(how, inner->list(std::move(range), limit));
        page part = co_await std::move(call);
        if (how->listed) how->listed(part);
        co_return part;
    }
    static awaitable<commit_result> commit_of(how_ptr how, inner_ptr inner, std::size_t handle,
                                              transaction change) {
        const transaction asked = change;
        if (how->committing) change = how->committing(asked);
        commit_result result;
        if (how->commit) {
            auto bent = how->commit(*inner, std::move(change));
            result = co_await std::move(bent);
        } else {
            auto call = translated<commit_result>(how, inner->commit(std::move(change)));
            result = co_await std::move(call);
        }
        if (how->committed) how->committed(asked, result, handle);
        co_return result;
    }
    static awaitable<std::unique_ptr<storage::watcher>> watch_of(
        how_ptr how, inner_ptr inner, std::shared_ptr<memory_database> database, key_range range,
        revision from) {
        if (how->watching) how->watching(range, from);
        watch_state state{range, database->revision()};
        auto call = translated<std::unique_ptr<storage::watcher>>(
            how, inner->watch(std::move(range), from));
        std::shared_ptr<storage::watcher> opened = co_await std::move(call);
        co_return std::make_unique<bent_watcher>(how, std::move(opened), std::move(state));
    }
    static awaitable<lease_grant> grant_of(how_ptr how, inner_ptr inner, milliseconds ttl) {
        const auto asked = ttl;
        if (how->granting) how->granting(ttl);
        auto call = translated<lease_grant>(how, inner->grant(ttl));
        lease_grant lease = co_await std::move(call);
        if (how->granted) how->granted(lease, asked);
        co_return lease;
    }

    how_ptr how_;
    inner_ptr inner_;
    std::shared_ptr<memory_database> database_;
    std::size_t handle_;
    std::shared_ptr<int> life_ = std::make_shared<int>(0);
};

}  // namespace

void bent_factory::reset() {
    memory_metadata_factory::reset();
    handles_ = 0;
    if (how_->begins) how_->begins(database);
}

awaitable<std::unique_ptr<storage::metadata_store>> bent_factory::open(
    reeve::core::runtime& strand) {
    if (how_->forgets_on_open && handles_ > 0) memory_metadata_factory::reset();
    auto inner = std::make_shared<reeve::backends::memory_metadata_store>(strand, database);
    co_return std::make_unique<bent_store>(how_, std::move(inner), database, handles_++);
}

transaction edited(const transaction& change,
                   const std::function<bool(storage::condition&)>& take_condition,
                   const std::function<bool(storage::operation&)>& take_operation) {
    transaction result;
    for (auto each : change.conditions()) {
        if (!take_condition(each)) continue;
        switch (each.what) {
            case storage::condition::kind::absent:
                result.if_absent(each.key);
                break;
            case storage::condition::kind::created_at:
                result.if_created_at(each.key, each.expected);
                break;
            case storage::condition::kind::modified_at:
                result.if_modified_at(each.key, each.expected);
                break;
        }
    }
    for (auto each : change.operations()) {
        if (!take_operation(each)) continue;
        if (each.what == storage::operation::kind::put) {
            result.put(each.key, each.value, each.lease);
        } else {
            result.remove(each.key);
        }
    }
    return result;
}

std::optional<record> present(memory_database& database, const std::string& key) {
    for (auto& each : database.dump()) {
        if (each.key == key) return each;
    }
    return std::nullopt;
}

awaitable<void> pause(std::size_t steps) {
    const auto executor = co_await boost::asio::this_coro::executor;
    for (std::size_t step = 0; step < steps; ++step) {
        co_await boost::asio::post(executor, boost::asio::use_awaitable);
    }
}

}  // namespace conformance
