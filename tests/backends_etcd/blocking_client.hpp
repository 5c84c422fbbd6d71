#pragma once

#include "catch.hpp"
#include "reeve/backends/etcd.hpp"
#include "reeve/backends/event_loop.hpp"
#include "reeve/core/blocking.hpp"
#include "reeve/core/error.hpp"
#include "reeve/core/runtime.hpp"
#include "servers/etcd_server.hpp"

#include <fmt/format.h>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>

#include <chrono>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace etcd_faults {

namespace storage = reeve::storage;
using reeve::errc;
using namespace std::chrono_literals;

/// Gives up soon, so that tests of failures are short.
inline reeve::backends::etcd_options impatient(std::vector<std::string> endpoints) {
    reeve::backends::etcd_options options(std::move(endpoints));
    options.request_patience = 1500ms;
    options.connect_patience = 500ms;
    return options;
}

/// One process that uses etcd: a store on a loop with a thread of its own. The test is plain code
/// beside it.
class client {
public:
    explicit client(reeve::backends::etcd_options options)
        : store_(reeve::backends::open_etcd_metadata_store(strand_, std::move(options))),
          thread_([this] { loop_.run(); }) {}
    explicit client(std::vector<std::string> endpoints) : client(impatient(std::move(endpoints))) {}
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
    [[nodiscard]] std::unique_ptr<storage::watcher> watch(const std::string& prefix,
                                                          storage::revision from) {
        return (*this)(store_->watch(storage::key_range::prefix(prefix), from));
    }
    /// Waits until there is something: "key=value" or "key removed" for each change.
    [[nodiscard]] std::vector<std::string> next(storage::watcher& from) {
        std::vector<std::string> texts;
        while (texts.empty()) {
            const auto batch = (*this)(from.next());
            for (const auto& each : batch.changes) {
                const bool put = each.what == storage::change::kind::put;
                texts.push_back(put ? each.now.key + "=" + each.now.value
                                    : each.now.key + " removed");
            }
        }
        return texts;
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

}  // namespace etcd_faults
