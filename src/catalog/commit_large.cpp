#include "reeve/catalog/commit_large.hpp"

#include "catalog/batch_slots.hpp"
#include "reeve/core/error.hpp"
#include "storage/printable.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <optional>
#include <unordered_set>
#include <utility>

namespace reeve::catalog {

namespace {

using decision = storage::commit_result::decision;

// Bytes that a mark adds to a value at most: its head, 20 digits and ':'.
constexpr std::size_t mark_bytes_max = 33;

// What the protocol's own conditions and its write of the slot leave of a transaction.
storage::store_limits left_by(storage::store_limits limits, const leader_guard& guard,
                              const key_layout& keys, const large_change& change) {
    const auto head = guard.begin();
    std::size_t key_bytes = 0;
    for (const auto& one : change.parts) key_bytes = std::max(key_bytes, one.key.size());
    // The slot's value names two keys; in JSON each of their bytes may take two.
    const auto used = head.bytes() + 2 * keys.batch(0).size() + 4 * key_bytes + 120;
    limits.conditions_max -= std::min(limits.conditions_max, head.conditions().size() + 1);
    limits.operations_max -= std::min<std::size_t>(limits.operations_max, 1);
    limits.bytes_max -= std::min(limits.bytes_max, used);
    return limits;
}

storage::transaction creation(const large_change::part& part, std::string value) {
    storage::transaction change;
    change.if_absent(part.key).put(part.key, std::move(value));
    return change;
}

// The kinds of which there can be many, and which nobody reads without this protocol in mind.
bool may_be_part(key_layout::kind what) noexcept {
    return what == key_layout::kind::channel || what == key_layout::kind::progress ||
           what == key_layout::kind::segment || what == key_layout::kind::binlog ||
           what == key_layout::kind::host;
}

// Refuses what could never be carried out, before anything is sent.
void check(const large_change& change, const key_layout& keys,
           const storage::store_limits& limits) {
    storage::validate(change.last, limits);
    refuse_marked(change.last);
    std::unordered_set<std::string_view> seen;
    for (const auto& one : change.last.conditions()) seen.insert(one.key);
    for (const auto& one : change.last.operations()) {
        seen.insert(one.key);
        if (keys.parse(one.key).what != key_layout::kind::batch) continue;
        throw error(errc::invalid_argument,
                    fmt::format("large change: writes the slot {}", storage::printable(one.key)));
    }
    for (const auto& one : change.parts) {
        const auto refuse = [&](std::string_view why) {
            throw error(errc::invalid_argument,
                        fmt::format("large change: part {}: {}", storage::printable(one.key), why));
        };
        if (!may_be_part(keys.parse(one.key).what)) refuse("no key that a part may create");
        if (unmark(one.value).batch != 0) refuse("the value looks like a marked one");
        if (!seen.insert(one.key).second) refuse("the key is there twice");
        storage::validate(creation(one, one.value + std::string(mark_bytes_max, ' ')), limits);
    }
}

bool fits(const storage::transaction& change, const storage::store_limits& limits) {
    return change.conditions().size() <= limits.conditions_max &&
           change.operations().size() <= limits.operations_max &&
           change.bytes() <= limits.bytes_max;
}

// The whole change as one transaction, if it fits: guard, conditions of `last`, absence of parts.
std::optional<storage::transaction> as_one(const large_change& change, const leader_guard& guard,
                                           const storage::store_limits& limits) {
    if (change.parts.size() > limits.operations_max) return std::nullopt;
    auto whole = guard.begin();
    whole.append(change.last);
    for (const auto& one : change.parts) whole.append(creation(one, one.value));
    if (!fits(whole, limits)) return std::nullopt;
    return whole;
}

large_result rejection(const storage::commit_result& result, const large_change& change,
                       std::size_t first) {
    large_result made;
    made.at = result.at;
    const auto own = change.last.conditions().size();
    for (const auto index : result.failed) {
        if (index < first) continue;
        if (index - first < own) {
            made.failed.push_back(index - first);
        } else if (index - first - own < change.parts.size()) {
            made.taken.push_back(change.parts[index - first - own].key);
        }
    }
    return made;
}

large_result success(storage::revision at) {
    large_result made;
    made.what = decision::committed;
    made.at = at;
    return made;
}

// A slot that this call uses; released when the call ends or is dropped.
class held_slot {
public:
    held_slot(std::shared_ptr<std::set<std::uint32_t>> in_use, std::uint32_t number)
        : in_use_(std::move(in_use)), number_(number) {
        in_use_->insert(number_);
    }
    ~held_slot() { in_use_->erase(number_); }
    held_slot(const held_slot&) = delete;
    held_slot& operator=(const held_slot&) = delete;
    [[nodiscard]] std::uint32_t number() const noexcept { return number_; }

private:
    std::shared_ptr<std::set<std::uint32_t>> in_use_;
    std::uint32_t number_;
};

std::uint32_t free_slot(const std::set<std::uint32_t>& in_use) {
    for (std::uint32_t number = 0; number < batch_slots; ++number) {
        if (!in_use.contains(number)) return number;
    }
    throw error(errc::resource_exhausted,
                fmt::format("all {} slots of large transactions are in use", batch_slots));
}

// One batch on its way through the protocol.
class batch_writer {
public:
    batch_writer(storage::metadata_store& store, const key_layout& keys, leader_guard guard,
                 const large_change& change, batch_slot wanted, std::uint32_t number)
        : store_(store),
          keys_(keys),
          guard_(std::move(guard)),
          limits_(store.limits()),
          change_(change),
          wanted_(std::move(wanted)) {
        mine_.number = number;
    }

    // B1. Only the id tells whether an open slot is ours.
    [[nodiscard]] awaitable<void> open() {
        for (int tries = 0;;) {
            const auto seen = co_await read_slot(store_, keys_, mine_.number);
            if (seen.slot == wanted_) {
                mine_ = seen;
                co_return;
            }
            if (seen.slot.state != batch_state::idle) {
                co_await finish_slot(store_, keys_, guard_, mine_.number);
                continue;
            }
            auto change = move_slot(guard_, keys_, seen, wanted_);
            try {
                const auto result = co_await store_.commit(std::move(change));
                guard_.check(result);
                // Decided either way: the next look says which.
            } catch (const error& failure) {
                if (!is_outcome_unknown(failure) || ++tries == step_tries_max) throw;
            }
        }
    }

    // B2. Returns the clash of a part whose key exists, or nothing when every part is there.
    [[nodiscard]] awaitable<std::optional<large_result>> write_parts() {
        std::size_t from = 0;
        while (from < change_.parts.size()) {
            auto part = head();
            const auto to = fill(part, from);
            auto clash = co_await write_part(std::move(part), from);
            if (clash) co_return clash;
            from = to;
        }
        co_return std::nullopt;
    }

    // B3. The one moment at which the batch takes effect.
    [[nodiscard]] awaitable<large_result> commit() {
        const auto own = slot_condition(guard_) + 1;
        for (int tries = 0; tries < step_tries_max; ++tries) {
            auto change = move_slot(guard_, keys_, mine_, in_state(batch_state::committed));
            change.append(change_.last);
            std::optional<error> failure;
            try {
                const auto result = co_await store_.commit(std::move(change));
                guard_.check(result);
                if (result) co_return success(result.at);
                const bool refused = !result.has_failed(own - 1);
                if (refused && tries == 0) co_return rejection(result, change_, own);
                if (refused) break;  // but a copy sent before may still land: abort first
            } catch (const error& thrown) {
                if (tries == 0 && !is_outcome_unknown(thrown)) throw;
                failure = thrown;
            }
            const auto decided = co_await look();
            if (decided) co_return *decided;
            if (failure && !may_repeat(*failure)) throw unknown();
        }
        // Sent and sent again, and still not known: abort, so that no copy can land any more.
        for (int tries = 0; tries < step_tries_max; ++tries) {
            auto change = move_slot(guard_, keys_, mine_, in_state(batch_state::aborted));
            try {
                co_await store_.commit(std::move(change));
            } catch (const error& failure) {
                if (!may_repeat(failure)) throw unknown();
            }
            const auto decided = co_await look();
            if (decided) co_return *decided;
        }
        throw unknown();
    }

private:
    [[nodiscard]] batch_slot in_state(batch_state state) const {
        auto slot = wanted_;
        slot.state = state;
        return slot;
    }
    [[nodiscard]] error unknown() const {
        return {errc::outcome_unknown, fmt::format("commit of batch {}", wanted_.id)};
    }
    [[nodiscard]] error aborted() const {
        return {errc::unavailable,
                fmt::format("batch {} was aborted; it never took effect", wanted_.id)};
    }
    // What the slot says of a commit that may have happened; nothing: it is still open. Once the
    // slot is somebody else's it says nothing about us any more.
    [[nodiscard]] awaitable<std::optional<large_result>> look() {
        std::optional<seen_slot> seen;
        try {
            seen = co_await read_slot(store_, keys_, mine_.number);
        } catch (const std::exception&) {
            throw unknown();  // not the failure to read, nor a cancellation, is what matters
        }
        if (seen->slot == in_state(batch_state::committed)) co_return success(seen->modified);
        if (seen->slot == in_state(batch_state::aborted)) throw aborted();
        if (seen->slot != wanted_) throw unknown();
        co_return std::nullopt;
    }

    // The guard, and that the slot is as we opened it.
    [[nodiscard]] storage::transaction head() const {
        auto change = guard_.begin();
        change.if_modified_at(keys_.batch(mine_.number), mine_.modified);
        return change;
    }
    // Adds as many parts as fit, at least one; returns the first that does not.
    std::size_t fill(storage::transaction& into, std::size_t from) const {
        auto at = from;
        for (; at < change_.parts.size(); ++at) {
            const auto& one = change_.parts[at];
            const auto bytes = into.bytes() + 2 * one.key.size() + one.value.size();
            const bool room = into.conditions().size() < limits_.conditions_max &&
                              into.operations().size() < limits_.operations_max &&
                              bytes + mark_bytes_max <= limits_.bytes_max;
            if (!room && at != from) break;
            into.append(creation(one, mark(wanted_.id, one.value)));
        }
        return at;
    }
    [[nodiscard]] awaitable<std::optional<large_result>> write_part(storage::transaction part,
                                                                    std::size_t from) {
        const auto slot_at = slot_condition(guard_);
        for (int tries = 0;;) {
            auto copy = part;
            storage::commit_result result;
            try {
                result = co_await store_.commit(std::move(copy));
            } catch (const error& failure) {
                if (!is_outcome_unknown(failure) || ++tries == step_tries_max) throw;
                continue;
            }
            guard_.check(result);
            if (result) co_return std::nullopt;
            if (result.has_failed(slot_at)) throw aborted();
            // A key is there: ours, from a copy whose outcome was unknown, or somebody else's.
            const auto first = change_.parts[from].key;
            const auto found = co_await store_.get(first);
            if (found && unmark(found->value).batch == wanted_.id) co_return std::nullopt;
            large_result clash;
            clash.at = result.at;
            for (const auto index : result.failed) {
                if (index > slot_at) clash.taken.push_back(part.conditions()[index].key);
            }
            co_return clash;
        }
    }

    storage::metadata_store& store_;
    const key_layout& keys_;
    leader_guard guard_;
    storage::store_limits limits_;
    const large_change& change_;
    batch_slot wanted_;
    seen_slot mine_;
};

}  // namespace

large_transactions::large_transactions(storage::metadata_store& store, const key_layout& keys,
                                       leader_guard guard, id_blocks& ids)
    : store_(store),
      keys_(keys),
      guard_(std::move(guard)),
      ids_(ids),
      in_use_(std::make_shared<std::set<std::uint32_t>>()) {}

awaitable<large_result> large_transactions::commit_large(large_change change) {
    const auto limits = store_.limits();
    check(change, keys_, left_by(limits, guard_, keys_, change));
    auto whole = as_one(change, guard_, limits);
    if (!whole) {
        auto made = co_await commit_batch(std::move(change));
        co_return made;
    }
    const auto result = co_await store_.commit(std::move(*whole));
    guard_.check(result);
    if (result) co_return success(result.at);
    co_return rejection(result, change, slot_condition(guard_));
}

awaitable<large_result> large_transactions::commit_batch(large_change change) {
    const held_slot held(in_use_, free_slot(*in_use_));
    batch_slot wanted;
    wanted.state = batch_state::open;
    const auto by_key = [](const auto& a, const auto& b) { return a.key < b.key; };
    const auto ends = std::minmax_element(change.parts.begin(), change.parts.end(), by_key);
    wanted.first = ends.first->key;
    wanted.last = ends.second->key;
    std::exception_ptr failure;
    std::optional<large_result> result;
    bool committing = false;
    try {
        wanted.id = co_await ids_.take(1);
        batch_writer writer(store_, keys_, guard_, change, wanted, held.number());
        co_await writer.open();
        result = co_await writer.write_parts();
        committing = !result;
        if (committing) result = co_await writer.commit();
    } catch (const error& thrown) {
        failure = std::current_exception();
        // Whatever became of the steps before it: without its commit a batch has no effect.
        if (!committing && is_outcome_unknown(thrown)) {
            failure = std::make_exception_ptr(error(errc::unavailable, thrown.context()));
        }
    }
    co_await tidy(held.number());
    if (failure) std::rethrow_exception(failure);
    co_return std::move(*result);
}

// Finishes the slot, at best effort: the outcome is decided, and what is left here is finished
// before the slot is used again, or by recovery, which report what they cannot do.
awaitable<void> large_transactions::tidy(std::uint32_t number) {
    try {
        co_await finish_slot(store_, keys_, guard_, number);
    } catch (const std::exception&) {
        co_return;  // neither a failure nor a cancellation may hide what was decided
    }
}

awaitable<batch_repairs> large_transactions::recover() {
    batch_repairs made;
    const auto slots = co_await read_slots(store_, keys_);
    for (const auto& seen : slots) {
        if (seen.slot.state == batch_state::idle || in_use_->contains(seen.number)) continue;
        const held_slot held(in_use_, seen.number);
        co_await finish_slot(store_, keys_, guard_, seen.number);
        if (seen.slot.state == batch_state::committed) {
            ++made.completed;
        } else {
            ++made.aborted;
        }
    }
    co_return made;
}

awaitable<batch_repairs> recover_batches(storage::metadata_store& store, const key_layout& keys,
                                         leader_guard guard) {
    id_blocks no_ids(store, keys, guard);
    large_transactions batches(store, keys, guard, no_ids);
    auto made = co_await batches.recover();
    co_return made;
}

}  // namespace reeve::catalog
