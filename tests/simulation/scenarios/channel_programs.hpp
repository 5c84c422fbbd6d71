#pragma once

#include "channel_ledger.hpp"
#include "reeve/backends/memory_message_stream.hpp"
#include "reeve/coordinator/coordinator.hpp"
#include "reeve/core/task_scope.hpp"
#include "reeve/node/node.hpp"
#include "reeve/testing/memory_world.hpp"
#include "reeve/testing/simulation.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace simulated {

/// How large the world of a channel scenario is, and how it behaves.
struct channel_world_options {
    std::uint32_t nodes = 5;
    std::uint32_t coordinators = 2;
    std::uint32_t channels = 20;
    std::chrono::milliseconds ttl{8000};
    std::chrono::milliseconds append_every{2500};  ///< per channel
    bool check_politeness = false;                 ///< leases and clocks behave: I7 is checked
    channel::leave_policy leave;
    channel::balance_options balance;
};

/// Who consumes a channel at the moment, by the consumers' own word.
class consumer_census {
public:
    struct consuming {
        std::string process;
        std::shared_ptr<const channel::grant> granted;
    };
    void begin(testing::simulation& world, const std::string& process,
               std::shared_ptr<const channel::grant> granted, bool check);
    void end(const std::string& process, const std::string& channel, model::epoch epoch);
    void killed(const std::string& process);
    /// True if some living consumer of the channel has a valid grant.
    [[nodiscard]] bool consumed(const std::string& channel) const;

private:
    std::map<std::string, std::vector<consuming>> by_channel_;
};

class node_program;
class coordinator_program;

/// A world of coordinators, nodes and channels with rows in them.
class channel_world {
public:
    channel_world(testing::simulation& world, channel_world_options options);
    /// Kills all processes: they refer to this.
    ~channel_world();
    channel_world(const channel_world&) = delete;
    channel_world& operator=(const channel_world&) = delete;

    /// Starts all processes and the feeder.
    void start();
    /// The feeder stops; what it appended must become durable.
    void stop_feeding() noexcept { feeding_ = false; }
    /// Random kills, pauses, cuts, drains, moves and clocks that jump or drift, for so long.
    void make_trouble(std::chrono::nanoseconds duration);
    /// Everything is back: processes run, nothing drains.
    void repair();
    /// I4: every channel is registered with a living process that consumes it, and every row is
    /// durable.
    [[nodiscard]] bool converged();
    /// What is missing for `converged`, for people.
    [[nodiscard]] std::string missing();
    /// Runs until converged, or fails the simulation (I4, I6).
    void require_convergence(std::chrono::nanoseconds limit);
    /// I5: waits until all is quiet; then a new leader must write nothing but the leader key.
    void require_quiet_failover();

    [[nodiscard]] testing::simulation& world() noexcept { return world_; }
    [[nodiscard]] channel_ledger& ledger() noexcept { return *ledger_; }
    [[nodiscard]] consumer_census& census() noexcept { return census_; }
    [[nodiscard]] const channel_world_options& options() const noexcept { return options_; }
    [[nodiscard]] testing::process& node(std::uint32_t number) { return *nodes_[number]; }
    [[nodiscard]] testing::process& coordinator(std::uint32_t number) {
        return *coordinators_[number];
    }
    [[nodiscard]] std::uint32_t nodes() const noexcept {
        return static_cast<std::uint32_t>(nodes_.size());
    }
    /// The coordinator that leads, or nullptr.
    [[nodiscard]] reeve::coordinator* leader();
    [[nodiscard]] static std::string channel_name(std::uint32_t number);
    [[nodiscard]] coordinator_options coordinator_settings(const std::string& name) const;
    [[nodiscard]] node_options node_settings(const std::string& name) const;
    /// Adds the rare events of the registrars and agents to the simulation's counts.
    void count_rare_events();

private:
    void feed(std::uint32_t channel);
    void trouble();
    void trouble_with(testing::process& victim);
    void trouble_with_office();
    void trouble_with_clock(testing::process& victim);
    [[nodiscard]] testing::process* leading_process();
    void undrain_all();

    testing::simulation& world_;
    channel_world_options options_;
    catalog::key_layout keys_{"sim/"};
    testing::memory_world stores_;
    std::shared_ptr<channel_ledger> ledger_;
    consumer_census census_;
    std::vector<testing::process*> nodes_;
    std::vector<testing::process*> coordinators_;
    bool feeding_ = true;
    bool troubled_ = false;
    bool undraining_ = false;
};

/// A node that consumes rows and makes them durable.
class node_program final : public channel::consumer {
public:
    node_program(channel_world& around, testing::process& self);

    awaitable<void> start(std::shared_ptr<const channel::grant> granted) override;
    awaitable<void> stop(model::channel_name channel, model::epoch epoch) override;

    [[nodiscard]] reeve::node& node() noexcept { return *node_; }

private:
    struct consumption {
        explicit consumption(core::runtime& strand) : tasks(strand) {}
        model::epoch epoch;
        core::task_scope tasks;
    };
    [[nodiscard]] awaitable<void> consume(std::shared_ptr<const channel::grant> granted);
    [[nodiscard]] awaitable<bool> consume_some(std::shared_ptr<const channel::grant> granted,
                                               model::position& durable);

    channel_world& around_;
    testing::process& self_;
    std::unique_ptr<storage::metadata_store> store_;
    std::unique_ptr<storage::message_stream> streams_;
    std::unique_ptr<reeve::node> node_;
    std::map<std::string, std::shared_ptr<consumption>> running_;
    std::uint64_t files_ = 0;
};

/// A coordinator that registers the world's channels whenever it leads.
class coordinator_program {
public:
    coordinator_program(channel_world& around, testing::process& self);
    [[nodiscard]] reeve::coordinator& coordinator() noexcept { return *coordinator_; }

private:
    [[nodiscard]] awaitable<void> ensure(std::vector<channel::channel_spec> channels);

    testing::process& self_;
    std::unique_ptr<storage::metadata_store> store_;
    std::unique_ptr<reeve::coordinator> coordinator_;
};

}  // namespace simulated
