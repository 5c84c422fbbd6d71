#include "reeve/procedure/engine.hpp"

#include "catalog/page_reader.hpp"
#include "procedure/engine_impl.hpp"
#include "reeve/core/error.hpp"
#include "storage/printable.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <type_traits>
#include <utility>

namespace reeve::procedure {

static_assert(std::is_trivially_copyable_v<engine_options>);

std::string_view name(acknowledge_outcome outcome) noexcept {
    switch (outcome) {
        case acknowledge_outcome::recorded:
            return "recorded";
        case acknowledge_outcome::other_step:
            return "other_step";
        case acknowledge_outcome::other_incarnation:
            return "other_incarnation";
        case acknowledge_outcome::not_asked:
            return "not_asked";
        case acknowledge_outcome::ended:
            return "ended";
        case acknowledge_outcome::unknown:
            return "unknown";
    }
    return "?";
}

std::string to_string(const engine_status& it) {
    std::string text = fmt::format(
        "procedures: {} running, {} stopping, {} finished, {} stopped; {} changes, {} forced\n"
        "acknowledgements: {} recorded; ignored: {} of another step, {} of another process, "
        "{} not asked for, {} too late\n",
        it.running, it.stopping, it.finished, it.stopped, it.changes, it.forced, it.recorded,
        it.other_step, it.other_process, it.not_asked, it.too_late);
    for (const auto& one : it.open) {
        fmt::format_to(std::back_inserter(text), "  {}: {}\n", one.what, one.why);
    }
    return text;
}

std::shared_ptr<engine> engine::make(core::runtime& strand, storage::metadata_store& store,
                                     const catalog::key_layout& keys, catalog::leader_guard guard,
                                     std::vector<std::shared_ptr<definition>> definitions,
                                     engine_options options) {
    return std::make_shared<engine_impl>(strand, store, keys, std::move(guard),
                                         std::move(definitions), options);
}

// Few procedures are started in a term: a small block of ids.
engine_impl::engine_impl(core::runtime& strand, storage::metadata_store& store,
                         const catalog::key_layout& keys, catalog::leader_guard guard,
                         std::vector<std::shared_ptr<definition>> definitions,
                         engine_options options)
    : strand_(strand),
      store_(store),
      keys_(keys),
      guard_(std::move(guard)),
      options_(options),
      ids_(store, keys_, guard_, 10),
      prune_pause_(options.retry, strand.next_seed()),
      work_(strand),
      tasks_(strand) {
    for (auto& one : definitions) {
        std::string kind(one->kind());
        if (!model::valid_name(kind)) {
            throw error(errc::invalid_argument, fmt::format("no kind of procedure can be called {}",
                                                            storage::printable(kind)));
        }
        if (!definitions_.emplace(kind, std::move(one)).second) {
            throw error(errc::invalid_argument,
                        fmt::format("two definitions of procedures of kind {}", kind));
        }
    }
}

std::string entry::name() const {
    return fmt::format("procedure {} ({} {})", id, record.kind, record.key);
}

std::string entry::waiting_names() const {
    constexpr std::size_t named_max = 10;
    std::string names;
    std::size_t named = 0;
    for (const auto& [node, process] : waiting) {
        if (named++ == named_max) {
            fmt::format_to(std::back_inserter(names), " and {} more", waiting.size() - named_max);
            break;
        }
        fmt::format_to(std::back_inserter(names), "{}{}/{}", named == 1 ? "" : ", ", node, process);
    }
    return names;
}

std::string for_record(std::string_view text) {
    std::string made;
    for (const char byte : text.substr(0, model::procedure_text_max)) {
        made += byte >= ' ' && byte <= '~' ? byte : '?';
    }
    if (text.size() > model::procedure_text_max) made.replace(made.size() - 3, 3, "...");
    return made;
}

shared_entry engine_impl::add(model::procedure_id id, model::procedure_record record) {
    auto made = std::make_shared<entry>(strand_, options_.retry);
    made->id = id;
    made->record = std::move(record);
    made->doing.set("its start is being recorded", strand_.now());
    by_start_.emplace(start_key(made->record.kind, made->record.key), id);
    all_.emplace(id, made);
    return made;
}

void engine_impl::forget(const shared_entry& it) {
    const auto start = by_start_.find(start_key(it->record.kind, it->record.key));
    if (start != by_start_.end() && start->second == it->id) by_start_.erase(start);
    ended_.erase({it->modified, it->id});
    all_.erase(it->id);
    it->changed.notify_all();
}

// Loading: one pass, in which each procedure stands before its participants. Writes nothing.

void engine_impl::load_record(const storage::record& record, load_report& report) {
    const auto refuse = [&](std::string_view why) {
        throw error(errc::corrupt,
                    fmt::format("record {}: {}", storage::printable(record.key), why));
    };
    const auto key = keys_.parse(record.key);
    const model::procedure_id id(key.number);
    if (key.what == catalog::key_layout::kind::procedure) {
        model::procedure_record read;
        decoder_.decode(record.key, record.value, read);
        if (!id) refuse("0 is no procedure");
        if (all_.contains(id)) refuse("listed twice");
        if (const auto same = by_start_.find(start_key(read.kind, read.key));
            same != by_start_.end()) {
            refuse(fmt::format("the same kind and key as procedure {}", same->second));
        }
        const auto it = add(id, read);
        it->loaded = true;
        adopt(it, std::move(read), record.modified);
        ++report.procedures;
        if (!it->ended()) ++report.open;
    } else if (key.what == catalog::key_layout::kind::procedure_part) {
        const auto whose = all_.find(id);
        if (whose == all_.end()) {
            model::procedure_part read;
            decoder_.decode(record.key, record.value, read);
            ++report.orphans;
        } else {
            adopt_part(*whose->second, record);
        }
        ++report.parts;
    } else {
        refuse("not a key of a procedure");
    }
}

awaitable<load_report> engine_impl::load(std::function<void(std::size_t)> progress) {
    load_report report;
    catalog::page_reader pages(strand_, store_, keys_.procedures(), options_.page_size);
    for (;;) {
        const auto page = co_await pages.next();
        if (!page) break;
        for (const auto& record : page->records) load_record(record, report);
        if (progress) progress(report.procedures + report.parts);
    }
    co_return report;
}

// What is there.

shared_entry engine_impl::require(model::procedure_id id) const {
    const auto found = all_.find(id);
    if (found == all_.end()) {
        throw error(errc::not_found, fmt::format("there is no procedure {}", id));
    }
    return found->second;
}

std::shared_ptr<definition> engine_impl::definition_of(const entry& it) const {
    const auto found = definitions_.find(it.record.kind);
    return found == definitions_.end() ? nullptr : found->second;
}

procedure_view engine_impl::view(const entry& it) const {
    procedure_view made;
    made.id = it.id;
    made.record = it.record;
    made.modified = it.modified;
    for (const auto& [node, known] : it.parts) {
        auto& one = made.answers.emplace_back();
        one.node = node;
        one.part = known.part;
    }
    for (const auto& [node, process] : it.waiting) made.missing.push_back({node, process});
    made.doing = it.doing.text;
    made.trouble = it.trouble.text;
    made.since = it.trouble.text.empty() ? it.doing.since : it.trouble.since;
    return made;
}

step_context engine_impl::context_of(const entry& it) const {
    step_context made;
    made.id = it.id;
    made.record = it.record;
    made.guard = guard_;
    for (const auto& [node, known] : it.parts) {
        if (known.part.step != it.record.step) continue;
        auto& one = made.answers.emplace_back();
        one.node = node;
        one.part = known.part;
    }
    return made;
}

std::int64_t engine_impl::wall_ms() const {
    const auto since = strand_.wall_now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::milliseconds>(since).count();
}

std::optional<procedure_view> engine_impl::find(model::procedure_id id) const {
    const auto found = all_.find(id);
    if (found == all_.end()) return std::nullopt;
    return view(*found->second);
}

std::optional<procedure_view> engine_impl::find(std::string_view kind, std::string_view key) const {
    const auto found = by_start_.find(start_key(kind, key));
    if (found == by_start_.end()) return std::nullopt;
    return find(found->second);
}

std::vector<procedure_view> engine_impl::inspect() const {
    std::vector<procedure_view> views;
    views.reserve(all_.size());
    for (const auto& [id, it] : all_) views.push_back(view(*it));
    return views;
}

engine_status engine_impl::status() const {
    engine_status made = counted_;
    for (const auto& [id, it] : all_) {
        switch (it->record.state) {
            case model::procedure_state::running:
                ++made.running;
                break;
            case model::procedure_state::stopping:
                ++made.stopping;
                break;
            case model::procedure_state::finished:
                ++made.finished;
                break;
            case model::procedure_state::stopped:
                ++made.stopped;
                break;
        }
        if (it->ended() && it->trouble.text.empty()) continue;
        const told& why = it->trouble.text.empty() ? it->doing : it->trouble;
        auto& one = made.open.emplace_back();
        one.what = it->name();
        one.why = why.text;
        one.since = why.since;
    }
    if (!prune_trouble_.text.empty()) {
        auto& one = made.open.emplace_back();
        one.what = "removal of old procedures";
        one.why = prune_trouble_.text;
        one.since = prune_trouble_.since;
    }
    return made;
}

}  // namespace reeve::procedure
