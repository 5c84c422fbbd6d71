#pragma once

#include "backends_etcd/patience.hpp"
#include "catch.hpp"
#include "reeve/backends/etcd.hpp"
#include "reeve/backends/event_loop.hpp"
#include "reeve/core/blocking.hpp"
#include "reeve/core/error.hpp"
#include "reeve/core/runtime.hpp"
#include "servers/etcd_server.hpp"

#include <fmt/format.h>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_future.hpp>

#include <chrono>
#include <cstddef>
#include <future>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace etcd_faults {

namespace storage = reeve::storage;
using reeve::errc;
using namespace std::chrono_literals;

using etcd_test::impatient;
using etcd_test::patient;

/// Longer than anything takes that will come at all.
constexpr auto patience_of_tests = 120s;

/// "key=value" or "key removed" for each change.
inline std::vector<std::string> texts_of(const storage::change_batch& batch) {
    std::vector<std::string> texts;
    for (const auto& each : batch.changes) {
        const bool put = each.what == storage::change::kind::put;
        texts.push_back(put ? each.now.key + "=" + each.now.value : each.now.key + " removed");
    }
    return texts;
}

/// One process that uses etcd: a store on a loop with a thread of its own. The test is plain code
/// beside it. Patient unless its options say otherwise.
class client {
public:
    explicit client(reeve::backends::etcd_options options)
        : store_(reeve::backends::open_etcd_metadata_store(strand_, std::move(options))),
          thread_([this] { loop_.run(); }) {}
    explicit client(std::vector<std::string> endpoints) : client(patient(std::move(endpoints))) {}
    explicit client(const reeve::tests::etcd_cluster& cluster) : client(cluster.endpoints()) {}
    ~client() {
        loop_.stop();
        thread_.join();
        strand_.shutdown();
    }
    client(const client&) = delete;
    client& operator=(const client&) = delete;

    [[nodiscard]] reeve::backends::etcd_metadata_store& store() noexcept { return *store_; }
    [[nodiscard]] reeve::core::runtime& strand() noexcept { return strand_; }

    /// Waits for a call.
    template <class T>
    T operator()(reeve::awaitable<T> call) {
        return reeve::blocking::wait(strand_, std::move(call));
    }
    /// Begins a call.
    template <class T>
    [[nodiscard]] std::future<T> begin(reeve::awaitable<T> call) {
        return boost::asio::co_spawn(strand_.executor(), std::move(call), boost::asio::use_future);
    }

    [[nodiscard]] std::future<storage::commit_result> begin_put(const std::string& key,
                                                                const std::string& value,
                                                                storage::lease_id lease = {}) {
        storage::transaction change;
        change.put(key, value, lease);
        return begin(store_->commit(std::move(change)));
    }
    storage::revision put(const std::string& key, const std::string& value,
                          storage::lease_id lease = {}) {
        return begin_put(key, value, lease).get().at;
    }
    /// "(none)" if the key is not there.
    [[nodiscard]] std::string value(const std::string& key) {
        const auto found = (*this)(store_->get(key));
        return found ? found->value : "(none)";
    }
    /// Like the store, a watcher is used, and destroyed, on the strand.
    using watch_handle = std::shared_ptr<storage::watcher>;
    [[nodiscard]] watch_handle watch(const std::string& prefix, storage::revision from) {
        auto made = (*this)(store_->watch(storage::key_range::prefix(prefix), from));
        return {made.release(), [this](storage::watcher* ended) {
                    std::promise<void> done;
                    boost::asio::post(strand_.executor(), [ended, &done] {
                        delete ended;
                        done.set_value();
                    });
                    done.get_future().wait();
                }};
    }
    /// The next batch that holds a change.
    [[nodiscard]] storage::change_batch next_changes(storage::watcher& from) {
        const auto deadline = std::chrono::steady_clock::now() + patience_of_tests;
        for (;;) {
            auto call = begin(from.next());
            if (call.wait_until(deadline) != std::future_status::ready) {
                throw std::runtime_error("a watch has seen no change for two minutes");
            }
            auto batch = call.get();
            if (!batch.changes.empty()) return batch;
        }
    }
    /// Waits until there is something.
    [[nodiscard]] std::vector<std::string> next(storage::watcher& from) {
        return texts_of(next_changes(from));
    }
    /// Waits until there are so many.
    [[nodiscard]] std::vector<std::string> next(storage::watcher& from, std::size_t count) {
        std::vector<std::string> all;
        while (all.size() < count) {
            const auto some = next(from);
            all.insert(all.end(), some.begin(), some.end());
        }
        return all;
    }

private:
    reeve::backends::event_loop loop_;
    reeve::core::runtime strand_{loop_};
    std::unique_ptr<reeve::backends::etcd_metadata_store> store_;
    std::thread thread_;
};

/// The name of the code that `call` throws, or "success".
template <class Call>
std::string code_of(Call&& call) {
    try {
        (void)call();
        return "success";
    } catch (const reeve::error& failure) {
        UNSCOPED_INFO(failure.what());
        return std::string(reeve::name(failure.code_value()));
    }
}

/// Of something begun.
template <class T>
std::string code_of(std::future<T>& begun) {
    return code_of([&begun] { return begun.get(); });
}

/// Calls until the store is there: while a call throws `unavailable` or `outcome_unknown`, it is
/// made again. Returns what the last one gave: "success" or another code.
template <class Call>
std::string code_at_last(Call&& call) {
    const auto deadline = std::chrono::steady_clock::now() + patience_of_tests;
    for (;;) {
        auto code = code_of(call);
        if (code != "unavailable" && code != "outcome_unknown") return code;
        if (std::chrono::steady_clock::now() > deadline) return code;
    }
}

/// A value, as soon as the store is there.
inline std::string value_at_last(client& who, const std::string& key) {
    std::string found;
    const auto code = code_at_last([&] { return found = who.value(key); });
    return code == "success" ? found : "(" + code + ")";
}

/// Puts, again while it is not certain to have happened; returns the revision.
inline storage::revision put_at_last(client& who, const std::string& key,
                                     const std::string& value) {
    storage::revision at;
    REQUIRE(code_at_last([&] { return at = who.put(key, value); }) == "success");
    return at;
}

}  // namespace etcd_faults
