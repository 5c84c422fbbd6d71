#include "reeve/catalog/follow.hpp"

#include "reeve/core/error.hpp"

#include <algorithm>
#include <utility>

namespace reeve::catalog {

namespace {

storage::revision after(storage::revision at) { return storage::revision(at.value + 1); }

// Failures that go away by themselves, or by starting over.
bool passes(const error& failure) {
    return failure.kind() == error_class::not_applied || failure.code_value() == errc::compacted;
}

}  // namespace

follower::follower(core::runtime& strand, storage::metadata_store& store, storage::key_range range,
                   observer& view, core::backoff_options retry, std::size_t page_size)
    : strand_(strand),
      store_(store),
      range_(std::move(range)),
      view_(view),
      retry_(retry, strand.next_seed()),
      page_size_(std::max<std::size_t>(page_size, 1)) {}

awaitable<void> follower::run() {
    while (true) {
        try {
            co_await pass();
        } catch (const error& failure) {
            if (!passes(failure)) throw;
            status_.trouble = failure.what();
        }
        co_await strand_.sleep_for(retry_.next());
    }
}

awaitable<void> follower::pass() {
    // Watch first: whatever happens during the listing is seen by one of the two, or by both.
    const auto now = co_await store_.list(range_, 1);
    heard();
    const auto watch = co_await store_.watch(range_, after(now.at));
    co_await list(now.at);
    while (true) {
        const auto batch = co_await watch->next();
        heard();
        apply(batch);
    }
}

awaitable<void> follower::list(storage::revision watched) {
    status_.complete = false;
    pages_.clear();
    complete_from_ = watched;
    view_.reset();
    bool level = true;
    storage::key_range rest = range_;
    while (true) {
        const auto page = co_await store_.list(rest, page_size_);
        heard();
        for (const auto& one : page.records) view_.put(one);
        level = level && (pages_.empty() || page.at == pages_.front().at);
        pages_.push_back({page.resume_at, page.at});
        complete_from_ = std::max(complete_from_, page.at);
        if (page.resume_at.empty()) break;
        rest = storage::key_range(page.resume_at, range_.last());
    }
    // Pages of one revision are the store at that revision. Otherwise the watch closes the gaps
    // between them, once it has come as far as the newest.
    if (level) reach(complete_from_);
}

void follower::reach(storage::revision at) {
    if (!status_.complete) {
        status_.complete = true;
        status_.trouble.clear();
        ++status_.passes;
        if (status_.passes > 1) strand_.metrics().count("reeve_catalog_watch_gaps_total", 1);
        pages_.clear();
        retry_.reset();
    }
    status_.at = at;
    view_.reached(at);
}

void follower::apply(const storage::change_batch& batch) {
    for (const auto& one : batch.changes) {
        if (one.now.modified <= listed_at(one.now.key)) continue;
        if (one.what == storage::change::kind::put) {
            view_.put(one.now);
        } else {
            view_.removed(one.now.key, one.now.modified);
        }
    }
    const bool news = status_.complete ? batch.up_to > status_.at : batch.up_to >= complete_from_;
    if (news) reach(batch.up_to);
}

storage::revision follower::listed_at(std::string_view key) const {
    if (status_.complete) return status_.at;
    const auto page = std::find_if(pages_.begin(), pages_.end(), [&](const seen_page& one) {
        return one.last.empty() || key < one.last;
    });
    return page == pages_.end() ? storage::revision{} : page->at;
}

void follower::heard() { status_.last_heard = strand_.now(); }

}  // namespace reeve::catalog
