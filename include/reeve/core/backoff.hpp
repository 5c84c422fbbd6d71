#pragma once

#include "reeve/core/random.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace reeve::core {

/// How long to wait between tries.
struct backoff_options {
    std::chrono::milliseconds delay_min{50};    ///< before the second try
    std::chrono::milliseconds delay_max{5000};  ///< never longer than this
};

/// Exponential backoff with full jitter above the minimum: delay n lies in [delay_min,
/// min(delay_max, delay_min * 2^n)].
class backoff {
public:
    /// `seed` makes delays of different users differ and of equal seeds repeat.
    constexpr backoff(backoff_options options, std::uint64_t seed) noexcept
        : options_(options), random_(seed) {}

    /// The delay before the next try.
    constexpr std::chrono::milliseconds next() noexcept {
        const auto low = options_.delay_min.count();
        const auto high = std::max(low, std::min(options_.delay_max.count(), low << tries_));
        if (tries_ < 20) ++tries_;
        const auto spread = static_cast<std::uint64_t>(high - low);
        return std::chrono::milliseconds(
            low + static_cast<std::chrono::milliseconds::rep>(random_.below(spread + 1)));
    }
    /// Start again from the minimum, after a success.
    constexpr void reset() noexcept { tries_ = 0; }
    /// Tries that failed since the last success.
    [[nodiscard]] constexpr unsigned tries() const noexcept { return tries_; }

private:
    backoff_options options_;
    random random_;
    unsigned tries_ = 0;
};

}  // namespace reeve::core
