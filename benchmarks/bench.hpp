// What the benchmarks share: their one line of output, --quick, medians, and a loop with workers.
#pragma once

#include "reeve/backends/run_on.hpp"
#include "reeve/core/awaitable.hpp"
#include "reeve/core/callback.hpp"
#include "reeve/core/runtime.hpp"

#include <fmt/format.h>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>

#include <stdlib.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bench {

using seconds = std::chrono::duration<double>;

/// How much to measure.
enum class size { full, quick };

/// --quick or nothing; else says so and ends the program with 2.
inline size parse(int argc, char** argv) {
    size chosen = size::full;
    for (int index = 1; index < argc; ++index) {
        const std::string_view argument = argv[index];
        if (argument == "--quick") {
            chosen = size::quick;
        } else {
            const bool asked = argument == "--help";
            std::fprintf(asked ? stdout : stderr, "usage: %s [--quick]\n", argv[0]);
            std::exit(asked ? 0 : 2);
        }
    }
    return chosen;
}

/// One answer. Numbers are printed with four significant digits.
struct line {
    std::string name;                ///< of the question, without spaces
    double value = 0;                ///< measured
    std::string unit;                ///< of value and baseline
    std::optional<double> baseline;  ///< measured in the same run
    std::optional<double> ratio;     ///< value to baseline, or what the target speaks of
    std::string target;              ///< such as "<=1.5x"; empty: none
    bool ok = true;                  ///< the target is met
};

/// Prints "BENCH name value unit baseline ratio target ok|short".
inline void print(const line& it) {
    const auto number = [](const std::optional<double>& from) {
        return from ? fmt::format("{:.4g}", *from) : std::string("-");
    };
    fmt::print("BENCH {} {:.4g} {} {} {} {} {}\n", it.name, it.value, it.unit, number(it.baseline),
               number(it.ratio), it.target.empty() ? "-" : it.target, it.ok ? "ok" : "short");
    std::fflush(stdout);
}

/// The value compared with a baseline: ok if it is at most `ratio_max` times as much.
inline void print_ratio(std::string name, double value, std::string unit, double baseline,
                        double ratio_max) {
    const double ratio = value / baseline;
    print({std::move(name), value, std::move(unit), baseline, ratio,
           fmt::format("<={:g}x", ratio_max), ratio <= ratio_max});
}

/// The value compared with a fixed target: ok if it is at most `most`.
inline void print_at_most(std::string name, double value, std::string unit, double most) {
    const auto target = fmt::format("<={:g}{}", most, unit);
    print({std::move(name), value, std::move(unit), {}, {}, target, value <= most});
}

/// The middle of what was measured.
inline double median(std::vector<double> values) {
    if (values.empty()) throw std::logic_error("nothing was measured");
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    return *middle;
}

/// How long `work` takes, in seconds.
template <class Work>
double time_of(Work&& work) {
    const auto start = std::chrono::steady_clock::now();
    std::forward<Work>(work)();
    return seconds(std::chrono::steady_clock::now() - start).count();
}

/// Medians of two things that are measured in turn, so that a change of the machine's mood meets
/// both.
struct pair_of_times {
    double value = 0;     ///< seconds
    double baseline = 0;  ///< seconds
};

/// Runs both `rounds` times, in turn.
template <class Work, class Baseline>
pair_of_times interleaved(std::size_t rounds, Work&& work, Baseline&& baseline) {
    std::vector<double> values;
    std::vector<double> baselines;
    for (std::size_t round = 0; round < rounds; ++round) {
        baselines.push_back(time_of(baseline));
        values.push_back(time_of(work));
    }
    return {median(std::move(values)), median(std::move(baselines))};
}

/// Keeps the compiler from dropping what led to `value`.
template <class Value>
void keep(const Value& value) {
    asm volatile("" : : "g"(&value) : "memory");
}

/// A directory that goes with the object.
class temporary_directory {
public:
    temporary_directory() {
        path_ = (std::filesystem::temp_directory_path() / "reeve-bench-XXXXXX").string();
        if (::mkdtemp(path_.data()) == nullptr) throw std::runtime_error("mkdtemp failed");
    }
    temporary_directory(const temporary_directory&) = delete;
    temporary_directory& operator=(const temporary_directory&) = delete;
    ~temporary_directory() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    /// Of a file inside.
    [[nodiscard]] std::string file(const std::string& name) const { return path_ + "/" + name; }

private:
    std::string path_;
};

/// A loop on the calling thread, and threads for what blocks. A watch of a store over blocking
/// functions keeps one of them busy while it waits.
class host {
public:
    /// With so many threads for what blocks.
    explicit host(std::size_t workers = 4) : strand_(loop_), workers_(workers) {}
    host(const host&) = delete;
    host& operator=(const host&) = delete;
    ~host() { workers_.join(); }

    /// Where coroutines run.
    [[nodiscard]] reeve::core::runtime& strand() noexcept { return strand_; }
    /// Where blocking calls run.
    [[nodiscard]] reeve::core::blocking_executor workers() {
        return [this](reeve::core::task work) {
            auto shared = std::make_shared<reeve::core::task>(std::move(work));
            boost::asio::post(workers_, [shared] { (*shared)(); });
        };
    }
    /// Runs the loop until the coroutine has ended; throws what it threw.
    void run(reeve::awaitable<void> work) {
        reeve::backends::run_on(loop_, strand_, std::move(work));
    }

private:
    reeve::backends::event_loop loop_;
    reeve::core::runtime strand_;
    boost::asio::thread_pool workers_;
};

/// The main of a benchmark: a failure is a text and exit code 1.
inline int run_main(int argc, char** argv, void (*measure)(size)) {
    const auto chosen = parse(argc, argv);
    try {
        measure(chosen);
        return 0;
    } catch (const std::exception& failure) {
        std::fprintf(stderr, "%s: %s\n", argv[0], failure.what());
        return 1;
    }
}

}  // namespace bench
