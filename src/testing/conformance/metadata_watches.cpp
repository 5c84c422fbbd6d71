#include "testing/conformance/metadata_trial.hpp"

#include <utility>

namespace reeve::testing::detail {

namespace {

using trial = metadata_trial;

revision after(revision at) { return revision(at.value + 1); }

std::string describe(const std::vector<change>& changes) {
    std::string text;
    for (const auto& each : changes) {
        if (!text.empty()) text += ' ';
        text += each.what == change::kind::put ? each.now.key + "=" + each.now.value
                                               : "-" + each.now.key;
    }
    return text;
}

awaitable<void> watch_delivers_changes(trial& it) {
    const revision begun = co_await it.put("key", "0");
    auto watch = co_await it.watch(key_range::prefix(""), after(begun));
    co_await it.put("key", "1");
    const record put = co_await it.need("key");
    const revision removed = co_await it.remove("key");
    const std::vector<change> seen = co_await it.changes(*watch, removed);
    expect_equal(describe(seen), std::string("key=1 -key"), "the changes delivered");
    expect(seen[0].now == put, "a put's change differs from the record as get gave it");
    record gone;
    gone.key = "key";
    gone.modified = removed;
    expect(seen[1].now == gone,
           "a removal's change must hold the key and, in modified, its revision, and nothing else");
}

awaitable<void> watch_from_the_past(trial& it) {
    const revision first = co_await it.put("key", "1");
    co_await it.put("key", "2");
    co_await it.remove("key");
    const revision last = co_await it.put("key", "3");
    auto all = co_await it.watch(key_range::one("key"), first);
    const std::vector<change> whole = co_await it.changes(*all, last);
    expect_equal(describe(whole), std::string("key=1 key=2 -key key=3"), "the whole history");
    expect_equal(whole[1].now.version, 2U, "version of a past change");
    expect_equal(whole[3].now.created, last, "created of a second life");
    auto rest = co_await it.watch(key_range::one("key"), after(first));
    const std::vector<change> tail = co_await it.changes(*rest, last);
    expect_equal(describe(tail), std::string("key=2 -key key=3"), "the history after the first");
}

awaitable<void> watch_goes_from_past_to_present(trial& it) {
    const revision first = co_await it.put("key", "0");
    for (int round = 1; round < 20; ++round) co_await it.put("key", fmt::format("{}", round));
    auto watch = co_await it.watch(key_range::one("key"), first);
    revision last;
    for (int round = 20; round < 40; ++round) {
        last = co_await it.put("key", fmt::format("{}", round));
    }
    const std::vector<change> seen = co_await it.changes(*watch, last);
    expect_equal(seen.size(), 40U, "changes delivered");
    for (std::size_t index = 0; index < seen.size(); ++index) {
        expect_equal(seen[index].now.value, fmt::format("{}", index), "a change in order");
    }
}

awaitable<void> watch_from_the_future_waits(trial& it) {
    const revision now = co_await it.put("key", "0");
    auto watch = co_await it.watch(key_range::one("key"), revision(now.value + 3));
    co_await it.put("key", "1");
    co_await it.put("key", "2");
    const revision third = co_await it.put("key", "3");
    const change_batch batch = co_await it.next(*watch);
    expect_equal(describe(batch.changes), std::string("key=3"),
                 "the first change of a watch from three revisions ahead");
    expect_equal(batch.changes[0].now.modified, third, "its revision");
}

awaitable<void> one_batch_per_commit(trial& it) {
    const revision begun = co_await it.put("c", "0");
    auto watch = co_await it.watch(key_range::prefix(""), after(begun));
    transaction writes;
    writes.put("d", "1").put("a", "1").remove("c").put("b", "1");
    const commit_result first = co_await it.commit(std::move(writes));
    const revision last = co_await it.put("a", "2");
    const std::vector<change_batch> seen = co_await it.batches(*watch, last);
    std::vector<change> flat;
    for (const auto& batch : seen) {
        for (const auto& each : batch.changes) {
            expect(each.now.modified <= batch.up_to, "a batch holds a change after its up_to");
            flat.push_back(each);
        }
    }
    expect_equal(describe(flat), std::string("a=1 b=1 -c d=1 a=2"),
                 "changes in commit order, in key order within a commit");
    std::size_t of_first = 0;
    for (const auto& each : seen[0].changes) {
        if (each.now.modified == first.at) ++of_first;
    }
    expect_equal(of_first, 4U, "changes of a commit in its batch");
}

awaitable<void> watch_keeps_to_its_range(trial& it) {
    const revision begun = co_await it.put("a", "0");
    auto range = co_await it.watch(key_range("b", "c"), after(begun));
    auto prefix = co_await it.watch(key_range::prefix("\xff"), after(begun));
    transaction writes;
    writes.put("a", "1").put("b", "1").put("b\xff", "1").put("c", "1");
    writes.put("\xff", "1").put("\xff\xff", "1").put("\xfe", "1");
    co_await it.commit(std::move(writes));
    const revision last = co_await it.put("b", "last");
    const revision end = co_await it.put("\xff", "last");
    const std::vector<change> in_range = co_await it.changes(*range, last);
    expect_equal(describe(in_range), std::string("b=1 b\xff=1 b=last"), "changes of [b, c)");
    const std::vector<change> in_prefix = co_await it.changes(*prefix, end);
    expect_equal(describe(in_prefix), std::string("\xff=1 \xff\xff=1 \xff=last"),
                 "changes of the prefix 0xff");
}

awaitable<void> watchers_are_independent(trial& it) {
    const revision begun = co_await it.put("key", "0");
    auto first = co_await it.watch(key_range::one("key"), after(begun));
    auto second = co_await it.watch(key_range::one("key"), after(begun));
    const revision one = co_await it.put("key", "1");
    const std::vector<change> early = co_await it.changes(*first, one);
    expect_equal(describe(early), std::string("key=1"), "what the first watcher got");
    first.reset();
    const revision two = co_await it.put("key", "2");
    const std::vector<change> both = co_await it.changes(*second, two);
    expect_equal(describe(both), std::string("key=1 key=2"),
                 "what the second watcher got after the first was destroyed");
}

awaitable<void> up_to_only_advances(trial& it) {
    const revision begun = co_await it.put("key", "0");
    auto watch = co_await it.watch(key_range::one("key"), after(begun));
    revision last;
    for (int round = 0; round < 10; ++round) {
        co_await it.put("other", fmt::format("{}", round));
        last = co_await it.put("key", fmt::format("{}", round));
    }
    revision seen = begun;
    while (seen < last) {
        auto call = watch->next();
        const change_batch batch =
            co_await within<change_batch>(it.strand, std::move(call), "next");
        expect(batch.up_to >= seen, "up_to went back");
        for (const auto& each : batch.changes) {
            expect(each.now.modified > seen, "a change at or before the previous up_to");
            expect(each.now.modified <= batch.up_to, "a change after up_to");
        }
        seen = batch.up_to;
    }
}

awaitable<void> waiting_next_is_woken(trial& it) {
    const revision begun = co_await it.put("key", "0");
    auto watch = co_await it.watch(key_range::one("key"), after(begun));
    auto call = watch->next();
    const observed_ptr<change_batch> waiting = start<change_batch>(it.strand, std::move(call));
    co_await yield(it.strand, 5);
    co_await it.put("key", "1");
    co_await settle<change_batch>(it.strand, waiting, "a next that waited for a put");
    expect(waiting->how == ending::value, "a next that waited for a put failed");
}

// Asks until `up_to` has reached `wanted`; nothing may be delivered meanwhile.
awaitable<void> follow_idle(trial& it, watcher& watch, revision wanted) {
    const auto deadline = it.strand.now() + step_patience;
    revision seen;
    while (seen < wanted) {
        expect(it.strand.now() < deadline, "up_to of an idle watch stays behind the store");
        auto call = watch.next();
        const change_batch batch = co_await within<change_batch>(
            it.strand, std::move(call), "next of an idle watch, to tell the store's revision,");
        expect(batch.changes.empty(), "an idle watch delivered a change of another range");
        expect(batch.up_to > seen, "a next of an idle watch returned without any news");
        seen = batch.up_to;
    }
}

awaitable<void> idle_watch_advances(trial& it) {
    const revision begun = co_await it.put("key", "0");
    auto watch = co_await it.watch(key_range::one("key"), after(begun));
    // Committed before it asks, and while it waits.
    revision last = co_await it.put("other", "1");
    co_await follow_idle(it, *watch, last);
    auto waiting = follow_idle(it, *watch, after(last));
    const auto following = start<void>(it.strand, std::move(waiting));
    co_await yield(it.strand, 5);
    last = co_await it.put("other", "2");
    co_await settle<void>(it.strand, following, "an idle watch beside a commit elsewhere");
    expect(following->how == ending::value, "an idle watch failed: " + following->text);
    // What comes then is delivered, and nothing twice.
    last = co_await it.put("key", "1");
    const std::vector<change> seen = co_await it.changes(*watch, last);
    expect_equal(describe(seen), std::string("key=1"), "the first change after an idle time");
}

awaitable<void> watch_sees_other_handles(trial& it) {
    metadata_store* other = co_await it.open();
    const revision begun = co_await it.put("key", "0");
    auto watch = co_await it.watch(key_range::one("key"), after(begun));
    transaction writes;
    writes.put("key", "1");
    auto call = other->commit(std::move(writes));
    const commit_result result =
        co_await within<commit_result>(it.strand, std::move(call), "commit by another handle");
    const std::vector<change_batch> seen = co_await it.batches(*watch, result.at);
    expect_equal(seen.size(), 1U, "batches after a commit by another handle");
    expect_equal(describe(seen[0].changes), std::string("key=1"), "what another handle wrote");
}

}  // namespace

metadata_rules metadata_watch_rules() {
    return {
        {"watch_delivers_changes",
         "a watch delivers puts as whole records and removals with their "
         "key and revision",
         watch_delivers_changes},
        {"watch_from_the_past", "a watch from a past revision replays the history from it on",
         watch_from_the_past},
        {"watch_goes_from_past_to_present",
         "a watch passes from history to new commits without a "
         "gap or a repetition",
         watch_goes_from_past_to_present},
        {"watch_from_the_future_waits", "a watch from a future revision waits for it",
         watch_from_the_future_waits},
        {"one_batch_per_commit", "all changes of a commit arrive in one batch, in key order",
         one_batch_per_commit},
        {"watch_keeps_to_its_range", "a watch delivers the changes of its range only",
         watch_keeps_to_its_range},
        {"watchers_are_independent", "each watcher gets every change, whatever others do",
         watchers_are_independent},
        {"up_to_only_advances", "up_to never goes back and covers the changes of its batch",
         up_to_only_advances},
        {"waiting_next_is_woken", "a next that waits returns when something is committed",
         waiting_next_is_woken},
        {"idle_watch_advances",
         "while nothing in its range changes, up_to of a watch follows the store's revision",
         idle_watch_advances},
        {"watch_sees_other_handles", "a watch sees the commits of every handle",
         watch_sees_other_handles},
    };
}

}  // namespace reeve::testing::detail
