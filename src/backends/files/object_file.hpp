#pragma once

#include "reeve/backends/file_system.hpp"
#include "reeve/storage/object_store.hpp"

#include <cstdint>
#include <string>
#include <string_view>

// One object as a file, numbers little-endian:
//
//    0  magic "REEVEOBJ"
//    8  u32 format, 1
//   12  u32 bytes of the key
//   16  u64 u64 version, random
//   32  u64 bytes of the content
//   40  i64 last modified, nanoseconds since 1970 by the store's clock
//   48  u32 zero
//   52  u32 CRC-32 of bytes 0..51 and the key
//   56  the key
//       the content
//       u32 CRC-32 of each 64 KiB of the content, so that a part can be read and checked alone
namespace reeve::backends::files {

/// A new version, unlike any other.
[[nodiscard]] storage::object_version new_version(file_system& files);

/// Writes the object and its checksums. Throws what the file throws.
void write_object(file& target, const storage::object_meta& meta, std::string_view bytes);

/// What the file says of itself. Throws errc::foreign if it is no object of reeve,
/// errc::unsupported_format, or errc::corrupt if it is damaged, cut short or that of another key.
/// `path` is for the error's text.
[[nodiscard]] storage::object_meta read_meta(file& source, std::string_view key,
                                             const std::string& path);

/// The part of the content. Throws errc::corrupt if the blocks that hold it are damaged.
[[nodiscard]] std::string read_content(file& source, const storage::object_meta& meta,
                                       storage::byte_range range, const std::string& path);

}  // namespace reeve::backends::files
