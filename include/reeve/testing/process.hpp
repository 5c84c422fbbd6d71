#pragma once

#include "reeve/core/awaitable.hpp"
#include "reeve/core/log.hpp"
#include "reeve/core/metrics.hpp"
#include "reeve/core/random.hpp"
#include "reeve/core/runtime.hpp"
#include "reeve/storage/message_stream.hpp"
#include "reeve/storage/metadata_store.hpp"
#include "reeve/storage/object_store.hpp"
#include "reeve/testing/effect_gate.hpp"
#include "reeve/testing/scheduler.hpp"
#include "reeve/testing/virtual_clock.hpp"
#include "reeve/transport/service.hpp"
#include "reeve/transport/transport.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace reeve::testing {

class process;
class simulation;

/// One life of a simulated process, from start to kill. What reaches out into the world (transports
/// and stores) holds it and asks whether it is still alive.
class life : public std::enable_shared_from_this<life> {
public:
    /// Begins; for process::start.
    life(process& owner, std::uint64_t number);
    ~life();
    life(const life&) = delete;
    life& operator=(const life&) = delete;

    /// False from the moment of the kill.
    [[nodiscard]] bool alive() const noexcept { return alive_; }
    /// 1 for the first life of the process.
    [[nodiscard]] std::uint64_t number() const noexcept { return number_; }
    /// Whose life it is.
    [[nodiscard]] process& owner() const noexcept { return *owner_; }
    /// Its strand. Only while alive.
    [[nodiscard]] core::runtime& runtime() const noexcept { return *runtime_; }
    /// Where messages to it arrive. Only while alive.
    [[nodiscard]] transport::service& service() const noexcept { return *service_; }

    /// Asks the gate about an effect. `proceed` without a gate; crash_before, after a kill if need
    /// be, when the effect must not happen: the caller then waits for `stopped`.
    [[nodiscard]] verdict enter(effect_kind kind, std::string_view detail);
    /// Kills the process if this life still is its life.
    void end();
    /// Never returns: what a coroutine awaits that has no business running any more.
    [[nodiscard]] awaitable<void> stopped();

private:
    friend class process;
    void bury() noexcept;

    process* owner_;
    std::uint64_t number_;
    lane_id lane_;
    bool alive_ = true;
    std::unique_ptr<core::host_loop> loop_;
    std::unique_ptr<core::runtime> runtime_;
    std::unique_ptr<transport::service> service_;
    std::unique_ptr<transport::transport> carrier_;
    std::shared_ptr<void> program_;
};

/// What remains of a process's disk when it is killed.
enum class disk_fate {
    kept,  ///< everything
    lost,  ///< nothing: a new machine of the same name
};

/// A simulated process: a name, a clock, a disk, and at most one life at a time.
///
///     auto& node = world.add("node-1", [](testing::process& self) -> std::shared_ptr<void> {
///         auto program = std::make_shared<my_program>(self.runtime(), self.open_metadata(),
///                                                     self.carrier(), self.service());
///         self.spawn(program->run());  // never touched again after a kill
///         return program;
///     });
///     node.start();
///     world.run_for(std::chrono::seconds(30));
///     node.kill();
///     node.start();  // boots again, with the same disk
///
/// `boot` builds the program on the process's runtime and returns what owns it. A kill drops every
/// coroutine of the process wherever it waits and runs none of its code any more, except
/// destructors; then it destroys what `boot` returned. Requests that were sent before may still
/// land; replies to them vanish. All of it also works from inside the process's own code: the code
/// then runs on until it waits for something, but has no more effects.
class process {
public:
    /// Builds the program and returns its owner, which the kill destroys.
    using boot_function = std::function<std::shared_ptr<void>(process& self)>;

    /// For simulation::add.
    process(simulation& world, std::string name, boot_function boot);
    /// Kills it.
    ~process();
    process(const process&) = delete;
    process& operator=(const process&) = delete;

    /// Its name, which is also its address on the network.
    [[nodiscard]] const std::string& name() const noexcept { return name_; }
    /// The simulation that it is part of.
    [[nodiscard]] simulation& world() const noexcept { return *world_; }

    /// Boots it. Must not be alive.
    void start();
    /// Ends it at once. Does nothing if it is dead.
    void kill(disk_fate disk = disk_fate::kept);
    /// kill, then start.
    void restart(disk_fate disk = disk_fate::kept);
    /// Stops running its code, for as long as it takes; its clocks run on, messages wait for it or
    /// are lost, its leases end. Must be alive.
    void pause();
    /// Goes on after a pause: everything that fell due is due now.
    void resume();
    /// Between start and kill.
    [[nodiscard]] bool alive() const noexcept { return life_ != nullptr; }
    /// Between pause and resume (or kill).
    [[nodiscard]] bool paused() const noexcept { return paused_; }
    /// How often it was started.
    [[nodiscard]] std::uint64_t lives() const noexcept { return lives_; }

    /// Its stores are out of reach from now on: reads fail with errc::unavailable, writes too or
    /// with errc::outcome_unknown, watches fail at their next delivery.
    void cut_stores() noexcept { stores_cut_ = true; }
    /// Its stores are back.
    void mend_stores() noexcept { stores_cut_ = false; }
    /// Between cut_stores and mend_stores.
    [[nodiscard]] bool stores_cut() const noexcept { return stores_cut_; }

    /// Its strand. Only while alive; another one after each start.
    [[nodiscard]] core::runtime& runtime() const noexcept { return life_->runtime(); }
    /// Its side of the simulated network. Only while alive.
    [[nodiscard]] transport::transport& carrier() const noexcept { return *life_->carrier_; }
    /// Messages to its address arrive here. Only while alive.
    [[nodiscard]] transport::service& service() const noexcept { return life_->service(); }
    /// A connection to the simulation's metadata store, with its faults. Only while alive.
    [[nodiscard]] std::unique_ptr<storage::metadata_store> open_metadata();
    /// A connection to the simulation's object store, with its faults. Only while alive.
    [[nodiscard]] std::unique_ptr<storage::object_store> open_objects();
    /// A connection to the simulation's message stream, with its faults. Only while alive.
    [[nodiscard]] std::unique_ptr<storage::message_stream> open_streams();

    /// Runs `work` on its strand. An exception that leaves it fails the simulation.
    void spawn(awaitable<void> work);
    /// What `boot` returned, if it was a shared_ptr to a `Program`. Only while alive.
    template <class Program>
    [[nodiscard]] Program& program() const {
        return *static_cast<Program*>(life_->program_.get());
    }
    /// The life that it lives; nullptr when dead.
    [[nodiscard]] const std::shared_ptr<life>& current_life() const noexcept { return life_; }

    /// Its clocks, which outlive it: drift and jumps.
    [[nodiscard]] virtual_clock& clock() noexcept { return clock_; }
    /// A small durable disk: every write is synced. Survives a kill unless the disk is lost.
    [[nodiscard]] std::map<std::string, std::string>& disk() noexcept { return disk_; }
    /// Called at every kill, after the code has stopped: what a richer simulated disk does then
    /// (testing::simulated_disk drops what was not synced).
    void on_kill(std::function<void(disk_fate)> hook) { kill_hooks_.push_back(std::move(hook)); }

private:
    class log_to_story;
    class metrics_to_world;

    simulation* world_;
    std::string name_;
    boot_function boot_;
    virtual_clock clock_;
    std::unique_ptr<core::log_sink> log_;
    std::unique_ptr<core::metrics_sink> metrics_;
    core::random seeds_;
    std::shared_ptr<life> life_;
    std::uint64_t lives_ = 0;
    bool paused_ = false;
    bool stores_cut_ = false;
    std::map<std::string, std::string> disk_;
    std::vector<std::function<void(disk_fate)>> kill_hooks_;

    friend class life;
};

}  // namespace reeve::testing
