#include "driver.hpp"

#include "reeve/core/clock.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <thread>

namespace driver {

namespace testing = reeve::testing;

namespace {

constexpr std::uint64_t failures_max = 10;
constexpr std::uint64_t repeat_every = 20;

double seconds_since(reeve::core::time_point start) {
    const std::chrono::duration<double> passed =
        reeve::core::system_clock::instance().now() - start;
    return passed.count();
}

/// REEVE_JOBS if it is a sensible number, else 2, but not more than the machine has.
unsigned threads() {
    const char* const asked = std::getenv("REEVE_JOBS");
    const int wanted = asked == nullptr ? 2 : std::atoi(asked);
    const unsigned there = std::max(1U, std::thread::hardware_concurrency());
    return std::min(there, static_cast<unsigned>(std::clamp(wanted, 1, 64)));
}

/// Seeds handed out to threads one by one, and what came back.
class range_run {
public:
    range_run(const testing::scenario& which, testing::seed_range seeds, repetition again)
        : which_(&which), seeds_(seeds), again_(again) {}

    range_result run() {
        const auto start = reeve::core::system_clock::instance().now();
        std::vector<std::thread> others;
        const auto helpers = std::min<std::uint64_t>(threads(), seeds_.count) - 1;
        for (std::uint64_t i = 0; i < helpers; ++i) others.emplace_back([this] { work(); });
        work();
        for (auto& one : others) one.join();
        result_.seconds = seconds_since(start);
        return result_;
    }

private:
    void work() {
        for (;;) {
            const std::uint64_t index = next_.fetch_add(1);
            if (index >= seeds_.count || stop_) return;
            const std::uint64_t seed = seeds_.from + index;
            auto outcome = testing::run_seed(*which_, seed);
            if (outcome.failure.empty() && again_ == repetition::every_twentieth &&
                index % repeat_every == 0) {
                const auto twin = testing::run_seed(*which_, seed);
                if (twin.trace_hash != outcome.trace_hash) {
                    outcome.failure = "two runs of this seed differ: not deterministic";
                }
            }
            take(seed, outcome);
        }
    }
    void take(std::uint64_t seed, const testing::scenario_outcome& outcome) {
        const std::lock_guard lock(mutex_);
        result_.totals.add(outcome);
        if (outcome.failure.empty()) return;
        fmt::print("FAILED {} seed {}: {}\n  replay: tests/simulate.sh --replay {} {}\n",
                   which_->name, seed, outcome.failure, which_->name, seed);
        std::fflush(stdout);
        if (++result_.failed < failures_max) return;
        if (!stop_) fmt::print("{}: stopped after {} failures\n", which_->name, failures_max);
        stop_ = true;
    }

    const testing::scenario* which_;
    testing::seed_range seeds_;
    repetition again_;
    std::atomic<std::uint64_t> next_ = 0;
    std::atomic<bool> stop_ = false;
    std::mutex mutex_;
    range_result result_;
};

}  // namespace

const testing::scenario* find(const scenarios& all, std::string_view name) {
    for (const auto& one : all) {
        if (one.name == name) return &one;
    }
    return nullptr;
}

range_result run_range(const testing::scenario& which, testing::seed_range seeds,
                       repetition again) {
    return range_run(which, seeds, again).run();
}

void print_totals(const testing::scenario& which, const range_result& result) {
    const auto& totals = result.totals;
    const double seconds = std::max(result.seconds, 1e-9);
    const std::chrono::duration<double> simulated = totals.simulated;
    fmt::print(
        "{}: {} seeds, {} failed, {:.1f} seeds/s, {:.0f} handlers/s, {:.0f} simulated s, "
        "{:.1f} messages and commits per simulated second\n",
        which.name, totals.seeds, result.failed, static_cast<double>(totals.seeds) / seconds,
        static_cast<double>(totals.handlers) / seconds, simulated.count(), totals.work_rate());
    std::string counts;
    for (const auto& [what, times] : totals.counts) {
        counts += fmt::format("{}{} {}", counts.empty() ? "" : ", ", what, times);
    }
    if (!counts.empty()) fmt::print("  {}\n", counts);
    std::fflush(stdout);
}

int run_ci(const scenarios& all) {
    bool held = true;
    for (const auto& one : all) {
        const auto result = run_range(one, one.ci, repetition::every_twentieth);
        print_totals(one, result);
        held = held && result.failed == 0;
        for (const auto& what : result.totals.missing(one)) {
            fmt::print("FAILED {}: never happened in seeds {} and {} more: {}\n", one.name,
                       one.ci.from, one.ci.count - 1, what);
            held = false;
        }
    }
    return held ? 0 : 1;
}

int replay(const testing::scenario& which, std::uint64_t seed) {
    testing::scenario_options options;
    options.story = [](std::string_view line) { fmt::print("{}\n", line); };
    const auto outcome = testing::run_seed(which, seed, options);
    fmt::print("trace hash {:016x}, {} handlers\n", outcome.trace_hash, outcome.handlers);
    if (outcome.failure.empty()) {
        fmt::print("{} seed {} held\n", which.name, seed);
        return 0;
    }
    fmt::print("FAILED {} seed {}: {}\n", which.name, seed, outcome.failure);
    return 1;
}

}  // namespace driver
