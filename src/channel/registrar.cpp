#include "reeve/channel/registrar.hpp"

#include "catalog/page_reader.hpp"
#include "channel/registrar_impl.hpp"
#include "reeve/core/error.hpp"

#include <fmt/format.h>

#include <string_view>
#include <unordered_map>
#include <utility>

namespace reeve::channel {

std::shared_ptr<registrar> registrar::make(core::runtime& strand, storage::metadata_store& store,
                                           const catalog::key_layout& keys,
                                           transport::transport& carrier,
                                           std::shared_ptr<cluster::membership> members,
                                           schema_source* schemas, catalog::leader_guard guard,
                                           registrar_options options) {
    return std::make_shared<registrar_impl>(strand, store, keys, carrier, std::move(members),
                                            schemas, std::move(guard), std::move(options));
}

registrar_impl::registrar_impl(core::runtime& strand, storage::metadata_store& store,
                               const catalog::key_layout& keys, transport::transport& carrier,
                               std::shared_ptr<cluster::membership> members, schema_source* schemas,
                               catalog::leader_guard guard, registrar_options options)
    : strand_(strand),
      store_(store),
      keys_(keys),
      carrier_(carrier),
      members_(std::move(members)),
      schemas_(schemas),
      guard_(std::move(guard)),
      options_(std::move(options)),
      epochs_(store, keys_, guard_, options_.epoch_block),
      large_(store, keys_, guard_, epochs_),
      change_ended_(strand),
      last_change_(strand.now()),
      work_(strand),
      changed_(strand),
      tasks_(strand) {
    if (!options_.assignment) options_.assignment = least_loaded_assignment();
    if (options_.assignment->name() == "spread_by_collection") table_.count_by_collection();
    if (options_.balance.interval.count() > 0) {
        next_balance_ = strand.now() + options_.balance.interval;
    }
}

// Loading: one pass over entries, one over progress records. Writes nothing.

void registrar_impl::load_entry(const storage::record& record) {
    const auto key = keys_.parse(record.key);
    if (table_.size() != 0 && key.name <= table_[table_.size() - 1].name) {
        throw error(errc::corrupt, fmt::format("{}: listed out of order", record.key));
    }
    decoder_.decode(record.key, record.value, loading_entry_);
    table_.set_entry(table_.append(key.name), loading_entry_, record.modified);
}

/// Both lists are in key order: `row` walks along. False: there is no entry of that name.
bool registrar_impl::load_progress(const storage::record& record, row_number& row) {
    const auto key = keys_.parse(record.key);
    while (row < table_.size() && table_[row].name < key.name) ++row;
    if (row == table_.size() || table_[row].name != key.name) return false;
    decoder_.decode(record.key, record.value, loading_progress_);
    table_.set_progress(row, loading_progress_, record.modified);
    return true;
}

awaitable<load_report> registrar_impl::load(std::function<void(std::size_t)> progress) {
    load_report report;
    const auto begun = strand_.now();
    catalog::page_reader entries(strand_, store_, keys_.channels(), options_.page_size);
    for (;;) {
        const auto page = co_await entries.next();
        if (!page) break;
        for (const auto& record : page->records) load_entry(record);
        report.channels += page->records.size();
        if (progress) progress(report.channels);
    }
    catalog::page_reader progresses(strand_, store_, keys_.progresses(), options_.page_size);
    row_number row = 0;
    for (;;) {
        const auto page = co_await progresses.next();
        if (!page) break;
        for (const auto& record : page->records) {
            if (!load_progress(record, row)) ++report.orphans;
        }
        report.progresses += page->records.size();
        if (progress) progress(report.channels + report.progresses);
    }
    table_.index();
    for (row = 0; row < table_.size(); ++row) {
        // What is as it should be needs no second look until something changes.
        const decision verdict = decide(row);
        if (verdict.what != action::none || *verdict.why != '\0') look_at(row);
    }
    report.took = strand_.now() - begun;
    co_return report;
}

awaitable<void> registrar_impl::stop() {
    over_ = true;
    changed_.notify_all();
    co_await tasks_.stop();
}

void registrar_impl::cancel() noexcept {
    over_ = true;
    changed_.notify_all();
    tasks_.cancel();
}

// What is looked at next.

void registrar_impl::look_at(row_number row) {
    if (table_[row].queued) return;
    table_[row].queued = true;
    queue_.push_back(row);
    work_.notify_all();
}

void registrar_impl::look_at_node(const model::node_name& node) {
    const std::uint32_t number = table_.intern(node);
    for (const row_number row : table_.rows_of(number)) look_at(row);
}

void registrar_impl::look_at_unplaced() {
    for (const row_number row : unplaced_) look_at(row);
}

void registrar_impl::note(row_number row, const decision& verdict) {
    if (verdict.what == action::none && *verdict.why == '\0') {
        troubles_.erase(row);
        return;
    }
    auto [found, added] = troubles_.try_emplace(row);
    if (added) {
        found->second.what = fmt::format("channel {}", table_[row].name);
        found->second.since = strand_.now();
    }
    found->second.why = verdict.why;
}

void registrar_impl::member_changed(cluster::member_event event, const model::node_name& node) {
    last_change_ = strand_.now();
    look_at_node(node);
    const auto found = links_.find(node);
    if (found != links_.end()) {
        found->second.pause.reset();
        found->second.not_before = core::time_point();
    }
    if (event == cluster::member_event::left || event == cluster::member_event::draining) return;
    look_at_unplaced();
    if (options_.balance.interval.count() > 0 && options_.balance.on_join) {
        next_balance_ = strand_.now() + options_.balance.quiet;
    }
    work_.notify_all();
}

void registrar_impl::set_fit(const model::node_name& node, fitness verdict) {
    if (verdict == fitness::fit) {
        if (unfit_.erase(node) != 0) look_at_unplaced();
    } else {
        unfit_.insert(node);
    }
    facts_.clear();
    look_at_node(node);
}

void registrar_impl::move(const model::channel_name& channel, const model::node_name& to) {
    const row_number row = table_.find(channel.value);
    if (row == channel_table::none) throw error(errc::not_found, "channel " + channel.value);
    if (!members_->process_of(to)) throw error(errc::not_found, "node " + to.value);
    moves_[row] = table_.intern(to);
    look_at(row);
}

// What is asked.

awaitable<std::vector<registration>> registrar_impl::ensure(std::vector<channel_spec> channels,
                                                            core::time_point deadline) {
    std::unordered_map<std::string_view, model::collection_id> fresh_ones;
    for (const auto& one : channels) {
        if (!model::valid_name(one.name.value) ||
            one.start.value.size() > model::position_bytes_max) {
            throw error(errc::invalid_argument,
                        fmt::format("channel '{}': a name is 1..{} printable ASCII bytes without "
                                    "'/', a start position at most {} bytes",
                                    one.name, model::name_bytes_max, model::position_bytes_max));
        }
        const row_number row = table_.find(one.name.value);
        const model::collection_id owner =
            row != channel_table::none
                ? table_[row].collection
                : fresh_ones.try_emplace(one.name.value, one.collection).first->second;
        if (owner != one.collection) {
            throw error(errc::invalid_argument, fmt::format("channel {} belongs to collection {}, "
                                                            "not {}",
                                                            one.name, owner, one.collection));
        }
        if (row == channel_table::none && dropped_.contains(one.collection)) {
            throw error(errc::refused, fmt::format("channel {}: collection {} is dropped", one.name,
                                                   one.collection));
        }
    }
    std::vector<row_number> rows;
    rows.reserve(channels.size());
    for (const auto& one : channels) {
        const row_number row = table_.add(one.name.value);
        rows.push_back(row);
        if (table_[row].entry_at || table_[row].queued) continue;
        model::channel_entry fresh;
        fresh.collection = one.collection;
        fresh.start = one.start;
        table_.set_entry(row, fresh, storage::revision());
        look_at(row);
    }
    std::vector<row_number> open = rows;
    for (;;) {
        std::erase_if(open, [this](row_number row) {
            return table_[row].state == model::channel_state::registered ||
                   table_[row].state == model::channel_state::dropped;
        });
        if (open.empty() || over_ || strand_.now() >= deadline) break;
        co_await changed_.wait_until(deadline);
    }
    std::vector<registration> answers;
    answers.reserve(rows.size());
    for (const row_number row : rows) answers.push_back(describe(row));
    co_return answers;
}

registration registrar_impl::describe(row_number row) const {
    registration answer;
    answer.name = model::channel_name(std::string(table_[row].name));
    answer.entry = table_.entry(row);
    answer.checkpoint = model::position(std::string(table_.checkpoint(row)));
    const auto trouble = troubles_.find(row);
    if (trouble != troubles_.end()) answer.waiting_for = trouble->second.why;
    if (answer.waiting_for.empty() && answer.entry.state != model::channel_state::registered) {
        answer.waiting_for = model::name(answer.entry.state);
    }
    return answer;
}

std::optional<registration> registrar_impl::find(const model::channel_name& channel) const {
    const row_number row = table_.find(channel.value);
    if (row == channel_table::none) return std::nullopt;
    return describe(row);
}

std::optional<recorded_entry> registrar_impl::recorded(const model::channel_name& channel) const {
    const row_number row = table_.find(channel.value);
    if (row == channel_table::none || table_[row].uncertain || !table_[row].entry_at) {
        return std::nullopt;
    }
    recorded_entry found;
    found.entry = table_.entry(row);
    found.at = table_[row].entry_at;
    found.checkpoint = model::position(std::string(table_.checkpoint(row)));
    found.progress_at = table_[row].progress_at;
    return found;
}

void registrar_impl::each_living(
    const std::function<void(model::epoch, std::uint64_t)>& visit) const {
    for (row_number number = 0; number < table_.size(); ++number) {
        const channel_row& row = table_[number];
        if (!row.uncertain && !model::has_holder(row.state)) continue;
        visit(row.epoch, row.progress_epoch == row.epoch ? row.settled : 0);
    }
    // What is on its way may have landed, though its entry has gone on meanwhile.
    for (const auto& [row, epoch] : changing_) visit(epoch, 0);
}

std::size_t registrar_impl::undropped(model::collection_id id) const {
    std::size_t left = 0;
    for (row_number row = 0; row < table_.size(); ++row) {
        if (table_[row].collection != id) continue;
        if (table_[row].state != model::channel_state::dropped) ++left;
    }
    return left;
}

void registrar_impl::each(const std::function<void(const registration&)>& visit) const {
    for (row_number row = 0; row < table_.size(); ++row) visit(describe(row));
}

std::vector<planned_action> registrar_impl::plan() const {
    static constexpr const char* words[] = {"none", "wait",    "read again", "place",
                                            "tell", "release", "complete",   "unassign"};
    std::vector<planned_action> actions;
    std::vector<row_number> rows;
    std::vector<std::uint32_t> preferred;
    for (row_number row = 0; row < table_.size(); ++row) {
        const decision verdict = decide(row);
        if (verdict.what == action::none && *verdict.why == '\0') continue;
        planned_action& one = actions.emplace_back();
        one.channel = model::channel_name(std::string(table_[row].name));
        one.action = words[static_cast<std::size_t>(verdict.what)];
        one.why = verdict.why;
        if (verdict.what != action::place) continue;
        rows.push_back(row);
        preferred.push_back(verdict.preferred);
    }
    const candidates nodes = list_candidates();
    const auto placements = place(rows, preferred, nodes);
    std::size_t next = 0;
    for (auto& one : actions) {
        if (one.action != "place") continue;
        const placement& where = placements[next++];
        one.action = where.node == no_node
                         ? std::string("wait")
                         : fmt::format("place on {}", nodes.nodes[where.node]->name);
        one.why += fmt::format("; {}", name(where.reason));
    }
    return actions;
}

registrar_status registrar_impl::status() const {
    registrar_status all;
    for (row_number row = 0; row < table_.size(); ++row) {
        switch (table_[row].state) {
            case model::channel_state::unassigned:
                ++all.unassigned;
                break;
            case model::channel_state::pending:
                ++all.pending;
                break;
            case model::channel_state::registered:
                ++all.registered;
                break;
            case model::channel_state::releasing:
                ++all.releasing;
                break;
            case model::channel_state::dropped:
                ++all.dropped;
                break;
        }
    }
    all.transactions = transactions_;
    all.commits = commits_;
    all.stale = stale_;
    all.mismatches = mismatches_;
    const auto add = [&all](std::string what, const failing& it) {
        if (!it.why.empty()) all.troubles.push_back(stuck{std::move(what), it.why, it.since});
    };
    add("metadata store", store_trouble_);
    for (const auto& [row, trouble] : troubles_) all.troubles.push_back(trouble);
    for (const auto& [node, one] : links_) {
        if (one.calling || !one.rows.empty()) add(fmt::format("node {}", node), one.trouble);
    }
    for (const auto& [id, one] : collections_) add(fmt::format("collection {}", id), one.trouble);
    for (const auto& [key, it] : members_->unreadable()) {
        all.troubles.push_back(stuck{key, it.why, it.since});
    }
    return all;
}

}  // namespace reeve::channel
