#include "reeve/testing/process.hpp"

#include "reeve/core/event.hpp"
#include "reeve/testing/faulty_message_stream.hpp"
#include "reeve/testing/faulty_metadata_store.hpp"
#include "reeve/testing/faulty_object_store.hpp"
#include "reeve/testing/simulated_network.hpp"
#include "reeve/testing/simulation.hpp"
#include "testing/simulation/lane_loop.hpp"

#include <fmt/format.h>
#include <boost/asio/co_spawn.hpp>

#include <stdexcept>
#include <utility>

namespace reeve::testing {

/// Log lines become lines of the story.
class process::log_to_story final : public core::log_sink {
public:
    explicit log_to_story(process& owner) : owner_(&owner) {}
    [[nodiscard]] bool enabled(core::log_level) const noexcept override {
        return owner_->world().log().enabled();
    }
    void write(core::log_level level, std::string_view component,
               std::string_view text) noexcept override {
        const bool loud = level >= core::log_level::warning;
        owner_->world().note(owner_->name(), "{} {}: {}", loud ? "WARN" : "log", component, text);
    }

private:
    process* owner_;
};

/// What the code under test counts is an event of the scenario.
class process::metrics_to_world final : public core::metrics_sink {
public:
    explicit metrics_to_world(simulation& world) : world_(&world) {}
    void count(std::string_view name, double by) noexcept override {
        world_->count(name, static_cast<std::uint64_t>(by));
    }
    void set(std::string_view, double) noexcept override {}

private:
    simulation* world_;
};

life::life(process& owner, std::uint64_t number)
    : owner_(&owner),
      number_(number),
      lane_(owner.world().events().open(fmt::format("{}#{}", owner.name(), number))),
      loop_(std::make_unique<detail::lane_loop>(owner.world().events(), owner.clock(), lane_)),
      service_(std::make_unique<transport::service>()) {
    core::runtime_options options;
    options.clock = &owner.clock();
    options.log = owner.log_.get();
    options.metrics = owner.metrics_.get();
    options.seed = owner.seeds_.next();
    runtime_ = std::make_unique<core::runtime>(*loop_, options);
}

life::~life() = default;

verdict life::enter(effect_kind kind, std::string_view detail) {
    if (!alive_) return verdict::crash_before;
    owner_->world().events().trace(static_cast<std::uint64_t>(kind));
    effect_gate* const gate = owner_->world().gate();
    if (gate == nullptr) return verdict::proceed;
    const verdict decided = gate->decide({kind, owner_->name(), detail});
    if (decided != verdict::proceed) {
        owner_->world().note(owner_->name(), "crash point at {} {}", testing::name(kind), detail);
    }
    if (decided == verdict::crash_before) end();
    return decided;
}

void life::end() {
    if (alive_) owner_->kill();
}

awaitable<void> life::stopped() {
    core::event never(*runtime_);
    co_await never.wait();
}

void life::bury() noexcept {
    program_.reset();
    carrier_.reset();
    service_.reset();
    runtime_.reset();
}

process::process(simulation& world, std::string name, boot_function boot)
    : world_(&world),
      name_(std::move(name)),
      boot_(std::move(boot)),
      clock_(world.events()),
      log_(std::make_unique<log_to_story>(*this)),
      metrics_(std::make_unique<metrics_to_world>(world)),
      seeds_(world.events().fork_random()) {}

process::~process() { kill(); }

void process::start() {
    if (alive()) throw std::logic_error("simulation: " + name_ + " is already started");
    world_->note(name_, "started, life {}", lives_ + 1);
    life_ = std::make_shared<life>(*this, ++lives_);
    life_->carrier_ = world_->network().open(life_);
    const auto starting = life_;
    starting->program_ = boot_(*this);
}

void process::kill(disk_fate disk) {
    if (!alive()) return;
    const std::shared_ptr<life> ended = std::move(life_);
    life_ = nullptr;
    paused_ = false;
    world_->note(name_, "killed");
    ended->alive_ = false;
    world_->events().close(ended->lane_);
    ended->runtime_->shutdown();
    // If the kill comes from its own code, that code still uses what it stands on.
    world_->events().after_this_event(core::task([ended] { ended->bury(); }));
    if (disk == disk_fate::lost) disk_.clear();
    for (const auto& hook : kill_hooks_) hook(disk);
}

void process::restart(disk_fate disk) {
    kill(disk);
    start();
}

void process::pause() {
    if (!alive()) throw std::logic_error("simulation: " + name_ + " is dead and cannot pause");
    if (paused_) return;
    paused_ = true;
    world_->note(name_, "paused");
    world_->events().pause(life_->lane_);
}

void process::resume() {
    if (!paused_) return;
    paused_ = false;
    world_->note(name_, "resumed");
    world_->events().resume(life_->lane_);
}

namespace {

/// What the world hosts, or a clear error.
template <class Store>
const std::shared_ptr<Store>& hosted(const std::shared_ptr<Store>& store, const char* what) {
    if (store == nullptr) throw std::logic_error(std::string("simulation: it hosts no ") + what);
    return store;
}

}  // namespace

std::unique_ptr<storage::metadata_store> process::open_metadata() {
    return std::make_unique<faulty_metadata_store>(
        *this, hosted(world_->metadata(), "metadata store"), world_->faults().metadata);
}

std::unique_ptr<storage::object_store> process::open_objects() {
    return std::make_unique<faulty_object_store>(*this, hosted(world_->objects(), "object store"),
                                                 world_->faults().objects);
}

std::unique_ptr<storage::message_stream> process::open_streams() {
    return std::make_unique<faulty_message_stream>(
        *this, hosted(world_->streams(), "message stream"), world_->faults().streams);
}

void process::spawn(awaitable<void> work) {
    auto finish = [world = world_, who = name_](const std::exception_ptr& failure) {
        if (!failure) return;
        try {
            std::rethrow_exception(failure);
        } catch (const std::exception& thrown) {
            world->fail(fmt::format("{}: an exception left its program: {}", who, thrown.what()));
        }
    };
    boost::asio::co_spawn(runtime().executor(), std::move(work), std::move(finish));
}

}  // namespace reeve::testing
