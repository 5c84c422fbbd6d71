// What a flush does: the files of one segment, written with the channel's progress.
#include "segment/flush_changes.hpp"

#include "reeve/core/error.hpp"
#include "reeve/core/guards.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <utility>

namespace reeve::segment {

model::binlog_record binlog_of(const model::segment_flush& what,
                               const model::position& checkpoint) {
    model::binlog_record record;
    record.from = what.from;
    record.to = what.to;
    record.checkpoint = checkpoint;
    record.rows = what.rows;
    record.groups = what.groups;
    return record;
}

model::channel_progress progress_after(const channel::channel_facts& known, const model::holder& by,
                                       const model::position& checkpoint, std::uint64_t settled,
                                       std::uint64_t flush) {
    const auto& before = known.progress;
    const bool same_epoch = known.recorded && before.epoch == by.epoch;
    const bool goes_back = !core::enforced(core::guard::settled_forward);
    model::channel_progress next;
    next.checkpoint = goes_back ? checkpoint : std::max(before.checkpoint, checkpoint);
    next.epoch = by.epoch;
    next.settled = same_epoch && !goes_back ? std::max(before.settled, settled) : settled;
    next.flush = same_epoch ? std::max(before.flush, flush) : flush;
    return next;
}

/// Adds `more`; false, and nothing is added, where the sum would wrap around.
static bool adds(std::uint64_t& to, std::uint64_t more) noexcept {
    if (more > std::numeric_limits<std::uint64_t>::max() - to) return false;
    to += more;
    return true;
}

/// Refuses what no repetition can mend: names that are not the holder's own, used twice, or below
/// what was said to be settled.
void check_files(const model::holder& by, const model::segment_flush& what,
                 std::set<std::uint64_t>& numbers) {
    const auto bad = [&](std::string_view why) {
        throw error(errc::invalid_argument,
                    fmt::format("channel {}: flush {}-{} of segment {}: {}", by.channel, by.epoch,
                                what.number, what.segment, why));
    };
    if (what.number == 0) bad("its number is 0");
    if (!numbers.insert(what.number).second) bad("its number was used for something else");
    if (what.to < what.from) bad("it ends before it begins");
    std::uint64_t bytes = 0;
    for (const auto& group : what.groups) {
        for (const auto& file : group.files) {
            if (!file.imported.empty()) bad("it has an imported file");
            if (file.id.epoch != by.epoch && core::enforced(core::guard::own_files)) {
                bad(fmt::format("its file {} has another epoch", model::text(file.id)));
            }
            if (file.id.number == 0) bad("a file has the number 0");
            if (!numbers.insert(file.id.number).second) {
                bad(fmt::format("its file {} is there twice", model::text(file.id)));
            }
            if (!adds(bytes, file.bytes)) bad("its files have more bytes than can be counted");
        }
    }
}

void check_settled(const channel::channel_facts& known, const model::holder& by,
                   const std::set<std::uint64_t>& numbers, std::uint64_t settled) {
    if (numbers.empty()) return;
    if (settled > *numbers.begin()) {
        throw error(errc::invalid_argument,
                    fmt::format("channel {}: settled {} is above the number {} that it comes with",
                                by.channel, settled, *numbers.begin()));
    }
    const bool same_epoch = known.recorded && known.progress.epoch == by.epoch;
    if (!same_epoch || !core::enforced(core::guard::settled_refusal)) return;
    if (*numbers.begin() < known.progress.settled) {
        throw error(errc::invalid_argument,
                    fmt::format("channel {}: number {} is below {}, which is settled", by.channel,
                                *numbers.begin(), known.progress.settled));
    }
}

manager_impl::flush_change::flush_change(std::shared_ptr<manager_impl> in,
                                         model::flush_request request, model::timestamp now,
                                         storage::transaction with)
    : in_(std::move(in)), request_(std::move(request)), now_(now), with_(std::move(with)) {
    check_files(request_.by, request_.what, numbers_);
}

channel::progress_change::step manager_impl::flush_change::answer(model::commit_outcome outcome,
                                                                  model::position recorded) {
    reply_.outcome = outcome;
    reply_.recorded = std::move(recorded);
    return step::answered;
}

std::optional<segment_info> manager_impl::flush_change::segment() const {
    auto info = in_->find(request_.what.segment);
    if (!info || info->record.channel != request_.by.channel) return std::nullopt;
    return info;
}

channel::progress_change::step manager_impl::flush_change::prepare(
    const channel::channel_facts& known, channel::progress_write& into) {
    using model::commit_outcome;
    collection_ = known.entry.collection;
    const auto info = segment();
    const auto state = info ? info->record.state : model::segment_state::growing;
    const auto recorded = info ? info->record.end : model::position();
    if (other_) refuse("its number was used for another flush");
    // A flush that is there already is a success before any refusal.
    if (found_) return answer(commit_outcome::committed, recorded);
    const bool goes_on =
        known.held && info && may_be_flushed(state) && request_.what.from == recorded;
    if (!goes_on) {
        if (!looked_) return step::look;
        if (!known.held) {
            reply_.why = known.why;
            return answer(commit_outcome::stale, recorded);
        }
        if (!info) refuse("no such segment in the channel");
        if (model::is_dropped(state)) return answer(commit_outcome::dropped, recorded);
        return answer(commit_outcome::mismatch, recorded);
    }
    const bool ends = request_.effect == model::flush_effect::flushes;
    if (ends && state != model::segment_state::flushing) {
        if (!looked_) return step::look;
        refuse(fmt::format("a last flush, but the segment is {}", name(state)));
    }
    check_settled(known, request_.by, numbers_, request_.settled);
    fill(known, *info, into);
    compared_ = in_->compared_now(request_.by.channel);
    return step::write;
}

void manager_impl::flush_change::refuse(std::string_view why) const {
    throw error(errc::invalid_argument,
                fmt::format("channel {}: flush {}-{} of segment {}: {}", request_.by.channel,
                            request_.by.epoch, request_.what.number, request_.what.segment, why));
}

void manager_impl::flush_change::fill(const channel::channel_facts& known, const segment_info& info,
                                      channel::progress_write& into) {
    const auto& what = request_.what;
    const auto binlog = binlog_of(what, request_.checkpoint);
    next_ = info.record;
    if (!adds(next_.rows, what.rows) || !adds(next_.bytes, model::file_bytes(binlog))) {
        refuse("the segment would have more rows or bytes than can be counted");
    }
    next_.end = what.to;
    if (request_.effect == model::flush_effect::flushes) {
        next_.state = model::segment_state::flushed;
    }
    into.progress =
        progress_after(known, request_.by, request_.checkpoint, request_.settled, what.number);
    marks_ = false;
    if (request_.effect == model::flush_effect::drops) {
        next_ = model::tombstone_of(next_, model::segment_state::dropped, now_);
        // Plan 1: the one that drops the last segment of a dropped collection's channel marks it.
        marks_ = in_->drops_.contains(info.collection) && in_->alive_in(request_.by.channel) == 1;
        if (marks_) in_->add_mark(known, request_.by, now_, into);
    }
    const std::string key = in_->keys_.segment(info.collection, info.segment);
    if (core::enforced(core::guard::segment_revision)) into.more.if_modified_at(key, info.at);
    into.more.put(key, catalog::encode(next_));
    into.more.append(with_);
    into.created.push_back({in_->keys_.binlog(what.segment, id()), catalog::encode(binlog)});
}

/// Is it there already? If an earlier copy of it has landed unseen, it is counted now.
awaitable<void> manager_impl::flush_change::look() {
    const auto self = shared_from_this();
    looked_ = true;
    const auto found = co_await in_->visible(in_->keys_.binlog(request_.what.segment, id()));
    (void)co_await in_->reread(collection_, request_.what.segment);
    if (!found) co_return;
    other_ = !in_->is_same_flush(*found, request_.what);
    if (other_) co_return;
    found_ = true;
    in_->found_flush(request_.what.segment, id(), request_.what.groups);
}

void manager_impl::flush_change::committed(storage::revision at) {
    (void)in_->learn(collection_, request_.what.segment, next_, at);
    if (marks_) in_->mark_dropped(request_.by.channel, collection_, now_);
    in_->count_flush(request_.what.segment, request_.what.groups);
    in_->forget_doubt(request_.what.segment, id());
    ++in_->flushes_;
    written_ = at;
    (void)answer(model::commit_outcome::committed, request_.what.to);
}

void manager_impl::flush_change::doubted() {
    in_->add_doubt(compared_, collection_, request_.what.segment, id());
}

// The manager's side.

manager_impl::compared manager_impl::compared_now(const model::channel_name& channel) const {
    compared what;
    what.channel = channel;
    const auto known = channels_->recorded(channel);
    if (!known) return what;
    what.entry_at = known->at;
    what.progress_at = known->progress_at;
    return what;
}

std::size_t manager_impl::alive_in(const model::channel_name& channel) const {
    const std::uint32_t number = rows_.table().find_channel(channel.value);
    return number == none ? 0 : rows_.table().channel(number).rows.count;
}

void manager_impl::count_flush(model::segment_id segment,
                               const std::vector<model::binlog_group>& groups) {
    std::size_t files = 0;
    for (const auto& group : groups) files += group.files.size();
    rows_.add_flush(segment, files);
    add_references(groups);
}

void manager_impl::add_doubt(const compared& by, model::collection_id collection,
                             model::segment_id segment, const model::flush_id& flush) {
    forget_doubt(segment, flush);
    doubt& one = doubts_.emplace_back();
    one.by = by;
    one.collection = collection;
    one.segment = segment;
    one.flush = flush;
    work_.notify_all();
}

/// A number names one flush for ever: another one under it must not be told that it is there. The
/// checkpoint is not compared: it is the channel's.
bool manager_impl::is_same_flush(const storage::record& found, const model::segment_flush& what) {
    model::binlog_record before;
    decoder_.decode(found.key, found.value, before);
    auto asked = binlog_of(what, before.checkpoint);
    asked.batch = before.batch;
    return catalog::encode(asked) == catalog::encode(before);
}

bool manager_impl::forget_doubt(model::segment_id segment, const model::flush_id& flush) {
    return std::erase_if(doubts_, [&](const doubt& one) {
               return one.segment == segment && one.flush == flush;
           }) != 0;
}

void manager_impl::found_flush(model::segment_id segment, const model::flush_id& flush,
                               const std::vector<model::binlog_group>& groups) {
    if (forget_doubt(segment, flush)) count_flush(segment, groups);
}

awaitable<model::commit_reply> manager_impl::flush(model::flush_request request) {
    storage::transaction nothing;
    auto done = co_await flush_reported(std::move(request), std::move(nothing));
    co_return std::move(done.reply);
}

awaitable<reported_flush> manager_impl::flush_reported(model::flush_request request,
                                                       storage::transaction with) {
    require_serving();
    const auto self = std::static_pointer_cast<manager_impl>(shared_from_this());
    model::timestamp at;
    if (request.effect == model::flush_effect::drops) at = co_await oracle_.next(1);
    const auto change =
        std::make_shared<flush_change>(self, std::move(request), at, std::move(with));
    co_await channels_->apply(change);
    if (change->reply().outcome != model::commit_outcome::committed) ++refused_;
    reported_flush done;
    done.reply = std::move(change->reply());
    done.recorded = change->written();
    co_return done;
}

}  // namespace reeve::segment
