#include "reeve/gc/collector.hpp"

#include "reeve/catalog/codec.hpp"
#include "reeve/cluster/timestamp_oracle.hpp"
#include "reeve/core/error.hpp"

#include <algorithm>
#include <utility>

namespace reeve::gc {

/// The leader's memory as it is at a refresh: which epochs live, how far the counter is, what is
/// pinned. Which files are referenced is asked of memory itself: it is as new as the question.
class collector::memory_view final : public view {
public:
    memory_view(const live_files& files, std::shared_ptr<const catalog::path_layout> names)
        : files_(files), names_(std::move(names)) {}

    [[nodiscard]] epoch_facts of(model::epoch epoch) const override {
        epoch_facts facts;
        const auto found = living_.find(epoch.value);
        if (found != living_.end()) {
            facts.settled = found->second;
            return facts;
        }
        facts.is = epoch.value < next_id_ ? standing::ended : standing::beyond;
        return facts;
    }
    [[nodiscard]] bool referenced(const model::file_id& file) const override {
        return files_.contains(file);
    }
    [[nodiscard]] bool pinned(const catalog::file_address& file) const override {
        return pins_.holds(file, *names_);
    }
    void expect(const model::file_id& file) const override { files_.prefetch(file); }

    void renew(const segment::manager& segments, std::uint64_t next_id, pin_set pins) {
        next_id_ = next_id;
        pins_ = std::move(pins);
        living_.clear();
        segments.each_living([this](model::epoch epoch, std::uint64_t settled) {
            const auto [at, fresh] = living_.try_emplace(epoch.value, settled);
            if (!fresh) at->second = std::min(at->second, settled);
        });
    }

private:
    const live_files& files_;
    std::shared_ptr<const catalog::path_layout> names_;
    boost::unordered_flat_map<std::uint64_t, std::uint64_t> living_;  // settled, by epoch
    std::uint64_t next_id_ = 0;
    pin_set pins_;
};

collector::collector(core::runtime& strand, storage::metadata_store& metadata,
                     const catalog::key_layout& keys, catalog::leader_guard guard,
                     collector_options options)
    : metadata_(metadata),
      guard_(guard),
      keys_(keys),
      names_(options.names ? std::move(options.names) : catalog::standard_path_layout("data")),
      files_(strand.next_seed()),
      view_(std::make_unique<memory_view>(files_, names_)) {
    if (options.objects == nullptr) {
        throw error(errc::invalid_argument, "garbage collection: no object store");
    }
    if (options.journal_slots != 0) {
        journal_.emplace(strand, metadata, keys_, guard, options.journal_slots);
    }
    const sweep_site site{strand,
                          metadata,
                          *options.objects,
                          keys_,
                          names_,
                          std::move(guard),
                          journal_ ? &*journal_ : nullptr};
    orphans_.emplace(site, static_cast<knowledge&>(*this), options.orphans);
    dropped_.emplace(site, static_cast<dropped_segments&>(*this), options.dropped);
}

collector::~collector() = default;

/// The leader key is read last: as long as it is ours, every epoch below the counter that was read
/// before it was given out by this term or an earlier one, and memory knows whether it lives. A
/// deposed leader does not know its successor's, and must not take them for ended.
awaitable<const view*> collector::refresh() {
    const auto counter = co_await metadata_.get(keys_.ids());
    catalog::id_counter ids;
    if (counter) catalog::decoder().decode(keys_.ids(), counter->value, ids);
    auto held = co_await read_pins(metadata_, keys_);
    const auto leader = co_await metadata_.get(keys_.leader());
    const bool ours = leader && leader->created.value == guard_.term().value;
    if (!ours) {
        throw error(errc::fenced, "a sweep of a term that is over");
    }
    view_->renew(*segments_, ids.next, pin_set(held));
    co_return view_.get();
}

awaitable<model::timestamp> collector::before(std::chrono::milliseconds age) {
    const auto reply = co_await segments_->timestamp();
    const auto now = reply.now;
    const auto back = static_cast<std::uint64_t>(age.count()) << cluster::timestamp_counter_bits;
    co_return model::timestamp(now.value > back ? now.value - back : 0);
}

std::vector<segment_place> collector::due(model::timestamp horizon, model::segment_id after,
                                          std::size_t most) const {
    std::vector<segment_place> places;
    for (const auto& one : segments_->dropped(horizon, after, most)) {
        places.push_back({one.collection, one.segment});
    }
    return places;
}

void collector::learned(const segment_place& of, const model::segment_record& record,
                        storage::revision at) {
    segments_->wrote(of.collection, of.segment, record, at);
}

void collector::forgotten(const segment_place&, const model::flush_id&,
                          const model::binlog_record& record) {
    for (const auto& group : record.groups) {
        for (const auto& file : group.files) {
            if (file.imported.empty()) (void)files_.remove(file.id);
        }
    }
}

}  // namespace reeve::gc
