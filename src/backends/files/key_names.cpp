#include "backends/files/key_names.hpp"

#include <algorithm>

namespace reeve::backends::files {

namespace {

constexpr std::size_t part_bytes_max = 80;  // 3 x 80 and a mark fit the 255 bytes of a name
constexpr std::string_view hex_digits = "0123456789ABCDEF";

bool is_plain(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.' || c == '=' || c == '+' || c == ',' || c == '@';
}

std::string encode(std::string_view part) {
    std::string name;
    for (const char c : part) {
        const bool hidden = c == '.' && name.empty();  // also "." and ".."
        if (is_plain(c) && !hidden) {
            name += c;
            continue;
        }
        const auto byte = static_cast<unsigned char>(c);
        name += '%';
        name += hex_digits[byte >> 4U];
        name += hex_digits[byte & 15U];
    }
    return name;
}

// The part, if `name` is exactly what encode makes of it.
std::optional<std::string> decode(std::string_view name) {
    std::string part;
    for (std::size_t at = 0; at < name.size(); ++at) {
        if (name[at] != '%') {
            part += name[at];
            continue;
        }
        if (at + 2 >= name.size()) return std::nullopt;
        const auto high = hex_digits.find(name[at + 1]);
        const auto low = hex_digits.find(name[at + 2]);
        if (high == std::string_view::npos || low == std::string_view::npos) return std::nullopt;
        part += static_cast<char>(high * 16 + low);
        at += 2;
    }
    if (encode(part) != name || part.find('/') != std::string::npos) return std::nullopt;
    return part;
}

std::optional<entry_name> entry(entry_name::kind what, std::string_view name, bool cut) {
    auto part = decode(name);
    if (!part || (cut ? part->size() != part_bytes_max : part->size() >= part_bytes_max)) {
        return std::nullopt;
    }
    if (what == entry_name::kind::directory && !cut) *part += '/';
    return entry_name{what, std::move(*part)};
}

}  // namespace

object_place place_of(std::string_view key) {
    object_place place;
    for (;;) {
        const auto slash = key.find('/');
        if (slash < part_bytes_max) {
            place.directory += slash == 0 ? "%%" : encode(key.substr(0, slash));
            key.remove_prefix(slash + 1);
        } else if (key.size() >= part_bytes_max) {
            place.directory += encode(key.substr(0, part_bytes_max)) + "%~";
            key.remove_prefix(part_bytes_max);
        } else {
            place.name = encode(key) + '%';
            place.rest = key;
            return place;
        }
        place.directory += '/';
    }
}

std::optional<entry_name> parse_name(std::string_view name) {
    using kind = entry_name::kind;
    if (name == "%%") return entry_name{kind::directory, "/"};
    if (name.ends_with("%~")) {
        name.remove_suffix(2);
        return entry(kind::directory, name, true);
    }
    if (name.ends_with('%')) {
        name.remove_suffix(1);
        return entry(kind::object, name, false);
    }
    if (name.empty()) return std::nullopt;
    return entry(kind::directory, name, false);
}

}  // namespace reeve::backends::files
