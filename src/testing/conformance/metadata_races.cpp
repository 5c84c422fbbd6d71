#include "testing/conformance/metadata_trial.hpp"

#include <charconv>
#include <utility>

namespace reeve::testing::detail {

namespace {

using trial = metadata_trial;

// A second handle where there is one; races on one handle are worth checking too.
awaitable<metadata_store*> second_handle(trial& it) {
    metadata_store* other = &it.store();
    try {
        other = co_await it.open();
    } catch (const check_skipped&) {  // stated in the rule: with another handle, if there is one
        other = &it.store();
    }
    co_return other;
}

awaitable<void> one_creation_wins(trial& it) {
    metadata_store* other = co_await second_handle(it);
    for (int round = 0; round < 10; ++round) {
        const std::string key = fmt::format("key{}", round);
        std::vector<observed_ptr<commit_result>> running;
        for (int racer = 0; racer < 16; ++racer) {
            transaction change;
            change.if_absent(key).put(key, fmt::format("{}", racer));
            metadata_store& by = racer % 2 == 0 ? it.store() : *other;
            auto call = by.commit(std::move(change));
            running.push_back(start<commit_result>(it.strand, std::move(call)));
        }
        std::vector<std::string> winners;
        for (std::size_t racer = 0; racer < running.size(); ++racer) {
            co_await settle<commit_result>(it.strand, running[racer], "a racing commit");
            expect(running[racer]->how == ending::value,
                   "a racing commit failed: " + running[racer]->text);
            if (*running[racer]->value) winners.push_back(fmt::format("{}", racer));
        }
        expect_equal(winners.size(), std::size_t{1}, "winners among 16 conditional creations");
        const record found = co_await it.need(key);
        expect_equal(found.value, winners[0], "the value, which must be the winner's");
        expect_equal(found.version, 1U, "version after a race of creations");
    }
}

awaitable<int> increment(trial& it, metadata_store& by, int times) {
    int done = 0;
    while (done < times) {
        auto read = by.get("counter");
        const std::optional<record> found =
            co_await within<std::optional<record>>(it.strand, std::move(read), "get");
        int value = 0;
        revision at;
        if (found) {
            const auto* end = found->value.data() + found->value.size();
            const auto parsed = std::from_chars(found->value.data(), end, value);
            expect(parsed.ptr == end, "the counter holds " + show(found->value));
            at = found->modified;
        }
        transaction change;
        change.if_modified_at("counter", at).put("counter", fmt::format("{}", value + 1));
        auto call = by.commit(std::move(change));
        const commit_result result =
            co_await within<commit_result>(it.strand, std::move(call), "commit");
        if (result) ++done;
    }
    co_return done;
}

awaitable<void> counter_loses_no_increment(trial& it) {
    metadata_store* other = co_await second_handle(it);
    std::vector<observed_ptr<int>> running;
    for (int racer = 0; racer < 6; ++racer) {
        metadata_store& by = racer % 2 == 0 ? it.store() : *other;
        running.push_back(start<int>(it.strand, increment(it, by, 20)));
    }
    for (const auto& each : running) {
        co_await settle<int>(it.strand, each, "increments of a counter");
        expect(each->how == ending::value, "increments of a counter failed: " + each->text);
    }
    const record found = co_await it.need("counter");
    expect_equal(found.value, std::string("120"), "a counter after 120 guarded increments");
    expect_equal(found.version, 120U, "its version");
}

awaitable<void> reads_follow_commits(trial& it) {
    metadata_store* other = co_await it.open();
    for (int round = 0; round < 20; ++round) {
        const revision at = co_await it.put("key", fmt::format("{}", round));
        auto read = other->get("key");
        const std::optional<record> found =
            co_await within<std::optional<record>>(it.strand, std::move(read), "get");
        expect(found && found->modified == at,
               "get by another handle does not see a commit that has returned");
        auto call = other->list(key_range::one("key"), 1);
        const page part = co_await within<page>(it.strand, std::move(call), "list");
        expect(part.records.size() == 1 && part.records[0].modified == at && part.at >= at,
               "list by another handle does not see a commit that has returned");
    }
}

awaitable<void> transactions_are_atomic_to_readers(trial& it) {
    metadata_store* other = co_await second_handle(it);
    std::vector<observed_ptr<commit_result>> writes;
    std::vector<observed_ptr<page>> reads;
    for (int round = 0; round < 60; ++round) {
        transaction change;
        change.put("a", fmt::format("{}", round)).put("z", fmt::format("{}", round));
        auto write = it.store().commit(std::move(change));
        writes.push_back(start<commit_result>(it.strand, std::move(write)));
        auto read = other->list(key_range::prefix(""), 10);
        reads.push_back(start<page>(it.strand, std::move(read)));
        if (round % 5 == 0) co_await yield(it.strand, 1);
    }
    for (const auto& each : writes) {
        co_await settle<commit_result>(it.strand, each, "a commit beside reads");
        expect(each->how == ending::value, "a commit beside reads failed: " + each->text);
    }
    for (const auto& each : reads) {
        co_await settle<page>(it.strand, each, "a list beside commits");
        expect(each->how == ending::value, "a list beside commits failed: " + each->text);
        const auto& records = each->value->records;
        if (records.empty()) continue;
        expect(records.size() == 2 && records[0].value == records[1].value &&
                   records[0].modified == records[1].modified,
               "a page shows a part of a transaction");
    }
}

}  // namespace

metadata_rules metadata_race_rules() {
    return {
        {"one_creation_wins",
         "of many concurrent conditional creations (by two handles, if there are) exactly one wins",
         one_creation_wins},
        {"counter_loses_no_increment", "concurrent guarded increments are all kept",
         counter_loses_no_increment},
        {"reads_follow_commits",
         "a read that begins after a commit returned sees it, by any "
         "handle",
         reads_follow_commits},
        {"transactions_are_atomic_to_readers", "no page shows a part of a transaction",
         transactions_are_atomic_to_readers},
    };
}

}  // namespace reeve::testing::detail
