#include "catch.hpp"
#include "conformance/bent_store.hpp"
#include "conformance/leaks_allowed.hpp"

#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>

using namespace conformance;
using reeve::testing::check;
using reeve::testing::check_verdict;

namespace {

check find(const std::vector<check>& checks, const std::string& name) {
    for (const auto& each : checks) {
        if (each.name == name) return each;
    }
    FAIL("there is no check " << name);
    return {};
}

void each_is_caught(const std::vector<broken>& all) {
    for (const auto& one : all) {
        const auto factory = std::make_shared<bent_factory>(one.how);
        const auto report = find(reeve::testing::metadata_store_checks(factory), one.check).run();
        INFO(one.check << " reported " << name(report.what) << ": " << report.why);
        CHECK(report.what == check_verdict::failed);
    }
}

}  // namespace

TEST_CASE("a wrapper that bends nothing keeps every rule") {
    const auto factory = std::make_shared<bent_factory>(bend());
    for (const auto& each : reeve::testing::metadata_store_checks(factory)) {
        const auto report = each.run();
        INFO(report.name << ": " << report.why);
        CHECK(report.what == check_verdict::passed);
    }
}

TEST_CASE("broken reading, writing and conditions are caught") { each_is_caught(broken_values()); }
TEST_CASE("broken refusals and limits are caught") { each_is_caught(broken_refusals()); }
TEST_CASE("broken listings are caught") { each_is_caught(broken_lists()); }
TEST_CASE("broken watches are caught") { each_is_caught(broken_watches()); }
TEST_CASE("broken leases are caught") { each_is_caught(broken_leases()); }
TEST_CASE("broken races, cancellation and lifetimes are caught") {
    const leaks_allowed here;
    each_is_caught(broken_races());
}

TEST_CASE("every check of the metadata store has a broken store that it catches") {
    std::set<std::string> caught;
    for (const auto part : {broken_values, broken_refusals, broken_lists, broken_watches,
                            broken_leases, broken_races}) {
        for (const auto& one : part()) caught.insert(one.check);
    }
    const auto factory = std::make_shared<bent_factory>(bend());
    for (const auto& each : reeve::testing::metadata_store_checks(factory)) {
        INFO(each.name);
        CHECK(caught.contains(each.name));
    }
}
