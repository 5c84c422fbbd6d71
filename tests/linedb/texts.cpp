#include "texts.hpp"

#include "reeve/core/random.hpp"

namespace linedb_test {

std::string nasty_text(std::uint64_t seed, std::size_t lines) {
    reeve::core::random random(seed);
    std::string text;
    std::string last = "first";
    for (std::size_t number = 0; number < lines; ++number) {
        if (random.chance(1, 10)) {
            text += last + "\n";  // the same line again
            continue;
        }
        std::size_t length = random.below(100);
        if (random.chance(1, 20000)) length = 100 << 10U;
        last.clear();
        while (last.size() < length) {
            const char byte = static_cast<char>(random.below(256));
            last.push_back(byte == '\n' ? '\r' : byte);
        }
        text += last + "\n";
    }
    text += "the end, without a newline";
    return text;
}

}  // namespace linedb_test
