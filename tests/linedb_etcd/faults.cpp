// A running linedb while members of its etcd are killed and stopped.
#include "catch.hpp"
#include "patiently.hpp"
#include "program.hpp"
#include "reeve/core/random.hpp"
#include "servers/etcd_server.hpp"
#include "texts.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <exception>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace linedb_test;
using namespace std::chrono_literals;
using reeve::tests::etcd_available;
using reeve::tests::etcd_cluster;

namespace {

constexpr std::size_t lines = 60'000;

// REEVE_FAULT_SECONDS: how long linedb runs under faults at least.
std::chrono::seconds duration() {
    const char* text = std::getenv("REEVE_FAULT_SECONDS");
    return std::chrono::seconds(text == nullptr ? 20 : std::stol(text));
}

/// Kills, stops and restarts members on a thread of its own, at random moments; a majority is
/// alive except for short whiles.
class trouble {
public:
    trouble(etcd_cluster& cluster, std::uint64_t seed)
        : cluster_(cluster), random_(seed), thread_([this] { work(); }) {}
    ~trouble() { stop(); }
    trouble(const trouble&) = delete;
    trouble& operator=(const trouble&) = delete;

    /// Ends it with all members well; throws what went wrong with them. Returns the faults.
    std::size_t end() {
        stop();
        if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
        return faults_;
    }

private:
    void stop() {
        {
            const std::lock_guard lock(mutex_);
            ends_ = true;
        }
        changed_.notify_all();
        if (thread_.joinable()) thread_.join();
    }

    /// For a while, or until the end.
    bool lasts(std::uint64_t least_ms, std::uint64_t most_ms) {
        std::unique_lock lock(mutex_);
        const std::chrono::milliseconds time(random_.between(least_ms, most_ms));
        return !changed_.wait_for(lock, time, [this] { return ends_; });
    }

    void work() try {
        while (lasts(100, 1500)) {
            const auto leader = cluster_.leader();
            std::size_t victim = random_.below(3);
            if (leader && random_.chance(1, 2)) victim = *leader;
            ++faults_;
            if (random_.chance(1, 2)) {
                cluster_.pause(victim);
                (void)lasts(200, 4000);
                cluster_.resume(victim);
            } else {
                cluster_.kill(victim);
                const std::size_t second = (victim + 1) % 3;
                const bool two = random_.chance(1, 4);
                if (two) cluster_.kill(second);
                (void)lasts(200, two ? 1500 : 4000);
                cluster_.start(victim);
                if (two) cluster_.start(second);
            }
            cluster_.wait_ready();
        }
    } catch (...) {  // told by end()
        failure_ = std::current_exception();
    }

    etcd_cluster& cluster_;
    reeve::core::random random_;
    std::size_t faults_ = 0;
    std::mutex mutex_;
    std::condition_variable changed_;
    bool ends_ = false;
    std::exception_ptr failure_;
    std::thread thread_;
};

}  // namespace

TEST_CASE("every line is there exactly once while members of etcd are killed and stopped",
          "[faults]") {
    if (!etcd_available()) return;
    const scratch files;
    const std::string text = nasty_text(20240611, lines);
    const auto count = std::count(text.begin(), text.end(), '\n') + 1;
    const auto input = files.file("input", text);
    etcd_cluster cluster(3);
    const auto store = fmt::format("etcd:{}", fmt::join(cluster.endpoints(), ","));
    const auto end = std::chrono::steady_clock::now() + duration();
    std::uint64_t seed = 1;
    std::size_t faults = 0;
    std::size_t runs = 0;
    do {
        const auto data = files.path(fmt::format("data{}", seed));
        trouble with(cluster, seed);
        INFO("seed " << seed);
        const auto ran = linedb_patiently({"run", "--data", data, "--input", input, "--store",
                                           store, "--seed", std::to_string(seed), "--quiet"});
        INFO(ran.last.errors);
        REQUIRE(ran.last.code == 0);
        runs += ran.runs;
        faults += with.end();
        const auto verified =
            linedb_patiently({"verify", "--data", data, "--input", input, "--store", store}).last;
        INFO(verified.errors);
        REQUIRE(verified.code == 0);
        CHECK(verified.output == fmt::format("verified: {} lines, each exactly once\n", count));
        ++seed;
    } while (std::chrono::steady_clock::now() < end);
    fmt::print("{} databases in {} runs under {} faults\n", seed - 1, runs, faults);
    CHECK(faults >= 1);
}
