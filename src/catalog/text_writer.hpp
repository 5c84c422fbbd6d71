#pragma once

#include "core/hex.hpp"
#include "reeve/catalog/codec.hpp"
#include "reeve/core/error.hpp"
#include "reeve/model/segment.hpp"
#include "storage/printable.hpp"

#include <fmt/format.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

// What the encoders of all records share.
namespace reeve::catalog::writing {

inline void check_length(std::string_view text, std::size_t least, std::size_t most,
                         std::string_view what) {
    if (text.size() >= least && text.size() <= most) return;
    throw error(errc::invalid_argument, fmt::format("{} of {} bytes: {} to {} are accepted", what,
                                                    text.size(), least, most));
}

inline void check_name(std::string_view text, std::string_view what) {
    if (model::valid_name(text)) return;
    throw error(errc::invalid_argument,
                fmt::format("{} {}: 1 to {} bytes of printable ASCII without '/' are accepted",
                            what, storage::printable(text), model::name_bytes_max));
}

// The records that are written by the hundred thousand, without a JSON tree in between.
class text_writer {
public:
    explicit text_writer(std::size_t about) {
        text_.reserve(about);
        text_ += R"({"v":1,"min_reader":1)";
        static_assert(format_version == 1);
    }
    text_writer& number(std::string_view field, std::uint64_t value) {
        name(field);
        const fmt::format_int digits(value);
        text_.append(digits.data(), digits.size());
        return *this;
    }
    // Printable ASCII only: nothing but quotes and backslashes needs an escape.
    text_writer& plain(std::string_view field, std::string_view value) {
        name(field);
        text_ += '"';
        for (const char byte : value) {
            if (byte == '"' || byte == '\\') text_ += '\\';
            text_ += byte;
        }
        text_ += '"';
        return *this;
    }
    text_writer& position(std::string_view field, const model::position& value) {
        check_length(value.value, 0, model::position_bytes_max, field);
        name(field);
        text_ += '"';
        core::append_hex(text_, value.value);
        text_ += '"';
        return *this;
    }
    text_writer& granted(std::string_view field, const model::granted_number& value) {
        name(field);
        text_ += '"';
        model::append(text_, value);
        text_ += '"';
        return *this;
    }
    // An array, whose elements are numbers, or objects with fields as above.
    text_writer& begin_array(std::string_view field) {
        name(field);
        text_ += '[';
        return *this;
    }
    text_writer& end_array() {
        text_ += ']';
        return *this;
    }
    text_writer& element(std::uint64_t value) {
        if (text_.back() != '[') text_ += ',';
        const fmt::format_int digits(value);
        text_.append(digits.data(), digits.size());
        return *this;
    }
    text_writer& begin_element() {
        text_ += text_.back() == '[' ? "{" : ",{";
        return *this;
    }
    text_writer& end_element() {
        text_ += '}';
        return *this;
    }
    std::string end() {
        text_ += '}';
        return std::move(text_);
    }

private:
    void name(std::string_view field) {
        text_ += text_.back() == '{' ? "\"" : ",\"";
        text_ += field;
        text_ += "\":";
    }
    std::string text_;
};

}  // namespace reeve::catalog::writing
