#pragma once

#include "reeve/coordinator/coordinator.hpp"
#include "reeve/core/task_scope.hpp"
#include "reeve/node/node.hpp"
#include "row_consumer.hpp"
#include "site.hpp"

#include <cstdint>
#include <functional>
#include <string>

namespace linedb {

/// Do all processes of earlier runs have ended? The owner of the directory's lock knows that they
/// have; processes that start in the middle of a run do not.
enum class earlier_processes : std::uint8_t { proven_dead, may_run };

/// How linedb's coordinators work.
[[nodiscard]] reeve::coordinator_options coordinator_options_of(const input_record& input,
                                                                earlier_processes earlier);

/// A simulated process with a data node. Destroying it is a crash.
class node_process {
public:
    /// Registers and waits for channels.
    node_process(machine& host, const std::string& name, std::uint64_t seed);
    ~node_process();
    node_process(const node_process&) = delete;
    node_process& operator=(const node_process&) = delete;

    /// Its incarnation; 0 = it has no session now.
    [[nodiscard]] model::incarnation process() const noexcept { return node_.process(); }
    /// Begins to end gracefully; calls `stopped` when that is done.
    void stop(std::function<void()> stopped);
    /// For people: what keeps it from having a session; empty: nothing.
    [[nodiscard]] std::string trouble() const { return node_.status().trouble; }

private:
    site home_;
    row_consumer engine_;
    reeve::node node_;
};

/// A simulated process with a coordinator. Destroying it is a crash.
class coordinator_process {
public:
    /// Campaigns, and makes sure that all channels exist whenever it leads.
    coordinator_process(machine& host, const std::string& name, std::uint64_t seed,
                        earlier_processes earlier);
    ~coordinator_process();
    coordinator_process(const coordinator_process&) = delete;
    coordinator_process& operator=(const coordinator_process&) = delete;

    [[nodiscard]] reeve::coordinator& coordinator() noexcept { return coordinator_; }
    /// Begins to end gracefully; calls `stopped` when that is done.
    void stop(std::function<void()> stopped);

private:
    reeve::awaitable<void> ensure_channels();

    site home_;
    reeve::coordinator coordinator_;
    reeve::core::task_scope tasks_;
};

}  // namespace linedb
