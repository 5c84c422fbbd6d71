#pragma once

#include "catch.hpp"
#include "reeve/coordinator/coordinator.hpp"
#include "reeve/node/node.hpp"
#include "reeve/testing/memory_world.hpp"
#include "reeve/testing/process.hpp"
#include "reeve/testing/simulation.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace coordinator_test {

using namespace reeve;
using namespace std::chrono_literals;
using names = std::vector<std::string>;

/// What a world begins with.
struct world_options {
    std::uint32_t nodes = 2;
    std::uint32_t coordinators = 1;
    std::chrono::milliseconds ttl{8000};                              ///< of every lease
    channel::registrar_options channels;                              ///< of the coordinators
    segment::manager_options segments;                                ///< of the coordinators
    std::vector<std::shared_ptr<procedure::definition>> definitions;  ///< of the coordinators
    channel::schema_source* schemas = nullptr;                        ///< of the coordinators
    std::vector<segment::report_stream> reports;                      ///< that coordinators read
    std::function<void(node_options&)> each_node;  ///< zone, capacity and the like
    /// What stands between a coordinator and its store.
    std::function<std::unique_ptr<storage::metadata_store>(
        testing::process&, std::unique_ptr<storage::metadata_store>)>
        wrap;
};

/// A grant that an engine was given, as the engine saw it.
struct granted_epoch {
    std::string node;
    std::string channel;
    model::epoch epoch;
    model::position start;
};

class world;

/// A node with an engine that notes what it is told and fails as the test says.
class node_program final : public channel::consumer {
public:
    node_program(world& around, testing::process& self);
    awaitable<void> start(std::shared_ptr<const channel::grant> granted) override;
    awaitable<void> stop(model::channel_name channel, model::epoch epoch) override;

    [[nodiscard]] reeve::node& node() noexcept { return *node_; }
    std::map<std::string, std::shared_ptr<const channel::grant>> running;

private:
    world& around_;
    testing::process& self_;
    std::unique_ptr<storage::metadata_store> store_;
    std::unique_ptr<reeve::node> node_;
};

/// A process with a coordinator, which a test may destroy while the process lives on.
class coordinator_program {
public:
    coordinator_program(world& around, testing::process& self);

    std::unique_ptr<storage::metadata_store> store;
    std::unique_ptr<storage::message_stream> streams;
    std::vector<recovery::report> reports;  ///< of each recovery
    std::unique_ptr<reeve::coordinator> coordinator;
};

/// Coordinators and nodes in virtual time, on a store and a network without faults unless the test
/// makes some.
class world {
public:
    explicit world(world_options options = {}, std::uint64_t seed = 1);
    ~world();
    world(const world&) = delete;
    world& operator=(const world&) = delete;

    /// Starts everything and waits until somebody leads and all nodes are seen.
    void start();
    /// Starts one more node.
    testing::process& add_node();
    [[nodiscard]] testing::process& node(std::uint32_t number) { return *nodes_.at(number); }
    [[nodiscard]] testing::process& coordinator(std::uint32_t number = 0) {
        return *coordinators_.at(number);
    }
    [[nodiscard]] static reeve::coordinator& of(testing::process& process) {
        return *process.program<coordinator_program>().coordinator;
    }
    /// The one that leads and serves; nullptr: nobody does.
    [[nodiscard]] testing::process* leading();
    [[nodiscard]] reeve::coordinator& leader();
    /// Ends the leader without warning and waits for the next one. It needs a second coordinator,
    /// or is started again.
    reeve::coordinator& change_leader();

    /// Asks the leader for channels; its answers.
    std::vector<channel::registration> ensure(const names& channels,
                                              std::chrono::milliseconds patience = 5s,
                                              model::collection_id collection = {});
    /// Runs work on the strand of a process until it has ended.
    template <class T>
    T call(testing::process& on, awaitable<T> work, std::chrono::nanoseconds limit = 5min);
    /// Drains, or takes back, through the leader.
    void drain(const std::string& node);
    void undrain(const std::string& node);
    /// Commits through the node that consumes the channel.
    model::commit_reply commit(const std::string& channel, const std::string& from,
                               const std::string& to, std::vector<model::host_record> records = {});
    /// Runs until nothing is left to do, for the leader and in the store; false after `limit`.
    bool settle(std::chrono::nanoseconds limit = 2min);
    bool run_until(const std::function<bool()>& done, std::chrono::nanoseconds limit = 2min) {
        return sim.run_until(done, limit);
    }

    /// As recorded; fails the test if it is not.
    [[nodiscard]] model::channel_entry entry(const std::string& channel);
    /// The node that a registered channel is recorded for; empty if it is not registered.
    [[nodiscard]] std::string holder(const std::string& channel);
    /// How many of the channels each node holds.
    [[nodiscard]] std::map<std::string, int> spread(const names& channels);
    /// Every record that no lease holds, with the revision of its last write.
    [[nodiscard]] std::map<std::string, std::string> records();
    /// Writes a record past everybody.
    void write(const std::string& key, const std::string& value);
    void write(const std::string& channel, const model::channel_entry& entry);
    [[nodiscard]] std::uint64_t revision() { return stores.database->revision().value; }
    /// Why the leader says that something is stuck; empty: it does not.
    [[nodiscard]] std::string stuck(const std::string& what);

    testing::simulation sim;
    catalog::key_layout keys{"t/"};
    world_options options;
    testing::memory_world stores;
    std::vector<granted_epoch> started;          ///< in order
    std::vector<std::string> stopped;            ///< "node-0 a", in order
    std::set<std::string> cannot_start;          ///< nodes whose engine fails to start anything
    std::set<std::string> cannot_stop;           ///< nodes whose engine fails to stop anything
    std::optional<std::string> flush_on_stop;    ///< what an engine commits while it stops
    std::vector<model::commit_outcome> flushes;  ///< what became of that

private:
    std::vector<testing::process*> nodes_;
    std::vector<testing::process*> coordinators_;
};

template <class T>
T world::call(testing::process& on, awaitable<T> work, std::chrono::nanoseconds limit) {
    struct ending {
        bool ended = false;
        std::exception_ptr failure;
        std::optional<core::detail::stored<T>> value;
    };
    auto shared = std::make_shared<ending>();
    auto finish = [shared](const std::exception_ptr& failure, auto&&... value) {
        shared->ended = true;
        shared->failure = failure;
        if (!failure) shared->value.emplace(std::forward<decltype(value)>(value)...);
    };
    boost::asio::co_spawn(on.runtime().executor(), std::move(work), std::move(finish));
    REQUIRE(sim.run_until([&] { return shared->ended; }, limit));
    if (shared->failure) std::rethrow_exception(shared->failure);
    if constexpr (!std::is_void_v<T>) return std::move(*shared->value);
}

/// a, b, c, ...
[[nodiscard]] names letters(std::uint32_t count);

/// The code of the reeve::error that `function` throws, and its text; {} if it throws none.
template <class Function>
std::pair<errc, std::string> failure_of(Function function) {
    try {
        function();
    } catch (const error& failure) {
        return {failure.code_value(), failure.what()};
    }
    return {};
}

}  // namespace coordinator_test
