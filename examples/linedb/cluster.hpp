#pragma once

#include "faults.hpp"
#include "ingester.hpp"
#include "processes.hpp"
#include "reeve/catalog/key_layout.hpp"
#include "reeve/core/event.hpp"
#include "reeve/core/task_scope.hpp"
#include "site.hpp"

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace linedb {

/// All simulated processes of a run: two coordinators, the nodes, the ingester. It starts, kills
/// and restarts them, as an operator or a container platform does, and tells the coordinators which
/// processes are certainly dead. On the operator's strand, whose loop runs all processes too.
class cluster {
public:
    /// All references must outlive it. Nothing is started.
    cluster(machine& host, reeve::core::runtime& strand, reeve::storage::metadata_store& store,
            std::size_t nodes, std::uint64_t seed);

    /// Starts everything; the owner of the directory's lock knows that nobody else runs.
    void start();
    /// Carries one fault out, and starts what ended after its downtime.
    reeve::awaitable<void> apply(planned_fault what);
    /// Ends the nodes and coordinators gracefully, as far as they do soon; the rest as a crash.
    reeve::awaitable<void> stop();

    /// The coordinator that leads and serves; null: none does now.
    [[nodiscard]] reeve::coordinator* leader() const;
    /// Is the input appended completely?
    [[nodiscard]] bool ingested() const { return ingester_ && ingester_->done(); }
    /// Nodes that run.
    [[nodiscard]] std::size_t nodes_alive() const;
    /// Who waits for what, in lines for people.
    [[nodiscard]] std::string status() const;

private:
    void start_coordinator(std::size_t index, earlier_processes earlier);
    void start_node(std::size_t index);
    void start_ingester();
    reeve::awaitable<void> bury_node(std::size_t index, model::incarnation process);
    reeve::awaitable<void> bury_coordinator(std::size_t index);
    void certainly_dead(std::size_t index, model::incarnation process);
    void later(std::chrono::milliseconds delay, std::function<void()> what);
    reeve::awaitable<void> restart(std::chrono::milliseconds delay, std::function<void()> what);
    template <class Process>
    reeve::awaitable<void> stop_process(Process* process);

    machine& host_;
    reeve::core::runtime& strand_;
    reeve::storage::metadata_store& store_;
    reeve::catalog::key_layout keys_{key_root};
    std::uint64_t next_seed_;
    std::vector<std::unique_ptr<coordinator_process>> coordinators_;
    std::vector<std::unique_ptr<node_process>> nodes_;
    std::unique_ptr<ingester_process> ingester_;
    std::vector<std::pair<model::node_name, model::incarnation>> dead_;
    reeve::core::event stopped_;
    reeve::core::task_scope restarts_;
};

}  // namespace linedb
