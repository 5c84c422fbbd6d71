// The loop: writes down what was decided, and finishes what was begun.
#include "reeve/core/error.hpp"
#include "reeve/core/guards.hpp"
#include "segment/flush_changes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace reeve::segment {

awaitable<void> manager_impl::run() {
    core::backoff retry(options_.retry, strand_.next_seed());
    for (;;) {
        bool again = false;
        try {
            again = co_await step();
            trouble_.clear();
        } catch (const error& failure) {
            if (failure.kind() != error_class::not_applied && !is_outcome_unknown(failure)) throw;
            again = true;
            trouble_ = failure.what();
            core::log(strand_.log(), core::log_level::warning, "segment", "{}", trouble_);
        }
        if (again) {
            co_await strand_.sleep_for(retry.next());
        } else {
            retry.reset();
            if (!idle()) continue;
            co_await work_.wait();
        }
    }
}

/// Is there nothing to be written? Notifications are not kept, so the loop asks before it waits.
bool manager_impl::idle() const {
    bool nothing = reread_.empty() && doubts_.empty() && dropped_channels_.empty();
    rows_.each_sealing([&](const sealing&) { nothing = false; });
    rows_.each_flushable([&](const segment_row&) { nothing = false; });
    return nothing && std::none_of(dropping_.begin(), dropping_.end(),
                                   [this](model::collection_id one) { return may_finish(one); });
}

/// One round. True: something has to be tried again after a while.
awaitable<bool> manager_impl::step() {
    bool again = false;
    co_await reread_changed();
    adopt_marks();
    std::vector<storage::transaction> items;
    std::vector<segment_info> written;
    collect_decided(items, written);
    collect_dropped(items, written);
    if (!items.empty()) {
        again = co_await carry_out(std::move(items), std::move(written));
    }
    co_await resolve_doubts();
    co_await finish_drops();
    co_return again || !doubts_.empty();
}

/// Marks of unknown outcome that have landed: the registrar has read them again.
void manager_impl::adopt_marks() {
    if (dropping_.empty()) return;
    const auto& table = rows_.table();
    for (std::uint32_t number = 0; number < table.channels(); ++number) {
        const auto& channel = table.channel(number);
        const auto collection = table.collection(channel.collection).id;
        const auto drop = drops_.find(collection);
        if (channel.dropped || drop == drops_.end()) continue;
        const model::channel_name name(channel.name);
        const auto known = channels_->recorded(name);
        if (!known || known->entry.state != model::channel_state::dropped) continue;
        mark_dropped(name, collection, drop->second.record.at);
    }
}

void manager_impl::rewrite(const segment_row& row, model::segment_record record,
                           std::vector<storage::transaction>& items,
                           std::vector<segment_info>& written) const {
    segment_info& one = written.emplace_back();
    one.collection = row.collection;
    one.segment = row.id;
    one.record = std::move(record);
    one.at = row.at;
    const std::string key = keys_.segment(row.collection, row.id);
    storage::transaction& item = items.emplace_back();
    if (core::enforced(core::guard::segment_revision)) item.if_modified_at(key, row.at);
    item.put(key, catalog::encode(one.record));
}

/// Those that get no more rows, and those to which nothing can come any more.
void manager_impl::collect_decided(std::vector<storage::transaction>& items,
                                   std::vector<segment_info>& written) const {
    const auto& table = rows_.table();
    rows_.each_sealing([&](const sealing& one) {
        const std::uint32_t row = table.find(one.segment);
        auto record = table.record(row);
        record.state = model::segment_state::sealed;
        record.sealed = one.reason;
        record.last_expiry = one.last_expiry;
        rewrite(table[row], std::move(record), items, written);
    });
    rows_.each_flushable([&](const segment_row& row) {
        auto record = table.record(table.find(row.id));
        record.state = model::segment_state::flushing;
        rewrite(row, std::move(record), items, written);
    });
}

/// The records of segments follow the mark of their channel, so many at a time.
void manager_impl::collect_dropped(std::vector<storage::transaction>& items,
                                   std::vector<segment_info>& written) {
    const auto& table = rows_.table();
    for (auto at = dropped_channels_.begin(); at != dropped_channels_.end();) {
        const std::uint32_t number = table.find_channel(at->first);
        std::size_t seen = 0;
        if (number != none) {
            table.each_of_channel(number, [&](const segment_row& row) {
                if (++seen > options_.rewrites_max) return;
                rewrite(row,
                        model::tombstone_of(table.record(table.find(row.id)),
                                            model::segment_state::dropped, at->second),
                        items, written);
            });
        }
        if (seen == 0) {
            at = dropped_channels_.erase(at);
        } else {
            ++at;
        }
        if (items.size() >= options_.rewrites_max) return;
    }
}

/// True: some of it has to be tried again.
awaitable<bool> manager_impl::carry_out(std::vector<storage::transaction> items,
                                        std::vector<segment_info> written) {
    const auto results = co_await catalog::commit_items(store_, guard_, std::move(items));
    bool again = false;
    for (std::size_t at = 0; at < results.size(); ++at) {
        const auto& one = written[at];
        switch (results[at].outcome) {
            case catalog::item_outcome::committed:
                (void)learn(one.collection, one.segment, one.record, results[at].at);
                break;
            case catalog::item_outcome::rejected:
            case catalog::item_outcome::unknown:
                reread_.emplace(one.segment, one.collection);
                again = true;
                break;
            case catalog::item_outcome::not_applied:
                again = true;
                break;
        }
    }
    co_return again;
}

awaitable<void> manager_impl::reread_changed() {
    while (!reread_.empty()) {
        const auto [segment, collection] = *reread_.begin();
        (void)co_await reread(collection, segment);
        reread_.erase(segment);
    }
}

/// Writes of unknown outcome: until each is known to be there, or can never land any more.
awaitable<void> manager_impl::resolve_doubts() {
    const std::vector<doubt> open = doubts_;
    for (const auto& one : open) {
        const bool resolved = co_await resolve(one);
        if (resolved) forget_doubt(one.segment, one.flush);
    }
}

awaitable<bool> manager_impl::resolve(doubt what) {
    // What it compares first: once that has changed, what the record says is final.
    const auto entry = co_await store_.get(keys_.channel(what.by.channel));
    const auto progress = co_await store_.get(keys_.progress(what.by.channel));
    const auto entry_at = entry ? entry->modified : storage::revision();
    const auto progress_at = progress ? progress->modified : storage::revision();
    const bool over =
        entry_at != what.by.entry_at || (what.flush.epoch && progress_at != what.by.progress_at);
    if (!what.flush.epoch) {
        const bool there = co_await reread(what.collection, what.segment);
        co_return there || over;
    }
    const auto found = co_await visible(keys_.binlog(what.segment, what.flush));
    if (!found) co_return over;
    model::binlog_record binlog;
    decoder_.decode(found->key, found->value, binlog);
    (void)co_await reread(what.collection, what.segment);
    found_flush(what.segment, what.flush, binlog.groups);
    co_return true;
}

/// What an earlier holder has flushed unseen. Whoever reads on from the recorded checkpoint must
/// know of it: else rows are counted, and flushed, as if they had never been.
awaitable<void> manager_impl::resolve_earlier(model::holder by) {
    const std::vector<doubt> open = doubts_;
    for (const auto& one : open) {
        const auto epoch = one.flush.epoch;
        if (one.by.channel != by.channel || !epoch || epoch >= by.epoch) continue;
        const bool resolved = co_await resolve(one);
        if (!resolved) {
            throw error(
                errc::unavailable,
                fmt::format("channel {}: a flush of epoch {} may still land", by.channel, epoch));
        }
        forget_doubt(one.segment, one.flush);
    }
}

/// All channels are marked and no record says anything else.
bool manager_impl::may_finish(model::collection_id collection) const {
    const auto* rows = rows_.table().find_collection(collection);
    const bool followed = rows == nullptr || rows->rows.count == 0;
    return followed && channels_->undropped(collection) == 0;
}

awaitable<void> manager_impl::finish_drops() {
    std::vector<model::collection_id> done;
    for (const auto collection : dropping_) {
        if (may_finish(collection)) done.push_back(collection);
    }
    for (const auto collection : done) {
        collection_row row = drops_.at(collection);
        row.record.state = model::drop_state::dropped;
        const std::string key = keys_.collection_drop(collection);
        storage::transaction change = guard_.begin();
        change.if_modified_at(key, row.at).put(key, catalog::encode(row.record));
        const auto result = co_await store_.commit(std::move(change));
        guard_.check(result);
        row.at = result.at;
        if (!result) {
            // A copy of ours has landed before: what is recorded counts.
            const auto found = co_await store_.get(key);
            if (!found) throw error(errc::corrupt, key + ": is gone");
            decoder_.decode(key, found->value, row.record);
            row.at = found->modified;
        }
        know_drop(collection, std::move(row));
    }
}

}  // namespace reeve::segment
