// The operator's part in a world with segments: a backup of the metadata, and what follows when it
// has to be used.
#include "reeve/catalog/root.hpp"
#include "reeve/gc/marker.hpp"
#include "reeve/gc/pins.hpp"
#include "segment_world.hpp"

#include <chrono>
#include <utility>

namespace simulated {

using std::chrono::minutes;

void segment_world::take_copy() {
    gc::pins pins(world_.world_runtime(), *world_.metadata(), keys_, names_, "backup");
    std::string all(names_->root());
    const auto made = world_.run(pins.pin_prefix(std::move(all), "a backup"));
    world_.require(made.outcome == gc::pin_outcome::pinned, "the backup cannot pin what it names");
    copy_pin_ = made.number;
    copy_ = stores_.database->snapshot();
}

void segment_world::restore_copy() {
    feeding_ = false;
    world_.heal();
    for (const auto& one : world_.processes()) one->kill();
    // A request of the lost future that lands later would compare revisions that come again.
    world_.run_for(minutes(3));
    ledger_->set_times(object_times::told);
    stores_.database->restore(copy_);
    ledger_->restored(stores_.database->dump());
    ledger_->await_claim();
    world_.count("store restored");
    (void)world_.run(catalog::raise_lineage(*world_.metadata(), keys_));
    for (auto* one : coordinators_) one->start();
}

void segment_world::claim_restored() {
    const auto root = world_.run(catalog::read_root(*world_.metadata(), keys_));
    world_.require(root && root->lineage == model::lineage(2), "the lineage was not raised");
    if (world_.failed()) return;
    gc::pins pins(world_.world_runtime(), *world_.metadata(), keys_, names_, "restore");
    world_.require(world_.run(pins.unpin(copy_pin_)), "the backup's pin is not in the copy");
    ledger_->claimed();
    world_.run(gc::claim_data_root(*world_.objects(), *names_, *root, gc::claim::adopt));
}

}  // namespace simulated
