#include "reeve/gc/journal.hpp"

#include "reeve/catalog/codec.hpp"
#include "reeve/core/error.hpp"
#include "storage/printable.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <utility>

namespace reeve::gc {

namespace {
constexpr std::size_t journal_page = 100;
}

journal::journal(core::runtime& strand, storage::metadata_store& store,
                 const catalog::key_layout& keys, catalog::leader_guard guard, std::size_t slots)
    : strand_(strand),
      store_(store),
      keys_(keys),
      guard_(std::move(guard)),
      slots_(std::max<std::size_t>(slots, 1)) {}

awaitable<void> journal::write(model::gc_sweep sweep, std::vector<model::journal_object> objects) {
    for (std::size_t begin = 0; begin < objects.size(); begin += model::journal_objects_max) {
        const auto end = std::min(begin + model::journal_objects_max, objects.size());
        model::journal_entry entry;
        entry.sweep = sweep;
        entry.at_ms = std::chrono::duration_cast<std::chrono::milliseconds>(
                          strand_.wall_now().time_since_epoch())
                          .count();
        for (auto at = begin; at < end; ++at) {
            if (objects[at].name.size() > model::object_name_bytes_max) {
                objects[at].name.resize(model::object_name_bytes_max);
            }
            entry.objects.push_back(std::move(objects[at]));
        }
        co_await write_entry(std::move(entry));
    }
}

// An outcome that is not known leaves an entry, or none: the caller has deleted nothing yet, and
// its next try makes another.
awaitable<void> journal::write_entry(model::journal_entry entry) {
    while (true) {
        if (!loaded_) co_await load();
        if (last_ == std::numeric_limits<std::uint64_t>::max()) {
            throw error(errc::corrupt, "journal of garbage collection: no number is left");
        }
        entry.number = ++last_;
        const auto slot = static_cast<std::size_t>(entry.number % slots_.size());
        const auto key = keys_.gc_journal(slot);
        auto change = guard_.begin();
        change.if_modified_at(key, slots_[slot]).put(key, catalog::encode(entry));
        storage::commit_result decided;
        try {
            decided = co_await store_.commit(std::move(change));
        } catch (const error&) {
            loaded_ = false;  // the slot may be another than it was
            throw;
        }
        guard_.check(decided);
        if (decided) {
            slots_[slot] = decided.at;
            co_return;
        }
        loaded_ = false;
    }
}

awaitable<void> journal::load() {
    std::vector<storage::revision> slots(slots_.size());
    std::uint64_t last = 0;
    catalog::decoder reader;
    auto rest = keys_.gc_journals();
    while (!rest.first().empty()) {
        const auto page = co_await store_.list(rest, journal_page);
        for (const auto& one : page.records) {
            const auto parsed = keys_.parse(one.key);
            if (parsed.what != catalog::key_layout::kind::gc_journal) continue;
            model::journal_entry entry;
            reader.decode(one.key, one.value, entry);
            last = std::max(last, entry.number);
            if (parsed.number < slots.size()) {
                slots[static_cast<std::size_t>(parsed.number)] = one.modified;
            }
        }
        rest = storage::key_range(page.resume_at, rest.last());
    }
    slots_ = std::move(slots);
    last_ = std::max(last_, last);
    loaded_ = true;
}

awaitable<std::vector<model::journal_entry>> read_journal(storage::metadata_store& store,
                                                          const catalog::key_layout& keys) {
    std::vector<model::journal_entry> all;
    catalog::decoder reader;
    auto rest = keys.gc_journals();
    while (!rest.first().empty()) {
        const auto page = co_await store.list(rest, journal_page);
        for (const auto& one : page.records) {
            if (keys.parse(one.key).what != catalog::key_layout::kind::gc_journal) continue;
            reader.decode(one.key, one.value, all.emplace_back());
        }
        rest = storage::key_range(page.resume_at, rest.last());
    }
    std::sort(all.begin(), all.end(),
              [](const auto& left, const auto& right) { return left.number < right.number; });
    co_return all;
}

}  // namespace reeve::gc
