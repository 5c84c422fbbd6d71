#include "reeve/catalog/inspect.hpp"

#include "catalog/walk.hpp"
#include "reeve/catalog/commit_large.hpp"
#include "reeve/catalog/stream_record.hpp"
#include "reeve/core/error.hpp"

#include <fmt/format.h>

#include <iterator>
#include <utility>

namespace reeve::catalog {

namespace {

constexpr std::size_t page_records = 1000;

template <class Record>
std::string refusal(decoder& reader, std::string_view key, std::string_view value) {
    Record into;
    try {
        reader.decode(key, value, into);
    } catch (const error& failure) {
        return escaped(failure.what());
    }
    return {};
}

std::string stream_refusal(std::string_view key, std::string_view value) {
    stream_record into;
    try {
        decode(key, value, into);
    } catch (const error& failure) {
        return escaped(failure.what());
    }
    return {};
}

std::string line_of(const key_layout& keys, decoder& reader, const storage::record& one,
                    walk_summary& summary) {
    const auto parsed = keys.parse(one.key);
    const auto taken_apart = unmark(one.value);
    const auto why = unreadable(reader, parsed.what, one.key, taken_apart.value);
    std::string line = fmt::format("{} ({}, modified {}, created {}, version {}", escaped(one.key),
                                   name(parsed.what), one.modified, one.created, one.version);
    if (one.lease) fmt::format_to(std::back_inserter(line), ", lease {}", one.lease);
    line += ") ";
    if (taken_apart.batch != 0) {
        fmt::format_to(std::back_inserter(line), "[part of batch {}] ", taken_apart.batch);
    }
    if (!why.empty()) {
        ++summary.unreadable;
        fmt::format_to(std::back_inserter(line), "UNREADABLE: {}: ", why);
    }
    line += escaped(taken_apart.value);
    return line;
}

}  // namespace

std::string escaped(std::string_view bytes) {
    std::string text;
    text.reserve(bytes.size());
    for (const char byte : bytes) {
        if (byte >= ' ' && byte <= '~' && byte != '\\') {
            text += byte;
        } else {
            fmt::format_to(std::back_inserter(text), "\\x{:02x}",
                           static_cast<unsigned>(static_cast<unsigned char>(byte)));
        }
    }
    return text;
}

awaitable<walk_summary> walk(storage::metadata_store& store, const key_layout& keys,
                             std::function<void(const storage::record&)> each) {
    walk_summary summary;
    auto rest = keys.all();
    bool first = true;
    while (true) {
        const auto page = co_await store.list(rest, page_records);
        if (first) summary.first_at = page.at;
        first = false;
        summary.last_at = page.at;
        for (const auto& one : page.records) {
            ++summary.records;
            each(one);
        }
        if (page.resume_at.empty()) co_return summary;
        rest = storage::key_range(page.resume_at, rest.last());
    }
}

bool has_record(key_layout::kind what) noexcept {
    using kind = key_layout::kind;
    switch (what) {
        case kind::unknown:
            return false;
        default:
            return true;
    }
}

std::string unreadable(decoder& reader, key_layout::kind what, std::string_view key,
                       std::string_view value) {
    using kind = key_layout::kind;
    switch (what) {
        case kind::root:
            return refusal<root_info>(reader, key, value);
        case kind::leader:
            return refusal<model::leader_info>(reader, key, value);
        case kind::ids:
            return refusal<id_counter>(reader, key, value);
        case kind::oracle:
            return refusal<oracle_mark>(reader, key, value);
        case kind::node:
            return refusal<model::node_info>(reader, key, value);
        case kind::drain:
            return refusal<model::drain_info>(reader, key, value);
        case kind::channel:
            return refusal<model::channel_entry>(reader, key, value);
        case kind::progress:
            return refusal<model::channel_progress>(reader, key, value);
        case kind::batch:
            return refusal<batch_slot>(reader, key, value);
        case kind::segment:
            return refusal<model::segment_record>(reader, key, value);
        case kind::binlog:
            return refusal<model::binlog_record>(reader, key, value);
        case kind::collection_drop:
            return refusal<model::collection_drop>(reader, key, value);
        case kind::channel_drop:
            return refusal<model::channel_drop>(reader, key, value);
        case kind::job:
            return refusal<model::job_record>(reader, key, value);
        case kind::pin:
            return refusal<model::pin_record>(reader, key, value);
        case kind::pins_version:
            return refusal<model::pins_version>(reader, key, value);
        case kind::gc_cursor:
            return refusal<model::gc_cursor>(reader, key, value);
        case kind::gc_paused:
            return refusal<model::gc_pause>(reader, key, value);
        case kind::gc_journal:
            return refusal<model::journal_entry>(reader, key, value);
        case kind::procedure:
            return refusal<model::procedure_record>(reader, key, value);
        case kind::procedure_part:
            return refusal<model::procedure_part>(reader, key, value);
        case kind::stream:
            return stream_refusal(key, value);
        case kind::host:
            return {};  // the host's own bytes
        default:
            break;
    }
    return "no kind of record that this release knows";
}

awaitable<walk_summary> inspect(storage::metadata_store& store, const key_layout& keys,
                                line_sink sink) {
    decoder reader;
    walk_summary counted;
    std::function<void(const storage::record&)> each = [&](const storage::record& one) {
        sink(line_of(keys, reader, one, counted));
    };
    auto summary = co_await walk(store, keys, std::move(each));
    summary.unreadable = counted.unreadable;
    co_return summary;
}

}  // namespace reeve::catalog
