#include "catalog/limits.hpp"
#include "reeve/catalog/codec.hpp"
#include "reeve/catalog/inspect.hpp"
#include "reeve/core/error.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

// Pins and the records of the sweeps: few, and written seldom.
namespace reeve::catalog {

namespace {

using json = nlohmann::ordered_json;

json gc_head() { return json{{"v", format_version}, {"min_reader", 1}}; }

template <class Record>
void require_writable(const Record& it, std::string_view what) {
    const auto why = why_not(it);
    if (!why.empty()) throw error(errc::invalid_argument, fmt::format("{}: {}", what, why));
}

std::string dump_gc(const json& record, std::string_view what) {
    try {
        return record.dump();
    } catch (const json::type_error&) {
        throw error(errc::invalid_argument, fmt::format("{}: text that is not UTF-8", what));
    }
}

bool printable(std::string_view text, char first) {
    return std::all_of(text.begin(), text.end(),
                       [&](char byte) { return byte >= first && byte <= '~'; });
}

}  // namespace

std::string_view why_not(const model::pin_record& it) noexcept {
    if (it.owner.empty() || it.owner.size() > model::pin_owner_bytes_max) {
        return "1 to 200 bytes are accepted as an owner";
    }
    if (!model::valid_name(it.token)) return "no token is spelt so";
    if (it.segments.empty() == it.prefix.empty()) return "segments or a prefix, and not both";
    if (it.segments.size() > model::pin_segments_max) return "more than 100 segments";
    const model::pinned_segment* before = nullptr;
    for (const auto& one : it.segments) {
        if (!one.segment) return "segment 0, which means none";
        if (before != nullptr && one <= *before) return "segments that do not ascend";
        before = &one;
    }
    if (it.prefix.size() > model::object_name_bytes_max) return "a prefix of more than 4096 bytes";
    return printable(it.prefix, '!') ? std::string_view() : "a prefix that is not printable ASCII";
}

std::string_view why_not(const model::gc_cursor& it) noexcept {
    return it.after.size() > model::object_name_bytes_max ? "a name of more than 4096 bytes"
                                                          : std::string_view();
}

std::string_view why_not(const model::journal_entry& it) noexcept {
    if (it.number == 0) return "an entry without a number";
    if (!is_one_of(gc_sweeps, it.sweep)) return "no such sweep";
    if (it.objects.empty() || it.objects.size() > model::journal_objects_max) {
        return "1 to 100 objects are accepted";
    }
    for (const auto& one : it.objects) {
        if (one.name.empty() || one.name.size() > model::object_name_bytes_max) {
            return "1 to 4096 bytes are accepted as a name";
        }
        if (one.why.empty() || one.why.size() > 200 || !printable(one.why, ' ')) {
            return "1 to 200 bytes of printable ASCII are accepted as a reason";
        }
    }
    return {};
}

std::string encode(const model::pin_record& it) {
    require_writable(it, "pin");
    auto record = gc_head();
    record["owner"] = it.owner;
    record["token"] = it.token;
    auto segments = json::array();
    for (const auto& one : it.segments) {
        json element;
        element["collection"] = one.collection.value;
        element["segment"] = one.segment.value;
        segments.push_back(std::move(element));
    }
    record["segments"] = std::move(segments);
    record["prefix"] = it.prefix;
    record["since_ms"] = it.since_ms;
    return dump_gc(record, "pin");
}

std::string encode(const model::pins_version& it) {
    auto record = gc_head();
    record["version"] = it.version;
    return dump_gc(record, "version of the pins");
}

std::string encode(const model::gc_cursor& it) {
    require_writable(it, "cursor of a sweep");
    auto record = gc_head();
    record["after"] = escaped(it.after);
    record["rounds"] = it.rounds;
    record["finished_ms"] = it.finished_ms;
    return dump_gc(record, "cursor of a sweep");
}

std::string encode(const model::gc_pause& it) {
    if (!is_one_of(gc_states, it.state)) {
        throw error(errc::invalid_argument, "pause of garbage collection: no such state");
    }
    if (it.why.size() > why_bytes_max) {
        throw error(errc::invalid_argument,
                    fmt::format("pause of garbage collection: a reason of {} bytes, at most {} "
                                "are accepted",
                                it.why.size(), why_bytes_max));
    }
    auto record = gc_head();
    record["state"] = name(it.state);
    record["why"] = it.why;
    record["since_ms"] = it.since_ms;
    return dump_gc(record, "pause of garbage collection");
}

std::string encode(const model::journal_entry& it) {
    require_writable(it, "entry of the journal");
    auto record = gc_head();
    record["number"] = it.number;
    record["sweep"] = name(it.sweep);
    record["at_ms"] = it.at_ms;
    auto objects = json::array();
    for (const auto& one : it.objects) {
        json element;
        element["name"] = escaped(one.name);
        element["bytes"] = one.bytes;
        element["why"] = one.why;
        objects.push_back(std::move(element));
    }
    record["objects"] = std::move(objects);
    return dump_gc(record, "entry of the journal");
}

}  // namespace reeve::catalog
