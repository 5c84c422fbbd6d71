#pragma once

#include <cstdint>
#include <string_view>

namespace linedb {

/// FNV-1a, 64 bits: finds damage and mistakes, not attacks.
class checksum {
public:
    /// Goes on with these bytes.
    constexpr void add(std::string_view bytes) noexcept {
        for (const char byte : bytes) {
            value_ = (value_ ^ static_cast<unsigned char>(byte)) * 0x100000001b3ULL;
        }
    }
    /// Of all bytes so far.
    [[nodiscard]] constexpr std::uint64_t value() const noexcept { return value_; }

    /// Of these bytes.
    [[nodiscard]] static constexpr std::uint64_t of(std::string_view bytes) noexcept {
        checksum sum;
        sum.add(bytes);
        return sum.value();
    }

private:
    std::uint64_t value_ = 0xcbf29ce484222325ULL;
};

}  // namespace linedb
