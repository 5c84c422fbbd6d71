#include "catalog/walk.hpp"
#include "reeve/catalog/commit_large.hpp"
#include "reeve/catalog/inspect.hpp"
#include "reeve/core/error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace reeve::catalog {

namespace {

using kind = key_layout::kind;

class checker {
public:
    checker(const key_layout& keys, std::size_t findings_max)
        : keys_(keys), findings_max_(findings_max) {}

    // One record, on its own.
    void look(const storage::record& one) {
        const auto parsed = keys_.parse(one.key);
        const auto taken_apart = unmark(one.value);
        if (!has_record(parsed.what)) {
            add(severity::warning, one.key, "no kind of record that this release knows");
            return;
        }
        ++counts_[parsed.what];
        if (taken_apart.batch != 0) marks_.try_emplace(taken_apart.batch, one.key);
        const auto why = unreadable(reader_, parsed.what, one.key, taken_apart.value);
        if (!why.empty()) {
            ++report_.walk.unreadable;
            add(severity::error, one.key, why);
            return;
        }
        keep(parsed, one, taken_apart.value);
    }

    // What must be true between them.
    check_report finish(walk_summary walk) {
        walk.unreadable = report_.walk.unreadable;
        report_.walk = walk;
        check_singles();
        for (const auto& [name, entry] : entries_) check_entry(name, entry);
        for (const auto& [name, progress] : progresses_) check_progress(name, progress);
        check_batches();
        check_pins();
        for (const auto& [key, number] : procedure_ids_) check_number(key, "id", number);
        for (const auto& name : drains_) {
            if (nodes_.contains(name)) continue;
            add(severity::note, keys_.drain(model::node_name(name)), "a drain of no session");
        }
        if (!walk.of_one_revision()) {
            add(severity::note, keys_.root(), "the store changed during the check; look again");
        }
        return std::move(report_);
    }

private:
    void add(severity how, std::string key, std::string what) {
        if (how == severity::error) ++report_.errors;
        if (report_.findings.size() >= findings_max_) {
            ++report_.omitted;
        } else {
            report_.findings.push_back({how, std::move(key), std::move(what)});
        }
    }

    void keep(const key_layout::parsed& parsed, const storage::record& one,
              std::string_view value) {
        const std::string name(parsed.name);
        switch (parsed.what) {
            case kind::node:
                nodes_.emplace(name, one.modified.value);
                [[fallthrough]];
            case kind::leader:
                if (!one.lease) add(severity::warning, one.key, "not bound to a lease");
                break;
            case kind::drain: {
                model::drain_info drain;
                reader_.decode(one.key, value, drain);
                if (drain.state == model::drain_state::draining) drains_.insert(name);
                break;
            }
            case kind::ids: {
                id_counter counter;
                reader_.decode(one.key, value, counter);
                next_ = counter.next;
                break;
            }
            case kind::channel:
                reader_.decode(one.key, value, entries_[name]);
                break;
            case kind::progress:
                reader_.decode(one.key, value, progresses_[name]);
                break;
            case kind::batch:
                reader_.decode(one.key, value, slots_[one.key]);
                break;
            case kind::pin:
                last_pin_ = std::max(last_pin_, parsed.number);
                break;
            case kind::pins_version: {
                model::pins_version pins;
                reader_.decode(one.key, value, pins);
                pins_version_ = pins.version;
                break;
            }
            case kind::procedure: {
                model::procedure_record procedure;
                reader_.decode(one.key, value, procedure);
                procedures_.emplace(parsed.number, procedure.step);
                procedure_ids_.emplace_back(one.key, parsed.number);
                const auto start = fmt::format("{}/{}", procedure.kind, procedure.key);
                if (starts_.emplace(start, one.key).second) break;
                add(severity::error, one.key,
                    fmt::format("the same kind and key as {}", starts_[start]));
                break;
            }
            case kind::procedure_part: {
                model::procedure_part part;
                reader_.decode(one.key, value, part);
                // In key order a procedure stands before its parts.
                const auto whose = procedures_.find(parsed.number);
                if (whose == procedures_.end()) {
                    add(severity::error, one.key, "of a procedure without a readable record");
                } else if (part.step > whose->second) {
                    add(severity::error, one.key,
                        fmt::format("step {} is above the procedure's, {}", part.step,
                                    whose->second));
                }
                break;
            }
            default:
                break;
        }
    }

    void check_singles() {
        const bool grown = !entries_.empty() || !progresses_.empty() || counts_[kind::ids] != 0;
        if (grown && counts_[kind::root] == 0) {
            add(severity::error, keys_.root_record(), "missing: the lineage is lost");
        }
        const bool granted = !entries_.empty() || !slots_.empty();
        if (granted && counts_[kind::ids] == 0) {
            add(severity::warning, keys_.ids(), "missing: no epoch can be checked");
        }
    }

    // Epochs and ids of batches come from the counter.
    void check_number(const std::string& key, std::string_view what, std::uint64_t number) {
        if (counts_[kind::ids] == 0 || next_ == 0 || number < next_) return;
        add(severity::error, key,
            fmt::format("{} {} is not below the counter, {}", what, number, next_));
    }

    void check_entry(const std::string& name, const model::channel_entry& entry) {
        const auto key = keys_.channel(model::channel_name(name));
        check_number(key, "epoch", entry.epoch.value);
        if (entry.process.value > report_.walk.last_at.value) {
            add(severity::error, key,
                fmt::format("process {} is of a later revision than the store has: it was restored "
                            "from a backup",
                            entry.process));
        }
        if (!model::has_holder(entry.state)) return;
        if (entry.node.value.empty() || !entry.process || !entry.epoch) {
            add(severity::error, key,
                fmt::format("{} without node, process or epoch", model::name(entry.state)));
            return;
        }
        const auto session = nodes_.find(entry.node.value);
        if (session == nodes_.end()) {
            add(severity::warning, key,
                fmt::format("{} at {}, which has no session", model::name(entry.state),
                            entry.node.value));
        } else if (session->second != entry.process.value) {
            add(severity::warning, key,
                fmt::format("{} at process {} of {}, which is now process {}",
                            model::name(entry.state), entry.process, entry.node.value,
                            session->second));
        }
    }

    void check_progress(const std::string& name, const model::channel_progress& progress) {
        const auto key = keys_.progress(model::channel_name(name));
        check_number(key, "epoch", progress.epoch.value);
        const auto entry = entries_.find(name);
        if (entry == entries_.end()) {
            add(severity::error, key, "progress of a channel without a readable entry");
            return;
        }
        if (progress.epoch > entry->second.epoch) {
            add(severity::error, key,
                fmt::format("epoch {} is above the entry's, {}", progress.epoch,
                            entry->second.epoch));
        }
        if (progress.checkpoint < entry->second.start) {
            add(severity::error, key, "the checkpoint is before the start of the entry's grant");
        }
    }

    void check_batches() {
        std::map<std::uint64_t, batch_state> batches;
        for (const auto& [key, slot] : slots_) {
            if (slot.state == batch_state::idle) continue;
            check_number(key, "batch", slot.id);
            add(severity::note, key,
                fmt::format("batch {} is {}: under way, or left for recovery", slot.id,
                            name(slot.state)));
            if (!batches.emplace(slot.id, slot.state).second) {
                add(severity::error, key, fmt::format("batch {} has two slots", slot.id));
            }
        }
        for (const auto& [batch, key] : marks_) {
            if (batches.contains(batch)) continue;
            add(severity::error, key, fmt::format("part of batch {}, which no slot names", batch));
        }
    }

    // A pin is numbered by the version that made it: a lower one could give its number again.
    void check_pins() {
        if (last_pin_ <= pins_version_) return;
        add(severity::error, keys_.pin(last_pin_),
            fmt::format("pin {} is above the version of the pins, {}", last_pin_, pins_version_));
    }

    const key_layout& keys_;
    std::size_t findings_max_;
    decoder reader_;
    check_report report_;
    std::map<kind, std::uint64_t> counts_;
    std::uint64_t next_ = 0;
    std::uint64_t last_pin_ = 0;
    std::uint64_t pins_version_ = 0;
    std::unordered_map<std::string, std::uint64_t> nodes_;
    std::set<std::string> drains_;
    std::map<std::string, model::channel_entry> entries_;
    std::map<std::string, model::channel_progress> progresses_;
    std::map<std::string, batch_slot> slots_;
    std::map<std::uint64_t, std::string> marks_;         // a key of each batch
    std::map<std::uint64_t, std::uint64_t> procedures_;  // their steps
    std::map<std::string, std::string> starts_;          // which procedure has a kind and key
    std::vector<std::pair<std::string, std::uint64_t>> procedure_ids_;  // procedures' ids
};

}  // namespace

std::string_view name(severity how) noexcept {
    switch (how) {
        case severity::note:
            return "note";
        case severity::warning:
            return "warning";
        case severity::error:
            return "error";
    }
    return "?";
}

awaitable<check_report> check(storage::metadata_store& store, const key_layout& keys,
                              std::size_t findings_max) {
    checker made(keys, findings_max);
    std::function<void(const storage::record&)> each = [&](const storage::record& one) {
        made.look(one);
    };
    const auto summary = co_await walk(store, keys, std::move(each));
    co_return made.finish(summary);
}

}  // namespace reeve::catalog
