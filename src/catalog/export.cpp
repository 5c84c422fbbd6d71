#include "catalog/walk.hpp"
#include "core/hex.hpp"
#include "reeve/catalog/inspect.hpp"
#include "reeve/core/error.hpp"
#include "storage/printable.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <optional>
#include <unordered_set>
#include <utility>

namespace reeve::catalog {

namespace {

using json = nlohmann::ordered_json;

// Text as it is; bytes that are not UTF-8 as hexadecimal digits under "<field>_hex".
void put_bytes(json& line, const std::string& field, std::string_view bytes) {
    json text = bytes;
    try {
        (void)text.dump();
        line[field] = std::move(text);
    } catch (const json::type_error&) {
        std::string digits;
        core::append_hex(digits, bytes);
        line[field + "_hex"] = digits;
    }
}

class line_reader {
public:
    explicit line_reader(line_source source) : source_(std::move(source)) {}

    // The next line as an object; nothing at the end of the input.
    std::optional<json> next() {
        auto text = source_();
        if (!text) return std::nullopt;
        ++number_;
        auto line = json::parse(*text, nullptr, false);
        if (!line.is_object()) refuse("not a JSON object");
        return line;
    }
    [[noreturn]] void refuse(std::string_view why) const {
        throw error(errc::corrupt, fmt::format("import: line {}: {}", number_, why));
    }
    std::string bytes(const json& line, const std::string& field) const {
        const auto plain = line.find(field);
        const auto digits = line.find(field + "_hex");
        if ((plain == line.end()) == (digits == line.end())) {
            refuse(fmt::format("either \"{0}\" or \"{0}_hex\" is needed", field));
        }
        const auto& one = plain != line.end() ? *plain : *digits;
        if (!one.is_string()) refuse(fmt::format("\"{}\" is not a text", field));
        if (plain != line.end()) return one.get<std::string>();
        std::string read;
        if (!core::read_hex(one.get_ref<const std::string&>(), read)) {
            refuse(fmt::format("\"{}_hex\" is not hexadecimal", field));
        }
        return read;
    }

private:
    line_source source_;
    std::size_t number_ = 0;
};

struct import_plan {
    std::vector<std::pair<std::string, std::string>> records;  // the root record last
    std::uint64_t skipped = 0;
};

std::uint64_t number_of(const line_reader& reader, const json& line, const char* field) {
    const auto found = line.find(field);
    if (found == line.end() || !found->is_number_unsigned()) {
        reader.refuse(fmt::format("\"{}\" is not a number", field));
    }
    return found->get<std::uint64_t>();
}

void check_end(const line_reader& reader, const json& line, std::uint64_t records) {
    if (number_of(reader, line, "end") != records) reader.refuse("records are missing");
    if (number_of(reader, line, "first_at") != number_of(reader, line, "last_at")) {
        reader.refuse("the store changed while it was exported; export it again");
    }
}

import_plan read_all(line_source source, const key_layout& keys) {
    line_reader reader(std::move(source));
    auto head = reader.next();
    if (!head || !head->contains("reeve_export")) reader.refuse("not the head of an export");
    if (number_of(reader, *head, "reeve_export") != 1) {
        throw error(errc::unsupported_format, "import: written by a newer release");
    }
    import_plan plan;
    std::unordered_set<std::string> seen;
    std::optional<std::pair<std::string, std::string>> root;
    std::uint64_t records = 0;
    while (true) {
        auto line = reader.next();
        if (!line) reader.refuse("the end is missing: the file is torn");
        if (line->contains("end")) {
            check_end(reader, *line, records);
            break;
        }
        ++records;
        auto key = keys.root() + reader.bytes(*line, "key");
        auto value = reader.bytes(*line, "value");
        if (!seen.insert(key).second) reader.refuse("the key is there twice");
        if (line->contains("lease")) {
            ++plan.skipped;
        } else if (key == keys.root_record()) {
            root.emplace(std::move(key), std::move(value));
        } else {
            plan.records.emplace_back(std::move(key), std::move(value));
        }
    }
    if (reader.next()) reader.refuse("something follows the end");
    if (root) plan.records.push_back(std::move(*root));
    return plan;
}

bool has_room(const storage::transaction& change, const std::pair<std::string, std::string>& one,
              const storage::store_limits& limits) {
    return change.conditions().size() < limits.conditions_max &&
           change.operations().size() < limits.operations_max &&
           change.bytes() + 2 * one.first.size() + one.second.size() <= limits.bytes_max;
}

awaitable<void> flush(storage::metadata_store& store, storage::transaction change) {
    const auto result = co_await store.commit(std::move(change));
    if (!result) throw error(errc::refused, "import: somebody else writes below the root");
}

}  // namespace

awaitable<walk_summary> export_all(storage::metadata_store& store, const key_layout& keys,
                                   line_sink sink) {
    json head;
    head["reeve_export"] = 1;
    put_bytes(head, "root", keys.root());
    sink(head.dump());
    std::function<void(const storage::record&)> each = [&](const storage::record& one) {
        json line;
        put_bytes(line, "key", std::string_view(one.key).substr(keys.root().size()));
        put_bytes(line, "value", one.value);
        line["modified"] = one.modified.value;
        if (one.lease) line["lease"] = one.lease.value;
        sink(line.dump());
    };
    const auto summary = co_await walk(store, keys, std::move(each));
    json end;
    end["end"] = summary.records;
    end["first_at"] = summary.first_at.value;
    end["last_at"] = summary.last_at.value;
    sink(end.dump());
    co_return summary;
}

awaitable<import_summary> import_all(storage::metadata_store& store, const key_layout& keys,
                                     line_source source) {
    auto plan = read_all(std::move(source), keys);
    const auto limits = store.limits();
    for (const auto& [key, value] : plan.records) {
        storage::transaction alone;
        alone.if_absent(key).put(key, value);
        storage::validate(alone, limits);
    }
    const auto everything = keys.all();
    const auto there = co_await store.list(everything, 1);
    if (!there.records.empty() || !there.resume_at.empty()) {
        throw error(errc::refused, fmt::format("import: there are records below {}",
                                               storage::printable(keys.root())));
    }
    storage::transaction change;
    for (auto& one : plan.records) {
        const bool last = one.first == keys.root_record();
        if (!change.operations().empty() && (last || !has_room(change, one, limits))) {
            co_await flush(store, std::exchange(change, storage::transaction()));
        }
        change.if_absent(one.first);
        change.put(std::move(one.first), std::move(one.second));
    }
    if (!change.operations().empty()) co_await flush(store, std::move(change));
    import_summary made;
    made.written = plan.records.size();
    made.skipped = plan.skipped;
    co_return made;
}

}  // namespace reeve::catalog
