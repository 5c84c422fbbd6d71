#include "reeve/testing/simulated_disk.hpp"

#include "testing/disk_nodes.hpp"

#include <array>
#include <cerrno>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <set>
#include <system_error>
#include <utility>
#include <vector>

namespace reeve::testing {

namespace {

using backends::file_kind;
using namespace disk;

constexpr auto kinds = static_cast<std::size_t>(disk_effect::count_);

[[noreturn]] void fail_with(int number, const std::string& what) {
    throw std::system_error(number, std::generic_category(), what);
}

struct fault {
    std::uint64_t at;  // effects of its kind before it
    int number;
};

struct cut {
    std::uint64_t at;
    power_loss when;
};

}  // namespace

std::string_view name(disk_effect what) noexcept {
    constexpr std::array<std::string_view, kinds> names{
        "create",         "append",           "sync",          "link", "rename", "remove",
        "make_directory", "remove_directory", "sync_directory"};
    return what < disk_effect::count_ ? names[static_cast<std::size_t>(what)] : "?";
}

struct simulated_disk::state {
    state(std::uint64_t seed, const core::clock* given)
        : clock(given == nullptr ? &core::system_clock::instance() : given), numbers(seed) {}

    mutable std::mutex mutex;
    std::condition_variable unlocked;
    const core::clock* clock;
    core::random numbers;
    std::shared_ptr<node> root = std::make_shared<node>(file_kind::directory);
    std::set<const node*> locked;
    std::uint64_t life = 0;  // crashes so far
    bool dark = false;
    std::optional<cut> pending_cut;
    std::array<std::vector<fault>, kinds> faults;
    std::array<std::uint64_t, kinds> counts{};
    std::uint64_t total = 0;

    void require_power() const {
        if (dark) fail_with(EIO, "the power is cut");
    }

    // Counts an effect and does it, unless something is to go wrong with it. `half` is what an
    // injected failure leaves.
    template <class Change>
    void effect(disk_effect what, const std::function<void()>& half, Change change) {
        require_power();
        const auto kind = static_cast<std::size_t>(what);
        const auto number = counts[kind]++;
        const auto at = total++;
        if (pending_cut && pending_cut->at == at) {
            dark = true;
            unlocked.notify_all();
            if (pending_cut->when == power_loss::after) change();
            fail_with(EIO, "the power is cut");
        }
        for (auto it = faults[kind].begin(); it != faults[kind].end(); ++it) {
            if (it->at != number) continue;
            const int failure = it->number;
            faults[kind].erase(it);
            half();
            fail_with(failure, "injected failure of " + std::string(name(what)));
        }
        change();
    }
    template <class Change>
    void effect(disk_effect what, Change change) {
        effect(
            what, [] {}, std::move(change));
    }
};

class simulated_disk::open_file final : public backends::file {
public:
    open_file(std::shared_ptr<simulated_disk> disk, std::shared_ptr<node> target)
        : disk_(std::move(disk)), target_(std::move(target)), life_(disk_->state_->life) {}

    void append(std::string_view bytes) override {
        const std::lock_guard lock(disk_->state_->mutex);
        require_life();
        disk_->state_->effect(
            disk_effect::append, [&] { target_->bytes += bytes.substr(0, bytes.size() / 2); },
            [&] { target_->bytes += bytes; });
    }
    std::string read(std::uint64_t offset, std::size_t length) override {
        const std::lock_guard lock(disk_->state_->mutex);
        require_life();
        if (offset >= target_->bytes.size()) return {};
        return target_->bytes.substr(offset, length);
    }
    std::uint64_t size() override {
        const std::lock_guard lock(disk_->state_->mutex);
        require_life();
        return target_->bytes.size();
    }
    void sync() override {
        const std::lock_guard lock(disk_->state_->mutex);
        require_life();
        disk_->state_->effect(
            disk_effect::sync, [&] { target_->lose_unsynced(); }, [&] { target_->sync_bytes(); });
    }

private:
    void require_life() const {
        if (life_ != disk_->state_->life) fail_with(EIO, "a file of before the crash");
        disk_->state_->require_power();
    }

    std::shared_ptr<simulated_disk> disk_;
    std::shared_ptr<node> target_;
    std::uint64_t life_;
};

class simulated_disk::held_lock final : public backends::file_lock {
public:
    held_lock(std::shared_ptr<simulated_disk> disk, std::shared_ptr<node> target)
        : disk_(std::move(disk)), target_(std::move(target)), life_(disk_->state_->life) {}
    held_lock(const held_lock&) = delete;
    held_lock& operator=(const held_lock&) = delete;
    ~held_lock() override {
        const std::lock_guard lock(disk_->state_->mutex);
        if (life_ == disk_->state_->life) disk_->state_->locked.erase(target_.get());
        disk_->state_->unlocked.notify_all();
    }

private:
    std::shared_ptr<simulated_disk> disk_;
    std::shared_ptr<node> target_;
    std::uint64_t life_;
};

simulated_disk::simulated_disk(std::unique_ptr<state> initial) : state_(std::move(initial)) {}
simulated_disk::~simulated_disk() = default;

std::shared_ptr<simulated_disk> simulated_disk::make(std::uint64_t seed, const core::clock* clock) {
    return std::shared_ptr<simulated_disk>(
        new simulated_disk(std::make_unique<state>(seed, clock)));
}

std::unique_ptr<backends::file> simulated_disk::create(const std::string& path) {
    const std::lock_guard lock(state_->mutex);
    const auto where = find_parent(state_->root, path);
    std::shared_ptr<node> made;
    state_->effect(disk_effect::create, [&] {
        made = std::make_shared<node>(file_kind::regular);
        where.directory->add(where.name, made);
    });
    return std::make_unique<open_file>(shared_from_this(), made);
}

std::unique_ptr<backends::file> simulated_disk::open(const std::string& path) {
    const std::lock_guard lock(state_->mutex);
    state_->require_power();
    auto found = find(state_->root, path);
    if (!found) return nullptr;
    if (found->kind != file_kind::regular) fail_with(EISDIR, "open " + path);
    return std::make_unique<open_file>(shared_from_this(), std::move(found));
}

void simulated_disk::link(const std::string& from, const std::string& to) {
    const std::lock_guard lock(state_->mutex);
    const auto source = require(state_->root, from);
    const auto target = find_parent(state_->root, to);
    state_->effect(disk_effect::link, [&] { target.directory->add(target.name, source); });
}

void simulated_disk::rename(const std::string& from, const std::string& to) {
    const std::lock_guard lock(state_->mutex);
    const auto moved = require(state_->root, from);
    const auto source = find_parent(state_->root, from);
    const auto target = find_parent(state_->root, to);
    state_->effect(disk_effect::rename, [&] {
        const auto old = target.directory->find(target.name);
        if (old && old->kind != file_kind::regular) fail_with(EISDIR, "rename to " + to);
        if (old == moved) return;  // POSIX: two names of one file stay
        target.directory->set(target.name, moved);
        source.directory->set(source.name, nullptr);
    });
}

void simulated_disk::remove(const std::string& path) {
    const std::lock_guard lock(state_->mutex);
    const auto target = require(state_->root, path);
    const auto where = find_parent(state_->root, path);
    state_->effect(disk_effect::remove, [&] {
        if (target->kind != file_kind::regular) fail_with(EISDIR, "remove " + path);
        where.directory->set(where.name, nullptr);
    });
}

void simulated_disk::make_directory(const std::string& path) {
    const std::lock_guard lock(state_->mutex);
    const auto where = find_parent(state_->root, path);
    state_->effect(disk_effect::make_directory, [&] {
        where.directory->add(where.name, std::make_shared<node>(file_kind::directory));
    });
}

void simulated_disk::remove_directory(const std::string& path) {
    const std::lock_guard lock(state_->mutex);
    const auto target = require(state_->root, path);
    const auto where = find_parent(state_->root, path);
    state_->effect(disk_effect::remove_directory, [&] {
        if (target->kind != file_kind::directory) fail_with(ENOTDIR, "remove directory " + path);
        if (!target->entries.empty()) fail_with(ENOTEMPTY, "remove directory " + path);
        where.directory->set(where.name, nullptr);
    });
}

void simulated_disk::sync_directory(const std::string& path) {
    const std::lock_guard lock(state_->mutex);
    const auto target = require(state_->root, path);
    if (target->kind != file_kind::directory) fail_with(ENOTDIR, "sync directory " + path);
    state_->effect(disk_effect::sync_directory, [&] { target->sync_entries(); });
}

void simulated_disk::list(const std::string& path,
                          const std::function<void(std::string_view, file_kind)>& each) {
    std::vector<std::pair<std::string, file_kind>> entries;
    {
        const std::lock_guard lock(state_->mutex);
        state_->require_power();
        const auto target = require(state_->root, path);
        if (target->kind != file_kind::directory) fail_with(ENOTDIR, "list " + path);
        for (const auto& [entry, child] : target->entries) entries.emplace_back(entry, child->kind);
    }
    for (const auto& [entry, kind] : entries) each(entry, kind);  // it may use the disk
}

std::unique_ptr<backends::file_lock> simulated_disk::lock(const std::string& path,
                                                          backends::lock_wait wait) {
    std::unique_lock lock(state_->mutex);
    for (;;) {
        state_->require_power();
        auto target = find(state_->root, path);
        if (!target) {
            const auto where = find_parent(state_->root, path);
            target = std::make_shared<node>(file_kind::regular);
            where.directory->add(where.name, target);
        }
        if (state_->locked.insert(target.get()).second) {
            return std::make_unique<held_lock>(shared_from_this(), std::move(target));
        }
        if (wait == backends::lock_wait::never) return nullptr;
        state_->unlocked.wait(lock);
    }
}

core::wall_time simulated_disk::changed_at(const std::string& path) {
    const std::lock_guard lock(state_->mutex);
    state_->require_power();
    (void)require(state_->root, path);
    return state_->clock->wall_now();
}

core::wall_time simulated_disk::now() { return state_->clock->wall_now(); }

std::uint64_t simulated_disk::unique() {
    const std::lock_guard lock(state_->mutex);
    return state_->numbers.next();
}

void simulated_disk::crash(std::uint64_t seed) {
    const std::lock_guard lock(state_->mutex);
    core::random random(seed);
    state_->root = after_crash(*state_->root, random);
    state_->locked.clear();
    ++state_->life;
    state_->dark = false;
    state_->pending_cut.reset();
    for (auto& list : state_->faults) list.clear();
    state_->unlocked.notify_all();
}

void simulated_disk::cut_power() {
    const std::lock_guard lock(state_->mutex);
    state_->dark = true;
    state_->unlocked.notify_all();
}

void simulated_disk::cut_power_at(std::uint64_t effect, power_loss when) {
    const std::lock_guard lock(state_->mutex);
    state_->pending_cut = cut{state_->total + effect, when};
}

void simulated_disk::fail(disk_effect what, std::uint64_t nth, int number) {
    const std::lock_guard lock(state_->mutex);
    const auto kind = static_cast<std::size_t>(what);
    state_->faults[kind].push_back({state_->counts[kind] + nth, number});
}

std::uint64_t simulated_disk::effects() const {
    const std::lock_guard lock(state_->mutex);
    return state_->total;
}

std::uint64_t simulated_disk::effects(disk_effect what) const {
    const std::lock_guard lock(state_->mutex);
    return state_->counts[static_cast<std::size_t>(what)];
}

std::map<std::string, std::string> simulated_disk::contents() const {
    const std::lock_guard lock(state_->mutex);
    std::map<std::string, std::string> all;
    collect(*state_->root, "", all);
    return all;
}

void simulated_disk::plant(const std::string& path, std::string bytes) {
    const std::lock_guard lock(state_->mutex);
    plant_file(state_->root, path, std::move(bytes));
}

}  // namespace reeve::testing
