// What must be true of every history of procedures, and of the world when all is quiet.
#pragma once

#include "procedure/world.hpp"
#include "reeve/testing/simulated_network.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace closing {

/// Coordinators and nodes, and what is checked of them.
class around {
public:
    around(testing::simulation& world, const world_options& options)
        : world_(world), options_(options), memory_(testing::host_memory_stores(world)) {
        for (std::uint32_t at = 0; at < options.nodes; ++at) add<node_program>(node_name(at));
        for (std::uint32_t at = 0; at < options.coordinators; ++at) {
            add<head_program>(coordinator_name(at));
        }
    }

    void start() {
        for (const auto& one : world_.processes()) {
            if (!one->alive()) one->start();
        }
    }
    /// Starts whoever is dead, until `done`; a crash point may kill somebody once more.
    void settle(const std::function<bool()>& done) {
        const auto dead = [this] {
            return std::any_of(world_.processes().begin(), world_.processes().end(),
                               [](const auto& one) { return !one->alive(); });
        };
        for (int round = 0; round < 3 && !done(); ++round) {
            start();
            world_.run_until([&] { return done() || dead(); }, std::chrono::minutes(2));
        }
        world_.require(done(), "it does not settle: " + status());
    }
    [[nodiscard]] testing::process& node(std::uint32_t number) {
        return *world_.find(node_name(number));
    }
    /// No coordinator reaches this node any more.
    void cut_off(std::uint32_t number) {
        for (std::uint32_t at = 0; at < options_.coordinators; ++at) {
            world_.network().cut_both(coordinator_name(at), node_name(number));
        }
    }
    /// The engine of whoever leads; null: nobody.
    [[nodiscard]] std::shared_ptr<procedure::engine> engine() {
        for (std::uint32_t at = 0; at < options_.coordinators; ++at) {
            auto& one = *world_.find(coordinator_name(at));
            if (!one.alive() || one.paused()) continue;
            if (const auto& made = one.program<head_program>().engine()) return made;
        }
        return nullptr;
    }

    /// What the leader says, for failures.
    [[nodiscard]] std::string status() {
        const auto made = engine();
        return made ? procedure::to_string(made->status()) : "nobody leads";
    }
    /// What is recorded of the procedure for a path; nothing: none.
    [[nodiscard]] std::optional<model::procedure_record> recorded(const std::string& path) {
        std::optional<model::procedure_record> found;
        for (const auto& [id, record] : records()) {
            if (record.key == path) found = record;
        }
        return found;
    }
    /// Every path has a procedure, and all of them have ended, without leftovers.
    [[nodiscard]] bool ended() {
        const auto all = records();
        if (all.size() < options_.paths) return false;
        for (const auto& [id, record] : all) {
            if (!model::has_ended(record.state)) return false;
            if (record.state == model::procedure_state::finished && parts(id) != 0) return false;
        }
        return true;
    }
    [[nodiscard]] std::size_t parts(std::uint64_t id) {
        std::size_t found = 0;
        for (const auto& one : memory_.database->dump()) {
            const auto key = keys().parse(one.key);
            const bool part = key.what == catalog::key_layout::kind::procedure_part;
            if (part && key.number == id) ++found;
        }
        return found;
    }
    [[nodiscard]] bool gone(const std::string& path) {
        const auto found = world_.run(world_.metadata()->get(closed_key(path)));
        return found && found->value == "gone";
    }

    /// A path that is gone is held by no node that serves.
    void require_gone_is_gone() {
        for (std::uint32_t at = 0; at < options_.paths; ++at) {
            const auto path = path_name(at);
            if (!gone(path)) continue;
            for (std::uint32_t number = 0; number < options_.nodes; ++number) {
                auto& one = node(number);
                if (!one.alive() || !one.program<node_program>().serves(path)) continue;
                world_.fail(fmt::format("{} is gone, and {} has it", path, one.name()));
            }
        }
    }

    /// Every change of every record, from the first revision on, was a legal one.
    void require_legal_history() { world_.run(replay(this)); }

    [[nodiscard]] std::map<std::uint64_t, model::procedure_record> records() {
        std::map<std::uint64_t, model::procedure_record> found;
        for (const auto& one : memory_.database->dump()) {
            const auto key = keys().parse(one.key);
            if (key.what != catalog::key_layout::kind::procedure) continue;
            catalog::decoder().decode(one.key, one.value, found[key.number]);
        }
        return found;
    }

private:
    template <class Program>
    void add(const std::string& name) {
        world_.add(name, [options = options_](testing::process& self) -> std::shared_ptr<void> {
            auto program = std::make_shared<Program>(self, options);
            self.spawn(program->run());
            return program;
        });
    }

    static awaitable<void> replay(around* self) {
        auto& store = *self->world_.metadata();
        const auto now = co_await store.list(keys().procedures(), 1);
        auto watcher = co_await store.watch(keys().procedures(), storage::revision(1));
        std::map<std::uint64_t, model::procedure_record> known;
        for (storage::revision seen; seen < now.at;) {
            const auto batch = co_await watcher->next();
            for (const auto& one : batch.changes) self->judge(one, known);
            seen = batch.up_to;
        }
    }

    void judge(const storage::change& one, std::map<std::uint64_t, model::procedure_record>& all) {
        const auto key = keys().parse(one.now.key);
        const auto before = all.find(key.number);
        const auto wrong = [&](std::string_view what) {
            world_.fail(fmt::format("{} at revision {}: {}", one.now.key, one.now.modified, what));
        };
        const bool removed = one.what == storage::change::kind::removed;
        if (key.what == catalog::key_layout::kind::procedure_part) {
            judge_part(one, before == all.end() ? nullptr : &before->second, wrong);
            return;
        }
        if (removed) {
            if (before == all.end() || !model::has_ended(before->second.state)) {
                wrong("removed before its end");
            }
            all.erase(key.number);
            return;
        }
        model::procedure_record next;
        catalog::decoder().decode(one.now.key, one.now.value, next);
        if (before == all.end()) {
            if (next.step != 0) wrong("begins in the middle");
            for (const auto& [id, other] : all) {
                if (other.key == next.key) wrong("a second one of the same key");
            }
        } else {
            judge_change(before->second, next, wrong);
        }
        all[key.number] = next;
    }

    template <class Wrong>
    void judge_change(const model::procedure_record& before, const model::procedure_record& next,
                      Wrong wrong) {
        using model::procedure_state;
        if (model::has_ended(before.state)) wrong("changed after its end");
        if (next.step < before.step || next.step > before.step + 1) wrong("a step back, or two");
        if (before.state == procedure_state::stopping && next.state != procedure_state::stopped) {
            wrong("stopping, and then not stopped");
        }
        if (before.state == procedure_state::running && next.state == procedure_state::stopped) {
            wrong("stopped without being told so");
        }
    }

    template <class Wrong>
    void judge_part(const storage::change& one, const model::procedure_record* whose, Wrong wrong) {
        if (whose == nullptr) return wrong("of no procedure");
        if (one.what == storage::change::kind::removed) {
            if (!model::has_ended(whose->state)) wrong("forgotten before the end");
            return;
        }
        model::procedure_part part;
        catalog::decoder().decode(one.now.key, one.now.value, part);
        if (whose->state != model::procedure_state::running) wrong("recorded after the end");
        if (part.step != whose->step) wrong("recorded for another step");
    }

    testing::simulation& world_;
    world_options options_;
    testing::memory_world memory_;
};

}  // namespace closing
