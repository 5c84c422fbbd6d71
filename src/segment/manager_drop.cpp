// The drop of collections and their channels.
#include "reeve/core/error.hpp"
#include "reeve/core/guards.hpp"
#include "segment/flush_changes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace reeve::segment {

// The tombstone of a collection comes first: from then on nothing new begins in it.

awaitable<void> manager_impl::drop_collection(model::collection_id collection, std::string why) {
    const auto self = shared_from_this();
    const std::string key = keys_.collection_drop(collection);
    require_serving();
    model::collection_drop tombstone;
    tombstone.at = co_await oracle_.next(1);
    tombstone.why = std::move(why);
    const std::string value = catalog::encode(tombstone);
    for (;;) {
        collection_row row;
        const auto found = co_await store_.get(key);
        if (found) {
            decoder_.decode(key, found->value, row.record);
            row.at = found->modified;
        } else {
            storage::transaction change = guard_.begin();
            change.if_absent(key).put(key, value);
            const auto result = co_await store_.commit(std::move(change));
            guard_.check(result);
            if (!result) continue;  // somebody was faster: what is it?
            row.record = tombstone;
            row.at = result.at;
        }
        know_drop(collection, std::move(row));
        work_.notify_all();
        co_return;
    }
}

void manager_impl::know_drop(model::collection_id collection, collection_row row) {
    rows_.drop_collection(collection);
    channels_->drop_collection(collection);
    if (row.record.state == model::drop_state::dropping) {
        dropping_.insert(collection);
    } else {
        dropping_.erase(collection);
    }
    drops_[collection] = std::move(row);
}

std::optional<drop_progress> manager_impl::drop_of(model::collection_id collection) const {
    const auto found = drops_.find(collection);
    if (found == drops_.end()) return std::nullopt;
    drop_progress far;
    far.state = found->second.record.state;
    far.channels_left = channels_->undropped(collection);
    const auto* rows = rows_.table().find_collection(collection);
    if (rows != nullptr) far.segments_left = rows->rows.count;
    return far;
}

// What was not flushed yet.

manager_impl::last_flushes::last_flushes(std::shared_ptr<manager_impl> in,
                                         std::shared_ptr<const model::channel_drop_request> request)
    : in_(std::move(in)), request_(std::move(request)) {
    std::set<model::segment_id> segments;
    for (const auto& one : request_->last) {
        check_files(request_->by, one, numbers_);
        if (segments.insert(one.segment).second) continue;
        throw error(
            errc::invalid_argument,
            fmt::format("channel {}: its drop names segment {} twice", by().channel, one.segment));
    }
}

channel::progress_change::step manager_impl::last_flushes::answer(
    model::commit_outcome outcome, const channel::channel_facts& known) {
    model::commit_reply& reply = reply_.emplace();
    reply.outcome = outcome;
    reply.recorded = known.progress.checkpoint;
    reply.why = known.why;
    return step::answered;
}

bool manager_impl::last_flushes::continues(const model::segment_flush& what) const {
    const auto info = in_->find(what.segment);
    return info && info->record.channel == by().channel && may_be_flushed(info->record.state) &&
           info->record.end == what.from;
}

channel::progress_change::step manager_impl::last_flushes::prepare(
    const channel::channel_facts& known, channel::progress_write& into) {
    using model::commit_outcome;
    collection_ = known.entry.collection;
    compared_ = in_->compared_now(by().channel);
    // A repetition for a dropped channel is a success before anything else.
    if (known.entry.state == model::channel_state::dropped) {
        return answer(commit_outcome::committed, known);
    }
    if (other_) {
        const auto& first = request_->last.front();
        throw error(errc::invalid_argument,
                    fmt::format("channel {}: the number of flush {} of segment {} was used for "
                                "another flush",
                                by().channel, model::text(id(first)), first.segment));
    }
    if (found_ || request_->last.empty()) return step::answered;
    if (!looked_) return step::look;
    if (!known.held) return answer(commit_outcome::stale, known);
    for (const auto& one : request_->last) {
        if (!continues(one)) return answer(commit_outcome::mismatch, known);
    }
    check_settled(known, by(), numbers_, request_->settled);
    into.progress = progress_after(known, by(), request_->checkpoint, request_->settled,
                                   request_->last.back().number);
    for (const auto& one : request_->last) {
        into.created.push_back({in_->keys_.binlog(one.segment, id(one)),
                                catalog::encode(binlog_of(one, request_->checkpoint))});
    }
    return step::write;
}

/// All or nothing: the first of them speaks for all.
awaitable<void> manager_impl::last_flushes::look() {
    const auto self = shared_from_this();
    looked_ = true;
    const auto& first = request_->last.front();
    const auto found = co_await in_->visible(in_->keys_.binlog(first.segment, id(first)));
    for (const auto& one : request_->last) {
        if (!continues(one)) (void)co_await in_->reread(collection_, one.segment);
    }
    if (!found) co_return;
    other_ = !in_->is_same_flush(*found, first);
    if (other_) co_return;
    found_ = true;
    for (const auto& one : request_->last) in_->found_flush(one.segment, id(one), one.groups);
}

void manager_impl::last_flushes::committed(storage::revision) {
    for (const auto& one : request_->last) {
        in_->count_flush(one.segment, one.groups);
        in_->forget_doubt(one.segment, id(one));
    }
}

void manager_impl::last_flushes::doubted() {
    for (const auto& one : request_->last) {
        in_->add_doubt(compared_, collection_, one.segment, id(one));
    }
}

// The mark.

channel::progress_change::step manager_impl::drop_mark::prepare(const channel::channel_facts& known,
                                                                channel::progress_write& into) {
    collection_ = known.entry.collection;
    reply_.recorded = known.progress.checkpoint;
    if (known.entry.state == model::channel_state::dropped) {
        reply_.outcome = model::commit_outcome::committed;
        return step::answered;
    }
    if (!known.held) {
        reply_.why = known.why;
        return step::answered;
    }
    if (!in_->drops_.contains(collection_)) {
        throw error(errc::invalid_argument,
                    fmt::format("channel {}: its collection {} is not being dropped", by().channel,
                                collection_));
    }
    into.progress = progress_after(known, by(), request_->checkpoint, request_->settled, 0);
    in_->add_mark(known, by(), now_, into);
    return step::write;
}

awaitable<void> manager_impl::drop_mark::look() {
    throw error(errc::corrupt, fmt::format("{}: is there, but the channel's entry is not dropped",
                                           in_->keys_.channel_drop(collection_, by().channel)));
    co_return;
}

void manager_impl::drop_mark::committed(storage::revision) {
    reply_.outcome = model::commit_outcome::committed;
    reply_.recorded = std::max(reply_.recorded, request_->checkpoint);
    in_->mark_dropped(by().channel, collection_, now_);
}

void manager_impl::add_mark(const channel::channel_facts& known, const model::holder& by,
                            model::timestamp now, channel::progress_write& into) const {
    model::channel_entry entry = known.entry;
    entry.state = model::channel_state::dropped;
    into.entry = std::move(entry);
    model::channel_drop tombstone;
    tombstone.at = now;
    tombstone.epoch = by.epoch;
    const std::string key = keys_.channel_drop(known.entry.collection, by.channel);
    into.more.if_absent(key).put(key, catalog::encode(tombstone));
}

void manager_impl::mark_dropped(const model::channel_name& channel, model::collection_id collection,
                                model::timestamp at) {
    dropped_channels_[channel.value] = at;
    (void)rows_.drop_channel(channel.value, collection);
    unflushed_.erase(channel.value);
    flushing_.erase(channel.value);
    work_.notify_all();
}

/// Plan 2: first the last flushes, all or nothing; and only when they are known to be there, the
/// mark.
awaitable<model::commit_reply> manager_impl::drop_channel(model::channel_drop_request request) {
    require_serving();
    const auto self = std::static_pointer_cast<manager_impl>(shared_from_this());
    const auto shared = std::make_shared<const model::channel_drop_request>(std::move(request));
    const auto last = std::make_shared<last_flushes>(self, shared);
    if (core::enforced(core::guard::mark_last)) {
        co_await channels_->apply(last);
        work_.notify_all();  // it may have been dropped by an earlier copy
        if (last->reply()) co_return std::move(*last->reply());
    }
    const auto at = co_await oracle_.next(1);
    const auto mark = std::make_shared<drop_mark>(self, shared, at);
    co_await channels_->apply(mark);
    co_return std::move(mark->reply());
}

}  // namespace reeve::segment
