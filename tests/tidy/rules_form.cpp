#include "rules.hpp"

#include <string>

namespace tidy {

namespace {

constexpr std::size_t columns_max = 100;
constexpr std::size_t file_lines_max = 500;
constexpr std::size_t function_lines_max = 70;

std::size_t columns(std::string_view line) {
    std::size_t count = 0;
    for (const char c : line) {
        if ((static_cast<unsigned char>(c) & 0xC0U) != 0x80U) ++count;  // not a UTF-8 continuation
    }
    return count;
}

// Finds function bodies by their braces: enough of C++ for code that clang-format has formatted.
class function_finder {
public:
    function_finder(const source_file& file, findings& out) : file_(file), out_(out) {}

    void run() {
        for (line_ = 1; line_ <= file_.code.size(); ++line_) {
            const auto& text = file_.code[line_ - 1];
            if (trimmed(text).starts_with("#")) continue;
            for (column_ = 0; column_ < text.size(); ++column_) take(text[column_]);
            head_ += ' ';
        }
    }

private:
    enum class scope { outer, function, other };  // outer: a namespace or a type
    struct open_scope {
        scope what;
        std::size_t line;
        std::string head;  // the text before the brace
    };

    [[nodiscard]] bool outside() const {
        return scopes_.empty() || scopes_.back().what == scope::outer;
    }

    void take(char c) {
        if (c == '(') ++parens_;
        if (c == ')' && parens_ > 0) --parens_;
        if (c == '{') {
            open();
        } else if (c == '}') {
            close();
        } else if (c == ';' && outside()) {
            head_.clear();
            parens_ = 0;
        } else if (outside()) {
            head_ += c;
        }
    }

    void open() {
        const scope what = outside() && parens_ == 0 ? classify(head_) : scope::other;
        scopes_.push_back({what, line_, head_});
        head_.clear();
    }

    void close() {
        if (scopes_.empty()) return;
        const open_scope closed = scopes_.back();
        scopes_.pop_back();
        head_.clear();
        if (closed.what == scope::outer || !outside()) return;
        const char next = next_char();
        // A member's initialiser, or a default argument: the function's head goes on.
        if (next == ',' || next == '{' || parens_ > 0) {
            head_ = closed.head;
            return;
        }
        const auto lines = line_ - closed.line + 1;
        if (closed.what == scope::function && lines > function_lines_max) {
            out_.push_back({"function_length", file_.path, closed.line,
                            "this function has " + std::to_string(lines) + " lines, at most " +
                                std::to_string(function_lines_max) + " are allowed"});
        }
    }

    [[nodiscard]] char next_char() const {
        auto column = column_ + 1;
        for (auto line = line_; line <= file_.code.size(); ++line, column = 0) {
            const auto& text = file_.code[line - 1];
            const auto at = text.find_first_not_of(" \t", column);
            if (at != std::string::npos) return text[at];
        }
        return '\0';
    }

    static scope classify(std::string_view head) {
        head = trimmed(head);
        while (head.starts_with("template")) {
            const auto end = end_of_angles(head);
            if (end == std::string_view::npos) break;
            head = trimmed(head.substr(end));
        }
        for (const auto* access : {"public:", "private:", "protected:"}) {
            if (head.starts_with(access))
                head = trimmed(head.substr(std::string_view(access).size()));
        }
        for (const auto* word : {"namespace", "inline namespace", "extern", "class", "struct",
                                 "union", "enum", "friend class", "friend struct"}) {
            if (find_word(head, word) == 0) return scope::outer;
        }
        return head.find('(') == std::string_view::npos ? scope::other : scope::function;
    }

    static std::size_t end_of_angles(std::string_view head) {
        int depth = 0;
        for (std::size_t at = 0; at < head.size(); ++at) {
            if (head[at] == '<') ++depth;
            if (head[at] == '>' && --depth == 0) return at + 1;
        }
        return std::string_view::npos;
    }

    const source_file& file_;
    findings& out_;
    std::vector<open_scope> scopes_;
    std::string head_;
    int parens_ = 0;
    std::size_t line_ = 0;
    std::size_t column_ = 0;
};

}  // namespace

void check_form(const source_file& file, findings& out) {
    if (file.type == kind::text) return;
    for (std::size_t line = 1; line <= file.raw.size(); ++line) {
        const std::string_view text = file.raw[line - 1];
        if (columns(text) > columns_max) {
            out.push_back({"line_length", file.path, line,
                           std::to_string(columns(text)) + " columns, at most " +
                               std::to_string(columns_max) + " are allowed"});
        }
        if (text.find('\t') != std::string_view::npos) {
            out.push_back({"blanks", file.path, line, "a tab"});
        }
        if (text.ends_with(' ') || text.ends_with('\r')) {
            out.push_back({"blanks", file.path, line, "trailing blanks"});
        }
    }
    if (file.raw.size() > file_lines_max) {
        out.push_back({"file_length", file.path, file_lines_max + 1,
                       std::to_string(file.raw.size()) + " lines, at most " +
                           std::to_string(file_lines_max) + " are allowed"});
    }
}

void check_function_length(const source_file& file, findings& out) {
    if (file.is_code()) function_finder(file, out).run();
}

}  // namespace tidy
