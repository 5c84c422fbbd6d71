#include "reeve/gc/pause.hpp"

#include "reeve/catalog/codec.hpp"

#include <chrono>
#include <utility>

namespace reeve::gc {

namespace {
constexpr std::size_t pause_page = 1000;
}

awaitable<pause_set> read_pauses(storage::metadata_store& store, const catalog::key_layout& keys) {
    pause_set found;
    catalog::decoder reader;
    auto rest = keys.gc_pauses();
    const auto all = keys.gc_paused(std::nullopt);
    while (true) {
        const auto page = co_await store.list(rest, pause_page);
        for (const auto& one : page.records) {
            const auto parsed = keys.parse(one.key);
            if (parsed.what != catalog::key_layout::kind::gc_paused) continue;
            model::gc_pause pause;
            reader.decode(one.key, one.value, pause);
            if (pause.state != model::gc_state::paused) continue;
            if (one.key == all) {
                found.all = std::move(pause);
            } else {
                found.collections.emplace(parsed.collection, std::move(pause));
            }
        }
        if (page.resume_at.empty()) co_return found;
        rest = storage::key_range(page.resume_at, rest.last());
    }
}

awaitable<void> set_paused(storage::metadata_store& store, const catalog::key_layout& keys,
                           std::optional<model::collection_id> scope, model::gc_state state,
                           std::string why, core::wall_time now) {
    const auto key = keys.gc_paused(scope);
    model::gc_pause wanted;
    wanted.state = state;
    wanted.why = std::move(why);
    wanted.since_ms =
        std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count();
    const auto value = catalog::encode(wanted);
    while (true) {
        const auto found = co_await store.get(key);
        storage::revision seen;
        if (found) {
            // What cannot be read is not overwritten.
            model::gc_pause before;
            catalog::decoder().decode(key, found->value, before);
            seen = found->modified;
        }
        storage::transaction change;
        change.if_modified_at(key, seen).put(key, value);
        const auto decided = co_await store.commit(std::move(change));
        if (decided) co_return;
    }
}

}  // namespace reeve::gc
