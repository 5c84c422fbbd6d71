#pragma once

#include "backends_etcd/blocking_client.hpp"
#include "reeve/core/random.hpp"
#include "reeve/testing/history.hpp"

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace etcd_faults {

using register_operation = reeve::testing::history_operation<reeve::testing::register_model>;

/// What all clients of a storm share. Any thread.
class storm_log {
public:
    /// A number later than all before.
    [[nodiscard]] std::uint64_t now() noexcept { return ++time_; }
    /// Keeps an operation whose result is known, or whose outcome is not.
    void add(register_operation done);
    /// Counts an operation that certainly had no effect.
    void failed();
    /// Keeps what must never happen.
    void wrong(const std::string& what);

    /// Waits until so many more operations had a result; false: not within `time`.
    [[nodiscard]] bool wait_results(std::uint64_t more, std::chrono::seconds time);
    /// Waits until so many more operations had none.
    [[nodiscard]] bool wait_failures(std::uint64_t more, std::chrono::seconds time);

    [[nodiscard]] std::vector<register_operation> history() const;
    [[nodiscard]] std::vector<std::string> wrongs() const;
    /// "N results, N unknown outcomes, N without effect".
    [[nodiscard]] std::string summary() const;

    /// Keys of a later generation are new, so that few operations of unknown outcome meet, which
    /// would take too long to put in order: each fault begins one, and every few of them.
    std::atomic<std::uint64_t> generation{0};
    std::atomic<bool> ends{false};

private:
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::atomic<std::uint64_t> time_{0};
    std::vector<register_operation> history_;
    std::vector<std::string> wrongs_;
    std::uint64_t results_ = 0;
    std::uint64_t unknown_ = 0;
    std::uint64_t failures_ = 0;
};

/// Reads, writes, and compares-and-sets a few keys until the storm ends, and logs what it sees.
class storm_client {
public:
    storm_client(std::shared_ptr<storm_log> log, std::vector<std::string> endpoints, int number);
    /// Waits until it has ended.
    void finish() { done_.get(); }

private:
    reeve::awaitable<void> work();
    reeve::awaitable<void> one(std::string key);
    reeve::awaitable<void> attempt(std::string key, register_operation& what);
    reeve::awaitable<bool> compare_and_set(std::string key, register_operation& what);

    std::shared_ptr<storm_log> log_;
    std::string name_;
    client client_;
    reeve::core::random random_;
    std::uint64_t values_ = 0;
    std::future<void> done_;
};

/// Watches everything, and goes on where it was when its watch fails.
class storm_watcher {
public:
    storm_watcher(std::shared_ptr<storm_log> log, std::vector<std::string> endpoints,
                  storage::revision from);
    /// It ends at the next news that show that it has seen everything up to `last`.
    void end_at(storage::revision last) { last_ = last.value; }
    /// Waits until it has ended; returns the changes in order.
    [[nodiscard]] std::vector<storage::change> finish();

private:
    reeve::awaitable<void> work(storage::revision from);

    std::shared_ptr<storm_log> log_;
    client client_;
    std::atomic<std::uint64_t> last_{0};
    std::atomic<std::uint64_t> seen_{0};
    std::atomic<std::uint64_t> batches_{0};
    std::atomic<std::uint64_t> failures_{0};
    std::vector<storage::change> changes_;
    std::future<void> done_;
};

}  // namespace etcd_faults
