#pragma once

#include "reeve/core/awaitable.hpp"
#include "reeve/core/callback.hpp"
#include "reeve/core/random.hpp"
#include "reeve/core/runtime.hpp"
#include "reeve/storage/message_stream.hpp"
#include "reeve/storage/metadata_store.hpp"
#include "reeve/storage/object_store.hpp"
#include "reeve/testing/effect_gate.hpp"
#include "reeve/testing/event_log.hpp"
#include "reeve/testing/faults.hpp"
#include "reeve/testing/process.hpp"
#include "reeve/testing/scheduler.hpp"
#include "reeve/testing/virtual_clock.hpp"

#include <fmt/format.h>
#include <boost/asio/co_spawn.hpp>

#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace reeve::testing {

class simulated_network;

/// The faults of everything in a simulation. The default has none. May be changed while it runs.
struct simulation_faults {
    network_faults network;    ///< of messages
    metadata_faults metadata;  ///< of process::open_metadata
    object_faults objects;     ///< of process::open_objects
    stream_faults streams;     ///< of process::open_streams

    /// Every fault everywhere.
    [[nodiscard]] static simulation_faults chaos() noexcept;
};

/// A world of simulated processes, one network, one metadata store, one object store and one
/// message stream, on virtual time, decided by one seed. Unmodified code runs in it.
///
///     testing::simulation world(seed);
///     testing::host_memory_stores(world);            // memory_world.hpp
///     auto& node = world.add("node-1", boot);        // see process
///     node.start();
///     world.faults() = testing::simulation_faults::chaos();
///     world.run_for(std::chrono::minutes(5));
///     world.heal();
///     world.require(world.run_until(converged, std::chrono::minutes(1)), "did not converge");
///
/// The stores live in the world, on the world's own runtime, not in any process: what a process has
/// sent is carried out there whatever becomes of the process. Single-threaded. Everything stops,
/// and is dropped, when the simulation is destroyed.
class simulation {
public:
    /// An empty world.
    explicit simulation(std::uint64_t seed);
    /// Kills all processes, then drops what the world still does.
    ~simulation();
    simulation(const simulation&) = delete;
    simulation& operator=(const simulation&) = delete;

    /// The seed given.
    [[nodiscard]] std::uint64_t seed() const noexcept { return seed_; }
    /// Virtual time and its events.
    [[nodiscard]] scheduler& events() noexcept { return events_; }
    /// The strand on which hosted stores run. Never killed or paused.
    [[nodiscard]] core::runtime& world_runtime() noexcept { return *runtime_; }
    /// The true time, which hosted stores use.
    [[nodiscard]] const virtual_clock& clock() const noexcept { return clock_; }
    /// For decisions of the test.
    [[nodiscard]] core::random& random() noexcept { return random_; }

    /// Which faults happen from now on.
    [[nodiscard]] simulation_faults& faults() noexcept { return faults_; }
    /// No more faults: rates to zero, cuts mended, processes resumed. What is already on its way
    /// (ghosts, old messages, leases about to end early) still comes.
    void heal();
    /// Who talks to whom.
    [[nodiscard]] simulated_network& network() noexcept { return *network_; }

    /// The store behind process::open_metadata, on world_runtime(). Before any process opens it.
    void host(std::shared_ptr<storage::metadata_store> store) { metadata_ = std::move(store); }
    /// The store behind process::open_objects, on world_runtime().
    void host(std::shared_ptr<storage::object_store> store) { objects_ = std::move(store); }
    /// The stream behind process::open_streams, on world_runtime().
    void host(std::shared_ptr<storage::message_stream> stream) { streams_ = std::move(stream); }
    /// Hosted, without faults: for what a test checks.
    [[nodiscard]] const std::shared_ptr<storage::metadata_store>& metadata() const noexcept {
        return metadata_;
    }
    /// Hosted, without faults.
    [[nodiscard]] const std::shared_ptr<storage::object_store>& objects() const noexcept {
        return objects_;
    }
    /// Hosted, without faults.
    [[nodiscard]] const std::shared_ptr<storage::message_stream>& streams() const noexcept {
        return streams_;
    }

    /// A new process, not yet started. Names are unique.
    process& add(std::string name, process::boot_function boot);
    /// The process of that name; nullptr if there is none.
    [[nodiscard]] process* find(std::string_view name) noexcept;
    /// All processes, in order of addition.
    [[nodiscard]] const std::vector<std::unique_ptr<process>>& processes() const noexcept {
        return processes_;
    }

    /// Runs for so much virtual time, or until it has failed.
    void run_for(std::chrono::nanoseconds duration);
    /// Runs until `done` holds, at most for `limit`, or until it has failed; returns whether it
    /// holds.
    bool run_until(const std::function<bool()>& done, std::chrono::nanoseconds limit);
    /// Runs `work` on world_runtime() until it has ended, together with everything else; returns
    /// what it returns. Throws std::runtime_error after `limit` of virtual time.
    template <class T>
    T run(awaitable<T> work, std::chrono::nanoseconds limit = std::chrono::hours(1));
    /// Calls `action` at `delay` from now, as an event of its own.
    void after(std::chrono::nanoseconds delay, core::task action);

    /// Ends the run with a failure; the first one is kept.
    void fail(std::string text);
    /// fail(text) unless `holds`.
    void require(bool holds, std::string_view text);
    /// True after `fail`.
    [[nodiscard]] bool failed() const noexcept { return failed_; }
    /// What failed; empty if nothing did.
    [[nodiscard]] const std::string& failure() const noexcept { return failure_; }

    /// Counts something rare, by its name: "ghost landed". See scenario.
    void count(std::string_view what, std::uint64_t times = 1);
    /// What was counted.
    [[nodiscard]] const std::map<std::string, std::uint64_t, std::less<>>& counts() const noexcept {
        return counts_;
    }
    /// Messages that arrived at a living process: over the network, or from a stream.
    [[nodiscard]] std::uint64_t messages() const noexcept { return messages_; }
    /// Transactions that the metadata store committed.
    [[nodiscard]] std::uint64_t commits() const noexcept { return commits_; }
    /// For the network and the streams.
    void count_message(std::uint64_t times = 1) noexcept { messages_ += times; }
    /// For the stores.
    void count_commit() noexcept { ++commits_; }

    /// The readable story; off by default.
    [[nodiscard]] event_log& log() noexcept { return log_; }
    /// Adds a line to the story, if somebody reads it.
    template <class... Arguments>
    void note(std::string_view who, fmt::format_string<Arguments...> format,
              Arguments&&... arguments) {
        if (!log_.enabled()) return;
        log_.write(events_.now(), who, fmt::format(format, std::forward<Arguments>(arguments)...));
    }

    /// Every effect of every process asks `gate`, which must outlive its use; nullptr: none.
    void set_gate(effect_gate* gate) noexcept { gate_ = gate; }
    /// The gate, or nullptr.
    [[nodiscard]] effect_gate* gate() const noexcept { return gate_; }
    /// The world's row of events.
    [[nodiscard]] lane_id lane() const noexcept { return lane_; }

private:
    std::uint64_t seed_;
    event_log log_;
    scheduler events_;
    core::random random_;
    virtual_clock clock_;
    lane_id lane_;
    simulation_faults faults_;
    std::unique_ptr<core::host_loop> loop_;
    std::unique_ptr<core::runtime> runtime_;
    std::unique_ptr<simulated_network> network_;
    std::shared_ptr<storage::metadata_store> metadata_;
    std::shared_ptr<storage::object_store> objects_;
    std::shared_ptr<storage::message_stream> streams_;
    std::vector<std::unique_ptr<process>> processes_;
    std::map<std::string, std::uint64_t, std::less<>> counts_;
    std::uint64_t messages_ = 0;
    std::uint64_t commits_ = 0;
    bool failed_ = false;
    std::string failure_;
    effect_gate* gate_ = nullptr;
};

template <class T>
T simulation::run(awaitable<T> work, std::chrono::nanoseconds limit) {
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
    boost::asio::co_spawn(runtime_->executor(), std::move(work), std::move(finish));
    events_.run_until([&] { return shared->ended; }, events_.now() + limit);
    if (!shared->ended) throw std::runtime_error("simulation: the work did not end in time");
    if (shared->failure) std::rethrow_exception(shared->failure);
    if constexpr (!std::is_void_v<T>) return std::move(*shared->value);
}

}  // namespace reeve::testing
