#include "conformance/bent_store.hpp"

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <utility>

namespace conformance {

namespace {

using storage::change;
using storage::change_batch;
using storage::key_range;
using storage::revision;
using storage::transaction;

bend delivered(std::function<void(change_batch&, const watch_state&)> bent) {
    bend how;
    how.delivered = std::move(bent);
    return how;
}

// Loses the changes for which the function says so.
bend loses(std::function<bool(const change&, const watch_state&, memory_database&)> lost) {
    const auto database = std::make_shared<std::shared_ptr<memory_database>>();
    bend how;
    how.begins = [database](std::shared_ptr<memory_database> of_check) {
        *database = std::move(of_check);
    };
    how.delivered = [database, lost](change_batch& batch, const watch_state& watch) {
        std::erase_if(batch.changes,
                      [&](const change& each) { return lost(each, watch, **database); });
    };
    return how;
}

bool overwritten(const change& each, const watch_state&, memory_database& database) {
    const auto now = present(database, each.now.key);
    return now && now->modified != each.now.modified;
}

bool first_new_one(const change& each, const watch_state& watch, memory_database&) {
    return each.now.modified.value == watch.opened_at.value + 1;
}

bool beyond_history(const change& each, const watch_state&, memory_database& database) {
    return each.now.modified.value + 1500 < database.revision().value;
}

bool beyond_queue(const change& each, const watch_state&, memory_database& database) {
    return each.now.modified.value + 100 < database.revision().value;
}

void loses_revision_of_removal(change_batch& batch, const watch_state&) {
    for (auto& each : batch.changes) {
        if (each.what == change::kind::removed) each.now.modified = {};
    }
}

void reverses(change_batch& batch, const watch_state&) {
    std::reverse(batch.changes.begin(), batch.changes.end());
}

bend delivers_only_once() {
    const auto taken = std::make_shared<std::set<revision>>();
    bend how;
    how.begins = [taken](const std::shared_ptr<memory_database>&) { taken->clear(); };
    how.delivered = [taken](change_batch& batch, const watch_state&) {
        std::erase_if(batch.changes,
                      [&](const change& each) { return !taken->insert(each.now.modified).second; });
    };
    return how;
}

bend sees_only_its_own_handle() {
    const auto foreign = std::make_shared<std::set<revision>>();
    bend how;
    how.begins = [foreign](const std::shared_ptr<memory_database>&) { foreign->clear(); };
    how.committed = [foreign](const transaction&, storage::commit_result& result,
                              std::size_t handle) {
        if (handle != 0) foreign->insert(result.at);
    };
    how.delivered = [foreign](change_batch& batch, const watch_state&) {
        std::erase_if(batch.changes,
                      [&](const change& each) { return foreign->contains(each.now.modified); });
    };
    return how;
}

bend starts_now_at_the_latest() {
    const auto database = std::make_shared<std::shared_ptr<memory_database>>();
    bend how;
    how.begins = [database](std::shared_ptr<memory_database> of_check) {
        *database = std::move(of_check);
    };
    how.watching = [database](key_range&, revision& from) {
        from = std::min(from, revision((*database)->revision().value + 1));
    };
    return how;
}

awaitable<change_batch> fails_when_idle(storage::watcher& inner, std::weak_ptr<void>) {
    (void)inner;
    co_await pause(2);
    throw reeve::error(reeve::errc::unavailable, "nothing to deliver");
}

awaitable<change_batch> is_silent_when_idle(storage::watcher& inner, std::weak_ptr<void>) {
    for (;;) {
        change_batch batch = co_await inner.next();
        if (!batch.changes.empty()) co_return batch;
    }
}

bend goes_on_after_compaction() {
    const auto database = std::make_shared<std::shared_ptr<memory_database>>();
    bend how;
    how.begins = [database](std::shared_ptr<memory_database> of_check) {
        *database = std::move(of_check);
    };
    auto skip = [database](storage::watcher& inner) {
        static_cast<void>(inner);
        change_batch nothing;
        nothing.up_to = (*database)->revision();
        return nothing;
    };
    how.next = [skip](storage::watcher& inner, std::weak_ptr<void>) {
        return [](change_batch silence, storage::watcher& from) -> awaitable<change_batch> {
            change_batch batch;
            try {
                batch = co_await from.next();
            } catch (const reeve::error& failure) {
                if (failure.code_value() != reeve::errc::compacted) throw;
                batch = silence;
            }
            co_return batch;
        }(skip(inner), inner);
    };
    return how;
}

}  // namespace

std::vector<broken> broken_watches() {
    std::vector<broken> all;
    all.push_back({"watch_delivers_changes", delivered(loses_revision_of_removal)});
    all.push_back({"watch_from_the_past", loses(overwritten)});
    all.push_back({"watch_goes_from_past_to_present", loses(first_new_one)});
    all.push_back({"watch_from_the_future_waits", starts_now_at_the_latest()});
    all.push_back({"one_batch_per_commit", delivered(reverses)});
    bend everything;
    everything.watching = [](key_range& range, revision&) { range = key_range::prefix(""); };
    all.push_back({"watch_keeps_to_its_range", everything});
    all.push_back({"watchers_are_independent", delivers_only_once()});
    all.push_back({"up_to_only_advances", delivered([](change_batch& batch, const watch_state&) {
                       batch.up_to.value -= 5;
                   })});
    bend impatient;
    impatient.next = fails_when_idle;
    all.push_back({"waiting_next_is_woken", impatient});
    bend silent;
    silent.next = is_silent_when_idle;
    all.push_back({"idle_watch_advances", silent});
    all.push_back({"watch_sees_other_handles", sees_only_its_own_handle()});
    all.push_back({"large_history_is_replayed", loses(beyond_history)});
    all.push_back({"slow_watcher_misses_nothing", loses(beyond_queue)});
    bend unnamed;
    unnamed.code = [](reeve::errc code) {
        return code == reeve::errc::compacted ? reeve::errc::unavailable : code;
    };
    all.push_back({"compacted_history_is_an_error", unnamed});
    all.push_back({"lagging_watcher_learns_of_compaction", goes_on_after_compaction()});
    return all;
}

}  // namespace conformance
