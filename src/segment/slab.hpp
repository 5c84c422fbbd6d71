#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace reeve::segment {

/// No number.
inline constexpr std::uint32_t none = ~std::uint32_t{0};

/// Values that never move, by number; the numbers of those that are freed are used again. A value
/// keeps what it held when it is freed: `add` gives it as it was left.
template <class Value>
class slab {
public:
    [[nodiscard]] Value& operator[](std::uint32_t number) noexcept {
        return chunks_[number / chunk_values][number % chunk_values];
    }
    [[nodiscard]] const Value& operator[](std::uint32_t number) const noexcept {
        return chunks_[number / chunk_values][number % chunk_values];
    }
    [[nodiscard]] std::uint32_t add() {
        if (!free_.empty()) {
            const std::uint32_t number = free_.back();
            free_.pop_back();
            return number;
        }
        if (used_ % chunk_values == 0) {
            chunks_.push_back(std::make_unique<Value[]>(chunk_values));
        }
        return used_++;
    }
    void remove(std::uint32_t number) { free_.push_back(number); }
    /// Removing so many allocates nothing.
    void reserve_free(std::size_t count) {
        if (count > free_.capacity()) free_.reserve(2 * count);
    }
    /// Those that are not freed.
    [[nodiscard]] std::size_t size() const noexcept { return used_ - free_.size(); }
    [[nodiscard]] std::size_t memory() const noexcept {
        return chunks_.size() * (chunk_values * sizeof(Value) + sizeof(void*)) +
               free_.capacity() * sizeof(std::uint32_t);
    }

private:
    static constexpr std::uint32_t chunk_values = 1024;
    std::vector<std::unique_ptr<Value[]>> chunks_;
    std::vector<std::uint32_t> free_;
    std::uint32_t used_ = 0;
};

}  // namespace reeve::segment
