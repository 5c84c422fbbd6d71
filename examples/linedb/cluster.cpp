#include "cluster.hpp"

#include "reeve/cluster/proven_dead.hpp"
#include "reeve/core/error.hpp"
#include "reeve/core/task.hpp"

#include <fmt/format.h>

namespace linedb {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t coordinators = 2;
constexpr auto stop_patience = 2s;

std::string node_name_at(std::size_t index) { return fmt::format("node-{}", index + 1); }
std::string coordinator_name_at(std::size_t index) {
    return fmt::format("coordinator-{}", index + 1);
}

/// A store that is away now: what was to be ended ends by itself, with its lease.
bool ends_by_itself(const reeve::error& failure) {
    return failure.kind() == reeve::error_class::not_applied || is_outcome_unknown(failure);
}

}  // namespace

cluster::cluster(machine& host, reeve::core::runtime& strand,
                 reeve::storage::metadata_store& store, std::size_t nodes, std::uint64_t seed)
    : host_(host),
      strand_(strand),
      store_(store),
      next_seed_(seed),
      coordinators_(coordinators),
      nodes_(nodes),
      stopped_(strand),
      restarts_(strand) {}

void cluster::start() {
    for (std::size_t index = 0; index < coordinators_.size(); ++index) {
        start_coordinator(index, earlier_processes::proven_dead);
    }
    for (std::size_t index = 0; index < nodes_.size(); ++index) start_node(index);
    start_ingester();
}

void cluster::start_coordinator(std::size_t index, earlier_processes earlier) {
    coordinators_[index] = std::make_unique<coordinator_process>(
        host_, coordinator_name_at(index), next_seed_++, earlier);
    for (const auto& [node, process] : dead_) {
        coordinators_[index]->coordinator().confirm_dead(node, process);
    }
}

void cluster::start_node(std::size_t index) {
    nodes_[index] = std::make_unique<node_process>(host_, node_name_at(index), next_seed_++);
}

void cluster::start_ingester() {
    ingester_ = std::make_unique<ingester_process>(host_, next_seed_++);
}

/// Ends a node. Whoever ended a process may say that it is dead: nobody waits for its lease, nor
/// for its ttl.
reeve::awaitable<void> cluster::bury_node(std::size_t index, model::incarnation process) {
    nodes_[index].reset();
    certainly_dead(index, process);
    try {
        const model::node_name name(node_name_at(index));
        const auto ended = co_await reeve::cluster::end_session(store_, keys_, name);
        certainly_dead(index, ended);
    } catch (const reeve::error& failure) {
        if (!ends_by_itself(failure)) throw;
    }
}

reeve::awaitable<void> cluster::bury_coordinator(std::size_t index) {
    coordinators_[index].reset();
    try {
        std::string name = coordinator_name_at(index);
        co_await reeve::cluster::end_leadership(store_, keys_, std::move(name));
    } catch (const reeve::error& failure) {
        if (!ends_by_itself(failure)) throw;
    }
}

void cluster::certainly_dead(std::size_t index, model::incarnation process) {
    if (!process) return;
    const model::node_name name(node_name_at(index));
    dead_.emplace_back(name, process);
    for (const auto& one : coordinators_) {
        if (one) one->coordinator().confirm_dead(name, process);
    }
}

reeve::awaitable<void> cluster::apply(planned_fault what) {
    statistics& counts = host_.counts;
    const std::size_t node = what.node;
    const auto process = nodes_[node] ? nodes_[node]->process() : model::incarnation();
    switch (what.what) {
        case fault::kill_node:
            if (!nodes_[node]) co_return;
            ++counts.nodes_killed;
            co_await bury_node(node, process);
            later(what.downtime, [this, node] { start_node(node); });
            co_return;
        case fault::restart_node:
            if (!nodes_[node]) co_return;
            ++counts.nodes_restarted;
            co_await stop_process(nodes_[node].get());
            co_await bury_node(node, process);
            later(what.downtime, [this, node] { start_node(node); });
            co_return;
        case fault::kill_leader:
            for (std::size_t index = 0; index < coordinators_.size(); ++index) {
                const auto& one = coordinators_[index];
                if (!one || !one->coordinator().leading()) continue;
                ++counts.leaders_killed;
                co_await bury_coordinator(index);
                later(what.downtime,
                      [this, index] { start_coordinator(index, earlier_processes::may_run); });
            }
            co_return;
        case fault::kill_ingester:
            if (!ingester_ || ingester_->done()) co_return;
            ++counts.ingesters_killed;
            ingester_.reset();
            later(what.downtime, [this] { start_ingester(); });
            co_return;
    }
}

void cluster::later(std::chrono::milliseconds delay, std::function<void()> what) {
    restarts_.spawn(restart(delay, std::move(what)), host_.failed);
}

reeve::awaitable<void> cluster::restart(std::chrono::milliseconds delay,
                                        std::function<void()> what) {
    co_await strand_.sleep_for(delay);
    what();
}

template <class Process>
reeve::awaitable<void> cluster::stop_process(Process* process) {
    if (process == nullptr) co_return;
    auto done = std::make_shared<bool>(false);
    process->stop([this, done] {
        strand_.post(reeve::core::task([this, done] {
            *done = true;
            stopped_.notify_all();
        }));
    });
    const auto deadline = strand_.now() + stop_patience;
    while (!*done && strand_.now() < deadline) co_await stopped_.wait_until(deadline);
}

reeve::awaitable<void> cluster::stop() {
    co_await restarts_.stop();
    ingester_.reset();
    for (auto& one : nodes_) {
        co_await stop_process(one.get());
        one.reset();
    }
    for (auto& one : coordinators_) {
        co_await stop_process(one.get());
        one.reset();
    }
}

reeve::coordinator* cluster::leader() const {
    for (const auto& one : coordinators_) {
        if (one && one->coordinator().leading()) return &one->coordinator();
    }
    return nullptr;
}

std::size_t cluster::nodes_alive() const {
    std::size_t alive = 0;
    for (const auto& one : nodes_) {
        if (one) ++alive;
    }
    return alive;
}

std::string cluster::status() const {
    std::string text;
    for (const auto& one : coordinators_) {
        if (one) text += to_string(one->coordinator().status());
    }
    for (std::size_t index = 0; index < nodes_.size(); ++index) {
        if (!nodes_[index] || nodes_[index]->trouble().empty()) continue;
        text += fmt::format("{}: {}\n", node_name_at(index), nodes_[index]->trouble());
    }
    return text;
}

}  // namespace linedb
