// A large change over a store whose transactions hold five writes, and what must be true of it.
#pragma once

#include "catalog/faulty_store.hpp"
#include "catalog/support.hpp"
#include "reeve/catalog/codec.hpp"
#include "reeve/catalog/commit_large.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace reeve::support {

struct batch_fixture : world {
    static constexpr std::size_t parts = 12;  // three transactions of them

    batch_fixture() { begin(); }

    // A store with one record that the batch changes, and a leader.
    void begin() {
        database = std::make_shared<backends::memory_database>();
        fresh = std::make_unique<backends::memory_metadata_store>(strand, database);
        faulty.emplace(*fresh);
        auto limits = fresh->limits();
        limits.conditions_max = 7;
        limits.operations_max = 5;
        faulty->set_limits(limits);
        guard = take_lead();
        write(record, "before");
        ids.emplace(*fresh, keys, guard, 100);
        run(ids->take(1));
    }
    catalog::leader_guard take_lead() {
        storage::transaction gone;
        gone.remove(keys.leader());
        run(fresh->commit(std::move(gone)));
        write(keys.leader(), "somebody");
        return catalog::leader_guard(keys.leader(),
                                     model::term(read(keys.leader())->created.value));
    }
    storage::revision write(const std::string& key, const std::string& value) {
        storage::transaction change;
        change.put(key, value);
        return run(fresh->commit(std::move(change))).at;
    }
    std::optional<storage::record> read(const std::string& key) { return run(fresh->get(key)); }
    // Lands as it was sent, now; true if the store took it.
    bool replay(storage::transaction change) { return bool(run(fresh->commit(std::move(change)))); }

    [[nodiscard]] std::string part_key(std::size_t at) const {
        return keys.host("files/" + std::to_string(10 + at));
    }
    catalog::large_change change(const std::string& attempt = "1") {
        catalog::large_change made;
        for (std::size_t at = 0; at < parts; ++at) {
            made.parts.push_back({part_key(at), "content " + attempt});
        }
        const auto seen = read(record);
        made.last.if_modified_at(record, seen->modified).put(record, "after " + attempt);
        return made;
    }

    // How many parts a reader sees.
    std::size_t visible() {
        const auto range = keys.hosts("files/");
        return run(catalog::list_visible(*fresh, keys, range, 1000)).records.size();
    }
    // L1, L4: all of one attempt, or nothing. Returns whether it took effect.
    bool check_whole() {
        const auto range = keys.hosts("files/");
        const auto page = run(catalog::list_visible(*fresh, keys, range, 1000));
        const auto value = read(record)->value;
        const bool changed = value != "before";
        CHECK(page.records.size() == (changed ? parts : 0));
        for (const auto& one : page.records) {
            CHECK("after " + one.value.substr(8) == value);
            CHECK(one.value.substr(0, 8) == "content ");
        }
        return changed;
    }
    // L5: no mark, no leftover, every slot idle.
    void check_tidy() {
        for (const auto& one : database->dump()) {
            INFO(one.key);
            CHECK(catalog::unmark(one.value).batch == 0);
            if (keys.parse(one.key).what != catalog::key_layout::kind::batch) continue;
            CHECK(one.value == catalog::encode(catalog::batch_slot{}));
        }
    }
    catalog::batch_slot slot(std::uint32_t number = 0) {
        catalog::batch_slot read_slot;
        const auto found = read(keys.batch(number));
        if (found) catalog::decoder().decode(found->key, found->value, read_slot);
        return read_slot;
    }
    // Transactions that create marked parts, and the one that commits.
    [[nodiscard]] bool is_part(const storage::transaction& sent) const {
        return !sent.operations().empty() &&
               catalog::unmark(sent.operations().front().value).batch != 0;
    }
    [[nodiscard]] bool is_move_to(const storage::transaction& sent, std::string_view state) const {
        if (sent.operations().empty()) return false;
        const auto& first = sent.operations().front();
        return keys.parse(first.key).what == catalog::key_layout::kind::batch &&
               first.value.find(state) != std::string::npos;
    }
    [[nodiscard]] storage::transaction sent_move(std::string_view state) const {
        for (const auto& one : faulty->sent) {
            if (is_move_to(one, state)) return one;
        }
        FAIL("no such transaction was sent");
        return {};
    }
    [[nodiscard]] std::vector<storage::transaction> sent_parts() const {
        std::vector<storage::transaction> all;
        for (const auto& one : faulty->sent) {
            if (is_part(one)) all.push_back(one);
        }
        return all;
    }
    awaitable<catalog::large_result> commit(catalog::large_change what) {
        catalog::large_transactions batches(*faulty, keys, guard, *ids);
        auto made = co_await batches.commit_large(std::move(what));
        co_return made;
    }
    // What became of it, as its caller learns.
    enum class learned { committed, rejected, not_applied, unknown, crashed };
    learned attempt(catalog::large_change what) {
        try {
            return run(commit(std::move(what))) ? learned::committed : learned::rejected;
        } catch (const crashed&) {
            return learned::crashed;
        } catch (const error& failure) {
            INFO(failure.what());
            if (failure.kind() == error_class::unknown_outcome) return learned::unknown;
            CHECK(failure.kind() == error_class::not_applied);
            return learned::not_applied;
        }
    }
    // A new leader over a store without faults.
    catalog::batch_repairs recover() {
        guard = take_lead();
        return run(catalog::recover_batches(*fresh, keys, guard));
    }

    const catalog::key_layout keys{"r"};
    const std::string record = keys.channel(model::channel_name("c"));
    std::unique_ptr<backends::memory_metadata_store> fresh;
    std::optional<faulty_store> faulty;
    catalog::leader_guard guard;
    std::optional<catalog::id_blocks> ids;
};

}  // namespace reeve::support
