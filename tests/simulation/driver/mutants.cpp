#include "driver.hpp"

#include "reeve/core/clock.hpp"
#include "reeve/core/guards.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <optional>

#if defined(REEVE_GUARD_SWITCHES)
#include <sys/wait.h>
#include <unistd.h>
#endif

namespace driver {

#if defined(REEVE_GUARD_SWITCHES)

namespace {

namespace testing = reeve::testing;
using reeve::core::guard;

/// In a process of its own, since a mutant may do anything: exits 1 at the first failing seed.
[[noreturn]] void hunt(const scenarios& all, const simulated::mutant& which, int report) {
    for (const guard off : which.off) reeve::core::set_enforced(off, false);
    for (const auto& name : which.scenarios) {
        const auto* scenario = find(all, name);
        for (std::uint64_t seed = 1; scenario != nullptr && seed <= which.seeds; ++seed) {
            if (::write(report, &seed, sizeof seed) != sizeof seed) _exit(2);
            if (!testing::run_seed(*scenario, seed).failure.empty()) _exit(1);
        }
    }
    _exit(0);
}

/// The seed that noticed the mutant, if one did.
std::optional<std::uint64_t> try_mutant(const scenarios& all, const simulated::mutant& which) {
    int ends[2];
    if (::pipe(ends) != 0) return std::nullopt;
    std::fflush(stdout);
    const pid_t child = ::fork();
    if (child == 0) {
        ::close(ends[0]);
        hunt(all, which, ends[1]);
    }
    ::close(ends[1]);
    std::uint64_t last = 0;  // the seed begun last
    std::uint64_t begun = 0;
    while (::read(ends[0], &begun, sizeof begun) == sizeof begun) last = begun;
    ::close(ends[0]);
    int status = 0;
    if (child < 0 || ::waitpid(child, &status, 0) != child) return std::nullopt;
    // A mutant that aborts has been noticed, too.
    const bool noticed = WIFSIGNALED(status) || (WIFEXITED(status) && WEXITSTATUS(status) == 1);
    if (!noticed) return std::nullopt;
    return last;
}

/// The mutants of the table, then those guards that no row switches off and nothing else plays.
std::vector<simulated::mutant> with_the_forgotten() {
    auto rows = simulated::all_mutants();
    const auto played = simulated::played_guards();
    for (int i = 0; i < static_cast<int>(guard::count_); ++i) {
        const auto each = static_cast<guard>(i);
        const bool there = std::any_of(rows.begin(), rows.end(), [&](const auto& row) {
            return std::find(row.off.begin(), row.off.end(), each) != row.off.end();
        });
        const bool elsewhere = std::find(played.begin(), played.end(), each) != played.end();
        if (!there && !elsewhere) rows.push_back({{each}, {}, 0});
    }
    return rows;
}

std::optional<std::string> bad_row(const scenarios& all, const simulated::mutant& row) {
    for (const auto& name : row.scenarios) {
        if (find(all, name) == nullptr) {
            return fmt::format("mutant {} names no scenario \"{}\"", simulated::name(row), name);
        }
    }
    return std::nullopt;
}

}  // namespace

int run_mutants(const scenarios& all, const std::vector<std::string>& names) {
    const auto rows = with_the_forgotten();
    for (const auto& name : names) {
        const bool known = std::any_of(rows.begin(), rows.end(), [&](const auto& row) {
            return simulated::name(row) == name;
        });
        if (known) continue;
        fmt::print(stderr, "reeve-simulate: no mutant \"{}\"\n", name);
        return 2;
    }
    bool all_caught = true;
    for (const auto& row : rows) {
        const std::string name = simulated::name(row);
        if (!names.empty() && std::find(names.begin(), names.end(), name) == names.end()) continue;
        if (const auto wrong = bad_row(all, row)) {
            fmt::print(stderr, "reeve-simulate: {}\n", *wrong);
            return 2;
        }
        const auto start = reeve::core::system_clock::instance().now();
        const auto seed = try_mutant(all, row);
        const std::chrono::duration<double> passed =
            reeve::core::system_clock::instance().now() - start;
        if (seed) {
            fmt::print("MUTANT {} caught seed {} after {:.1f} s\n", name, *seed, passed.count());
        } else {
            fmt::print("MUTANT {} missed\n", name);
            all_caught = false;
        }
        std::fflush(stdout);
    }
    return all_caught ? 0 : 1;
}

#else

int run_mutants(const scenarios&, const std::vector<std::string>&) {
    fmt::print(stderr,
               "reeve-simulate: this build has no guard switches; configure with "
               "REEVE_GUARD_SWITCHES=ON (tests/mutants.sh does)\n");
    return 2;
}

#endif

}  // namespace driver
