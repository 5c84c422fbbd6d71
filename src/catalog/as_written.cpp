#include "catalog/as_written.hpp"

#include "catalog/limits.hpp"
#include "core/hex.hpp"

#include <charconv>
#include <cstdint>
#include <cstring>

namespace reeve::catalog {

namespace {

/// Walks over a text; each step is true if the text goes on so.
class text_reader {
public:
    explicit text_reader(std::string_view text)
        : at_(text.data()), end_(text.data() + text.size()) {}

    bool literal(std::string_view expected) {
        if (left() < expected.size()) return false;
        if (std::memcmp(at_, expected.data(), expected.size()) != 0) return false;
        at_ += expected.size();
        return true;
    }
    /// As encode writes it: no leading zero.
    bool number(std::uint64_t& into) {
        const char* const begin = at_;
        const auto [behind, failure] = std::from_chars(at_, end_, into);
        if (failure != std::errc{}) return false;
        at_ = behind;
        return *begin != '0' || behind == begin + 1;
    }
    /// Up to the closing quote; nothing that is escaped.
    bool text(std::string_view& into) {
        const auto* const quote = static_cast<const char*>(std::memchr(at_, '"', left()));
        if (quote == nullptr) return false;
        into = std::string_view(at_, static_cast<std::size_t>(quote - at_));
        at_ = quote;
        return into.find('\\') == std::string_view::npos;
    }
    bool position(model::position& into) {
        std::string_view digits;
        return text(digits) && digits.size() <= 2 * model::position_bytes_max &&
               core::read_hex(digits, into.value);
    }
    bool state(model::channel_state& into) {
        std::string_view called;
        if (!text(called)) return false;
        for (const auto one : channel_states) {
            if (called != model::name(one)) continue;
            into = one;
            return true;
        }
        return false;
    }
    /// A node's name, or none.
    bool node(model::node_name& into) {
        std::string_view called;
        if (!text(called) || (!called.empty() && !model::valid_name(called))) return false;
        into.value.assign(called);
        return true;
    }
    [[nodiscard]] bool ends() const noexcept { return at_ == end_; }

private:
    [[nodiscard]] std::size_t left() const noexcept { return static_cast<std::size_t>(end_ - at_); }

    const char* at_;
    const char* end_;
};

}  // namespace

bool read_as_written(std::string_view value, model::channel_entry& into) {
    text_reader it(value);
    return it.literal(R"({"v":1,"min_reader":1,"collection":)") &&
           it.number(into.collection.value) && it.literal(R"(,"state":")") &&
           it.state(into.state) && it.literal(R"(","node":")") && it.node(into.node) &&
           it.literal(R"(","process":)") && it.number(into.process.value) &&
           it.literal(R"(,"epoch":)") && it.number(into.epoch.value) &&
           it.literal(R"(,"start":")") && it.position(into.start) && it.literal(R"("})") &&
           it.ends();
}

bool read_as_written(std::string_view value, model::channel_progress& into) {
    text_reader it(value);
    return it.literal(R"({"v":1,"min_reader":1,"checkpoint":")") && it.position(into.checkpoint) &&
           it.literal(R"(","epoch":)") && it.number(into.epoch.value) &&
           it.literal(R"(,"settled":)") && it.number(into.settled) && it.literal("}") && it.ends();
}

}  // namespace reeve::catalog
