#pragma once

#include "reeve/model/ids.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace reeve::model {

/// A position in 24 bytes: up to 23 in place, longer ones on the heap.
class compact_position {
public:
    compact_position() = default;
    explicit compact_position(const position& from) { assign(from.value); }
    ~compact_position() { release(); }
    compact_position(const compact_position&) = delete;
    compact_position& operator=(const compact_position&) = delete;

    void assign(std::string_view bytes) {
        if (bytes == view()) return;
        char* heap = nullptr;
        if (bytes.size() > in_place_max) {
            heap = new char[bytes.size()];
            std::copy(bytes.begin(), bytes.end(), heap);
        }
        release();
        size_ = static_cast<std::uint8_t>(bytes.size());
        if (heap != nullptr) {
            std::memcpy(bytes_, &heap, sizeof heap);
        } else {
            std::copy(bytes.begin(), bytes.end(), bytes_);  // also of none at all
        }
    }
    [[nodiscard]] std::string_view view() const noexcept { return {data(), size_}; }
    [[nodiscard]] position get() const { return position(std::string(view())); }
    [[nodiscard]] std::size_t heap() const noexcept { return size_ > in_place_max ? size_ : 0; }

private:
    static constexpr std::size_t in_place_max = 23;
    static_assert(position_bytes_max <= 255);
    [[nodiscard]] const char* data() const noexcept {
        if (size_ <= in_place_max) return bytes_;
        const char* heap = nullptr;
        std::memcpy(&heap, bytes_, sizeof heap);
        return heap;
    }
    void release() noexcept {
        if (size_ > in_place_max) delete[] data();
        size_ = 0;
    }
    char bytes_[in_place_max] = {};
    std::uint8_t size_ = 0;
};

}  // namespace reeve::model
