#include "catalog/as_written.hpp"

#include "catalog/limits.hpp"
#include "core/hex.hpp"

#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

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
    /// One of the values of an enum, by its name.
    template <class Value, std::size_t Count>
    bool one_of(const std::array<Value, Count>& all, Value& into) {
        std::string_view called;
        if (!text(called)) return false;
        for (const auto one : all) {
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
    /// The whole text that is quoted here.
    bool copy(std::string& into) {
        std::string_view read;
        if (!text(read)) return false;
        into.assign(read);
        return true;
    }
    bool file_name(model::binlog_file& into) {
        std::string_view called;
        if (!text(called)) return false;
        const auto numbered = model::granted_number_of(called);
        into.id = numbered.value_or(model::file_id());
        if (numbered) {
            into.imported.clear();
        } else {
            into.imported.assign(called);
        }
        return true;
    }
    /// Elements until the closing bracket, each into the place of its number.
    template <class Element, class Read>
    bool elements(std::vector<Element>& into, Read read) {
        std::size_t count = 0;
        while (!literal("]")) {
            if (count > 0 && !literal(",")) return false;
            if (count == model::flush_files_max) return false;
            if (count == into.size()) into.emplace_back();
            if (!read(into[count++])) return false;
        }
        into.resize(count);
        return true;
    }
    [[nodiscard]] bool ends() const noexcept { return at_ == end_; }

private:
    [[nodiscard]] std::size_t left() const noexcept { return static_cast<std::size_t>(end_ - at_); }

    const char* at_;
    const char* end_;
};

// The number of the last flush is there only if there is one.
bool read_flush(text_reader& it, std::uint64_t& into) {
    into = 0;
    return !it.literal(R"(,"flush":)") || (it.number(into) && into != 0);
}

bool read_alive(text_reader& it, model::segment_record& into) {
    into.dropped_at = {};
    return it.literal(R"(,"rows_max":)") && it.number(into.limits.rows) &&
           it.literal(R"(,"bytes_max":)") && it.number(into.limits.bytes) &&
           it.literal(R"(,"rows":)") && it.number(into.rows) && it.literal(R"(,"bytes":)") &&
           it.number(into.bytes) && it.literal(R"(,"created":)") && it.number(into.created.value) &&
           it.literal(R"(,"sealed":")") && it.one_of(seal_reasons, into.sealed) &&
           it.literal(R"(","last_expiry":)") && it.number(into.last_expiry.value) &&
           it.literal(R"(,"start":")") && it.position(into.start) && it.literal(R"(","end":")") &&
           it.position(into.end) && it.literal(R"(","job":)") && it.number(into.job.value);
}

bool read_tombstone(text_reader& it, model::segment_record& into) {
    into.limits = {};
    into.bytes = 0;
    into.created = {};
    into.sealed = model::seal_reason::none;
    into.last_expiry = {};
    into.start.value.clear();
    into.end.value.clear();
    return it.literal(R"(,"rows":)") && it.number(into.rows) && it.literal(R"(,"job":)") &&
           it.number(into.job.value) && it.literal(R"(,"dropped_at":)") &&
           it.number(into.dropped_at.value);
}

bool read_group(text_reader& it, model::binlog_group& into) {
    return it.literal(R"({"kind":")") && it.one_of(binlog_kinds, into.kind) &&
           it.literal(R"(","field":)") && it.number(into.field.value) &&
           it.literal(R"(,"files":[)") &&
           it.elements(into.files,
                       [&](model::binlog_file& file) {
                           return it.literal(R"({"name":")") && it.file_name(file) &&
                                  it.literal(R"(","bytes":)") && it.number(file.bytes) &&
                                  it.literal(R"(,"rows":)") && it.number(file.rows) &&
                                  it.literal("}");
                       }) &&
           it.literal("}");
}

}  // namespace

bool read_as_written(std::string_view value, model::channel_entry& into) {
    text_reader it(value);
    return it.literal(R"({"v":1,"min_reader":1,"collection":)") &&
           it.number(into.collection.value) && it.literal(R"(,"state":")") &&
           it.one_of(channel_states, into.state) && it.literal(R"(","node":")") &&
           it.node(into.node) && it.literal(R"(","process":)") && it.number(into.process.value) &&
           it.literal(R"(,"epoch":)") && it.number(into.epoch.value) &&
           it.literal(R"(,"start":")") && it.position(into.start) && it.literal(R"("})") &&
           it.ends();
}

bool read_as_written(std::string_view value, model::channel_progress& into) {
    text_reader it(value);
    return it.literal(R"({"v":1,"min_reader":1,"checkpoint":")") && it.position(into.checkpoint) &&
           it.literal(R"(","epoch":)") && it.number(into.epoch.value) &&
           it.literal(R"(,"settled":)") && it.number(into.settled) && read_flush(it, into.flush) &&
           it.literal("}") && it.ends();
}

bool read_as_written(std::string_view value, model::segment_record& into) {
    text_reader it(value);
    const bool begins = it.literal(R"({"v":1,"min_reader":1,"partition":)") &&
                        it.number(into.partition.value) && it.literal(R"(,"channel":")") &&
                        it.copy(into.channel.value) && it.literal(R"(","state":")") &&
                        it.one_of(segment_states, into.state) && it.literal("\"");
    if (!begins) return false;
    const bool read =
        model::is_dropped(into.state) ? read_tombstone(it, into) : read_alive(it, into);
    return read && it.literal("}") && it.ends() && why_not(into).empty();
}

bool read_as_written(std::string_view value, model::binlog_record& into) {
    text_reader it(value);
    return it.literal(R"({"v":1,"min_reader":1,"from":")") && it.position(into.from) &&
           it.literal(R"(","to":")") && it.position(into.to) && it.literal(R"(","checkpoint":")") &&
           it.position(into.checkpoint) && it.literal(R"(","rows":)") && it.number(into.rows) &&
           it.literal(R"(,"batch":)") && it.number(into.batch) && it.literal(R"(,"groups":[)") &&
           it.elements(into.groups,
                       [&](model::binlog_group& group) { return read_group(it, group); }) &&
           it.literal("}") && it.ends() && why_not(into).empty();
}

}  // namespace reeve::catalog
