#pragma once

#include "reeve/cluster/leader_client.hpp"
#include "reeve/coordinator/coordinator.hpp"
#include "reeve/core/task_scope.hpp"
#include "reeve/node/node.hpp"
#include "reeve/segment/flusher.hpp"
#include "reeve/testing/memory_world.hpp"
#include "reeve/testing/simulation.hpp"
#include "segment_ledger.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace simulated {

/// How often an upload stands still, and for how long: not the request of a process, but what has
/// reached the object store.
struct upload_pauses {
    testing::chance odds;
    testing::delay_range length;
};

/// How large the world of a segment scenario is, and how fast its clocks go.
struct segment_world_options {
    std::uint32_t nodes = 3;
    std::uint32_t coordinators = 2;
    std::uint32_t channels = 6;  ///< of three collections; the last one is dropped on the way
    std::uint32_t first_collection = 0;  ///< of the first channel
    std::chrono::milliseconds ttl{8000};
    std::chrono::milliseconds write_every{1500};   ///< per channel
    std::uint64_t rows_max = 12;                   ///< of one allocation
    std::chrono::seconds idle{40};                 ///< until a segment without new rows is sealed
    std::chrono::seconds age{90};                  ///< at which a segment is sealed
    std::chrono::seconds compact_after{16};        ///< from one look to the next, about
    std::chrono::seconds retention{20};            ///< of garbage and of dropped segments
    std::chrono::seconds sweep_orphans{30};        ///< from one sweep to the next
    std::chrono::seconds sweep_dropped{15};        ///< from one sweep to the next
    std::chrono::milliseconds trouble_max{12000};  ///< from one trouble to the next
    std::chrono::seconds pause_max{40};            ///< of a process
    std::chrono::seconds look_every{1};            ///< while convergence is awaited
    upload_pauses upload_pause;
};

/// A world with segments: a writer that allocates and appends, nodes that flush, a leader that
/// seals, compacts and drops.
class segment_world {
public:
    segment_world(testing::simulation& world, segment_world_options options);
    ~segment_world();
    segment_world(const segment_world&) = delete;
    segment_world& operator=(const segment_world&) = delete;

    void start();
    /// Random kills, pauses, cuts and moves, for so long; in the middle a collection is dropped.
    void make_trouble(std::chrono::nanoseconds duration);
    /// Everything is back, and nothing more is written.
    void repair();
    /// Every row is in exactly one file, everything that was sealed is flushed, the drop has ended.
    void require_convergence(std::chrono::nanoseconds limit);
    /// A new leader that finds everything as it should be writes nothing but the leader key.
    void require_quiet_failover();
    /// Asks for the drop of the last collection, until it is known to be recorded.
    void drop_last_collection();

    /// A backup of the metadata: everything that it names is pinned first.
    void take_copy();
    /// Everything is lost but the objects and the copy: no process lives, and no request is on its
    /// way, when the copy is put in place and its lineage raised. Then the coordinators start.
    void restore_copy();
    /// The operator takes the data root over for the restored metadata, and ends the backup's pin.
    void claim_restored();
    /// Does the leader say that its sweep of orphans is stopped by this?
    [[nodiscard]] bool sweep_stopped_by(std::string_view what);

    /// A process's connection to the object store.
    [[nodiscard]] std::unique_ptr<storage::object_store> open_objects(testing::process& self);

    [[nodiscard]] testing::simulation& world() noexcept { return world_; }
    [[nodiscard]] segment_ledger& ledger() noexcept { return *ledger_; }
    [[nodiscard]] const segment_world_options& options() const noexcept { return options_; }
    [[nodiscard]] const catalog::key_layout& keys() const noexcept { return keys_; }
    [[nodiscard]] const std::shared_ptr<const catalog::path_layout>& names() const noexcept {
        return names_;
    }
    [[nodiscard]] bool feeding() const noexcept { return feeding_; }
    [[nodiscard]] static std::string channel_name(std::uint32_t number);
    [[nodiscard]] model::collection_id collection_of(std::uint32_t channel) const noexcept {
        return model::collection_id((options_.first_collection + channel) % 3);
    }
    [[nodiscard]] model::collection_id doomed() const noexcept { return model::collection_id(2); }
    [[nodiscard]] std::uint64_t& rows(const std::string& channel) { return rows_[channel]; }
    [[nodiscard]] testing::process& node(std::uint32_t number) { return *nodes_.at(number); }
    [[nodiscard]] testing::process* leading();

private:
    [[nodiscard]] std::string missing();
    void watch_stores();
    void lose_times();
    void find_times();
    void trouble();
    void trouble_with(testing::process& victim);

    testing::simulation& world_;
    segment_world_options options_;
    catalog::key_layout keys_{"sim/"};
    std::shared_ptr<const catalog::path_layout> names_ = catalog::standard_path_layout("data");
    testing::memory_world stores_;
    std::shared_ptr<segment_ledger> ledger_;
    std::map<std::string, std::uint64_t> rows_;  // appended, by channel
    std::vector<testing::process*> nodes_;
    std::vector<testing::process*> coordinators_;
    testing::process* writer_ = nullptr;
    bool feeding_ = true;
    bool troubled_ = false;
    bool drops_ = false;
    std::string copy_;            // of the metadata
    std::uint64_t copy_pin_ = 0;  // which keeps what it names
};

}  // namespace simulated
