#pragma once

#include "reeve/backends/sqlite.hpp"

#include <cstdint>

namespace reeve::backends::sqlite {

/// What a file holds, and how to tell.
struct file_kind {
    const char* noun;              ///< "metadata store", for error texts
    std::uint32_t application_id;  ///< the file header's
    std::uint16_t format;          ///< what this release writes and reads
    std::uint16_t min_reader;      ///< the oldest release that reads it
    const char* schema;            ///< statements that make it
};

/// Sees to it that the file at `options.path` exists and is of this kind. A file that is not is
/// left untouched. An absent or empty one is replaced by a new one in a single step, by one of
/// those who try at once. Throws errc::foreign, errc::corrupt, errc::unsupported_format, and what
/// keeps files from being opened.
void prepare_file(const sqlite_options& options, const file_kind& kind);

}  // namespace reeve::backends::sqlite
