#include "reeve/segment/manager.hpp"

#include "reeve/core/error.hpp"
#include "segment/manager_impl.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace reeve::segment {

std::string_view name(replace_outcome outcome) noexcept {
    switch (outcome) {
        case replace_outcome::committed:
            return "committed";
        case replace_outcome::ended:
            return "ended";
        case replace_outcome::changed:
            return "changed";
    }
    return "?";
}

std::shared_ptr<manager> manager::make(core::runtime& strand, storage::metadata_store& store,
                                       const catalog::key_layout& keys,
                                       std::shared_ptr<channel::registrar> channels,
                                       catalog::leader_guard guard, manager_options options) {
    if (options.allocation.limits.rows == 0) {
        throw error(errc::invalid_argument, "segments: limits without room for a row");
    }
    return std::make_shared<manager_impl>(strand, store, keys, std::move(channels),
                                          std::move(guard), std::move(options));
}

manager_impl::manager_impl(core::runtime& strand, storage::metadata_store& store,
                           const catalog::key_layout& keys,
                           std::shared_ptr<channel::registrar> channels,
                           catalog::leader_guard guard, manager_options options)
    : strand_(strand),
      store_(store),
      keys_(keys),
      channels_(std::move(channels)),
      guard_(std::move(guard)),
      options_(std::move(options)),
      rows_(options_.allocation),
      ids_(store, keys_, guard_, options_.id_block),
      large_(store, keys_, guard_, ids_),
      own_oracle_(strand, store, keys_, guard_),
      oracle_(options_.oracle != nullptr ? *options_.oracle : own_oracle_),
      work_(strand),
      created_(strand) {
    own_oracle_.keep_lifetime(options_.allocation.lifetime_max);
}

void manager_impl::cancel() noexcept {
    over_ = true;
    work_.notify_all();
    created_.notify_all();
}

void manager_impl::require_serving() const {
    if (over_) throw error(errc::unavailable, "segments: the term is over");
}

// What is known.

learned manager_impl::learn(model::collection_id collection, model::segment_id segment,
                            const model::segment_record& record, storage::revision at) {
    const auto outcome = rows_.learn(collection, segment, record, at);
    if (outcome == learned::refused) {
        core::log(strand_.log(), core::log_level::error, "segment",
                  "segment {}: what is recorded contradicts what is known", segment);
    }
    if (outcome != learned::taken) return outcome;
    index(segment);
    follow_mark(collection, segment);
    work_.notify_all();
    return outcome;
}

/// A segment that nobody here knew of when its channel was dropped: its record follows as well.
void manager_impl::follow_mark(model::collection_id collection, model::segment_id segment) {
    const auto drop = drops_.find(collection);
    if (drop == drops_.end()) return;
    const auto& table = rows_.table();
    const std::uint32_t row = table.find(segment);
    if (row == none) return;
    const auto& channel = table.channel(table[row].channel);
    if (channel.dropped) dropped_channels_.try_emplace(channel.name, drop->second.record.at);
}

/// Keeps the lists of what a channel's holder is told.
void manager_impl::index(model::segment_id segment) {
    const auto& table = rows_.table();
    const std::uint32_t row = table.find(segment);
    const auto* gone = row == none ? table.tombstone(segment) : nullptr;
    if (row == none && gone == nullptr) return;
    const auto& channel = table.channel(row == none ? gone->channel : table[row].channel);
    const bool open =
        row != none && !channel.dropped && table[row].state < model::segment_state::flushed;
    const bool flushing = open && table[row].state == model::segment_state::flushing;
    const auto set = [&](auto& in, bool wanted) {
        if (wanted) {
            in[channel.name].insert(segment);
            return;
        }
        const auto found = in.find(channel.name);
        if (found == in.end()) return;
        found->second.erase(segment);
        if (found->second.empty()) in.erase(found);
    };
    set(unflushed_, open);
    set(flushing_, flushing);
}

segment_info manager_impl::describe(const segment_row& row) const {
    segment_info info;
    info.collection = row.collection;
    info.segment = row.id;
    info.record = rows_.table().record(rows_.table().find(row.id));
    info.at = row.at;
    info.flushes = row.flushes;
    info.files = row.files;
    return info;
}

/// Takes over what is recorded of a segment. False: there is no record.
awaitable<bool> manager_impl::reread(model::collection_id collection, model::segment_id segment) {
    const auto found = co_await visible(keys_.segment(collection, segment));
    if (!found) co_return false;
    model::segment_record recorded;
    decoder_.decode(found->key, found->value, recorded);
    (void)learn(collection, segment, recorded, found->modified);
    co_return true;
}

/// A record as a reader must see it: a part of a large transaction is there only once that is
/// committed.
awaitable<std::optional<storage::record>> manager_impl::visible(std::string key) {
    auto range = storage::key_range::one(key);
    auto page = co_await catalog::list_visible(store_, keys_, std::move(range), 1);
    if (page.records.empty()) co_return std::nullopt;
    co_return std::move(page.records.front());
}

void manager_impl::add_references(const std::vector<model::binlog_group>& groups) {
    if (options_.references == nullptr) return;
    for (const auto& group : groups) {
        for (const auto& file : group.files) {
            if (file.imported.empty()) options_.references->added(file.id);
        }
    }
}

// What is asked.

awaitable<model::timestamp_reply> manager_impl::timestamp(model::timestamp_request) {
    require_serving();
    model::timestamp_reply reply;
    reply.now = co_await oracle_.next(1);
    co_return reply;
}

std::optional<segment_info> manager_impl::find(model::segment_id segment) const {
    const auto& table = rows_.table();
    const std::uint32_t row = table.find(segment);
    if (row != none) return describe(table[row]);
    const auto* gone = table.tombstone(segment);
    if (gone == nullptr) return std::nullopt;
    segment_info info;
    info.collection = gone->collection;
    info.segment = segment;
    info.record.channel = model::channel_name(table.channel(gone->channel).name);
    info.record.state = gone->state;
    info.record.dropped_at = gone->dropped_at;
    info.at = gone->at;
    return info;
}

void manager_impl::each(std::optional<model::collection_id> of,
                        const std::function<void(const segment_info&)>& visit) const {
    const auto tell = [&](const segment_row& row) { visit(describe(row)); };
    if (of) {
        rows_.table().each_of_collection(*of, tell);
        return;
    }
    for (std::uint32_t number = 0; number < rows_.table().channels(); ++number) {
        rows_.table().each_of_channel(number, tell);
    }
}

std::vector<segment_info> manager_impl::dropped(model::timestamp horizon, model::segment_id after,
                                                std::size_t most) const {
    std::vector<model::segment_id> ids;
    const auto take = [&](const tombstone_row& row) {
        const bool due = row.state == model::segment_state::collecting || row.dropped_at <= horizon;
        if (due && row.id > after) ids.push_back(row.id);
    };
    rows_.table().each_dropped(model::segment_state::collecting, take);
    rows_.table().each_dropped(model::segment_state::dropped, take);
    const auto count = static_cast<std::ptrdiff_t>(std::min(most, ids.size()));
    std::partial_sort(ids.begin(), ids.begin() + count, ids.end());
    std::vector<segment_info> found;
    ids.resize(static_cast<std::size_t>(count));
    for (const auto id : ids) found.push_back(*find(id));
    return found;
}

void manager_impl::each_living(
    const std::function<void(model::epoch, std::uint64_t)>& visit) const {
    channels_->each_living(visit);
    for (const auto& [job, row] : jobs_) visit(row.record.epoch, 0);
    for (const auto& one : doubts_) {
        if (one.flush.epoch) visit(one.flush.epoch, 0);
    }
}

std::size_t manager_impl::seal(model::collection_id collection) {
    const auto sealed = rows_.seal_all(collection, model::seal_reason::requested);
    if (sealed != 0) work_.notify_all();
    return sealed;
}

manager_status manager_impl::status() const {
    using model::segment_state;
    const auto& table = rows_.table();
    manager_status all;
    all.growing = table.count(segment_state::growing);
    all.sealed = table.count(segment_state::sealed);
    all.flushing = table.count(segment_state::flushing);
    all.flushed = table.count(segment_state::flushed);
    all.dropped = table.count(segment_state::dropped) + table.count(segment_state::collecting) +
                  table.count(segment_state::collected);
    all.dropping = dropping_.size();
    all.jobs = jobs_.size();
    all.doubts = doubts_.size();
    all.allocations = allocations_;
    all.flushes = flushes_;
    all.refused = refused_;
    all.trouble = trouble_;
    return all;
}

}  // namespace reeve::segment
