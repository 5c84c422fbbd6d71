#include "backends/memory/memory_engine.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace reeve::backends::detail {

namespace {

core::time_point later(core::time_point from, std::chrono::milliseconds by) {
    // A ttl of centuries must not overflow the clock.
    constexpr std::chrono::milliseconds far = std::chrono::hours(24 * 365 * 100);
    if (from == core::time_point::max() || by > far) return core::time_point::max();
    return from + std::max(by, -far);
}

constexpr std::size_t batch_changes = 1000;

}  // namespace

/// Holds the mutex; due leases have ended. At its end watchers are told, after the mutex is free.
class memory_engine::access {
public:
    explicit access(memory_engine& engine)
        : engine_(engine),
          lock_(engine.mutex_),
          revision_(engine.machine_.revision()),
          generation_(engine.generation_),
          deadline_(engine.first_deadline()) {
        engine.end_due();
    }
    access(const access&) = delete;
    access& operator=(const access&) = delete;
    ~access() {
        std::vector<std::shared_ptr<memory_hub>> wake;
        if (engine_.machine_.revision() != revision_ || engine_.generation_ != generation_ ||
            engine_.first_deadline() < deadline_) {
            wake = engine_.hubs_.alive();
        }
        lock_.unlock();
        for (const auto& hub : wake) poke(hub);
    }

private:
    memory_engine& engine_;
    std::unique_lock<std::mutex> lock_;
    storage::revision revision_;
    std::uint64_t generation_;
    core::time_point deadline_;
};

memory_engine::memory_engine(const memory_database_options& options)
    : options_(options),
      clock_(options.clock == nullptr ? &core::system_clock::instance() : options.clock) {}

void memory_engine::join(const std::shared_ptr<memory_hub>& hub) {
    const std::lock_guard lock(mutex_);
    hubs_.join(hub);
}

kv_result memory_engine::apply(const kv_command& command) {
    kv_result result = machine_.apply(command);
    if (machine_.history_size() > options_.history_max) {
        machine_.apply(kv_compact{machine_.compaction_for(options_.history_max)});
    }
    return result;
}

void memory_engine::set_deadline(storage::lease_id lease, core::time_point deadline) {
    if (options_.leases == lease_clock::by_hand) return;
    forget_deadline(lease);
    deadlines_.emplace(lease, deadline);
    order_.emplace(deadline, lease);
}

void memory_engine::forget_deadline(storage::lease_id lease) {
    const auto found = deadlines_.find(lease);
    if (found == deadlines_.end()) return;
    order_.erase({found->second, lease});
    deadlines_.erase(found);
}

core::time_point memory_engine::first_deadline() const noexcept {
    return order_.empty() ? core::time_point::max() : order_.begin()->first;
}

void memory_engine::end_due() {
    if (order_.empty()) return;
    const core::time_point moment = now();
    while (first_deadline() <= moment) {
        const storage::lease_id lease = order_.begin()->second;
        forget_deadline(lease);
        apply(kv_end_lease{lease});
    }
}

std::optional<storage::record> memory_engine::get(std::string_view key) {
    const access hold(*this);
    return machine_.get(key);
}

storage::page memory_engine::list(const storage::key_range& range, std::size_t limit) {
    if (limit == 0) throw error(errc::invalid_argument, "list with a limit of 0, at least 1");
    const access hold(*this);
    return machine_.list(range, std::min(limit, options_.limits.page_records_max));
}

storage::commit_result memory_engine::commit(const kv_commit& change) {
    storage::validate(change.change, options_.limits);
    const access hold(*this);
    kv_result result = apply(change);
    result.throw_failure();
    return std::move(result.commit);
}

storage::lease_grant memory_engine::grant(std::chrono::milliseconds ttl) {
    const access hold(*this);
    const kv_result result = apply(kv_grant{ttl});
    result.throw_failure();
    set_deadline(result.grant.id, later(now(), ttl));
    return result.grant;
}

std::chrono::milliseconds memory_engine::keep_alive(storage::lease_id lease) {
    const access hold(*this);
    const auto ttl = machine_.ttl(lease);
    if (!ttl) {
        throw error(errc::lease_not_found,
                    fmt::format("keep-alive of lease {}, which has ended or never was", lease));
    }
    set_deadline(lease, later(now(), *ttl));
    return *ttl;
}

bool memory_engine::end_lease(storage::lease_id lease) {
    const access hold(*this);
    if (!machine_.ttl(lease)) return false;
    forget_deadline(lease);
    apply(kv_end_lease{lease});
    return true;
}

bool memory_engine::delay_lease(storage::lease_id lease, std::chrono::milliseconds by) {
    const access hold(*this);
    if (!machine_.ttl(lease)) return false;
    const auto found = deadlines_.find(lease);
    if (found != deadlines_.end()) set_deadline(lease, later(found->second, by));
    return true;
}

std::uint64_t memory_engine::check_watch(storage::revision from) {
    if (!from) throw error(errc::invalid_argument, "watch from revision 0, at least 1");
    const access hold(*this);
    if (from <= machine_.compacted()) {
        throw error(errc::compacted, fmt::format("watch from revision {}: changes up to {} are "
                                                 "forgotten",
                                                 from, machine_.compacted()));
    }
    return generation_;
}

storage::change_batch memory_engine::changes(const storage::key_range& range,
                                             storage::revision from, std::uint64_t generation) {
    const access hold(*this);
    if (generation != generation_) {
        throw error(errc::unavailable, "watch: the database was restored from a snapshot");
    }
    return machine_.changes(range, from, batch_changes);
}

std::optional<std::chrono::nanoseconds> memory_engine::next_expiry() {
    const access hold(*this);
    const core::time_point first = first_deadline();
    if (first == core::time_point::max()) return std::nullopt;
    return first - now();
}

void memory_engine::compact(storage::revision up_to) {
    const access hold(*this);
    machine_.apply(kv_compact{up_to});
}

std::vector<storage::lease_id> memory_engine::leases() {
    const access hold(*this);
    return machine_.leases();
}

storage::revision memory_engine::revision() {
    const access hold(*this);
    return machine_.revision();
}

std::vector<storage::record> memory_engine::dump() {
    const access hold(*this);
    return machine_.list(storage::key_range::prefix(""), machine_.size() + 1).records;
}

std::string memory_engine::snapshot() {
    const access hold(*this);
    return machine_.snapshot();
}

void memory_engine::restore(std::string_view bytes) {
    const access hold(*this);
    machine_.restore(bytes);
    ++generation_;
    deadlines_.clear();
    order_.clear();
    for (const storage::lease_id lease : machine_.leases()) {
        set_deadline(lease, later(now(), *machine_.ttl(lease)));
    }
}

}  // namespace reeve::backends::detail
