#include "catch.hpp"
#include "reeve/core/backoff.hpp"
#include "reeve/core/error.hpp"
#include "reeve/core/guards.hpp"
#include "reeve/core/metrics.hpp"
#include "reeve/core/random.hpp"
#include "reeve/core/strong.hpp"
#include "reeve/core/task.hpp"
#include "reeve/core/trace.hpp"

#include <array>
#include <memory>
#include <set>
#include <string>

using namespace std::chrono_literals;
using namespace reeve;

namespace {

constexpr std::array all_codes{errc::unavailable,
                               errc::deadline_exceeded,
                               errc::resource_exhausted,
                               errc::locked,
                               errc::outcome_unknown,
                               errc::fenced,
                               errc::corrupt,
                               errc::unsupported_format,
                               errc::foreign,
                               errc::invalid_argument,
                               errc::too_large,
                               errc::unsupported,
                               errc::permission_denied,
                               errc::lease_not_found,
                               errc::compacted,
                               errc::not_found,
                               errc::refused};

}  // namespace

TEST_CASE("error: every code has a name that leads back to it and a text of its own") {
    std::set<std::string> names;
    std::set<std::string> texts;
    for (const errc code : all_codes) {
        REQUIRE(errc_from_name(name(code)) == code);
        REQUIRE(names.insert(std::string(name(code))).second);
        REQUIRE(texts.insert(make_error_code(code).message()).second);
    }
    // The list above is whole: the codes count from 1 and the next number is no code.
    REQUIRE(static_cast<std::size_t>(errc::refused) == all_codes.size());
    REQUIRE(name(static_cast<errc>(all_codes.size() + 1)) == "unknown");
    REQUIRE(errc_from_name("unknown") == errc{});
    REQUIRE(errc_from_name("") == errc{});
}

TEST_CASE("error: only outcome_unknown may have happened; only refusals are safe to repeat") {
    for (const errc code : all_codes) {
        const bool unknown = classify(code) == error_class::unknown_outcome;
        REQUIRE(unknown == (code == errc::outcome_unknown));
        const bool repeatable = classify(code) == error_class::not_applied;
        REQUIRE(repeatable == (code == errc::unavailable || code == errc::deadline_exceeded ||
                               code == errc::resource_exhausted || code == errc::locked));
    }
    REQUIRE(classify(errc::fenced) == error_class::fenced);
    REQUIRE(classify(errc::corrupt) == error_class::corrupt);
    REQUIRE(classify(errc::lease_not_found) == error_class::gone);
}

TEST_CASE("error: it says its context and its code, and compares as a std::error_code") {
    const error failure(errc::too_large, "put of \"k\"");
    REQUIRE(failure.context() == "put of \"k\"");
    REQUIRE(std::string(failure.what()).find("put of \"k\"") == 0);
    REQUIRE(failure.code() == errc::too_large);
    REQUIRE(failure.code_value() == errc::too_large);
    REQUIRE_FALSE(is_outcome_unknown(failure));
}

TEST_CASE("backoff: delays stay between the bounds, grow, and start again after a success") {
    for (std::uint64_t seed = 0; seed < 50; ++seed) {
        core::backoff waits({10ms, 1000ms}, seed);
        auto high = 10ms;
        for (int n = 0; n < 100; ++n) {
            const auto delay = waits.next();
            REQUIRE(delay >= 10ms);
            REQUIRE(delay <= high);
            high = std::min(1000ms, high * 2);
        }
        REQUIRE(waits.tries() > 0);
        waits.reset();
        REQUIRE(waits.next() == 10ms);
    }
    core::backoff fixed({7ms, 3ms}, 1);
    REQUIRE(fixed.next() == 7ms);
    REQUIRE(fixed.next() == 7ms);
    core::backoff wide({50ms, std::chrono::milliseconds::max()}, 1);
    for (int n = 0; n < 100; ++n) REQUIRE(wide.next() >= 50ms);
}

TEST_CASE("random: equal seeds repeat, forks differ, bounds hold") {
    core::random one(42);
    core::random two(42);
    for (int n = 0; n < 100; ++n) REQUIRE(one() == two());
    core::random child = one.fork();
    REQUIRE(child() != one());
    std::set<std::uint64_t> seen;
    for (int n = 0; n < 1000; ++n) seen.insert(one.between(3, 6));
    REQUIRE(seen == std::set<std::uint64_t>{3, 4, 5, 6});
    REQUIRE(one.below(0) == 0);
    REQUIRE_FALSE(one.chance(0, 5));
    REQUIRE(one.chance(5, 5));
    REQUIRE(core::random(1).next() == 0x910a2dec89025cc1ULL);  // splitmix64's published sequence
}

TEST_CASE("trace: a traceparent round trips and malformed ones give nothing") {
    core::trace_context trace;
    trace.trace_high = 0x0af7651916cd43ddULL;
    trace.trace_low = 0x8448eb211c80319cULL;
    trace.span = 0xb7ad6b7169203331ULL;
    trace.sampled = true;
    const std::string text = core::to_traceparent(trace);
    REQUIRE(text == "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
    REQUIRE(core::from_traceparent(text) == trace);
    for (std::size_t at = 0; at < text.size(); ++at) {
        std::string changed = text;
        changed[at] = 'G';
        REQUIRE_FALSE(core::from_traceparent(changed));
        REQUIRE_FALSE(core::from_traceparent(text.substr(0, at)));
    }
    REQUIRE_FALSE(core::from_traceparent(text + "-"));
    REQUIRE_FALSE(
        core::from_traceparent("00-00000000000000000000000000000000-"
                               "b7ad6b7169203331-01"));
    REQUIRE_FALSE(
        core::from_traceparent("00-0af7651916cd43dd8448eb211c80319c-"
                               "0000000000000000-01"));
    REQUIRE_FALSE(core::trace_context{});
}

TEST_CASE("metrics: the exposition names each number's type, in name order") {
    core::metrics_registry registry;
    registry.set("reeve_b", 2.5);
    registry.count("reeve_a_total", 1);
    registry.count("reeve_a_total", 2);
    registry.set("reeve_b", -1);
    REQUIRE(registry.value("reeve_a_total") == 3);
    REQUIRE(registry.value("never") == 0);
    REQUIRE(registry.exposition() ==
            "# TYPE reeve_a_total counter\nreeve_a_total 3\n"
            "# TYPE reeve_b gauge\nreeve_b -1\n");
}

TEST_CASE("task: it runs once, moves, and drops what it holds when it is not run") {
    auto held = std::make_shared<int>(0);
    core::task small([held] { ++*held; });
    REQUIRE(held.use_count() == 2);
    core::task moved(std::move(small));
    REQUIRE_FALSE(small);
    REQUIRE(moved);
    moved();
    REQUIRE(*held == 1);
    REQUIRE_FALSE(moved);
    REQUIRE(held.use_count() == 1);

    std::array<char, 200> large{};
    core::task big([held, large] { *held += 1 + large[0]; });
    core::task other([held] { ++*held; });
    REQUIRE(held.use_count() == 3);
    other = std::move(big);
    REQUIRE(held.use_count() == 2);
    other();
    REQUIRE(*held == 2);
    {
        const core::task dropped([held] { ++*held; });
    }
    REQUIRE(*held == 2);
    core::task move_only([owned = std::make_unique<int>(5), held] { *held = *owned; });
    move_only();
    REQUIRE(*held == 5);
    REQUIRE(held.use_count() == 1);
}

TEST_CASE("task: one that throws has run, and is empty") {
    auto held = std::make_shared<int>(0);
    core::task thrower([held] { throw error(errc::refused, "no"); });
    REQUIRE_THROWS_AS(thrower(), error);
    REQUIRE_FALSE(thrower);
    REQUIRE(held.use_count() == 1);
}

TEST_CASE("strong: values of one meaning compare, hash and print; zero is none") {
    using apples = core::strong<struct apples_tag>;
    REQUIRE(apples(1) < apples(2));
    REQUIRE_FALSE(apples());
    REQUIRE(apples(3));
    REQUIRE(std::hash<apples>{}(apples(3)) == std::hash<std::uint64_t>{}(3));
    REQUIRE(fmt::format("{:03}", apples(7)) == "007");
}

TEST_CASE("guards: every guard has a name of its own") {
    std::set<std::string_view> names;
    for (std::size_t at = 0; at < static_cast<std::size_t>(core::guard::count_); ++at) {
        REQUIRE(core::name(static_cast<core::guard>(at)) != "?");
        REQUIRE(names.insert(core::name(static_cast<core::guard>(at))).second);
        REQUIRE(core::enforced(static_cast<core::guard>(at)));
    }
}
