#include "catch.hpp"
#include "conformance/memory_factories.hpp"
#include "reeve/core/event.hpp"

#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

using namespace reeve::testing;

namespace {

check made(std::string name, check_verdict what, std::string why) {
    check one;
    one.name = std::move(name);
    one.rule = "a rule";
    one.run = [name = one.name, what, why = std::move(why)] {
        return check_report{name, "a rule", what, why};
    };
    return one;
}

int run(const std::vector<check>& checks, const char* filter = nullptr) {
    const char* arguments[] = {"program", filter};
    return run_main(checks, filter == nullptr ? 1 : 2, arguments);
}

enum class opening { hangs, throws, throws_anything, gives_nothing };

class hopeless_factory final : public conformance::memory_metadata_factory {
public:
    explicit hopeless_factory(opening how) : how_(how) {}

    reeve::awaitable<std::unique_ptr<reeve::storage::metadata_store>> open(
        reeve::core::runtime& strand) override {
        if (how_ == opening::throws) throw std::runtime_error("no server");
        if (how_ == opening::throws_anything) throw 42;
        if (how_ == opening::hangs) {
            reeve::core::event never(strand);
            co_await never.wait();
        }
        co_return nullptr;
    }
    std::chrono::milliseconds patience() const override { return std::chrono::milliseconds(50); }

private:
    opening how_;
};

check_report first_report(opening how) {
    return metadata_store_checks(std::make_shared<hopeless_factory>(how)).front().run();
}

}  // namespace

TEST_CASE("run_main succeeds only if something passed and nothing failed") {
    const auto good = made("good", check_verdict::passed, "");
    const auto bad = made("bad", check_verdict::failed, "broke");
    const auto skipped = made("later", check_verdict::skipped, "needs a hook");
    CHECK(run({good}) == 0);
    CHECK(run({good, skipped}) == 0);
    CHECK(run({good, bad}) == 1);
    CHECK(run({skipped}) == 1);
    CHECK(run({}) == 1);
    CHECK(run({good, bad}, "good") == 0);
    CHECK(run({good, bad}, "neither") == 1);
}

TEST_CASE("run_checks gives every report to the sink, in order") {
    std::string seen;
    const auto sink = [&](const check_report& report) { seen += report.name + " "; };
    const auto good = made("good", check_verdict::passed, "");
    const auto bad = made("bad", check_verdict::failed, "broke");
    CHECK(run_checks({good, good}, sink));
    CHECK_FALSE(run_checks({bad, good}, sink));
    CHECK(seen == "good good bad good ");
}

TEST_CASE("a factory that fails fails the check, with the reason") {
    CHECK(first_report(opening::throws).what == check_verdict::failed);
    CHECK_THAT(first_report(opening::throws).why, Catch::Contains("no server"));
    CHECK(first_report(opening::throws_anything).what == check_verdict::failed);
    CHECK_THAT(first_report(opening::gives_nothing).why, Catch::Contains("no store"));
}

TEST_CASE("a check that does not end is reported as failed") {
    const auto report = first_report(opening::hangs);
    CHECK(report.what == check_verdict::failed);
    CHECK_THAT(report.why, Catch::Contains("did not end"));
}

TEST_CASE("a check that lacks its hook is skipped, and says which") {
    class without_compaction final : public conformance::memory_metadata_factory {
        reeve::awaitable<void> compact(reeve::storage::metadata_store& store,
                                       reeve::storage::revision at) override {
            return metadata_store_factory::compact(store, at);
        }
    };
    for (const auto& each : metadata_store_checks(std::make_shared<without_compaction>())) {
        if (each.name != "compacted_history_is_an_error") continue;
        const auto report = each.run();
        CHECK(report.what == check_verdict::skipped);
        CHECK_THAT(report.why, Catch::Contains("compact"));
    }
}
