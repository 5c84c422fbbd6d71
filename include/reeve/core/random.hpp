#pragma once

#include <cstdint>

namespace reeve::core {

/// A small, fast, seeded generator (splitmix64): equal seeds give equal sequences on every
/// platform. Not for secrets.
class random {
public:
    /// For the standard distributions' sake.
    using result_type = std::uint64_t;

    /// Starts the sequence of `seed`.
    constexpr explicit random(std::uint64_t seed) noexcept : state_(seed) {}

    /// The next 64 bits.
    constexpr std::uint64_t next() noexcept {
        std::uint64_t mixed = (state_ += 0x9e3779b97f4a7c15ULL);
        mixed = (mixed ^ (mixed >> 30U)) * 0xbf58476d1ce4e5b9ULL;
        mixed = (mixed ^ (mixed >> 27U)) * 0x94d049bb133111ebULL;
        return mixed ^ (mixed >> 31U);
    }
    /// The next 64 bits.
    constexpr std::uint64_t operator()() noexcept { return next(); }
    /// A number in [0, bound); 0 if `bound` is 0. Bias below 2^-32 for bounds up to 2^32.
    constexpr std::uint64_t below(std::uint64_t bound) noexcept {
        return bound == 0 ? 0 : next() % bound;
    }
    /// A number in [first, last].
    constexpr std::uint64_t between(std::uint64_t first, std::uint64_t last) noexcept {
        return first + below(last - first + 1);
    }
    /// True with probability `numerator` / `denominator`.
    constexpr bool chance(std::uint64_t numerator, std::uint64_t denominator) noexcept {
        return below(denominator) < numerator;
    }
    /// A new generator that shares nothing with this one but its ancestry.
    constexpr random fork() noexcept { return random(next()); }

    /// For the standard distributions' sake.
    static constexpr result_type min() noexcept { return 0; }
    /// For the standard distributions' sake.
    static constexpr result_type max() noexcept { return ~result_type{0}; }

private:
    std::uint64_t state_;
};

}  // namespace reeve::core
