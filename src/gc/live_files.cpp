#include "reeve/gc/live_files.hpp"

#include "reeve/core/random.hpp"

#include <algorithm>

namespace reeve::gc {

namespace {

// At most 4 of 5 slots are taken; from 64 slots on, a quarter is added at a time. When only a fifth
// is taken, half of them go.
constexpr std::size_t first_slots = 16;

bool full(std::size_t used, std::size_t slots) { return used * 5 >= slots * 4; }
bool sparse(std::size_t used, std::size_t slots) { return slots > 64 && used * 5 < slots; }
std::size_t grown(std::size_t slots) {
    return std::max(first_slots, slots + (slots < 64 ? slots : slots / 4));
}

}  // namespace

live_files::fingerprint live_files::of(const model::file_id& file) const noexcept {
    const std::uint64_t mixed = core::random(seed_ ^ file.epoch.value).next();
    const fingerprint made = core::random(mixed ^ file.number).next();
    return made == 0 ? 1 : made;
}

// The bits below those that chose the shard, scaled to the number of slots.
std::size_t live_files::shard::home(fingerprint of) const noexcept {
    const std::uint64_t low = (of << shard_bits) >> 32U;
    return static_cast<std::size_t>((low * slots.size()) >> 32U);
}

std::size_t live_files::shard::find(fingerprint of) const noexcept {
    std::size_t at = home(of);
    while (slots[at] != 0 && slots[at] != of) at = next(at);
    return at;
}

void live_files::shard::resize(std::size_t count) {
    std::vector<fingerprint> old(count, 0);
    old.swap(slots);
    for (const fingerprint one : old) {
        if (one != 0) slots[find(one)] = one;
    }
}

void live_files::add(const model::file_id& file) {
    const fingerprint one = of(file);
    shard& in = shards_[shard_of(one)];
    if (full(in.used + 1, in.slots.size())) in.resize(grown(in.slots.size()));
    fingerprint& slot = in.slots[in.find(one)];
    if (slot == one) {
        again_.push_back(one);
    } else {
        slot = one;
        ++in.used;
    }
    ++size_;
}

bool live_files::remove(const model::file_id& file) {
    const fingerprint one = of(file);
    shard& in = shards_[shard_of(one)];
    if (in.slots.empty()) return false;
    std::size_t hole = in.find(one);
    if (in.slots[hole] != one) return false;
    --size_;
    const auto twice = std::find(again_.begin(), again_.end(), one);
    if (twice != again_.end()) {
        again_.erase(twice);
        return true;
    }
    // Those behind move up, unless that would put them before their home.
    for (std::size_t at = in.next(hole); in.slots[at] != 0; at = in.next(at)) {
        const std::size_t home = in.home(in.slots[at]);
        const bool stays = hole <= at ? hole < home && home <= at : hole < home || home <= at;
        if (stays) continue;
        in.slots[hole] = in.slots[at];
        hole = at;
    }
    in.slots[hole] = 0;
    --in.used;
    if (sparse(in.used, in.slots.size())) in.resize(in.slots.size() / 2);
    return true;
}

bool live_files::contains(const model::file_id& file) const noexcept {
    const fingerprint one = of(file);
    const shard& in = shards_[shard_of(one)];
    return !in.slots.empty() && in.slots[in.find(one)] == one;
}

void live_files::prefetch(const model::file_id& file) const noexcept {
    const fingerprint one = of(file);
    const shard& in = shards_[shard_of(one)];
    if (!in.slots.empty()) __builtin_prefetch(&in.slots[in.home(one)]);
}

std::size_t live_files::memory() const noexcept {
    std::size_t slots = again_.capacity();
    for (const shard& one : shards_) slots += one.slots.capacity();
    return slots * sizeof(fingerprint);
}

}  // namespace reeve::gc
