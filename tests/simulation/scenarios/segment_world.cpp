#include "segment_world.hpp"

#include "reeve/core/error.hpp"
#include "reeve/gc/marker.hpp"
#include "segment_programs.hpp"
#include "troubles.hpp"

#include <fmt/format.h>

#include <utility>

namespace simulated {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

segment_world::segment_world(testing::simulation& world, segment_world_options options)
    : world_(world), options_(options), stores_(testing::host_memory_stores(world)) {
    ledger_ = std::make_shared<segment_ledger>(world, keys_, names_);
    ledger_->set_retention(options.retention);
    watch_stores();
    for (std::uint32_t number = 0; number < options.coordinators; ++number) {
        coordinators_.push_back(
            &world.add(fmt::format("coordinator-{}", number), [this](testing::process& self) {
                return std::make_shared<segment_coordinator>(*this, self);
            }));
    }
    for (std::uint32_t number = 0; number < options.nodes; ++number) {
        nodes_.push_back(&world.add(fmt::format("node-{}", number), [this](testing::process& self) {
            return std::make_shared<segment_node>(*this, self);
        }));
    }
    writer_ = &world.add("writer", [this](testing::process& self) {
        return std::make_shared<segment_writer>(*this, self);
    });
}

segment_world::~segment_world() {
    for (const auto& one : world_.processes()) one->kill();
}

std::string segment_world::channel_name(std::uint32_t number) {
    return fmt::format("c{:03}", number);
}

void segment_world::start() {
    catalog::root_info root;
    root.cluster = "simulated";
    root.lineage = model::lineage(1);
    world_.run(gc::claim_data_root(*world_.objects(), *names_, root));
    for (auto* one : coordinators_) one->start();
    for (auto* one : nodes_) one->start();
    writer_->start();
}

testing::process* segment_world::leading() {
    for (auto* one : coordinators_) {
        if (!one->alive() || one->paused()) continue;
        if (one->program<segment_coordinator>().coordinator().leading()) return one;
    }
    return nullptr;
}

void segment_world::make_trouble(std::chrono::nanoseconds duration) {
    troubled_ = true;
    trouble();
    world_.run_for(duration / 2);
    drops_ = true;
    drop_last_collection();
    world_.run_for(duration / 2);
    troubled_ = false;
}

namespace {

awaitable<void> ask_drop(reeve::coordinator* office, model::collection_id collection) {
    try {
        const auto segments = office->segments();
        co_await segments->drop_collection(collection, "by the scenario");
    } catch (const error&) {
        // Deposed, or the store is away: asked again.
    }
}

}  // namespace

void segment_world::drop_last_collection() {
    drops_ = true;
    if (auto* office = leading()) {
        auto& coordinator = office->program<segment_coordinator>().coordinator();
        if (coordinator.segments()->drop_of(doomed())) return;
        office->spawn(ask_drop(&coordinator, doomed()));
    }
    world_.after(seconds(3), core::task([this] { drop_last_collection(); }));
}

/// For a while the object store does not say when anything was written.
void segment_world::lose_times() {
    if (ledger_->times() == object_times::unknown) return;
    ledger_->set_times(object_times::unknown);
    world_.count("times of objects lost");
    const auto longest = static_cast<std::uint64_t>(milliseconds(options_.sweep_orphans).count());
    world_.after(milliseconds(world_.random().between(longest, 3 * longest)),
                 core::task([this] { find_times(); }));
}

void segment_world::find_times() {
    if (sweep_stopped_by("does not say when")) world_.count("sweep stopped for lack of times");
    ledger_->set_times(object_times::told);
}

bool segment_world::sweep_stopped_by(std::string_view what) {
    auto* office = leading();
    if (office == nullptr) return false;
    const auto status = office->program<segment_coordinator>().coordinator().status();
    return status.orphans.trouble.find(what) != std::string::npos;
}

void segment_world::trouble() {
    const auto longest = static_cast<std::uint64_t>(options_.trouble_max.count());
    world_.after(milliseconds(world_.random().between(longest / 24, longest)), core::task([this] {
                     if (!troubled_) return;
                     auto& random = world_.random();
                     auto& all = random.chance(1, 3) ? coordinators_ : nodes_;
                     trouble_with(*all[random.below(all.size())]);
                     trouble();
                 }));
}

void segment_world::trouble_with(testing::process& victim) {
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
    switch (random.below(9)) {
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
            if (auto* office = leading()) {
                auto& coordinator = office->program<segment_coordinator>().coordinator();
                const auto channel = static_cast<std::uint32_t>(random.below(options_.channels));
                try {
                    coordinator.move(model::channel_name(channel_name(channel)),
                                     model::node_name(nodes_[random.below(nodes_.size())]->name()));
                    world_.count("move asked");
                } catch (const error&) {
                    // The channel or the node is not known right now.
                }
            }
            break;
        case 5:
            lose_times();
            break;
        case 6:
            victim.clock().jump_wall(seconds(random.below(200'000)) - seconds(100'000));
            world_.count("wall clock set");
            break;
        default:
            pause_for_a_while(world_, victim, options_.pause_max);
            break;
    }
}

void segment_world::repair() {
    troubled_ = false;
    feeding_ = false;
    options_.upload_pause.odds = testing::chance{0};
    ledger_->set_times(object_times::told);
    world_.heal();
    for (auto& one : world_.processes()) {
        one->mend_stores();
        if (!one->alive()) one->start();
        if (one->paused()) one->resume();
    }
}

std::string segment_world::missing() {
    auto* office = leading();
    if (office == nullptr) return "nobody leads";
    auto& coordinator = office->program<segment_coordinator>().coordinator();
    const auto status = coordinator.status();
    const auto& all = status.segments;
    if (all.growing + all.sealed + all.flushing != 0) {
        return fmt::format("{} growing, {} sealed, {} flushing", all.growing, all.sealed,
                           all.flushing);
    }
    if (drops_) {
        const auto far = coordinator.segments()->drop_of(doomed());
        if (!far) return "the drop is not recorded";
        if (far->state != model::drop_state::dropped) {
            return fmt::format("the drop waits for {} channels and {} segments", far->channels_left,
                               far->segments_left);
        }
    }
    const auto garbage = ledger_->garbage();
    if (!garbage.empty()) {
        return fmt::format("{} objects are garbage, such as {}", garbage.size(), garbage.front());
    }
    return ledger_->missing_rows();
}

void segment_world::require_convergence(std::chrono::nanoseconds limit) {
    // Everything is looked at: now and then is enough.
    const auto step = options_.look_every;
    for (std::chrono::nanoseconds waited{0}; waited < limit; waited += step) {
        if (world_.failed() || missing().empty()) return;
        world_.run_for(step);
    }
    auto* office = leading();
    world_.fail(fmt::format(
        "S6: {}\n{}", missing(),
        office == nullptr
            ? std::string()
            : to_string(office->program<segment_coordinator>().coordinator().status())));
}

void segment_world::require_quiet_failover() {
    // An old message may have asked for room: its segment is sealed when it was idle for long
    // enough.
    world_.run_for(seconds(150));
    require_convergence(minutes(5));
    if (world_.failed()) return;
    auto* office = leading();
    writer_->pause();  // its timestamps are writes
    const auto before = ledger_->writes();
    office->restart();
    const bool led = world_.run_until([this] { return leading() != nullptr; }, seconds(120));
    world_.run_for(seconds(20));
    if (world_.failed()) return;
    world_.require(led, "I5: no new leader");
    world_.require(ledger_->writes() == before,
                   "I5: a clean recovery has written " + ledger_->last_written());
}

}  // namespace simulated
