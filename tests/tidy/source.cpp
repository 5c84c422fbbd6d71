#include "source.hpp"

#include <cctype>
#include <utility>

namespace tidy {

namespace {

std::vector<std::string> split_lines(std::string_view content) {
    std::vector<std::string> lines;
    while (!content.empty()) {
        const auto end = content.find('\n');
        lines.emplace_back(content.substr(0, end));
        if (end == std::string_view::npos) break;
        content.remove_prefix(end + 1);
    }
    return lines;
}

// Walks over the text once; everything that is not code becomes blanks.
class blanker {
public:
    explicit blanker(std::string text) : text_(std::move(text)) {}

    std::string run() {
        while (at_ < text_.size()) step();
        return std::move(text_);
    }

private:
    void step() {
        if (starts("//")) {
            blank_until("\n", 0);
        } else if (starts("/*")) {
            blank_until("*/", 2);
        } else if (starts("R\"") && (at_ == 0 || !is_word_char(text_[at_ - 1]))) {
            blank_raw_string();
        } else if (text_[at_] == '"' && !in_include()) {
            blank_quoted('"');
        } else if (text_[at_] == '\'' && !(at_ > 0 && is_word_char(text_[at_ - 1]))) {
            blank_quoted('\'');  // after a digit it is a separator: 1'000
        } else {
            ++at_;
        }
    }

    [[nodiscard]] bool starts(std::string_view what) const {
        return std::string_view(text_).substr(at_).starts_with(what);
    }
    [[nodiscard]] bool in_include() const {
        const auto newline = text_.rfind('\n', at_);
        const auto begin = newline == std::string::npos ? 0 : newline + 1;
        return trimmed(std::string_view(text_).substr(begin)).starts_with("#include");
    }
    void blank_to(std::size_t end) {
        for (; at_ < end && at_ < text_.size(); ++at_) {
            if (text_[at_] != '\n') text_[at_] = ' ';
        }
    }
    void blank_until(std::string_view stop, std::size_t from) {
        const auto end = text_.find(stop, at_ + from);
        if (end == std::string::npos) return blank_to(text_.size());
        blank_to(stop == "\n" ? end : end + stop.size());
    }
    void blank_raw_string() {
        const auto open = text_.find('(', at_);
        if (open == std::string::npos) return blank_to(text_.size());
        const std::string stop = ")" + text_.substr(at_ + 2, open - at_ - 2) + "\"";
        blank_until(stop, 2);
    }
    // Keeps the quotes themselves, so that an empty argument does not look like no argument.
    void blank_quoted(char quote) {
        auto end = at_ + 1;
        while (end < text_.size() && text_[end] != quote && text_[end] != '\n') {
            end += text_[end] == '\\' ? 2 : 1;
        }
        ++at_;
        blank_to(end);
        if (at_ < text_.size() && text_[at_] == quote) ++at_;
    }

    std::string text_;
    std::size_t at_ = 0;
};

kind kind_of(std::string_view path) {
    if (path.ends_with(".hpp")) return kind::header;
    if (path.ends_with(".cpp")) return kind::source;
    if (path.ends_with(".sh") || path.ends_with(".ci/run")) return kind::script;
    if (path.ends_with(".cmake") || path.ends_with("CMakeLists.txt")) return kind::cmake;
    return kind::text;
}

bool allows(std::string_view line, std::string_view rule) {
    const std::string marker = "tidy: allow " + std::string(rule) + ":";
    const auto at = line.find(marker);
    return at != std::string_view::npos && trimmed(line.substr(at + marker.size())).size() >= 8;
}

}  // namespace

bool source_file::is_under(std::string_view directory) const {
    return path.size() > directory.size() && path.starts_with(directory) &&
           path[directory.size()] == '/';
}

source_file make_source(std::string path, std::string_view content) {
    source_file file;
    file.type = kind_of(path);
    file.path = std::move(path);
    file.raw = split_lines(content);
    if (file.is_code()) file.code = split_lines(blanker(std::string(content)).run());
    return file;
}

bool is_allowed(const source_file& file, std::size_t line, std::string_view rule) {
    if (allows(file.raw[line - 1], rule)) return true;
    // The comment lines directly above.
    for (auto above = line - 1; above > 0; --above) {
        const auto text = trimmed(file.raw[above - 1]);
        if (!text.starts_with("//") && !text.starts_with("#")) return false;
        if (allows(text, rule)) return true;
    }
    return false;
}

bool is_word_char(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

std::size_t find_word(std::string_view line, std::string_view word, std::size_t from) {
    for (auto at = line.find(word, from); at != std::string_view::npos;
         at = line.find(word, at + 1)) {
        const auto end = at + word.size();
        const bool starts = at == 0 || !is_word_char(line[at - 1]);
        const bool ends = end >= line.size() || !is_word_char(line[end]);
        if (starts && ends) return at;
    }
    return std::string_view::npos;
}

std::string_view trimmed(std::string_view text) {
    const auto begin = text.find_first_not_of(" \t\r\n");
    if (begin == std::string_view::npos) return {};
    return text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1);
}

}  // namespace tidy
