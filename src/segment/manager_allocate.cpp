// Rows: who gets room where, which segments are created for it, and what ticks say.
#include "reeve/core/error.hpp"
#include "reeve/core/guards.hpp"
#include "segment/manager_impl.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace reeve::segment {

namespace {

[[noreturn]] void refuse(const model::allocate_request& request, allocation_outcome outcome) {
    const bool dropped = outcome == allocation_outcome::dropped_collection ||
                         outcome == allocation_outcome::dropped_channel;
    throw error(dropped ? errc::refused : errc::invalid_argument,
                fmt::format("{} rows of collection {} in channel {}: {}", request.rows,
                            request.collection, request.channel, name(outcome)));
}

/// Changes nothing: waits until the changes that came before it have ended.
class turn_of_holder final : public channel::progress_change {
public:
    explicit turn_of_holder(model::holder by) : by_(std::move(by)) {}

    [[nodiscard]] const model::holder& by() const noexcept override { return by_; }
    [[nodiscard]] step prepare(const channel::channel_facts&, channel::progress_write&) override {
        return step::answered;
    }
    [[nodiscard]] awaitable<void> look() override { co_return; }
    void committed(storage::revision) override {}

private:
    model::holder by_;
};

/// Holds a group's turn to create segments while alive.
template <class Set>
class creation_turn {
public:
    creation_turn(std::shared_ptr<manager> owner, Set& all, typename Set::key_type one,
                  core::event& ended)
        : owner_(std::move(owner)), all_(all), one_(std::move(one)), ended_(ended) {
        all_.insert(one_);
    }
    ~creation_turn() {
        all_.erase(one_);
        ended_.notify_all();
    }
    creation_turn(const creation_turn&) = delete;
    creation_turn& operator=(const creation_turn&) = delete;

private:
    std::shared_ptr<manager> owner_;
    Set& all_;
    typename Set::key_type one_;
    core::event& ended_;
};

}  // namespace

allocation manager_impl::try_allocate(const allocation_request& request) {
    auto answer = rows_.try_allocate(request);
    if (answer.outcome == allocation_outcome::allocated) ++allocations_;
    return answer;
}

awaitable<model::allocate_reply> manager_impl::allocate(model::allocate_request request) {
    if (!model::valid_name(request.channel.value)) {
        throw error(errc::invalid_argument,
                    fmt::format("an allocation that names the channel '{}'", request.channel));
    }
    for (;;) {
        require_serving();
        model::allocate_reply reply;
        reply.now = co_await oracle_.next(1);
        allocation_request wanted;
        wanted.collection = request.collection;
        wanted.partition = request.partition;
        wanted.channel = request.channel.value;
        wanted.rows = request.rows;
        wanted.now = reply.now;
        wanted.expires_at = after(reply.now, options_.allocation.lifetime_max,
                                  options_.allocation.seal.timestamps_per_ms);
        const auto answer = try_allocate(wanted);
        switch (answer.outcome) {
            case allocation_outcome::allocated:
                reply.parts.assign(answer.parts.begin(), answer.parts.end());
                co_return reply;
            case allocation_outcome::needs_segments:
                co_await create(request, answer.segments_needed, reply.now);
                break;
            case allocation_outcome::unknown_collection:
            case allocation_outcome::unknown_channel:
                co_await know_channel(request.channel, request.collection);
                break;
            case allocation_outcome::too_late:
                break;  // a tick went past what was given: take a later one
            default:
                refuse(request, answer.outcome);
        }
    }
}

/// A channel that is not known here is registered, or was registered since this leader began.
awaitable<void> manager_impl::know_channel(model::channel_name channel,
                                           model::collection_id collection) {
    std::vector<channel::channel_spec> specs(1);
    specs[0].name = channel;
    specs[0].collection = collection;
    const auto deadline = strand_.now() + options_.registration;
    const auto answers = co_await channels_->ensure(std::move(specs), deadline);
    require_serving();
    const bool dropped = answers[0].entry.state == model::channel_state::dropped;
    const bool ours = dropped ? rows_.drop_channel(channel.value, collection)
                              : rows_.add_channel(channel.value, collection);
    if (ours) co_return;
    throw error(errc::invalid_argument,
                fmt::format("channel {} belongs to collection {}, not {}", channel,
                            answers[0].entry.collection, collection));
}

/// L3. The transaction compares the channel's entry, so no segment begins in a dropped channel,
/// however late it lands; and that the collection has no tombstone.
awaitable<void> manager_impl::create(model::allocate_request request, std::uint64_t count,
                                     model::timestamp now) {
    const group_name group(request.collection, request.partition, request.channel);
    if (creating_.contains(group)) {
        while (creating_.contains(group)) co_await created_.wait();
        co_return;  // perhaps there is room now
    }
    const creation_turn<std::set<group_name>> turn(shared_from_this(), creating_, group, created_);
    const auto entry = channels_->recorded(request.channel);
    if (!entry) {
        throw error(errc::unavailable,
                    fmt::format("channel {} is not recorded yet", request.channel));
    }
    const auto limits = store_.limits();
    const auto most = std::min(limits.operations_max, limits.conditions_max);
    count = std::min<std::uint64_t>(count, std::max<std::size_t>(most, 5) - 4);
    const auto first = co_await ids_.take(count);
    std::vector<segment_info> made;
    storage::transaction change = guard_.begin();
    if (core::enforced(core::guard::allocation_entry)) {
        change.if_modified_at(keys_.channel(request.channel), entry->at);
    }
    if (core::enforced(core::guard::tombstone)) {
        change.if_absent(keys_.collection_drop(request.collection));
    }
    for (std::uint64_t number = 0; number < count; ++number) {
        segment_info& one = made.emplace_back();
        one.collection = request.collection;
        one.segment = model::segment_id(first + number);
        one.record.partition = request.partition;
        one.record.channel = request.channel;
        one.record.limits = with_jitter(options_.allocation.limits, one.segment,
                                        options_.allocation.jitter_percent);
        one.record.created = now;
        one.record.start = entry->checkpoint;
        one.record.end = entry->checkpoint;
        const std::string key = keys_.segment(one.collection, one.segment);
        change.if_absent(key).put(key, catalog::encode(one.record));
    }
    storage::commit_result result;
    try {
        result = co_await store_.commit(std::move(change));
    } catch (const error& failure) {
        if (is_outcome_unknown(failure)) {
            compared by;
            by.channel = request.channel;
            by.entry_at = entry->at;
            for (const auto& one : made) {
                add_doubt(by, one.collection, one.segment, model::flush_id());
            }
        }
        throw;
    }
    guard_.check(result);
    if (!result) {
        throw error(
            errc::unavailable,
            fmt::format("channel {} changed while segments were created in it", request.channel));
    }
    for (const auto& one : made) {
        (void)learn(one.collection, one.segment, one.record, result.at);
    }
}

awaitable<model::tick_reply> manager_impl::tick(model::tick_request request) {
    model::timestamp now;
    if (request.at) {
        require_serving();
        now = co_await oracle_.next(1);
    }
    require_serving();
    model::tick_reply reply;
    const auto known = channels_->facts_of(request.by);
    if (!known.held && core::enforced(core::guard::tick_epoch)) {
        reply.why = known.why;
        co_return reply;
    }
    reply.grant = model::standing_of_grant::held;
    const std::string& channel = request.by.channel.value;
    (void)rows_.add_channel(channel, known.entry.collection);
    if (request.at) {
        const auto taken = rows_.tick(channel, request.at, request.segments, now);
        if (taken.outcome == tick_outcome::in_future) {
            // Or a successor has given it out, of which this leader does not know yet.
            throw error(errc::unavailable,
                        fmt::format("channel {}: tick {} was not given out by this leader", channel,
                                    request.at));
        }
        // What it has sealed and found flushable is written down; a drop looks for marks.
        if (!idle() || !dropping_.empty()) work_.notify_all();
    }
    const auto* collection = rows_.table().find_collection(known.entry.collection);
    reply.dropping = collection != nullptr && collection->dropped;
    const auto found = flushing_.find(channel);
    if (found == flushing_.end()) co_return reply;
    // It may be another holder that has ticked so far: who has not come to the last row of a
    // segment yet must not take what it has for all.
    const auto& table = rows_.table();
    for (const auto segment : found->second) {
        const std::uint32_t row = table.find(segment);
        const bool reached = row != none && request.at >= table[row].last_expiry;
        if (reached || !core::enforced(core::guard::last_flush)) reply.flush.push_back(segment);
    }
    co_return reply;
}

awaitable<model::segments_reply> manager_impl::list(model::segments_request request) {
    const auto self = shared_from_this();
    require_serving();
    // Whatever an earlier holder has sent has an answer, or is in doubt, when it is our turn.
    const auto turn = std::make_shared<turn_of_holder>(request.by);
    co_await channels_->apply(turn);
    co_await resolve_earlier(request.by);
    require_serving();
    model::segments_reply reply;
    const auto known = channels_->facts_of(request.by);
    if (!known.held) {
        reply.why = known.why;
        co_return reply;
    }
    reply.grant = model::standing_of_grant::held;
    std::set<model::segment_id> wanted(request.these.begin(), request.these.end());
    const auto found = unflushed_.find(request.by.channel.value);
    if (found != unflushed_.end()) wanted.insert(found->second.begin(), found->second.end());
    for (const auto segment : wanted) {
        // A leader that was deposed without knowing it has not heard of what its successor creates:
        // only the store says that there is no such segment.
        if (!rows_.table().state_of(segment)) {
            (void)co_await reread(known.entry.collection, segment);
        }
        model::segment_standing& one = reply.segments.emplace_back();
        one.segment = segment;
        const auto info = find(segment);
        if (!info || info->record.channel != request.by.channel) continue;
        one.collection = info->collection;
        one.partition = info->record.partition;
        one.state = info->record.state;
        one.end = info->record.end;
        one.rows = info->record.rows;
    }
    co_return reply;
}

}  // namespace reeve::segment
