#pragma once

#include "reeve/gc/dropped_sweep.hpp"
#include "reeve/gc/journal.hpp"
#include "reeve/gc/live_files.hpp"
#include "reeve/gc/orphan_sweep.hpp"
#include "reeve/gc/pins.hpp"
#include "reeve/segment/manager.hpp"

#include <boost/unordered/unordered_flat_map.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

namespace reeve::gc {

/// What a leader collects, and how.
struct collector_options {
    /// As the members say.
    collector_options() {}
    /// Where the files lie, and how they are called. Null: this leader collects nothing. The store
    /// must outlive the coordinator.
    storage::object_store* objects = nullptr;
    std::shared_ptr<const catalog::path_layout> names;  ///< null: standard_path_layout("data")
    orphan_options orphans;                             ///< of the orphan sweep
    dropped_options dropped;                            ///< of the dropped sweep
    std::size_t journal_slots = 0;                      ///< records of the journal; 0: none is kept
    /// Sweep by itself. If not, sweeps run when somebody calls them.
    bool by_itself = true;
};

/// Both sweeps of one term, with the leader's memory as their facts. One strand. References must
/// outlive it and what it has running.
class collector final : public segment::reference_listener, knowledge, dropped_segments {
public:
    /// Made before the manager of the same term, which tells it of every file.
    collector(core::runtime& strand, storage::metadata_store& metadata,
              const catalog::key_layout& keys, catalog::leader_guard guard,
              collector_options options);
    ~collector() override;
    collector(const collector&) = delete;
    collector& operator=(const collector&) = delete;

    /// The manager of the term, before it loads.
    void attach(std::shared_ptr<segment::manager> segments) { segments_ = std::move(segments); }

    /// The sweep of files that no record names.
    [[nodiscard]] orphan_sweep& orphans() noexcept { return *orphans_; }
    /// The sweep of dropped segments.
    [[nodiscard]] dropped_sweep& dropped() noexcept { return *dropped_; }
    /// Which files are referenced.
    [[nodiscard]] const live_files& files() const noexcept { return files_; }

    void added(const model::file_id& file) override { files_.add(file); }

private:
    class memory_view;
    awaitable<const view*> refresh() override;
    awaitable<model::timestamp> before(std::chrono::milliseconds age) override;
    std::vector<segment_place> due(model::timestamp horizon, model::segment_id after,
                                   std::size_t most) const override;
    void learned(const segment_place& of, const model::segment_record& record,
                 storage::revision at) override;
    void forgotten(const segment_place& of, const model::flush_id& flush,
                   const model::binlog_record& record) override;

    storage::metadata_store& metadata_;
    catalog::leader_guard guard_;
    const catalog::key_layout keys_;  // its own: calls may outlive the coordinator
    std::shared_ptr<const catalog::path_layout> names_;
    std::shared_ptr<segment::manager> segments_;
    live_files files_;
    std::unique_ptr<memory_view> view_;
    std::optional<gc::journal> journal_;
    std::optional<orphan_sweep> orphans_;
    std::optional<dropped_sweep> dropped_;
};

}  // namespace reeve::gc
