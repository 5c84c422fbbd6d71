#include "catalog/batch_slots.hpp"

#include "reeve/core/error.hpp"
#include "storage/printable.hpp"

#include <fmt/format.h>

#include <charconv>
#include <optional>
#include <utility>

namespace reeve::catalog {

namespace {

constexpr std::string_view mark_head = "reeve-batch:";

// What is left to do before a slot may be freed.
struct sweep_result {
    std::size_t found = 0;  // parts that carried the id when they were listed
    std::optional<errc> failure;
};

storage::transaction settle_part(const storage::record& part, batch_state state) {
    storage::transaction item;
    // Whoever changed or removed the part in the meantime wins.
    item.if_modified_at(part.key, part.modified);
    if (state == batch_state::committed) {
        item.put(part.key, std::string(unmark(part.value).value));
    } else {
        item.remove(part.key);
    }
    return item;
}

// Lists the keys of the batch once, and settles each part that carries its id. No part can appear
// meanwhile: the slot is no longer open.
awaitable<sweep_result> sweep(storage::metadata_store& store, leader_guard guard, batch_slot slot) {
    sweep_result made;
    const auto last = storage::key_range::one(slot.last).last();
    std::string from = slot.first;
    while (!made.failure) {
        const storage::key_range rest(from, last);
        const auto page = co_await store.list(rest, 1000);
        std::vector<storage::transaction> items;
        for (const auto& one : page.records) {
            if (unmark(one.value).batch != slot.id) continue;
            items.push_back(settle_part(one, slot.state));
        }
        made.found += items.size();
        const auto results = co_await commit_items(store, guard, std::move(items));
        for (const auto& one : results) {
            if (one.outcome == item_outcome::unknown) made.failure = errc::outcome_unknown;
            if (one.outcome == item_outcome::not_applied && !made.failure) {
                made.failure = errc::unavailable;
            }
        }
        if (page.resume_at.empty()) break;
        from = page.resume_at;
    }
    co_return made;
}

batch_slot with_state(batch_slot slot, batch_state state) {
    if (state == batch_state::idle) return {};
    slot.state = state;
    return slot;
}

// One step towards idle. Returns the failure of a step that may be repeated.
awaitable<std::optional<errc>> step(storage::metadata_store& store, const key_layout& keys,
                                    leader_guard guard, seen_slot seen) {
    auto next = batch_state::aborted;
    if (seen.slot.state != batch_state::open) {
        const auto swept = co_await sweep(store, guard, seen.slot);
        // Freed only after a listing that found nothing (B6).
        if (swept.found != 0) co_return swept.failure;
        next = batch_state::idle;
    }
    auto change = move_slot(guard, keys, seen, with_state(seen.slot, next));
    try {
        const auto result = co_await store.commit(std::move(change));
        guard.check(result);
    } catch (const error& failure) {
        if (!may_repeat(failure)) throw;
        co_return failure.code_value();
    }
    co_return std::nullopt;
}

}  // namespace

std::string mark(std::uint64_t id, std::string_view value) {
    return fmt::format("{}{}:{}", mark_head, id, value);
}

marked_value unmark(std::string_view stored) noexcept {
    if (!stored.starts_with(mark_head)) return {0, stored};
    const auto digits = stored.substr(mark_head.size());
    std::uint64_t id = 0;
    const auto* end = digits.data() + digits.size();
    const auto [past, failure] = std::from_chars(digits.data(), end, id);
    const bool canonical =
        failure == std::errc{} && past != end && *past == ':' && id != 0 && digits.front() != '0';
    if (!canonical) return {0, stored};
    return {id, digits.substr(static_cast<std::size_t>(past - digits.data()) + 1)};
}

void refuse_marked(const storage::transaction& change) {
    for (const auto& one : change.operations()) {
        if (one.what != storage::operation::kind::put || unmark(one.value).batch == 0) continue;
        throw error(errc::invalid_argument,
                    fmt::format("record {}: its value begins with '{}' and a number, as parts of "
                                "large transactions do, and would be removed as one",
                                storage::printable(one.key), mark_head));
    }
}

bool part_visible(std::uint64_t batch, std::span<const batch_slot> slots) noexcept {
    if (batch == 0) return true;
    for (const auto& one : slots) {
        if (one.id == batch && one.state == batch_state::committed) return true;
    }
    return false;
}

storage::transaction move_slot(const leader_guard& guard, const key_layout& keys,
                               const seen_slot& from, const batch_slot& into) {
    const auto key = keys.batch(from.number);
    auto change = guard.begin();
    change.if_modified_at(key, from.modified).put(key, encode(into));
    return change;
}

std::size_t slot_condition(const leader_guard& guard) { return guard.begin().conditions().size(); }

awaitable<std::vector<seen_slot>> read_slots(storage::metadata_store& store,
                                             const key_layout& keys) {
    std::vector<seen_slot> all(batch_slots);
    for (std::uint32_t number = 0; number < batch_slots; ++number) all[number].number = number;
    auto rest = keys.batches();
    decoder reader;
    while (true) {
        const auto page = co_await store.list(rest, batch_slots + 1);
        for (const auto& one : page.records) {
            const auto parsed = keys.parse(one.key);
            if (parsed.what != key_layout::kind::batch) {
                throw error(errc::corrupt, fmt::format("record {}: not a slot of large "
                                                       "transactions",
                                                       storage::printable(one.key)));
            }
            std::uint32_t number = 0;
            std::from_chars(parsed.name.data(), parsed.name.data() + parsed.name.size(), number);
            reader.decode(one.key, one.value, all[number].slot);
            all[number].modified = one.modified;
        }
        if (page.resume_at.empty()) co_return all;
        rest = storage::key_range(page.resume_at, rest.last());
    }
}

awaitable<seen_slot> read_slot(storage::metadata_store& store, const key_layout& keys,
                               std::uint32_t number) {
    const auto key = keys.batch(number);
    const auto found = co_await store.get(key);
    seen_slot seen;
    seen.number = number;
    if (found) {
        decoder().decode(key, found->value, seen.slot);
        seen.modified = found->modified;
    }
    co_return seen;
}

awaitable<void> finish_slot(storage::metadata_store& store, const key_layout& keys,
                            leader_guard guard, std::uint32_t number) {
    int failures = 0;
    while (true) {
        const auto seen = co_await read_slot(store, keys, number);
        if (seen.slot.state == batch_state::idle) co_return;
        const auto failure = co_await step(store, keys, guard, seen);
        if (!failure || ++failures < step_tries_max) continue;
        throw error(*failure, fmt::format("{} batch {}", name(seen.slot.state), seen.slot.id));
    }
}

awaitable<storage::page> list_visible(storage::metadata_store& store, const key_layout& keys,
                                      storage::key_range range, std::size_t limit) {
    auto before = co_await read_slots(store, keys);
    while (true) {
        auto page = co_await store.list(range, limit);
        auto after = co_await read_slots(store, keys);
        bool same = true;
        std::vector<batch_slot> slots;
        for (std::uint32_t number = 0; number < batch_slots; ++number) {
            same = same && before[number].modified == after[number].modified;
            slots.push_back(after[number].slot);
        }
        before = std::move(after);
        if (!same) continue;
        std::vector<storage::record> visible;
        for (auto& one : page.records) {
            const auto taken_apart = unmark(one.value);
            if (!part_visible(taken_apart.batch, slots)) continue;
            if (taken_apart.batch != 0) one.value = std::string(taken_apart.value);
            visible.push_back(std::move(one));
        }
        page.records = std::move(visible);
        co_return page;
    }
}

}  // namespace reeve::catalog
