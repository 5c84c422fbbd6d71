// gcc 12 destroys some temporaries twice, or too early, when the full expression that holds them
// also holds co_await; clang is right, and only AddressSanitizer shows it. These rules keep
// co_await alone in its statement. docs/decisions lists the measured cases.
#include "rules.hpp"

#include <string>

namespace tidy {

namespace {

// What was seen so far in one statement, nested blocks (bodies of lambdas) left out.
struct statement {
    std::size_t await_line = 0;  // 0: no co_await
    bool await_in_condition = false;
    bool await_in_argument = false;
    bool question = false;
    bool designated = false;
    bool braced_argument = false;
    bool braces = false;
    bool braces_with_comma = false;
    bool capturing_lambda = false;
    std::string head;  // its first word
};

struct bracket {
    char what;  // '(' '[' ; '{' a block ; 'i' a braced initialiser
    bool condition = false;
    bool empty = true;
    bool comma = false;
    statement outer;  // of a block: the statement around it
};

class await_finder {
public:
    await_finder(const source_file& file, findings& out) : file_(file), out_(out) {}

    void run() {
        for (line_ = 1; line_ <= file_.code.size(); ++line_) {
            text_ = file_.code[line_ - 1];
            if (trimmed(text_).starts_with("#")) continue;
            for (at_ = 0; at_ < text_.size(); ++at_) take();
        }
    }

private:
    void take() {
        const char c = text_[at_];
        if (c == ' ') return;
        if (is_word_char(c)) return take_word();
        switch (c) {
            case '(':
                push({'(', is_condition(), true, false, {}});
                break;
            case '[':
                open_square();
                break;
            case '{':
                open_brace();
                break;
            case ')':
            case ']':
            case '}':
                close();
                break;
            case ';':
                if (at_block_level()) finish();
                break;
            case ',':
                if (!open_.empty()) open_.back().comma = true;
                break;
            case '?':
                now_.question = true;
                break;
            default:
                break;
        }
        last_ = c;
        if (c != ' ') last_word_.clear();
        if (!open_.empty() && c != open_char(open_.back().what)) open_.back().empty = false;
    }

    void take_word() {
        const auto begin = at_;
        while (at_ + 1 < text_.size() && is_word_char(text_[at_ + 1])) ++at_;
        last_word_ = text_.substr(begin, at_ - begin + 1);
        last_ = text_[at_];
        if (now_.head.empty()) now_.head = last_word_;
        if (!open_.empty()) open_.back().empty = false;
        if (last_word_ != "co_await") return;
        now_.await_line = line_;
        for (auto up = open_.rbegin(); up != open_.rend() && up->what != '{'; ++up) {
            now_.await_in_argument = true;
            if (up->condition) now_.await_in_condition = true;
        }
    }

    static char open_char(char what) { return what == 'i' ? '{' : what; }
    [[nodiscard]] bool at_block_level() const { return open_.empty() || open_.back().what == '{'; }
    [[nodiscard]] bool is_condition() const {
        return last_word_ == "if" || last_word_ == "while" || last_word_ == "switch" ||
               last_word_ == "for";
    }
    void push(bracket opened) {
        if (!open_.empty()) open_.back().empty = false;
        open_.push_back(std::move(opened));
    }

    void open_square() {
        const bool keyword =
            last_word_ == "return" || last_word_ == "co_return" || last_word_ == "co_await";
        const bool index =
            (is_word_char(last_) && !keyword) || last_ == ')' || last_ == ']' || last_ == '[';
        const auto before = std::string_view(text_).substr(0, at_);
        const auto name_end = before.find_last_not_of(" &");
        const bool binding = name_end != std::string_view::npos &&
                             before.substr(0, name_end + 1).ends_with("auto");
        const char next = at_ + 1 < text_.size() ? text_[at_ + 1] : ' ';
        if (!index && !binding && next != ']' && next != '[') now_.capturing_lambda = true;
        push({'[', false, true, false, {}});
    }

    [[nodiscard]] bool opens_block() const {
        const bool spaced = at_ == 0 || text_[at_ - 1] == ' ';
        if (last_ == ')') return true;
        if (last_word_ == "return" || last_word_ == "co_return") return false;
        if (last_ == '=' || last_ == ',' || last_ == '(') return false;
        if (last_ == '{' || last_ == '}' || last_ == ';' || last_ == ':' || last_ == '\0') {
            return at_block_level();
        }
        return spaced;  // `awaitable<void> {` and `else {`, but `std::string{`
    }

    void open_brace() {
        if (opens_block()) {
            const bool inside_expression = !at_block_level();
            if (!inside_expression) finish();
            bracket block{'{', false, true, false, std::move(now_)};
            now_ = {};
            push(std::move(block));
            return;
        }
        const char next = at_ + 1 < text_.size() ? text_[at_ + 1] : ' ';
        if (next == '.') now_.designated = true;
        const bool in_call = !open_.empty() && open_.back().what == '(';
        if (in_call && (last_ == '(' || last_ == ',')) now_.braced_argument = true;
        push({'i', false, true, false, {}});
    }

    void close() {
        if (open_.empty()) return;
        bracket closed = std::move(open_.back());
        open_.pop_back();
        if (closed.what == '{') {
            finish();
            now_ = std::move(closed.outer);
            if (at_block_level()) now_ = {};
        } else if (closed.what == 'i' && !closed.empty) {
            now_.braces = true;
            if (closed.comma) now_.braces_with_comma = true;
        }
    }

    void finish() {
        const statement done = std::move(now_);
        now_ = {};
        if (done.await_line == 0) return;
        const auto report = [&](const char* what) {
            out_.push_back({"coroutines", file_.path, done.await_line, what});
        };
        if (done.await_in_condition) report("co_await in a condition; name its result first");
        if (done.question) report("co_await in a statement with ?:");
        if (done.designated) report("co_await in a statement with {. of an aggregate");
        if (done.capturing_lambda) report("co_await in a statement with a capturing lambda");
        if (done.braced_argument) report("co_await in a statement with a braced argument");
        if (done.braces_with_comma) report("co_await in a statement with an aggregate's {a, b}");
        if (done.await_in_argument && done.braces) {
            report("co_await inside an argument list, beside a braced temporary");
        }
    }

    const source_file& file_;
    findings& out_;
    std::vector<bracket> open_;
    statement now_;
    std::string text_;
    std::string last_word_;
    char last_ = '\0';
    std::size_t line_ = 0;
    std::size_t at_ = 0;
};

}  // namespace

void check_coroutines(const source_file& file, findings& out) {
    if (file.is_code()) await_finder(file, out).run();
}

}  // namespace tidy
