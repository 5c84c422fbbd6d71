#include "rules.hpp"

#include <string>

namespace tidy {

namespace {

void ban_word(const source_file& file, const std::string& rule, std::string_view word,
              const std::string& why, findings& out) {
    const auto& lines = file.is_code() ? file.code : file.raw;
    for (std::size_t line = 1; line <= lines.size(); ++line) {
        const auto at = find_word(lines[line - 1], word);
        if (at == std::string_view::npos) continue;
        // std::thread::id starts nothing.
        if (std::string_view(lines[line - 1]).substr(at + word.size()).starts_with("::")) continue;
        out.push_back({rule, file.path, line, std::string(word) + ": " + why});
    }
}

void check_timers(const source_file& file, findings& out) {
    if (!file.is_code() || file.is_under("src/backends") ||
        file.is_under("include/reeve/backends")) {
        return;
    }
    for (const std::string_view word : {"steady_timer", "system_timer", "high_resolution_timer",
                                        "deadline_timer", "basic_waitable_timer"}) {
        ban_word(file, "asio_timers", word, "starts a hidden thread on a foreign loop; use clock",
                 out);
    }
}

void check_threads(const source_file& file, findings& out) {
    const bool library = file.is_under("src") || file.is_under("include");
    if (!library || file.is_under("src/testing") || file.is_under("include/reeve/testing")) return;
    for (const std::string_view word :
         {"std::thread", "std::jthread", "std::async", "thread_pool", "system_executor"}) {
        ban_word(file, "threads", word, "the library starts no thread", out);
    }
}

void check_sleeps(const source_file& file, findings& out) {
    const std::string why = "time passes, but nothing is known afterwards; wait for the event";
    if (file.type == kind::script) {
        for (std::size_t line = 1; line <= file.raw.size(); ++line) {
            const auto text = trimmed(file.raw[line - 1]);
            if (text.starts_with("#")) continue;
            const auto at = find_word(text, "sleep");
            if (at == std::string_view::npos || text.substr(at).size() <= 6) continue;
            if (text[at + 5] == ' ') out.push_back({"sleep", file.path, line, "sleep: " + why});
        }
    }
    if (!file.is_code()) return;
    for (const std::string_view word :
         {"this_thread::sleep_for", "this_thread::sleep_until", "usleep", "nanosleep"}) {
        ban_word(file, "sleep", word, why, out);
    }
}

// Written in pieces, so that this file does not find itself.
void check_leftovers(const source_file& file, findings& out) {
    for (const std::string_view word : {"TO"
                                        "DO",
                                        "FIX"
                                        "ME",
                                        "XX"
                                        "X"}) {
        for (std::size_t line = 1; line <= file.raw.size(); ++line) {
            if (find_word(file.raw[line - 1], word) == std::string_view::npos) continue;
            out.push_back({"leftovers", file.path, line,
                           std::string(word) + ": finish it, or write it down as a limitation"});
        }
    }
    for (const std::string_view path : {"/wo"
                                        "rk/",
                                        "/tmp/to"
                                        "ols",
                                        "/tmp/w"
                                        "t/",
                                        "/ro"
                                        "ot/",
                                        "/ho"
                                        "me/"}) {
        for (std::size_t line = 1; line <= file.raw.size(); ++line) {
            const auto& text = file.raw[line - 1];
            const auto at = text.find(path);
            const bool absolute = at != std::string::npos &&
                                  (at == 0 || !(is_word_char(text[at - 1]) || text[at - 1] == '.' ||
                                                text[at - 1] == '}' || text[at - 1] == ')'));
            if (!absolute) continue;
            out.push_back({"machine_paths", file.path, line,
                           std::string(path) + ": a path of somebody's machine"});
        }
    }
}

void check_using_namespace(const source_file& file, findings& out) {
    if (file.type != kind::header || file.is_under("tests")) return;
    for (std::size_t line = 1; line <= file.code.size(); ++line) {
        const auto& text = file.code[line - 1];
        if (text.starts_with("using namespace")) {
            out.push_back({"using_namespace", file.path, line, "not in a header"});
        }
    }
}

}  // namespace

void check_banned_words(const source_file& file, findings& out) {
    check_timers(file, out);
    check_threads(file, out);
    check_sleeps(file, out);
    check_leftovers(file, out);
    check_using_namespace(file, out);
}

findings check_file(const source_file& file) {
    findings all;
    check_form(file, all);
    check_function_length(file, all);
    check_includes(file, all);
    check_coroutines(file, all);
    check_banned_words(file, all);
    findings kept;
    for (auto& found : all) {
        const bool whole_file = found.rule == "file_length";
        if (whole_file || !is_allowed(file, found.line, found.rule)) kept.push_back(found);
    }
    return kept;
}

}  // namespace tidy
