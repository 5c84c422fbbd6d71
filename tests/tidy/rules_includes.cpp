#include "rules.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <string>

namespace tidy {

namespace {

struct floor_of_folder {
    std::string_view folder;
    int floor;
};

// The floors of the architecture. backends/ and testing/ stand beside them, see may_include().
constexpr std::array floors = {
    floor_of_folder{"core", 0},      floor_of_folder{"model", 1},
    floor_of_folder{"storage", 2},   floor_of_folder{"transport", 2},
    floor_of_folder{"consensus", 2}, floor_of_folder{"catalog", 3},
    floor_of_folder{"procedure", 4}, floor_of_folder{"cluster", 4},
    floor_of_folder{"channel", 5},   floor_of_folder{"cooldown", 5},
    floor_of_folder{"partition", 5}, floor_of_folder{"segment", 6},
    floor_of_folder{"drop", 7},      floor_of_folder{"gc", 7},
    floor_of_folder{"recovery", 8},  floor_of_folder{"coordinator", 9},
    floor_of_folder{"node", 9},
};

// Third-party headers that reeve's public headers may use; all else stays in src/.
constexpr std::array public_third_party = {std::string_view("boost/"), std::string_view("fmt/")};

struct include_line {
    std::string target;
    bool quoted = false;
};

std::optional<int> floor_of(std::string_view folder) {
    for (const auto& entry : floors) {
        if (entry.folder == folder) return entry.floor;
    }
    return std::nullopt;
}

std::optional<include_line> parse_include(std::string_view code) {
    code = trimmed(code);
    if (!code.starts_with("#include")) return std::nullopt;
    const auto open = code.find_first_of("<\"");
    if (open == std::string_view::npos) return std::nullopt;
    const auto close = code.find(code[open] == '<' ? '>' : '"', open + 1);
    if (close == std::string_view::npos) return std::nullopt;
    return include_line{std::string(code.substr(open + 1, close - open - 1)), code[open] == '"'};
}

// "include/reeve/core/error.hpp" and "src/core/error.cpp" live in folder "core"; the umbrella
// header lives in none, which is written "".
std::optional<std::string> folder_of(std::string_view path) {
    for (const std::string_view root : {"include/reeve/", "src/"}) {
        if (!path.starts_with(root)) continue;
        path.remove_prefix(root.size());
        const auto slash = path.find('/');
        return std::string(slash == std::string_view::npos ? "" : path.substr(0, slash));
    }
    return std::nullopt;
}

// The folder that an include points to; nothing if it is no header of reeve.
std::optional<std::string> target_folder(const include_line& line) {
    std::string_view target = line.target;
    if (target.starts_with("reeve/")) {
        target.remove_prefix(6);
    } else if (!line.quoted || target.find('/') == std::string_view::npos) {
        return std::nullopt;
    }
    const auto slash = target.find('/');
    return std::string(slash == std::string_view::npos ? "" : target.substr(0, slash));
}

std::string why_forbidden(const std::string& from, const std::string& to) {
    if (from == to || from == "testing") return {};
    if (to.empty()) return "the umbrella header is for embedders, not for the library itself";
    if (to == "testing") return "only testing/ itself, tests and hosts use testing/";
    if (from.empty()) return to == "backends" ? "the umbrella header has no backends/" : "";
    if (to == "backends") return "the floors do not know backends/";
    const auto to_floor = floor_of(to);
    if (!to_floor) return "folder \"" + to + "\" has no floor; give it one in tests/tidy";
    if (from == "backends") {
        return *to_floor <= 2 ? "" : "backends/ uses floors 0 to 2 only";
    }
    const auto from_floor = floor_of(from);
    if (!from_floor) return "folder \"" + from + "\" has no floor; give it one in tests/tidy";
    if (*to_floor < *from_floor) return {};
    return "floor " + std::to_string(*from_floor) + " (" + from + ") must not use floor " +
           std::to_string(*to_floor) + " (" + to + ")";
}

bool is_posix(std::string_view target) {
    return target.starts_with("sys/") || target.starts_with("linux/") ||
           (target.ends_with(".h") && target.find('/') == std::string_view::npos &&
            target != "sqlite3.h" && target != "simdjson.h");
}

bool is_standard(std::string_view target) {
    return target.find('/') == std::string_view::npos && target.find('.') == std::string_view::npos;
}

void check_public_header(const source_file& file, std::size_t line, const include_line& include,
                         findings& out) {
    if (!file.is_under("include")) return;
    const std::string_view target = include.target;
    const bool known = include.quoted || is_standard(target) ||
                       std::any_of(public_third_party.begin(), public_third_party.end(),
                                   [&](auto prefix) { return target.starts_with(prefix); });
    if (!known) {
        out.push_back({"public_headers", file.path, line,
                       "<" + include.target + "> must not appear in a public header"});
    }
    if (include.quoted && !target.starts_with("reeve/")) {
        out.push_back({"public_headers", file.path, line,
                       "\"" + include.target + "\" should be \"reeve/...\""});
    }
}

// 0 own header, 1 this project, 2 third party, 3 standard; nothing for the system's C headers,
// which may stand with either of the last two.
std::optional<int> group_of(const source_file& file, const include_line& include, bool first) {
    if (include.quoted) {
        std::string_view stem = file.path;
        stem = stem.substr(stem.rfind('/') + 1);
        stem = stem.substr(0, stem.rfind('.'));
        std::string_view name = include.target;
        name = name.substr(name.rfind('/') + 1);
        return first && file.type == kind::source && name.starts_with(stem) ? 0 : 1;
    }
    if (include.target.starts_with("reeve/")) return 1;
    if (is_posix(include.target)) return std::nullopt;
    return is_standard(include.target) ? 3 : 2;
}

void check_pragma_once(const source_file& file, findings& out) {
    if (file.type != kind::header) return;
    for (std::size_t line = 1; line <= file.code.size(); ++line) {
        const auto text = trimmed(file.code[line - 1]);
        if (text.empty()) continue;
        if (text == "#pragma once") return;
        out.push_back({"pragma_once", file.path, line, "a header starts with #pragma once"});
        return;
    }
    out.push_back({"pragma_once", file.path, 1, "a header starts with #pragma once"});
}

}  // namespace

void check_includes(const source_file& file, findings& out) {
    if (!file.is_code()) return;
    check_pragma_once(file, out);
    const auto from = folder_of(file.path);
    int last_group = 0;
    bool first = true;
    for (std::size_t line = 1; line <= file.code.size(); ++line) {
        if (trimmed(file.code[line - 1]).starts_with("#if")) last_group = 0;
        const auto include = parse_include(file.code[line - 1]);
        if (!include) continue;
        const auto to = target_folder(*include);
        if (from && to) {
            const auto why = why_forbidden(*from, *to);
            if (!why.empty()) out.push_back({"floors", file.path, line, why});
        }
        check_public_header(file, line, *include, out);
        const auto group = group_of(file, *include, first);
        first = false;
        if (!group) continue;
        if (*group < last_group) {
            out.push_back({"include_order", file.path, line,
                           "the order is: own header, \"reeve/...\", third party, standard"});
        }
        last_group = *group;
    }
}

}  // namespace tidy
