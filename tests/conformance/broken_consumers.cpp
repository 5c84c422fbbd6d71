#include "catch.hpp"
#include "conformance/bent_consumer.hpp"
#include "reeve/testing/conformance_catch.hpp"

#include <map>
#include <memory>
#include <string>

using namespace conformance;
using namespace reeve::testing;
using fault = consumer_fault;

namespace {

/// A fault that shows when nothing happens is given less patience than a consumer that is right.
struct broken_consumer {
    fault wrong;
    std::chrono::milliseconds patience = std::chrono::seconds(60);
};

constexpr std::chrono::milliseconds hangs = std::chrono::seconds(2);

std::map<std::string, broken_consumer> broken_consumers() {
    return {
        {"starts_after_its_position", {fault::starts_at_the_beginning}},
        {"empty_position_is_the_beginning", {fault::starts_at_the_end, hangs}},
        {"start_returns_when_begun", {fault::waits_for_a_message, hangs}},
        {"commits_name_their_grant", {fault::first_grant_for_all, hangs}},
        {"commits_continue_from_the_checkpoint", {fault::always_from_the_start}},
        {"channels_are_independent", {fault::stops_everything, hangs}},
        {"channels_do_not_wait_for_each_other", {fault::one_commit_at_a_time, hangs}},
        {"new_grant_starts_anew", {fault::keeps_first_grant, hangs}},
        {"failed_start_leaves_nothing", {fault::failed_start_goes_on}},
        {"cancelled_start_leaves_nothing", {fault::cancelled_start_goes_on}},
        {"stale_commit_ends_it", {fault::retries_stale}},
        {"mismatch_goes_on_from_the_recorded", {fault::ignores_recorded, hangs}},
        {"invalid_grant_ends_it", {fault::retries_fenced}},
        {"lost_session_starts_anew", {fault::starts_each_channel_once, 2 * hangs}},
        {"lost_answers_are_survived", {fault::ends_at_lost_answers, hangs}},
        {"each_message_counts_once", {fault::counts_before_commit}},
        {"stop_is_idempotent", {fault::stop_of_unknown_throws}},
        {"nothing_begins_after_stop", {fault::stop_lets_it_run}},
        {"idle_consuming_is_stopped", {fault::stop_waits_for_a_message, hangs}},
        {"stop_ends_with_the_session", {fault::stop_waits_for_the_commit, 2 * hangs}},
        {"cancelled_stop_is_completed_by_the_next", {fault::forgets_before_it_stops}},
        {"consumer_dies_while_consuming", {fault::goes_on_after_death}},
        {"strand_ends_while_consuming", {fault::leaks}},
    };
}

void all_pass(const std::shared_ptr<consumer_factory>& factory) {
    for (const auto& each : consumer_checks(factory)) {
        const auto report = each.run();
        INFO(report.name << ": " << report.why);
        CHECK(report.what == check_verdict::passed);
    }
}

}  // namespace

TEST_CASE("a consumer that records what it commits keeps every rule") {
    all_pass(std::make_shared<bent_consumer_factory>(fault::none));
}

TEST_CASE("a consumer that flushes while it stops keeps every rule") {
    all_pass(std::make_shared<bent_consumer_factory>(fault::flushes));
}

TEST_CASE("every check of a consumer catches a consumer that breaks its rule") {
    const auto broken = broken_consumers();
    for (const auto& each : consumer_checks(std::make_shared<bent_consumer_factory>(fault::none))) {
        INFO(each.name);
        CHECK(broken.contains(each.name));
    }
    for (const auto& [check, how] : broken) {
        bool tried = false;
        const auto factory = std::make_shared<bent_consumer_factory>(how.wrong, how.patience);
        for (const auto& each : consumer_checks(factory)) {
            if (each.name != check) continue;
            const auto report = each.run();
            INFO(report.name << " reported " << name(report.what) << ": " << report.why);
            CHECK(report.what == check_verdict::failed);
            tried = true;
        }
        INFO("there is no check " << check);
        CHECK(tried);
    }
}

TEST_CASE("a consumer whose hooks are missing is checked as far as it goes, and says so") {
    class plain_factory final : public consumer_factory {
    public:
        void reset() override { inner_.reset(); }
        reeve::awaitable<std::unique_ptr<reeve::channel::consumer>> open(
            reeve::core::runtime& strand, reeve::node& commits) override {
            return inner_.open(strand, commits);
        }
        reeve::awaitable<reeve::model::position> append(reeve::model::channel_name channel,
                                                        std::uint64_t number) override {
            return inner_.append(std::move(channel), number);
        }
        void close() override { inner_.close(); }

    private:
        bent_consumer_factory inner_{fault::none};
    };
    std::map<std::string, std::string> skipped;
    for (const auto& each : consumer_checks(std::make_shared<plain_factory>())) {
        if (each.name != "failed_start_leaves_nothing" && each.name != "each_message_counts_once" &&
            each.name != "starts_after_its_position") {
            continue;
        }
        const auto report = each.run();
        INFO(report.name << ": " << report.why);
        CHECK(report.what != check_verdict::failed);
        if (report.what == check_verdict::skipped) skipped[report.name] = report.why;
    }
    CHECK(skipped.size() == 2);
    CHECK_THAT(skipped["failed_start_leaves_nothing"], Catch::Contains("let_starts_fail"));
    CHECK_THAT(skipped["each_message_counts_once"], Catch::Contains("durable"));
}
