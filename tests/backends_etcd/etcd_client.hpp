#pragma once

#include "backends_etcd/patience.hpp"
#include "reeve/backends/etcd.hpp"
#include "reeve/backends/run_on.hpp"
#include "reeve/core/error.hpp"
#include "servers/etcd_server.hpp"

#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace etcd_test {

namespace storage = reeve::storage;
using reeve::errc;
using reeve::backends::etcd_options;
using reeve::tests::etcd_cluster;

/// A store with a loop of its own, which runs while a call is awaited.
class client {
public:
    explicit client(etcd_options options)
        : store_(reeve::backends::open_etcd_metadata_store(strand_, std::move(options))) {}
    ~client() {
        store_.reset();
        strand_.shutdown();
    }
    client(const client&) = delete;
    client& operator=(const client&) = delete;

    [[nodiscard]] reeve::backends::etcd_metadata_store& store() const { return *store_; }
    [[nodiscard]] reeve::core::runtime& strand() { return strand_; }

    /// Runs the loop until the call has ended.
    template <class T>
    T run(reeve::awaitable<T> call) {
        return reeve::backends::run_on(loop_, strand_, std::move(call));
    }

    /// The code that a call throws; nothing if it throws none.
    template <class T>
    std::optional<errc> code_of(reeve::awaitable<T> call) {
        try {
            run(std::move(call));
        } catch (const reeve::error& failure) {
            return failure.code_value();
        }
        return std::nullopt;
    }

    storage::revision put(const std::string& key, const std::string& value,
                          storage::lease_id lease = {}) {
        storage::transaction change;
        change.put(key, value, lease);
        return run(store_->commit(std::move(change))).at;
    }
    storage::revision remove(const std::string& key) {
        storage::transaction change;
        change.remove(key);
        return run(store_->commit(std::move(change))).at;
    }
    std::string get(const std::string& key) {
        const auto found = run(store_->get(key));
        return found ? found->value : "(none)";
    }
    std::unique_ptr<storage::watcher> watch(storage::key_range range, storage::revision from) {
        return run(store_->watch(std::move(range), from));
    }
    /// The changes up to `last`.
    std::vector<storage::change> changes(storage::watcher& watch, storage::revision last) {
        std::vector<storage::change> all;
        for (storage::revision seen; seen < last;) {
            auto batch = run(watch.next());
            for (auto& each : batch.changes) all.push_back(std::move(each));
            seen = batch.up_to;
        }
        return all;
    }

private:
    reeve::backends::event_loop loop_;
    reeve::core::runtime strand_{loop_};
    std::unique_ptr<reeve::backends::etcd_metadata_store> store_;
};

inline storage::revision after(storage::revision at) { return storage::revision(at.value + 1); }

}  // namespace etcd_test
