#include "testing/conformance/metadata_trial.hpp"

#include <utility>

namespace reeve::testing::detail {

namespace {

using trial = metadata_trial;

constexpr int large_history = 2'000;

// Commits with many waiting at once, so that slow stores take part too.
awaitable<revision> write_rounds(trial& it, int from, int count) {
    std::vector<observed_ptr<commit_result>> running;
    for (int round = from; round < from + count; ++round) {
        transaction change;
        change.put(fmt::format("key{:02}", round % 50), fmt::format("{}", round));
        auto call = it.store().commit(std::move(change));
        running.push_back(start<commit_result>(it.strand, std::move(call)));
    }
    revision last;
    for (const auto& each : running) {
        co_await settle<commit_result>(it.strand, each, "a commit among many");
        expect(each->how == ending::value, "a commit among many failed: " + each->text);
        last = std::max(last, each->value->at);
    }
    co_return last;
}

awaitable<void> large_history_is_replayed(trial& it) {
    const revision first = co_await it.put("key00", "begin");
    revision last;
    for (int from = 0; from < large_history; from += 100) {
        last = co_await write_rounds(it, from, 100);
    }
    auto watch = co_await it.watch(key_range::prefix("key"), revision(first.value + 1));
    const std::vector<change> seen = co_await it.changes(*watch, last);
    expect_equal(seen.size(), static_cast<std::size_t>(large_history), "changes replayed");
    revision before = first;
    for (const auto& each : seen) {
        expect(each.now.modified > before, "changes are replayed out of order or twice");
        before = each.now.modified;
    }
}

awaitable<void> slow_watcher_misses_nothing(trial& it) {
    const revision begun = co_await it.put("key", "0");
    auto watch = co_await it.watch(key_range::prefix("key"), revision(begun.value + 1));
    revision last;
    for (int from = 0; from < 500; from += 100) last = co_await write_rounds(it, from, 100);
    const std::vector<change> seen = co_await it.changes(*watch, last);
    expect_equal(seen.size(), std::size_t{500}, "changes kept for a watcher that did not ask");
}

awaitable<revision> history_of_ten(trial& it) {
    revision last;
    for (int round = 0; round < 10; ++round) {
        last = co_await it.put("key", fmt::format("{}", round));
    }
    co_return last;
}

// A watch may fail with `compacted` when it is opened or when it is asked.
awaitable<std::optional<errc>> watch_code(trial& it, revision from) {
    std::unique_ptr<watcher> opened;
    std::optional<errc> code;
    try {
        opened = co_await it.watch(key_range::one("key"), from);
        const change_batch batch = co_await it.next(*opened);
        expect(!batch.changes.empty(), "next returned no change");
    } catch (const error& failure) {
        code = failure.code_value();
    }
    co_return code;
}

awaitable<void> compacted_history_is_an_error(trial& it) {
    const revision first = co_await it.put("key", "first");
    const revision last = co_await history_of_ten(it);
    co_await it.factory.compact(it.store(), last);
    const std::optional<errc> code = co_await watch_code(it, first);
    expect(code.has_value(), "a watch from before the compaction delivers instead of failing");
    expect_equal(name(*code), name(errc::compacted),
                 "the error of a watch from the compacted past");
    const std::optional<errc> kept = co_await watch_code(it, last);
    expect(!kept, "a watch from the first revision that is kept failed");
    const std::string value = co_await it.value("key");
    expect_equal(value, std::string("9"), "a value after the compaction");
}

awaitable<void> lagging_watcher_learns_of_compaction(trial& it) {
    const revision begun = co_await it.put("key", "first");
    auto watch = co_await it.watch(key_range::one("key"), revision(begun.value + 1));
    const revision last = co_await history_of_ten(it);
    co_await it.factory.compact(it.store(), last);
    std::size_t count = 0;
    std::optional<errc> code;
    try {
        const std::vector<change> seen = co_await it.changes(*watch, last);
        count = seen.size();
    } catch (const error& failure) {
        code = failure.code_value();
    }
    if (code) {
        expect_equal(name(*code), name(errc::compacted), "the error of a watcher left behind");
    } else {
        expect_equal(count, std::size_t{10},
                     "changes delivered across a compaction without an error");
    }
}

}  // namespace

metadata_rules metadata_history_rules() {
    return {
        {"large_history_is_replayed", "a history of thousands of commits is replayed whole",
         large_history_is_replayed},
        {"slow_watcher_misses_nothing", "a watcher that asks late gets everything, or an error",
         slow_watcher_misses_nothing},
        {"compacted_history_is_an_error",
         "a watch from before the kept history fails with compacted",
         compacted_history_is_an_error},
        {"lagging_watcher_learns_of_compaction",
         "a watcher left behind by a compaction loses nothing silently",
         lagging_watcher_learns_of_compaction},
    };
}

}  // namespace reeve::testing::detail
