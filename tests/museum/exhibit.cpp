#include "museum/exhibit.hpp"

#include "catch.hpp"

#include <fmt/format.h>

namespace museum {

namespace {

/// Each seed has other delays.
constexpr std::uint64_t seeds = 3;

/// What is broken; empty: nothing.
std::string run(std::uint64_t seed, const stage_options& options,
                const std::function<void(stage&)>& play) {
    stage around(seed, options);
    around.world().log().keep(40);
    try {
        around.open();
        play(around);
        around.close();
    } catch (const play_over&) {
        REQUIRE(around.world().failed());
    }
    if (!around.world().failed()) return {};
    for (const auto& line : around.world().log().kept()) UNSCOPED_INFO(line);
    return around.world().failure();
}

#if defined(REEVE_GUARD_SWITCHES)

class switched_off {
public:
    explicit switched_off(const std::vector<core::guard>& which) : which_(which) {
        for (const auto one : which_) core::set_enforced(one, false);
    }
    ~switched_off() {
        for (const auto one : which_) core::set_enforced(one, true);
    }
    switched_off(const switched_off&) = delete;
    switched_off& operator=(const switched_off&) = delete;

private:
    const std::vector<core::guard>& which_;
};

void play_without(const without& rules, std::uint64_t seed, stage_options options,
                  const std::function<void(stage&)>& play) {
    std::string names;
    for (const auto one : rules.off) names += fmt::format("{} ", core::name(one));
    INFO("without " << names);
    options.polite = options.polite && (rules.broken.empty() || rules.broken == "I7");
    std::string failure;
    {
        const switched_off now(rules.off);
        failure = run(seed, options, play);
    }
    if (rules.broken.empty()) {
        CHECK(failure == "");
        return;
    }
    const std::string promised = fmt::format("{}: ", rules.broken);
    CHECK(failure.substr(0, promised.size()) == promised);
}

#endif

}  // namespace

void exhibit(const stage_options& options, const std::function<void(stage&)>& play,
             const std::vector<without>& rules) {
    for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
        INFO("seed " << seed);
        const std::string failure = run(seed, options, play);
        CHECK(failure == "");
#if defined(REEVE_GUARD_SWITCHES)
        for (const auto& one : rules) play_without(one, seed, options, play);
#endif
    }
    (void)rules;
}

void prevented(const std::vector<core::guard>& rules, const std::function<bool()>& fails) {
    CHECK_FALSE(fails());
#if defined(REEVE_GUARD_SWITCHES)
    if (rules.empty()) return;
    std::string names;
    for (const auto one : rules) names += fmt::format("{} ", core::name(one));
    INFO("without " << names);
    const switched_off now(rules);
    CHECK(fails());
#endif
    (void)rules;
}

}  // namespace museum
