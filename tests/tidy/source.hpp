// A file of the tree as the rules see it: its raw lines, and the same lines as code, in which
// comments, string literals and character literals are blanked out, column by column.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace tidy {

enum class kind { header, source, script, cmake, text };

struct source_file {
    std::string path;  // relative to the root, with '/'
    kind type = kind::text;
    std::vector<std::string> raw;
    std::vector<std::string> code;  // same shape as `raw`; only for headers and sources

    [[nodiscard]] bool is_code() const { return type == kind::header || type == kind::source; }
    // Is the file in this directory ("src/backends") or below it?
    [[nodiscard]] bool is_under(std::string_view directory) const;
};

// One broken rule. `line` counts from 1.
struct finding {
    std::string rule;
    std::string path;
    std::size_t line = 0;
    std::string what;
};

source_file make_source(std::string path, std::string_view content);

// A line that carries "tidy: allow RULE: reason", or that follows a comment line which does.
bool is_allowed(const source_file& file, std::size_t line, std::string_view rule);

bool is_word_char(char c);
// The position of `word` in `line` at or after `from`, as a whole word; npos if it is not there.
std::size_t find_word(std::string_view line, std::string_view word, std::size_t from = 0);
std::string_view trimmed(std::string_view text);

}  // namespace tidy
