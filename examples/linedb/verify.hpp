#pragma once

#include "directory.hpp"
#include "metadata.hpp"

#include <cstdint>
#include <string>

namespace linedb {

/// What verifying found.
struct verification {
    std::uint64_t lines = 0;    ///< each present exactly once, from the first on
    std::uint64_t objects = 0;  ///< read
    std::string problem;        ///< what is wrong; empty: every line of the input is there
};

/// Reads all committed objects and the input side by side, and compares them byte by byte. The rows
/// of a channel lie in the order of their offsets, so merging the channels must give the lines of
/// the input: one object of each channel is in memory at a time. Ends at the first problem. Throws
/// reeve::error for what cannot be read.
[[nodiscard]] verification verify(const data_directory& directory, const metadata_place& metadata,
                                  const input_record& record, const std::string& input);

/// "1 line", "2 lines": the sentence that ends a verification well.
[[nodiscard]] std::string verified_text(std::uint64_t lines);

}  // namespace linedb
