#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace linedb_test {

/// A text of so many lines for hostile eyes: NUL, CR, invalid UTF-8, empty and repeated lines, some
/// of 100 KiB, and no newline at its end.
[[nodiscard]] std::string nasty_text(std::uint64_t seed, std::size_t lines);

}  // namespace linedb_test
