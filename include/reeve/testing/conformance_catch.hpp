#pragma once

#include "reeve/testing/conformance.hpp"

// The only header of reeve that needs Catch2 (2 or 3); reeve::testing itself does not.
#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>  // tidy: allow public_headers: this header is the adapter
#else
#include <catch2/catch.hpp>  // tidy: allow public_headers: this header is the adapter
#endif

#include <string>
#include <vector>

namespace reeve::testing {

/// Inside a TEST_CASE: one section per check. A failed check fails the section with its reason; a
/// skipped one is a warning, which Catch2 prints.
///
///     TEST_CASE("my store conforms") {
///         reeve::testing::run_catch(
///             reeve::testing::metadata_store_checks(std::make_shared<my_store_factory>()));
///     }
inline void run_catch(const std::vector<check>& checks) {
    CHECK_FALSE(checks.empty());
    for (const auto& each : checks) {
        const check_report report = each.run();
        INFO(report.name << ": " << report.rule);
        if (report.what == check_verdict::skipped)
            WARN("skipped " << report.name << ": " << report.why);
        INFO(report.why);
        CHECK(report.what != check_verdict::failed);
    }
}

}  // namespace reeve::testing
