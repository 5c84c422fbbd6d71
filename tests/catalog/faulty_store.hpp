// A store in front of another that fails where a test says: each commit has a number.
#pragma once

#include "reeve/core/error.hpp"
#include "reeve/storage/metadata_store.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace reeve::support {

// What happens to one commit.
enum class fault {
    away,          // not applied, and says so
    no_reply,      // applied, but the caller learns "unknown"
    lost,          // not applied, and the caller learns "unknown"
    ghost,         // the caller learns "unknown"; applied when the test lands it
    crash_before,  // the process stops before the effect
    crash_after,   // the process stops after it
};

// The process has stopped: no reeve::error, so that nothing handles it.
struct crashed {};

class faulty_store final : public storage::metadata_store {
public:
    using hook = std::function<awaitable<void>(std::size_t)>;

    explicit faulty_store(storage::metadata_store& inner)
        : inner_(inner), limits_(inner.limits()) {}

    std::map<std::size_t, fault> faults;                    // by number of the commit, from 0
    std::size_t commits = 0;                                // so far
    std::size_t lists = 0;                                  // so far
    std::vector<storage::transaction> sent;                 // every commit
    std::vector<storage::transaction> ghosts;               // those that may still land
    hook before_commit;                                     // runs before the commit of this number
    hook before_list;                                       // runs before the list of this number
    std::function<bool(const storage::transaction&)> veto;  // true: not applied, "unavailable"

    std::optional<errc> list_failure;  // of the next list
    // What stands between a watcher and its user.
    std::function<std::unique_ptr<storage::watcher>(std::unique_ptr<storage::watcher>)> wrap;

    void set_limits(storage::store_limits limits) { limits_ = limits; }
    // The ghosts land now, in order; the store decides about each.
    awaitable<void> land() {
        auto now = std::exchange(ghosts, {});
        for (auto& one : now) {
            try {
                co_await inner_.commit(std::move(one));
            } catch (const error&) {
                // Nobody is there to be told.
            }
        }
    }

    [[nodiscard]] storage::store_limits limits() const noexcept override { return limits_; }
    awaitable<std::optional<storage::record>> get(std::string key) override {
        check_alive();
        auto found = co_await inner_.get(std::move(key));
        co_return found;
    }
    awaitable<storage::page> list(storage::key_range range, std::size_t limit) override {
        check_alive();
        const auto number = lists++;
        if (before_list) co_await before_list(number);
        if (list_failure) throw error(*std::exchange(list_failure, {}), "as the test wants it");
        const auto cut = std::min(limit, limits_.page_records_max);
        auto found = co_await inner_.list(std::move(range), cut);
        co_return found;
    }
    awaitable<storage::commit_result> commit(storage::transaction change) override {
        check_alive();
        storage::validate(change, limits_);
        const auto number = commits++;
        sent.push_back(change);
        if (before_commit) co_await before_commit(number);
        if (veto && veto(change)) throw error(errc::unavailable, "vetoed");
        const auto found = faults.find(number);
        if (found == faults.end()) {
            auto result = co_await inner_.commit(std::move(change));
            co_return result;
        }
        co_await fail(found->second, std::move(change));
        co_return storage::commit_result{};
    }
    awaitable<std::unique_ptr<storage::watcher>> watch(storage::key_range range,
                                                       storage::revision from) override {
        check_alive();
        auto made = co_await inner_.watch(std::move(range), from);
        if (wrap) made = wrap(std::move(made));
        co_return made;
    }
    awaitable<storage::lease_grant> grant(std::chrono::milliseconds ttl) override {
        check_alive();
        auto made = co_await inner_.grant(ttl);
        co_return made;
    }
    awaitable<std::chrono::milliseconds> keep_alive(storage::lease_id lease) override {
        check_alive();
        const auto ttl = co_await inner_.keep_alive(lease);
        co_return ttl;
    }
    awaitable<void> revoke(storage::lease_id lease) override {
        check_alive();
        co_await inner_.revoke(lease);
    }

private:
    void check_alive() const {
        if (dead_) throw crashed();
    }
    awaitable<void> fail(fault what, storage::transaction change) {
        switch (what) {
            case fault::away:
                throw error(errc::unavailable, "as the test wants it");
            case fault::lost:
                break;
            case fault::ghost:
                ghosts.push_back(std::move(change));
                break;
            case fault::no_reply:
                co_await inner_.commit(std::move(change));
                break;
            case fault::crash_before:
                dead_ = true;
                throw crashed();
            case fault::crash_after:
                co_await inner_.commit(std::move(change));
                dead_ = true;
                throw crashed();
        }
        throw error(errc::outcome_unknown, "as the test wants it");
    }

    storage::metadata_store& inner_;
    storage::store_limits limits_;
    bool dead_ = false;
};

}  // namespace reeve::support
