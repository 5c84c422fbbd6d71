#include "segment/segment_table.hpp"

#include "reeve/core/random.hpp"
#include "reeve/segment/life_cycle.hpp"

#include <utility>

namespace reeve::segment {

namespace {

std::size_t mixed(std::uint64_t number) noexcept {
    return static_cast<std::size_t>(core::random(number).next());
}

// A flat hash table: each slot and its byte of what it holds, 15 to a group of 16.
template <class Table>
std::size_t memory_of(const Table& table) noexcept {
    return table.bucket_count() * sizeof(typename Table::value_type) +
           (table.bucket_count() + 14) / 15 * 16;
}

}  // namespace

std::size_t segment_table::key_hash::operator()(const partition_key& key) const noexcept {
    return mixed(key.collection.value ^ mixed(key.partition.value));
}
std::size_t segment_table::key_hash::operator()(model::collection_id id) const noexcept {
    return mixed(id.value);
}
template <class Row>
std::size_t segment_table::id_hash<Row>::operator()(model::segment_id id) const noexcept {
    return mixed(id.value);
}

segment_table::segment_table()
    : by_id_(0, id_hash<segment_row>{&rows_}, id_equal<segment_row>{&rows_}),
      dropped_by_id_(0, id_hash<tombstone_row>{&tombstones_},
                     id_equal<tombstone_row>{&tombstones_}) {}

std::uint32_t segment_table::add_collection(model::collection_id id) {
    const auto [found, added] =
        collection_numbers_.try_emplace(id, static_cast<std::uint32_t>(collections_.size()));
    if (added) collections_.emplace_back().id = id;
    return found->second;
}

const segment_table::collection_info* segment_table::find_collection(
    model::collection_id id) const {
    const auto found = collection_numbers_.find(id);
    return found == collection_numbers_.end() ? nullptr : &collections_[found->second];
}

void segment_table::drop_collection(model::collection_id id) {
    collections_[add_collection(id)].dropped = true;
}

std::uint32_t segment_table::find_channel(std::string_view name) const {
    const auto found = channel_numbers_.find(name);
    return found == channel_numbers_.end() ? none : found->second;
}

std::uint32_t segment_table::add_channel(std::string_view name, model::collection_id collection) {
    const std::uint32_t known = find_channel(name);
    if (known != none) {
        return collections_[channels_[known].collection].id == collection ? known : none;
    }
    const auto number = static_cast<std::uint32_t>(channels_.size());
    channel_info& made = channels_.emplace_back();
    made.name = name;
    made.collection = add_collection(collection);
    channel_numbers_.emplace(made.name, number);
    return number;
}

std::uint32_t segment_table::find(model::segment_id segment) const {
    const auto found = by_id_.find(segment);
    return found == by_id_.end() ? none : *found;
}

const tombstone_row* segment_table::tombstone(model::segment_id segment) const {
    const auto found = dropped_by_id_.find(segment);
    return found == dropped_by_id_.end() ? nullptr : &tombstones_[*found];
}

std::optional<model::segment_state> segment_table::state_of(model::segment_id segment) const {
    const std::uint32_t row = find(segment);
    if (row != none) return rows_[row].state;
    const auto* dropped = tombstone(segment);
    return dropped == nullptr ? std::nullopt : std::optional(dropped->state);
}

bool segment_table::alive(model::segment_id segment) const {
    const std::uint32_t row = find(segment);
    return row != none && !channels_[rows_[row].channel].dropped;
}

row_list& segment_table::list_of(index of, const segment_row& row) {
    switch (of) {
        case index::collection:
            return collections_[channels_[row.channel].collection].rows;
        case index::partition:
            return partitions_[{row.collection, row.partition}];
        case index::channel:
            return channels_[row.channel].rows;
        case index::state:
            break;
    }
    return states_[static_cast<std::size_t>(row.state)];
}

void segment_table::link(index of, std::uint32_t at) {
    segment_row& row = rows_[at];
    row_list& list = list_of(of, row);
    const auto place = static_cast<std::size_t>(of);
    row.links[place] = {list.last, none};
    (list.last == none ? list.first : rows_[list.last].links[place].behind) = at;
    list.last = at;
    ++list.count;
}

void segment_table::unlink(index of, std::uint32_t at) {
    const segment_row& row = rows_[at];
    row_list& list = list_of(of, row);
    const auto place = static_cast<std::size_t>(of);
    const auto [before, behind] = row.links[place];
    (before == none ? list.first : rows_[before].links[place].behind) = behind;
    (behind == none ? list.last : rows_[behind].links[place].before) = before;
    if (--list.count == 0 && of == index::partition) {
        partitions_.erase({row.collection, row.partition});
    }
}

void segment_table::link_tombstone(std::uint32_t at) {
    tombstone_row& it = tombstones_[at];
    row_list& list = states_[static_cast<std::size_t>(it.state)];
    it.links = {list.last, none};
    (list.last == none ? list.first : tombstones_[list.last].links.behind) = at;
    list.last = at;
    ++list.count;
}

void segment_table::unlink_tombstone(std::uint32_t at) {
    const tombstone_row& it = tombstones_[at];
    row_list& list = states_[static_cast<std::size_t>(it.state)];
    const auto [before, behind] = it.links;
    (before == none ? list.first : tombstones_[before].links.behind) = behind;
    (behind == none ? list.last : tombstones_[behind].links.before) = before;
    --list.count;
}

void segment_table::set(segment_row& row, const model::segment_record& record,
                        storage::revision at) {
    row.at = at;
    row.limits = record.limits;
    row.rows = record.rows;
    row.bytes = record.bytes;
    row.created = record.created;
    row.last_expiry = record.last_expiry;
    row.job = record.job;
    row.start.assign(record.start.value);
    row.end.assign(record.end.value);
    row.state = record.state;
    row.sealed = record.sealed;
}

model::segment_record segment_table::record(std::uint32_t at) const {
    const segment_row& row = rows_[at];
    model::segment_record it;
    it.partition = row.partition;
    it.channel = model::channel_name(channels_[row.channel].name);
    it.state = row.state;
    it.limits = row.limits;
    it.rows = row.rows;
    it.bytes = row.bytes;
    it.created = row.created;
    it.sealed = row.sealed;
    it.last_expiry = row.last_expiry;
    it.start = row.start.get();
    it.end = row.end.get();
    it.job = row.job;
    return it;
}

void segment_table::add_row(model::collection_id collection, model::segment_id segment,
                            std::uint32_t channel, const model::segment_record& record,
                            storage::revision at) {
    const std::uint32_t number = rows_.add();
    segment_row& row = rows_[number];
    row.id = segment;
    row.collection = collection;
    row.partition = record.partition;
    row.channel = channel;
    row.open = none;
    row.flushes = 0;
    row.files = 0;
    set(row, record, at);
    by_id_.insert(number);
    for (const auto of : {index::collection, index::partition, index::channel, index::state}) {
        link(of, number);
    }
}

void segment_table::remove_row(std::uint32_t number) {
    for (const auto of : {index::collection, index::partition, index::channel, index::state}) {
        unlink(of, number);
    }
    by_id_.erase(by_id_.find(rows_[number].id));
    rows_[number].start.assign({});
    rows_[number].end.assign({});
    rows_.remove(number);
}

void segment_table::add_tombstone(model::collection_id collection, model::segment_id segment,
                                  std::uint32_t channel, const model::segment_record& record,
                                  storage::revision at) {
    const std::uint32_t number = tombstones_.add();
    tombstone_row& it = tombstones_[number];
    it.id = segment;
    it.collection = collection;
    it.at = at;
    it.dropped_at = record.dropped_at;
    it.channel = channel;
    it.state = record.state;
    dropped_by_id_.insert(number);
    link_tombstone(number);
}

learned segment_table::learn_more(tombstone_row& known, const model::segment_record& record,
                                  storage::revision at) {
    if (at <= known.at) return learned::stale;
    if (!may_follow(known.state, record.state)) return learned::refused;
    const auto number = *dropped_by_id_.find(known.id);
    unlink_tombstone(number);
    known.state = record.state;
    known.at = at;
    known.dropped_at = record.dropped_at;
    link_tombstone(number);
    return learned::taken;
}

learned segment_table::learn_more(std::uint32_t known, const model::segment_record& record,
                                  storage::revision at) {
    segment_row& row = rows_[known];
    if (at <= row.at) return learned::stale;
    if (!may_follow(row.state, record.state)) return learned::refused;
    const bool drops = model::is_dropped(record.state);
    if (!drops && record.limits != row.limits) return learned::refused;
    if (drops) {
        const auto collection = row.collection;
        const auto segment = row.id;
        const auto channel = row.channel;
        remove_row(known);
        add_tombstone(collection, segment, channel, record, at);
        return learned::taken;
    }
    const bool moves = row.state != record.state;
    if (moves) unlink(index::state, known);
    set(row, record, at);
    if (moves) link(index::state, known);
    return learned::taken;
}

learned segment_table::learn(model::collection_id collection, model::segment_id segment,
                             const model::segment_record& record, storage::revision at) {
    if (!segment) return learned::refused;
    // Nothing is made known before the record is taken.
    std::uint32_t channel = find_channel(record.channel.value);
    const auto dropped = dropped_by_id_.find(segment);
    if (dropped != dropped_by_id_.end()) {
        tombstone_row& known = tombstones_[*dropped];
        const bool same = known.collection == collection && known.channel == channel;
        return same ? learn_more(known, record, at) : learned::refused;
    }
    const std::uint32_t row = find(segment);
    if (row != none) {
        const bool same = rows_[row].collection == collection && rows_[row].channel == channel &&
                          rows_[row].partition == record.partition;
        return same ? learn_more(row, record, at) : learned::refused;
    }
    channel = add_channel(record.channel.value, collection);
    if (channel == none) return learned::refused;
    if (model::is_dropped(record.state)) {
        add_tombstone(collection, segment, channel, record, at);
    } else {
        add_row(collection, segment, channel, record, at);
    }
    return learned::taken;
}

void segment_table::add_flush(model::segment_id segment, std::size_t files) {
    const std::uint32_t row = find(segment);
    if (row == none) return;
    ++rows_[row].flushes;
    rows_[row].files += static_cast<std::uint32_t>(files);
}

std::size_t segment_table::memory_of_segments() const noexcept {
    std::size_t bytes = rows_.memory() + memory_of(by_id_) + memory_of(partitions_);
    for (const auto row : by_id_) bytes += rows_[row].start.heap() + rows_[row].end.heap();
    return bytes;
}

std::size_t segment_table::memory_of_tombstones() const noexcept {
    return tombstones_.memory() + memory_of(dropped_by_id_);
}

std::size_t segment_table::memory() const noexcept {
    std::size_t bytes = memory_of_segments() + memory_of_tombstones();
    bytes += collections_.size() * sizeof(collection_info) + memory_of(collection_numbers_);
    bytes += channels_.size() * sizeof(channel_info) + memory_of(channel_numbers_);
    for (const auto& one : channels_) bytes += 2 * one.name.capacity();
    return bytes;
}

}  // namespace reeve::segment
