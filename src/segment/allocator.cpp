#include "segment/allocator.hpp"

#include "reeve/core/random.hpp"
#include "reeve/segment/life_cycle.hpp"

#include <algorithm>
#include <cassert>
#include <iterator>
#include <utility>

namespace reeve::segment {

std::string_view name(allocation_outcome outcome) noexcept {
    switch (outcome) {
        case allocation_outcome::allocated:
            return "allocated";
        case allocation_outcome::needs_segments:
            return "needs_segments";
        case allocation_outcome::zero_rows:
            return "zero_rows";
        case allocation_outcome::too_many_rows:
            return "too_many_rows";
        case allocation_outcome::unknown_collection:
            return "unknown_collection";
        case allocation_outcome::dropped_collection:
            return "dropped_collection";
        case allocation_outcome::unknown_channel:
            return "unknown_channel";
        case allocation_outcome::foreign_channel:
            return "foreign_channel";
        case allocation_outcome::dropped_channel:
            return "dropped_channel";
        case allocation_outcome::too_late:
            return "too_late";
        case allocation_outcome::too_long:
            return "too_long";
    }
    return "?";
}

allocator::allocator(allocation_options options) : options_(std::move(options)) {}
allocator::~allocator() = default;

std::size_t allocator::group_hash::operator()(const group_key& key) const noexcept {
    const auto outer = core::random(key.collection.value ^ key.channel).next();
    return static_cast<std::size_t>(core::random(key.partition.value ^ outer).next());
}

// What is known.

bool allocator::add_channel(std::string_view name, model::collection_id collection) {
    const bool ours = table_.add_channel(name, collection) != none;
    while (channels_.size() < table_.channels()) channels_.emplace_back();
    return ours;
}

void allocator::drop_collection(model::collection_id id) { table_.drop_collection(id); }

bool allocator::drop_channel(std::string_view name, model::collection_id collection) {
    if (!add_channel(name, collection)) return false;
    const std::uint32_t number = table_.find_channel(name);
    table_.drop_channel(number);
    std::vector<std::uint32_t> open;
    table_.each_of_channel(number, [&](const segment_row& row) {
        if (row.open != none) open.push_back(row.open);
    });
    for (const auto one : open) release(one);
    return true;
}

learned allocator::learn(model::collection_id collection, model::segment_id segment,
                         const model::segment_record& record, storage::revision at) {
    return show(collection, segment, record, at, {});
}

learned allocator::recover(model::collection_id collection, model::segment_id segment,
                           const model::segment_record& record, storage::revision at,
                           model::timestamp expiry) {
    return show(collection, segment, record, at, expiry);
}

learned allocator::show(model::collection_id collection, model::segment_id segment,
                        const model::segment_record& record, storage::revision at,
                        model::timestamp expiry) {
    const std::uint32_t before = table_.find(segment);
    const std::uint32_t open = before == none ? none : table_[before].open;
    const auto outcome = table_.learn(collection, segment, record, at);
    while (channels_.size() < table_.channels()) channels_.emplace_back();
    if (outcome != learned::taken) return outcome;
    const std::uint32_t row = table_.find(segment);
    const bool dropped = row == none || table_.channel(table_[row].channel).dropped;
    if (!dropped && record.state == model::segment_state::growing) {
        if (open == none) {
            begin_growing(row, expiry);
        } else {
            count_record(open_[open]);
        }
    } else if (!dropped && record.state == model::segment_state::sealed) {
        begin_waiting(row);
    } else if (open != none) {
        release(open);
    }
    return outcome;
}

open_segment& allocator::open_row(std::uint32_t number) {
    segment_row& row = table_[number];
    row.open = open_.add();
    open_.reserve_free(open_.size());
    open_segment& it = open_[row.open];
    it.begin(row.id, number, row.channel);
    it.rows = row.rows;
    it.bytes = row.bytes;
    it.limit = row.limits.rows;
    it.written = row.created;
    return it;
}

/// A row of the record came with an allocation that has ended, or with one that has not.
void allocator::charge_record(open_segment& it) const {
    const auto recorded = table_[it.row].rows;
    const auto reserved = it.reserved.rows();
    if (recorded > reserved) it.charged = std::max(it.charged, recorded - reserved);
}

/// The record of a growing segment has changed: the next tick asks the policies.
void allocator::count_record(open_segment& it) {
    charge_record(it);
    count_free(it);
    count_bytes(it, table_[it.row].bytes);
    if (it.grows()) set_due(it, {});
}

void allocator::count_bytes(open_segment& it, std::uint64_t bytes) {
    if (bytes <= it.bytes) return;
    if (it.grows()) channel_of(it).growing_bytes.add(bytes - it.bytes);
    it.bytes = bytes;
}

void allocator::add_flush(model::segment_id segment, std::size_t files) {
    table_.add_flush(segment, files);
    const std::uint32_t row = table_.find(segment);
    if (row == none || table_[row].open == none) return;
    open_segment& it = open_[table_[row].open];
    if (it.grows()) set_due(it, {});
}

void allocator::begin_growing(std::uint32_t number, model::timestamp expiry) {
    open_segment& it = open_row(number);
    if (expiry) {
        it.reserved.add(it.limit, expiry);
        it.last_expiry = expiry;
        it.written = std::max(it.written, expiry);
        it.reported = true;  // by what is in binlog files
    }
    charge_record(it);
    it.count_free();
    join_group(it);
    channel_of(it).growing_bytes.add(it.bytes);
    set_due(it, it.written);  // the next tick asks the policies
}

void allocator::begin_waiting(std::uint32_t number) {
    const std::uint32_t known = table_[number].open;
    open_segment& it = known == none ? open_row(number) : open_[known];
    if (it.sealed) return;
    if (known != none && it.grows()) stop_growing(it);
    if (it.in_queue.is_linked()) sealing_.erase(sealing_.iterator_to(it));
    it.closing = true;
    it.sealed = true;
    it.reserved.clear();
    it.last_expiry = std::max(it.last_expiry, table_[number].last_expiry);
    set_due(it, it.last_expiry);
}

void allocator::release(std::uint32_t number) {
    open_segment& it = open_[number];
    if (it.grows()) stop_growing(it);
    if (it.in_channel.is_linked()) {
        by_due& due = channel_of(it).due;
        due.erase(due.iterator_to(it));
    }
    if (it.in_queue.is_linked()) {
        open_queue& queue = it.ripe ? ripe_ : sealing_;
        queue.erase(queue.iterator_to(it));
    }
    table_[it.row].open = none;
    open_.remove(number);
}

// Indexes.

void allocator::join_group(open_segment& it) {
    const segment_row& row = table_[it.row];
    const group_key key{row.collection, row.partition, row.channel};
    const auto [found, added] = group_numbers_.try_emplace(key, none);
    if (added) {
        found->second = groups_.add();
        groups_.reserve_free(groups_.size());
        groups_[found->second].key = key;
    }
    it.group = found->second;
    open_group& group = groups_[it.group];
    group.segments.insert(it);
    group.free += it.free;
    ++group.count;
}

void allocator::leave_group(open_segment& it) {
    open_group& group = groups_[it.group];
    group.segments.erase(group.segments.iterator_to(it));
    group.free -= it.free;
    if (--group.count != 0) return;
    group_numbers_.erase(group.key);
    groups_.remove(it.group);
}

/// Its key in the group has changed: mostly it still stands between its neighbours.
void allocator::count_free(open_segment& it) {
    const auto before = it.free;
    it.count_free();
    if (!it.in_group.is_linked() || it.free == before) return;
    open_group& group = groups_[it.group];
    group.free += it.free - before;  // unsigned numbers wrap
    const auto here = group.segments.iterator_to(it);
    const less_free less;
    const bool above = here == group.segments.begin() || less(*std::prev(here), it);
    const auto behind = std::next(here);
    if (above && (behind == group.segments.end() || less(it, *behind))) return;
    group.segments.erase(here);
    group.segments.insert(it);
}

void allocator::set_due(open_segment& it, model::timestamp due) {
    by_due& all = channel_of(it).due;
    if (it.in_channel.is_linked()) all.erase(all.iterator_to(it));
    it.due = due;
    all.insert(it);
}

void allocator::stop_growing(open_segment& it) {
    leave_group(it);
    open_channel& in = channel_of(it);
    in.growing_bytes.subtract(it.bytes);
    if (it.in_channel.is_linked()) in.due.erase(in.due.iterator_to(it));
}

// Policies.

void allocator::close(open_segment& it, model::seal_reason why) {
    assert(it.grows());
    stop_growing(it);
    it.closing = true;
    it.why = why;
    sealing_.push_back(it);
}

seal_facts allocator::facts_of(const open_segment& it, model::timestamp now) const {
    const segment_row& row = table_[it.row];
    seal_facts facts;
    facts.segment = it.id;
    facts.collection = row.collection;
    facts.partition = row.partition;
    facts.channel = table_.channel(it.channel).name;
    facts.limits = row.limits;
    facts.rows = std::max(it.reported ? it.rows : it.charged, row.rows);
    facts.reserved = it.reserved.rows();
    facts.bytes = it.bytes;
    facts.binlogs = row.files;
    facts.created = row.created;
    facts.written = it.written;
    facts.now = now;
    return facts;
}

/// Asks the policies; if it may grow, plans the next look, which may be earlier than needed.
void allocator::judge(open_segment& it, model::timestamp now) {
    if (!it.grows()) return;
    const auto answer = decide_seal(facts_of(it, now), options_.seal, options_.policies);
    if (answer.reason != model::seal_reason::none) {
        close(it, answer.reason);
        return;
    }
    it.look_again = answer.look_again;
    const auto soonest = now < never ? model::timestamp(now.value + 1) : never;
    const auto due = std::max(std::min(it.reserved.first_end(), answer.look_again), soonest);
    if (!it.in_channel.is_linked() || due < it.due) set_due(it, due);
}

bool allocator::seal(model::segment_id segment, model::seal_reason why) {
    if (why == model::seal_reason::none) return false;
    const std::uint32_t row = table_.find(segment);
    if (row == none || table_[row].open == none) return false;
    open_segment& it = open_[table_[row].open];
    if (!it.grows()) return false;
    close(it, why);
    return true;
}

bool allocator::is_dropped(const open_segment& it) const {
    return table_.collection(table_.channel(it.channel).collection).dropped;
}

std::size_t allocator::seal_all(model::collection_id collection, model::seal_reason why) {
    std::size_t sealed = 0;
    if (why == model::seal_reason::none) return sealed;
    table_.each_of_collection(collection, [&](const segment_row& row) {
        if (row.open == none || !open_[row.open].grows()) return;
        close(open_[row.open], why);
        ++sealed;
    });
    return sealed;
}

// Allocation.

allocation_outcome allocator::refusal(const allocation_request& request,
                                      std::uint32_t channel) const {
    if (request.rows == 0) return allocation_outcome::zero_rows;
    if (request.rows > options_.request_rows_max) return allocation_outcome::too_many_rows;
    if (channel == none) {
        const auto* collection = table_.find_collection(request.collection);
        if (collection == nullptr) return allocation_outcome::unknown_collection;
        return collection->dropped ? allocation_outcome::dropped_collection
                                   : allocation_outcome::unknown_channel;
    }
    const auto& in = table_.channel(channel);
    const auto& collection = table_.collection(in.collection);
    if (collection.id != request.collection) {
        return table_.find_collection(request.collection) == nullptr
                   ? allocation_outcome::unknown_collection
                   : allocation_outcome::foreign_channel;
    }
    if (collection.dropped) return allocation_outcome::dropped_collection;
    if (in.dropped) return allocation_outcome::dropped_channel;
    const bool passed = request.expires_at <= channels_[channel].last_tick;
    if (passed || request.expires_at <= request.now) return allocation_outcome::too_late;
    const auto most = after(request.now, options_.lifetime_max, options_.seal.timestamps_per_ms);
    return request.expires_at > most ? allocation_outcome::too_long : allocation_outcome::allocated;
}

// Enough even if jitter takes the most of each.
std::uint64_t allocator::needed(std::uint64_t rows) const noexcept {
    const auto capacity = least_with_jitter(options_.limits, options_.jitter_percent).rows;
    return rows / capacity + (rows % capacity != 0 ? 1 : 0);
}

// More parts than that are worse than a new segment, even one with half of the rows.
std::uint64_t allocator::parts_max(std::uint64_t rows) const noexcept {
    return std::max<std::uint64_t>(parts_in_place, 2 * needed(rows));
}

allocation allocator::try_allocate(const allocation_request& request) {
    allocation answer;
    const std::uint32_t channel = table_.find_channel(request.channel);
    answer.outcome = refusal(request, channel);
    if (answer.outcome != allocation_outcome::allocated) return answer;
    const auto found =
        group_numbers_.find(group_key{request.collection, request.partition, channel});
    if (found != group_numbers_.end()) {
        allocate_in(groups_[found->second], request, answer);
    } else {
        answer.outcome = allocation_outcome::needs_segments;
        answer.segments_needed = needed(request.rows);
    }
    return answer;
}

void allocator::allocate_in(open_group& group, const allocation_request& request,
                            allocation& answer) {
    const auto fit = group.segments.lower_bound(request.rows, less_free());
    if (fit != group.segments.end()) {
        take(*fit, request.rows, request, answer);
        return;
    }
    answer.outcome = allocation_outcome::needs_segments;
    if (group.free < request.rows) {
        answer.segments_needed = needed(request.rows - group.free);
        return;
    }
    auto left = request.rows;
    auto parts = parts_max(request.rows);
    for (auto at = group.segments.rbegin(); left > 0 && parts > 0; ++at, --parts) {
        left -= std::min(left, at->free);
    }
    if (left > 0) {
        answer.segments_needed = needed(request.rows);
        return;
    }
    answer.outcome = allocation_outcome::allocated;
    for (left = request.rows; left > 0;) {
        const auto rest = group.segments.lower_bound(left, less_free());
        open_segment& it = rest != group.segments.end() ? *rest : *std::prev(group.segments.end());
        const auto rows = std::min(left, it.free);
        take(it, rows, request, answer);
        left -= rows;
    }
}

void allocator::take(open_segment& it, std::uint64_t rows, const allocation_request& request,
                     allocation& answer) {
    it.last_expiry = std::max(it.last_expiry, request.expires_at);
    it.written = std::max(it.written, request.now);
    it.reserved.add(rows, it.last_expiry);
    count_free(it);
    answer.parts.push_back({it.id, rows, it.last_expiry});
    // Of what reeve's own policies look at, an allocation changes nothing but the time.
    if (request.now >= it.look_again || !options_.policies.empty()) {
        judge(it, request.now);
    } else if (it.last_expiry < it.due) {
        set_due(it, it.reserved.first_end());
    }
}

// What is asked.

std::uint64_t allocator::free_rows(model::segment_id segment) const {
    const std::uint32_t row = table_.find(segment);
    if (row == none || table_[row].open == none) return 0;
    const open_segment& it = open_[table_[row].open];
    return it.grows() ? it.free : 0;
}

model::timestamp allocator::last_expiry(model::segment_id segment) const {
    const std::uint32_t row = table_.find(segment);
    if (row == none) return {};
    const std::uint32_t open = table_[row].open;
    return open == none ? table_[row].last_expiry : open_[open].last_expiry;
}

std::size_t allocator::memory() const noexcept {
    return table_.memory() + open_.memory() + groups_.memory() +
           channels_.size() * sizeof(open_channel) +
           group_numbers_.bucket_count() * (sizeof(group_key) + sizeof(std::uint32_t) + 2);
}

}  // namespace reeve::segment
