#pragma once

#include <string>
#include <string_view>

namespace reeve::core {

// Appends `bytes` as lower-case hexadecimal digits.
inline void append_hex(std::string& into, std::string_view bytes) {
    constexpr std::string_view digits = "0123456789abcdef";
    for (const char byte : bytes) {
        const auto bits = static_cast<unsigned char>(byte);
        into.push_back(digits[bits >> 4U]);
        into.push_back(digits[bits & 15U]);
    }
}

// The value of a lower-case hexadecimal digit, or -1.
constexpr int hex_digit(char digit) noexcept {
    if (digit >= '0' && digit <= '9') return digit - '0';
    if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
    return -1;
}

// Reads what append_hex wrote; false if `text` is anything else.
inline bool read_hex(std::string_view text, std::string& into) {
    into.clear();
    if (text.size() % 2 != 0) return false;
    into.reserve(text.size() / 2);
    for (std::size_t at = 0; at < text.size(); at += 2) {
        const int high = hex_digit(text[at]);
        const int low = hex_digit(text[at + 1]);
        if (high < 0 || low < 0) return false;
        into.push_back(static_cast<char>(high * 16 + low));
    }
    return true;
}

}  // namespace reeve::core
