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
#include <vector>

namespace simulated {

/// How large the world of a segment scenario is.
struct segment_world_options {
    std::uint32_t nodes = 3;
    std::uint32_t coordinators = 2;
    std::uint32_t channels = 6;  ///< of three collections; the last one is dropped on the way
    std::uint32_t first_collection = 0;  ///< of the first channel
    std::chrono::milliseconds ttl{8000};
    std::chrono::milliseconds write_every{1500};  ///< per channel
    std::uint64_t rows_max = 12;                  ///< of one allocation
    std::chrono::seconds idle{40};                ///< until a segment without new rows is sealed
    std::chrono::seconds compact_after{16};       ///< from one look to the next, about
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
};

}  // namespace simulated
