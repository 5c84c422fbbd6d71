#include "channel_programs.hpp"
#include "reeve/core/error.hpp"
#include "troubles.hpp"

#include <fmt/format.h>

#include <utility>

namespace simulated {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

channel_world::channel_world(testing::simulation& world, channel_world_options options)
    : world_(world), options_(options), stores_(testing::host_memory_stores(world)) {
    ledger_ = std::make_shared<channel_ledger>(world, world.metadata(), keys_);
    world.host(std::static_pointer_cast<storage::metadata_store>(ledger_));
    for (std::uint32_t number = 0; number < options.coordinators; ++number) {
        coordinators_.push_back(
            &world.add(fmt::format("coordinator-{}", number), [this](testing::process& self) {
                return std::make_shared<coordinator_program>(*this, self);
            }));
    }
    for (std::uint32_t number = 0; number < options.nodes; ++number) {
        auto& added = world.add(fmt::format("node-{}", number), [this](testing::process& self) {
            return std::make_shared<node_program>(*this, self);
        });
        added.on_kill([this, name = added.name()](testing::disk_fate) { census_.killed(name); });
        nodes_.push_back(&added);
    }
}

channel_world::~channel_world() {
    for (const auto& one : world_.processes()) one->kill();
}

std::string channel_world::channel_name(std::uint32_t number) {
    return fmt::format("c{:03}", number);
}

coordinator_options channel_world::coordinator_settings(const std::string& name) const {
    coordinator_options settings;
    settings.root = keys_.root();
    settings.cluster = "simulated";
    settings.leadership.coordinator = name;
    settings.leadership.address = name;
    settings.leadership.lease.ttl = options_.ttl;
    settings.members.ttl_unknown = options_.ttl;
    settings.channels.leave = options_.leave;
    settings.channels.balance = options_.balance;
    settings.channels.epoch_block = 50;
    settings.channels.seed = world_.seed();
    return settings;
}

node_options channel_world::node_settings(const std::string& name) const {
    node_options settings;
    settings.root = keys_.root();
    settings.self.name = model::node_name(name);
    settings.self.address = name;
    settings.lease.ttl = options_.ttl;
    return settings;
}

void channel_world::start() {
    for (auto* one : coordinators_) one->start();
    for (auto* one : nodes_) one->start();
    for (std::uint32_t number = 0; number < options_.channels; ++number) feed(number);
}

/// Appends the channel's next row, and comes back.
void channel_world::feed(std::uint32_t number) {
    if (!feeding_) return;
    const auto spread = static_cast<std::uint64_t>(options_.append_every.count());
    const auto pause = milliseconds(world_.random().between(spread / 2, spread * 3 / 2));
    world_.after(
        pause, core::task([this, number] {
            if (!feeding_) return;
            const std::string channel = channel_name(number);
            const std::uint64_t row = ledger_->channels()[channel].appended + 1;
            auto append = [](channel_world& self, std::string name,
                             std::uint64_t next) -> awaitable<void> {
                const auto at = co_await self.world_.streams()->append(name, std::to_string(next));
                self.ledger_->appended(name, next, at.value);
            };
            boost::asio::co_spawn(world_.world_runtime().executor(), append(*this, channel, row),
                                  [](const std::exception_ptr&) {});
            feed(number);
        }));
}

void channel_world::make_trouble(std::chrono::nanoseconds duration) {
    troubled_ = true;
    trouble();
    world_.run_for(duration);
    troubled_ = false;
}

void channel_world::trouble() {
    const auto pause = milliseconds(world_.random().between(500, 12000));
    world_.after(pause, core::task([this] {
                     if (!troubled_) return;
                     auto& random = world_.random();
                     const bool coordinator = random.chance(1, 4);
                     auto& all = coordinator ? coordinators_ : nodes_;
                     trouble_with(*all[random.below(all.size())]);
                     trouble();
                 }));
}

void channel_world::trouble_with(testing::process& victim) {
    auto& random = world_.random();
    if (!victim.alive()) {
        victim.start();
        world_.count("process restarted");
        return;
    }
    if (victim.paused()) {
        victim.resume();
        return;
    }
    const std::string& other = world_.processes()[random.below(world_.processes().size())]->name();
    switch (random.below(options_.check_politeness ? 8 : 13)) {
        case 0:
            victim.kill();
            break;
        case 1:
            victim.restart();
            world_.count("process restarted");
            break;
        case 2:
            cut_for_a_while(world_, victim, other);
            break;
        case 3:
            cut_stores_for_a_while(world_, victim);
            break;
        case 4:
        case 5:
        case 6:
            trouble_with_office();
            break;
        case 7:
            // By years if need be: nothing may depend on the calendar.
            victim.clock().jump_wall(seconds(random.below(200'000'000)) - seconds(100'000'000));
            world_.count("wall clock set");
            break;
        case 8:
        case 9:
            trouble_with_clock(victim);
            break;
        default:
            pause_for_a_while(world_, victim);
            break;
    }
}

namespace {

/// What an operator asks for; it may fail as anything may.
awaitable<void> ask_drain(reeve::coordinator* leading, testing::simulation* world,
                          model::node_name node, bool wanted) {
    try {
        if (wanted) {
            co_await leading->drain(std::move(node), "trouble");
        } else {
            co_await leading->undrain(std::move(node));
        }
        world->count(wanted ? "node drained" : "node taken back");
    } catch (const error&) {
        // Deposed, or the store is away.
    }
}

}  // namespace

/// Somebody asks the leader for something about a node.
void channel_world::trouble_with_office() {
    auto& random = world_.random();
    auto* office = leading_process();
    if (office == nullptr) return;
    auto& coordinator = office->program<coordinator_program>().coordinator();
    const model::node_name node(nodes_[random.below(nodes_.size())]->name());
    if (random.chance(1, 3)) {
        office->spawn(ask_drain(&coordinator, &world_, node, random.chance(1, 2)));
        return;
    }
    const auto name = channel_name(static_cast<std::uint32_t>(random.below(options_.channels)));
    try {
        coordinator.move(model::channel_name(name), node);
        world_.count("move asked");
    } catch (const error&) {
        // The channel or the node is not known right now.
    }
}

/// As of a machine that was suspended, or whose clock runs wrong.
void channel_world::trouble_with_clock(testing::process& victim) {
    auto& random = world_.random();
    if (random.chance(1, 2)) {
        victim.clock().jump(milliseconds(random.between(100, 60000)));
        world_.count("clock jumped");
    } else {
        victim.clock().set_drift(static_cast<std::int64_t>(random.below(800'001)) - 400'000);
        world_.count("clock drifts");
    }
}

/// Until nothing drains; a request that was lost, or lands late, is asked for again.
void channel_world::undrain_all() {
    world_.after(seconds(5), core::task([this] {
                     if (!undraining_) return;
                     if (auto* office = leading_process()) {
                         auto& coordinator = office->program<coordinator_program>().coordinator();
                         for (auto* one : nodes_) {
                             const model::node_name node(one->name());
                             office->spawn(ask_drain(&coordinator, &world_, node, false));
                         }
                     }
                     undrain_all();
                 }));
}

void channel_world::repair() {
    troubled_ = false;
    stop_feeding();
    world_.heal();
    undraining_ = true;
    undrain_all();
    for (auto& one : world_.processes()) {
        one->mend_stores();
        one->clock().set_drift(0);
        if (!one->alive()) one->start();
        if (one->paused()) one->resume();
    }
}

testing::process* channel_world::leading_process() {
    for (auto* one : coordinators_) {
        if (!one->alive() || one->paused()) continue;
        if (one->program<coordinator_program>().coordinator().leading()) return one;
    }
    return nullptr;
}

reeve::coordinator* channel_world::leader() {
    auto* found = leading_process();
    return found == nullptr ? nullptr : &found->program<coordinator_program>().coordinator();
}

std::string channel_world::missing() {
    auto* leading = leader();
    if (leading == nullptr) return "nobody leads";
    if (leading->status().drains != 0) return "a node is still being drained";
    for (std::uint32_t number = 0; number < options_.channels; ++number) {
        const std::string name = channel_name(number);
        const auto found = leading->find_channel(model::channel_name(name));
        if (!found) return fmt::format("{} is not known", name);
        if (found->entry.state != model::channel_state::registered || !found->waiting_for.empty()) {
            return fmt::format("{} is {}: {}", name, model::name(found->entry.state),
                               found->waiting_for);
        }
        if (!census_.consumed(name)) return fmt::format("nobody consumes {}", name);
        const auto& facts = ledger_->channels()[name];
        if (facts.covered != facts.appended) {
            return fmt::format("{} has {} durable rows of {}", name, facts.covered, facts.appended);
        }
    }
    const auto plan = leading->plan();  // I6: what has converged plans nothing
    if (plan.empty()) return {};
    return fmt::format("{}: {} ({})", plan.front().channel, plan.front().action, plan.front().why);
}

bool channel_world::converged() { return missing().empty(); }

void channel_world::require_convergence(std::chrono::nanoseconds limit) {
    const bool done = world_.run_until([this] { return converged(); }, limit);
    if (world_.failed()) return;
    if (!done) {
        auto* leading = leader();
        world_.fail(fmt::format("I4: {}\n{}", missing(),
                                leading == nullptr ? std::string() : to_string(leading->status())));
        return;
    }
}

/// I5: a new leader that finds everything as it should be writes nothing but the leader key.
void channel_world::require_quiet_failover() {
    // What was on its way when the faults ended has landed by then, and the load is balanced.
    world_.run_for(seconds(150));
    undraining_ = false;
    require_convergence(minutes(1));
    if (world_.failed()) return;
    for (auto* one : coordinators_) {
        if (!one->alive() || !one->program<coordinator_program>().coordinator().leading()) continue;
        const std::uint64_t before = ledger_->writes();
        one->restart();
        const bool led = world_.run_until([this] { return converged(); }, seconds(120));
        if (world_.failed()) return;
        world_.require(led, "I5: no new leader");
        world_.require(ledger_->writes() == before, "I5: a clean recovery has written something");
        return;
    }
}

void channel_world::count_rare_events() {
    for (auto* one : nodes_) {
        if (one->lives() > 1) world_.count("node restarted");
    }
}

}  // namespace simulated
