#include "channel_ledger.hpp"

#include <fmt/format.h>

#include <sstream>

namespace simulated {

awaitable<storage::commit_result> channel_ledger::commit(storage::transaction change) {
    const storage::transaction copy = change;
    auto result = co_await below().commit(std::move(change));
    if (result) look(copy, result.at);
    co_return result;
}

void channel_ledger::appended(const std::string& channel, std::uint64_t row,
                              const std::string& position) {
    channel_facts& facts = channels_[channel];
    facts.appended = row;
    facts.at_row[row] = position;
}

bool channel_ledger::all_covered() const {
    for (const auto& [name, facts] : channels_) {
        if (facts.covered != facts.appended) return false;
    }
    return true;
}

void channel_ledger::look(const storage::transaction& change, storage::revision at) {
    using kind = catalog::key_layout::kind;
    bool counted = false;
    for (const auto& write : change.operations()) {
        const auto key = keys_.parse(write.key);
        counted = counted || (key.what != kind::leader && key.what != kind::node);
        if (write.what != storage::operation::kind::put) continue;
        const std::string name(key.name);
        if (key.what == kind::leader) term_ = at.value;
        if (key.what == kind::channel) look_at_entry(name, write);
        if (key.what == kind::progress) look_at_progress(name, write);
        if (write.key.ends_with(".claimed")) look_at_claim(write);
    }
    // After the checkpoint, which says how far the rows must reach.
    for (const auto& write : change.operations()) {
        const auto key = keys_.parse(write.key);
        if (key.what != kind::host) continue;
        const std::string name(key.name);
        look_at_rows(name.substr(0, name.find('/')), write.value);
    }
    if (counted) ++writes_;
}

/// Only a build that has the term guard switched off writes these.
void channel_ledger::look_at_claim(const storage::operation& write) {
    world_.require(
        write.value == std::to_string(term_),
        fmt::format("I8: a write of term {} took effect in term {}", write.value, term_));
}

void channel_ledger::look_at_entry(const std::string& channel, const storage::operation& write) {
    model::channel_entry entry;
    decoder_.decode(write.key, write.value, entry);
    channel_facts& facts = channels_[channel];
    const auto before = facts.entry.epoch;
    const bool grants = entry.state == model::channel_state::pending;
    if (grants) {
        world_.require(
            entry.epoch > before,
            fmt::format("I2: {} granted again at epoch {} after {}", channel, entry.epoch, before));
    } else {
        world_.require(entry.epoch == before,
                       fmt::format("I2: {} goes from epoch {} to {} without a grant", channel,
                                   before, entry.epoch));
        world_.require(entry.process == facts.entry.process,
                       fmt::format("I1: epoch {} of {} was process {}'s and is now {}'s", before,
                                   channel, facts.entry.process, entry.process));
    }
    if (facts.entry.state == model::channel_state::releasing && grants) {
        world_.count("granted while releasing");
    }
    facts.entry = entry;
}

void channel_ledger::look_at_progress(const std::string& channel, const storage::operation& write) {
    model::channel_progress progress;
    decoder_.decode(write.key, write.value, progress);
    channel_facts& facts = channels_[channel];
    world_.require(progress.checkpoint > facts.progress.checkpoint,
                   fmt::format("I3: the checkpoint of {} went back", channel));
    world_.require(progress.epoch >= facts.progress.epoch,
                   fmt::format("I1: epoch {} of {} had an effect after epoch {}", progress.epoch,
                               channel, facts.progress.epoch));
    world_.require(
        model::has_holder(facts.entry.state) && progress.epoch == facts.entry.epoch,
        fmt::format("I1: epoch {} of {} had an effect, but the entry is {} at {}", progress.epoch,
                    channel, model::name(facts.entry.state), facts.entry.epoch));
    facts.progress = progress;
}

/// "process first last": the rows that a consumer made durable with this commit.
void channel_ledger::look_at_rows(const std::string& channel, const std::string& rows) {
    channel_facts& facts = channels_[channel];
    std::uint64_t process = 0;
    std::uint64_t first = 0;
    std::uint64_t last = 0;
    std::istringstream(rows) >> process >> first >> last;
    world_.require(process == facts.entry.process.value,
                   fmt::format("I1: process {} had an effect on {}, which process {} holds",
                               process, channel, facts.entry.process));
    world_.require(first == facts.covered + 1 && last >= first,
                   fmt::format("I3: rows {}..{} of {} became durable after rows 1..{}", first, last,
                               channel, facts.covered));
    world_.require(facts.at_row[last] == facts.progress.checkpoint.value,
                   fmt::format("I3: the checkpoint of {} is not that of row {}", channel, last));
    facts.covered = last;
}

}  // namespace simulated
