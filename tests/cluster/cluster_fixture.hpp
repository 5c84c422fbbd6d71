#pragma once

#include "catch.hpp"
#include "core/manual_loop.hpp"
#include "reeve/backends/memory_metadata_store.hpp"
#include "reeve/catalog/codec.hpp"
#include "reeve/catalog/key_layout.hpp"
#include "reeve/core/error.hpp"
#include "reeve/core/task_scope.hpp"

#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace cluster_test {

using namespace reeve;
using namespace std::chrono_literals;

/// What becomes of a commit.
enum class fault {
    none,         ///< as usual
    not_applied,  ///< refused as unavailable
    lost_reply,   ///< applied, and nobody learns of it
    ghost,        ///< not applied yet, perhaps later
};

/// A store that fails as the test says.
class flaky_store final : public storage::metadata_store {
public:
    flaky_store(core::runtime& strand, storage::metadata_store& to) : strand_(strand), to_(to) {}

    [[nodiscard]] storage::store_limits limits() const noexcept override { return to_.limits(); }
    awaitable<std::optional<storage::record>> get(std::string key) override {
        co_await pass();
        auto found = co_await to_.get(std::move(key));
        co_return found;
    }
    awaitable<storage::page> list(storage::key_range range, std::size_t limit) override {
        co_await pass();
        auto page = co_await to_.list(std::move(range), limit);
        co_return page;
    }
    awaitable<storage::commit_result> commit(storage::transaction change) override {
        co_await pass();
        auto what = fault::none;
        if (!commits.empty()) {
            what = commits.front();
            commits.pop_front();
            if (meanwhile) meanwhile();
        }
        if (what == fault::not_applied) throw error(errc::unavailable, "the store");
        if (what == fault::ghost) {
            ghosts.push_back(std::move(change));
            co_await strand_.sleep_for(reply_delay);
            throw error(errc::outcome_unknown, "the store");
        }
        auto result = co_await to_.commit(std::move(change));
        if (what == fault::lost_reply) throw error(errc::outcome_unknown, "the store");
        co_return result;
    }
    awaitable<std::unique_ptr<storage::watcher>> watch(storage::key_range range,
                                                       storage::revision from) override {
        co_await pass();
        auto watcher = co_await to_.watch(std::move(range), from);
        co_return watcher;
    }
    awaitable<storage::lease_grant> grant(std::chrono::milliseconds ttl) override {
        co_await pass();
        auto granted = co_await to_.grant(ttl);
        co_await strand_.sleep_for(reply_delay);
        co_return granted;
    }
    awaitable<std::chrono::milliseconds> keep_alive(storage::lease_id lease) override {
        co_await pass();
        auto ttl = co_await to_.keep_alive(lease);
        co_await strand_.sleep_for(reply_delay);
        co_return ttl;
    }
    awaitable<void> revoke(storage::lease_id lease) override {
        co_await pass();
        co_await to_.revoke(lease);
    }

    std::deque<fault> commits;                 ///< of the next commits
    std::vector<storage::transaction> ghosts;  ///< commits that may land later
    std::function<void()> meanwhile;           ///< happens at each commit that has a fault
    std::chrono::milliseconds reply_delay{0};  ///< of lease calls and lost replies
    bool away = false;                         ///< everything is unavailable

private:
    awaitable<void> pass() {
        if (away) throw error(errc::unavailable, "the store");
        co_return;
    }

    core::runtime& strand_;
    storage::metadata_store& to_;
};

/// One process: a strand and its way to the store that all share.
struct process {
    process(manual_loop& loop, const std::shared_ptr<backends::memory_database>& database)
        : strand(loop, loop.options()), direct(strand, database), store(strand, direct) {}
    ~process() { strand.shutdown(); }
    process(const process&) = delete;
    process& operator=(const process&) = delete;

    core::runtime strand;
    backends::memory_metadata_store direct;
    flaky_store store;
    core::task_scope background{strand};
};

/// Virtual time and one database; `operator_` looks at it from outside.
struct world {
    explicit world(backends::memory_database_options options = {}) {
        options.clock = &loop;
        database = std::make_shared<backends::memory_database>(options);
        outside = std::make_unique<process>(loop, database);
    }

    std::unique_ptr<process> start() { return std::make_unique<process>(loop, database); }
    std::optional<storage::record> get(const std::string& key) {
        return loop.wait(outside->strand, outside->direct.get(key));
    }
    storage::commit_result commit(storage::transaction change) {
        return loop.wait(outside->strand, outside->direct.commit(std::move(change)));
    }
    [[nodiscard]] std::chrono::milliseconds since(core::time_point then) const {
        return std::chrono::duration_cast<std::chrono::milliseconds>(loop.now() - then);
    }

    manual_loop loop;
    std::shared_ptr<backends::memory_database> database;
    std::unique_ptr<process> outside;
    catalog::key_layout keys{"t/"};
};

template <class Function>
errc code_of(Function function) {
    try {
        function();
    } catch (const error& failure) {
        return failure.code_value();
    }
    return errc{};
}

/// Runs `work` in the background; tells when it has ended.
class ended {
public:
    ended(process& on, awaitable<void> work) { on.background.spawn(note(std::move(work), value_)); }
    explicit operator bool() const { return *value_; }

private:
    static awaitable<void> note(awaitable<void> work, std::shared_ptr<bool> into) {
        co_await std::move(work);
        *into = true;
    }
    std::shared_ptr<bool> value_ = std::make_shared<bool>(false);
};

}  // namespace cluster_test
