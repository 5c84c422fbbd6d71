#include "backends/files/object_file.hpp"

#include "reeve/core/error.hpp"

#include <fmt/format.h>
#include <boost/crc.hpp>

#include <algorithm>
#include <chrono>
#include <limits>

namespace reeve::backends::files {

namespace {

constexpr std::string_view magic = "REEVEOBJ";
constexpr std::uint32_t format_now = 1;
constexpr std::size_t header_bytes = 56;
constexpr std::size_t checked_bytes = 52;  // of the header, by its own checksum
constexpr std::size_t block_bytes = 64U << 10U;
constexpr std::size_t checksum_bytes = 4;

template <class Number>
void put_number(std::string& out, Number number) {
    for (std::size_t byte = 0; byte < sizeof(Number); ++byte) {
        out += static_cast<char>(static_cast<std::uint64_t>(number) >> (8 * byte) & 0xFFU);
    }
}

template <class Number>
Number get_number(std::string_view bytes, std::size_t at) {
    std::uint64_t number = 0;
    for (std::size_t byte = sizeof(Number); byte-- > 0;) {
        number = number << 8U | static_cast<unsigned char>(bytes[at + byte]);
    }
    return static_cast<Number>(number);
}

std::uint32_t checksum(std::string_view first, std::string_view second = {}) {
    boost::crc_32_type crc;
    crc.process_bytes(first.data(), first.size());
    crc.process_bytes(second.data(), second.size());
    return static_cast<std::uint32_t>(crc.checksum());
}

std::uint64_t blocks_of(std::uint64_t size) {
    return size / block_bytes + (size % block_bytes == 0 ? 0 : 1);
}

std::string header_of(const storage::object_meta& meta) {
    using namespace std::chrono;
    std::string header(magic);
    put_number(header, format_now);
    put_number(header, static_cast<std::uint32_t>(meta.key.size()));
    put_number(header, std::stoull(meta.version.value.substr(0, 16), nullptr, 16));
    put_number(header, std::stoull(meta.version.value.substr(16), nullptr, 16));
    put_number(header, meta.size);
    const auto since = duration_cast<nanoseconds>(meta.last_modified.time_since_epoch());
    put_number(header, static_cast<std::int64_t>(since.count()));
    put_number(header, std::uint32_t{0});
    put_number(header, checksum(header, meta.key));
    return header;
}

[[noreturn]] void corrupt(const std::string& path, const char* why) {
    throw error(errc::corrupt, "file " + path + " " + why);
}

void check_magic(std::string_view bytes, const std::string& path) {
    const auto begin = bytes.substr(0, magic.size());
    if (!magic.starts_with(begin)) {
        throw error(errc::foreign, "file " + path + " is no object of this store");
    }
    if (bytes.size() < header_bytes) corrupt(path, "is cut short");
    const auto format = get_number<std::uint32_t>(bytes, magic.size());
    if (format > format_now) {
        throw error(errc::unsupported_format,
                    fmt::format("file {} has format {}, this release reads up to {}", path, format,
                                format_now));
    }
    if (format == 0) corrupt(path, "has format 0");
}

}  // namespace

storage::object_version new_version(file_system& files) {
    return storage::object_version(fmt::format("{:016x}{:016x}", files.unique(), files.unique()));
}

void write_object(file& target, const storage::object_meta& meta, std::string_view bytes) {
    std::string checksums;
    for (std::size_t at = 0; at < bytes.size(); at += block_bytes) {
        put_number(checksums, checksum(bytes.substr(at, block_bytes)));
    }
    if (bytes.size() <= block_bytes) {  // one write is cheaper than one copy of so little
        target.append(header_of(meta).append(meta.key).append(bytes).append(checksums));
        return;
    }
    target.append(header_of(meta).append(meta.key));
    target.append(bytes);
    target.append(checksums);
}

storage::object_meta read_meta(file& source, std::string_view key, const std::string& path) {
    const auto bytes = source.read(0, header_bytes + key.size());
    check_magic(bytes, path);
    const std::string_view view(bytes);
    const auto stored_key = view.substr(header_bytes);
    if (get_number<std::uint32_t>(bytes, 12) != key.size() || stored_key != key) {
        corrupt(path, "is damaged, or is the object of another key");
    }
    if (get_number<std::uint32_t>(bytes, checked_bytes) !=
        checksum(view.substr(0, checked_bytes), stored_key)) {
        corrupt(path, "has a damaged header");
    }
    storage::object_meta meta;
    meta.key = key;
    meta.version =
        storage::object_version(fmt::format("{:016x}{:016x}", get_number<std::uint64_t>(bytes, 16),
                                            get_number<std::uint64_t>(bytes, 24)));
    meta.size = get_number<std::uint64_t>(bytes, 32);
    const std::chrono::nanoseconds since(get_number<std::int64_t>(bytes, 40));
    meta.last_modified =
        core::wall_time(std::chrono::duration_cast<core::wall_time::duration>(since));
    const auto in_file = source.size();
    if (meta.size > in_file ||
        header_bytes + key.size() + meta.size + blocks_of(meta.size) * checksum_bytes != in_file) {
        corrupt(path, "is cut short or has bytes behind its end");
    }
    return meta;
}

std::string read_content(file& source, const storage::object_meta& meta, storage::byte_range range,
                         const std::string& path) {
    if (range.offset >= meta.size || range.length == 0) return {};
    const auto length = std::min(range.length, meta.size - range.offset);
    const auto first = range.offset / block_bytes;
    const auto last = (range.offset + length - 1) / block_bytes;
    const auto begin = first * block_bytes;
    const auto end = std::min((last + 1) * block_bytes, meta.size);
    const auto content_at = header_bytes + meta.key.size();
    auto bytes = source.read(content_at + begin, end - begin);
    const auto checksums = source.read(content_at + meta.size + first * checksum_bytes,
                                       (last - first + 1) * checksum_bytes);
    if (bytes.size() != end - begin || checksums.size() != (last - first + 1) * checksum_bytes) {
        corrupt(path, "is cut short");
    }
    for (std::size_t block = 0; block <= last - first; ++block) {
        const auto part = std::string_view(bytes).substr(block * block_bytes, block_bytes);
        if (get_number<std::uint32_t>(checksums, block * checksum_bytes) != checksum(part)) {
            corrupt(path, "has damaged content");
        }
    }
    if (begin == range.offset && length == bytes.size()) return bytes;
    return bytes.substr(range.offset - begin, length);
}

}  // namespace reeve::backends::files
