#pragma once

#include "core/hex.hpp"
#include "reeve/core/error.hpp"
#include "reeve/model/ids.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace reeve::transport {

// Messages as JSON: what the codecs of all messages share.

using json = nlohmann::json;

inline constexpr int message_version = 1;

[[noreturn]] inline void malformed(std::string_view message, std::string_view what) {
    throw error(errc::corrupt, fmt::format("message {}: {}", message, what));
}

inline std::string to_hex_digits(std::string_view bytes) {
    std::string text;
    core::append_hex(text, bytes);
    return text;
}

/// One received object: every access checks what is there and names it when it is not.
class reader {
public:
    reader(std::string_view message, std::string_view body)
        : message_(message), owned_(json::parse(body, nullptr, false)), at_(&owned_) {
        if (!at_->is_object()) malformed(message_, "not a JSON object");
        if (number("v") != message_version) malformed(message_, "another version than 1");
    }
    reader(std::string_view message, const json& at) : message_(message), at_(&at) {
        if (!at_->is_object()) malformed(message_, "an element is not an object");
    }
    reader(const reader&) = delete;
    reader& operator=(const reader&) = delete;

    [[nodiscard]] std::uint64_t number(const char* field) const {
        const json& found = get(field);
        if (!found.is_number_unsigned()) malformed(message_, fmt::format("{} is no number", field));
        return found.get<std::uint64_t>();
    }
    [[nodiscard]] const std::string& text(const char* field) const {
        const json& found = get(field);
        if (!found.is_string()) malformed(message_, fmt::format("{} is no text", field));
        return found.get_ref<const std::string&>();
    }
    [[nodiscard]] std::string name(const char* field) const {
        const std::string& found = text(field);
        if (!model::valid_name(found)) malformed(message_, fmt::format("{} is no name", field));
        return found;
    }
    [[nodiscard]] std::string bytes(const char* field) const {
        std::string result;
        if (!core::read_hex(text(field), result)) {
            malformed(message_, fmt::format("{} is not hexadecimal", field));
        }
        return result;
    }
    [[nodiscard]] model::position position(const char* field) const {
        std::string found = bytes(field);
        if (found.size() > model::position_bytes_max) {
            malformed(message_, fmt::format("{} is longer than a position", field));
        }
        return model::position(std::move(found));
    }
    [[nodiscard]] const json& list(const char* field) const {
        const json& found = get(field);
        if (!found.is_array()) malformed(message_, fmt::format("{} is no list", field));
        return found;
    }

    [[nodiscard]] const json& object(const char* field) const {
        const json& found = get(field);
        if (!found.is_object()) malformed(message_, fmt::format("{} is no object", field));
        return found;
    }

private:
    [[nodiscard]] const json& get(const char* field) const {
        const auto found = at_->find(field);
        if (found == at_->end()) malformed(message_, fmt::format("{} is missing", field));
        return *found;
    }
    std::string_view message_;
    json owned_;
    const json* at_;
};

template <class Enum>
Enum named(std::string_view message, std::string_view text, Enum last) {
    for (int value = 0; value <= static_cast<int>(last); ++value) {
        if (name(static_cast<Enum>(value)) == text) return static_cast<Enum>(value);
    }
    malformed(message, fmt::format("unknown word '{}'", text));
}

inline json begin() {
    json body = json::object();
    body["v"] = message_version;
    return body;
}

inline std::string finish(const json& body) {
    return body.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace reeve::transport
