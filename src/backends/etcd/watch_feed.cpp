#include "backends/etcd/watch_feed.hpp"

#include "reeve/core/error.hpp"
#include "storage/printable.hpp"

#include <algorithm>
#include <iterator>
#include <limits>
#include <tuple>
#include <utility>

namespace reeve::backends::etcd {

namespace {

using storage::change;
using storage::revision;

constexpr std::int64_t main_id = 1;
constexpr std::int64_t id_of_none = -1;
// When a watch catches up, etcd cuts a message after 1000 revisions, and states in its header the
// revision that it has not yet come to. A message with fewer than these was not cut.
constexpr std::size_t whole_revisions_max = 500;
// A probe makes the server read the history from its mark on, with its store locked. One batch of
// etcd's own is bearable; several times a second.
constexpr std::uint64_t probe_revisions_max = 1000;
// Of a change that is kept, beside its key and value.
constexpr std::size_t change_bytes = sizeof(change);

revision revision_of(std::int64_t number) {
    return revision(number < 0 ? 0 : static_cast<std::uint64_t>(number));
}

// Revisions that cannot come are as far away as the last that can.
std::int64_t wire_revision(revision from) {
    constexpr auto last = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    return static_cast<std::int64_t>(std::min(from.value, last));
}

std::size_t bytes_of(const change& each) {
    return change_bytes + each.now.key.size() + each.now.value.size();
}

std::size_t bytes_of(const storage::change_batch& batch) {
    std::size_t bytes = sizeof(batch);
    for (const auto& each : batch.changes) bytes += bytes_of(each);
    return bytes;
}

bool in_order(const change& left, const change& right) {
    return std::tie(left.now.modified, left.now.key) < std::tie(right.now.modified, right.now.key);
}

std::size_t count_revisions(const std::vector<change>& sorted) {
    std::size_t count = 0;
    revision last;
    for (const auto& each : sorted) {
        if (each.now.modified != last) ++count;
        last = each.now.modified;
    }
    return count;
}

}  // namespace

watch_feed::watch_feed(key_space keys, storage::key_range range, revision from,
                       std::size_t unfinished_bytes)
    : keys_(std::move(keys)),
      range_(std::move(range)),
      outer_(keys_.outer(range_)),
      next_(from),
      unfinished_bytes_(unfinished_bytes) {}

revision watch_feed::begins_at() const noexcept {
    return revision(next_.value > 1 ? next_.value - 1 : 1);
}

watch_request watch_feed::begin() {
    established_ = false;
    sees_everything_ = true;
    main_ = {};
    probe_.reset();
    hint_ = {};
    last_id_ = main_id;
    watch_request create(watch_request::kind::create);
    create.id = main_id;
    create.key = outer_.key;
    create.end = outer_.empty ? std::string() : outer_.end;
    create.from = wire_revision(begins_at());
    create.nothing = outer_.empty;
    return create;
}

watch_feed::news watch_feed::absorb(watch_response&& from) {
    // What is refused for lack of rights has no id; one watch at a time is being created.
    const bool refused = from.id == id_of_none && from.cancelled;
    if (refused) from.id = probe_ && established_ ? probe_->id : main_id;
    if (from.id == main_id) return absorb_main(std::move(from));
    if (probe_ && from.id == probe_->id) return absorb_probe(std::move(from));
    if (from.id == id_of_none) {  // progress that was requested
        hint_ = std::max(hint_, revision_of(from.head.revision));
    }
    return news::none;  // what a probe that has ended still had to say
}

watch_feed::news watch_feed::absorb_main(watch_response&& from) {
    if (from.compacted > 0 && revision_of(from.compacted) > begins_at()) return news::compacted;
    if (from.compacted > 0) {
        // It had fallen behind what a probe has delivered since: nothing that we want is lost.
        reason_ = "the watch fell behind a compaction that we have passed";
        return news::cancelled;
    }
    if (from.cancelled) {
        reason_ = std::move(from.reason);
        return news::cancelled;
    }
    if (from.created) {
        established_ = true;
        return news::established;
    }
    gather(from, main_);
    if (!from.fragment) complete(main_, revision_of(from.head.revision));
    return news::none;
}

watch_feed::news watch_feed::absorb_probe(watch_response&& from) {
    if (from.compacted > 0 || from.cancelled) {
        compacted_ = std::max(compacted_, revision_of(from.compacted));
        const bool refused = from.compacted <= 0;
        if (refused && probe_->of_everything) sees_everything_ = false;
        if (refused) reason_ = std::move(from.reason);
        probe_.reset();
        return refused ? news::refused : news::none;
    }
    if (from.created) return news::none;
    gather(from, probe_->changes);
    if (from.fragment) return news::none;
    const bool whole = complete(probe_->changes, revision_of(from.head.revision));
    return whole ? news::probed : news::none;
}

void watch_feed::gather(watch_response& from, part& into) const {
    for (auto& each : from.changes) {
        if (each.now.modified.value == 0) {
            throw error(errc::corrupt, "etcd: watch: a change without a revision");
        }
        if (!keys_.holds(each.now.key)) {  // a probe may look beyond the store's keys
            each.now.key.clear();
            each.now.value = std::string();
        } else {
            keys_.strip(each.now.key);
        }
        if (each.what == change::kind::removed) {
            storage::record gone;
            gone.key = std::move(each.now.key);
            gone.modified = each.now.modified;
            each.now = std::move(gone);
        }
        into.bytes += bytes_of(each);
        if (into.bytes > unfinished_bytes_) {
            throw error(errc::corrupt, "etcd: watch: a message without end");
        }
        into.changes.push_back(std::move(each));
    }
}

// All of a message is there. Returns whether it says how far the store has come.
bool watch_feed::complete(part& all, revision stated) {
    std::vector<change> changes = std::move(all.changes);
    all = {};
    std::sort(changes.begin(), changes.end(), in_order);
    const bool whole = count_revisions(changes) < whole_revisions_max;
    const revision last = changes.empty() ? revision() : changes.back().now.modified;
    const revision up_to = whole ? std::max(stated, last) : last;
    const auto elsewhere = [this](const change& each) {
        return each.now.key.empty() || !range_.contains(each.now.key);
    };
    changes.erase(std::remove_if(changes.begin(), changes.end(), elsewhere), changes.end());
    if (!changes.empty()) anchor_ = std::max(anchor_, changes.back().now.modified);
    const auto is_new = [this](const change& each) { return each.now.modified >= next_; };
    changes.erase(changes.begin(), std::find_if(changes.begin(), changes.end(), is_new));
    deliver(std::move(changes), up_to);
    return whole;
}

void watch_feed::deliver(std::vector<change> changes, revision up_to) {
    if (up_to < next_) return;
    next_ = revision(up_to.value + 1);
    if (changes.empty() && !ready_.empty()) {
        ready_.back().up_to = up_to;
        return;
    }
    storage::change_batch batch;
    batch.changes = std::move(changes);
    batch.up_to = up_to;
    ready_bytes_ += bytes_of(batch);
    ready_.push_back(std::move(batch));
}

std::optional<storage::change_batch> watch_feed::pop() {
    if (ready_.empty()) return std::nullopt;
    auto first = std::move(ready_.front());
    ready_.pop_front();
    ready_bytes_ -= bytes_of(first);
    return first;
}

watch_request watch_feed::begin_probe(std::string end, revision from) {
    hint_ = {};
    probe_.emplace();
    probe_->id = ++last_id_;
    watch_request create(watch_request::kind::create);
    create.id = probe_->id;
    create.key = outer_.key;
    create.end = std::move(end);
    create.from = wire_revision(std::min(from, begins_at()));
    return create;
}

bool watch_feed::is_near(revision at) const noexcept {
    return hint_.value <= at.value || hint_.value - at.value <= probe_revisions_max;
}

std::optional<watch_request> watch_feed::probe() {
    if (!anchor_ || anchor_ < compacted_ || outer_.empty) return std::nullopt;
    if (!is_near(anchor_)) {
        if (auto all = probe_everything()) return all;
    }
    auto create = begin_probe(outer_.end, anchor_);
    probe_->by_anchor = true;
    return create;
}

std::optional<watch_request> watch_feed::probe_everything() {
    hint_ = {};
    if (!sees_everything_) return std::nullopt;
    const std::string no_end(1, '\0');
    auto create = begin_probe(no_end, next_);
    create.key = no_end;  // as the smallest key there is
    probe_->of_everything = true;
    return create;
}

std::optional<watch_request> watch_feed::probe_by(const std::vector<storage::record>& candidates) {
    const storage::record* newest = nullptr;
    for (const auto& each : candidates) {
        if (each.modified < compacted_) continue;
        if (newest == nullptr || newest->modified < each.modified) newest = &each;
    }
    if (newest == nullptr || !is_near(newest->modified)) {
        auto all = probe_everything();
        if (all || newest == nullptr) return all;
    }
    const std::string no_end(1, '\0');
    std::string end = newest->key + '\0';
    if (!outer_.empty && (outer_.end == no_end || end < outer_.end)) end = outer_.end;
    return begin_probe(std::move(end), newest->modified);
}

watch_request watch_feed::probe_end() {
    watch_request cancel(watch_request::kind::cancel);
    cancel.id = probe_->id;
    probe_.reset();
    return cancel;
}

watch_request watch_feed::probe_given_up() {
    if (probe_->by_anchor) anchor_ = {};
    return probe_end();
}

}  // namespace reeve::backends::etcd
