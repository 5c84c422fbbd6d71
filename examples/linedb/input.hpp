#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace linedb {

/// Bytes of a line at most, its newline not counted.
inline constexpr std::size_t line_bytes_max = std::size_t{1} << 20U;

/// A line of the input, and a row of the database.
struct line {
    std::uint64_t offset = 0;  ///< of its first byte in the input: what identifies it
    std::string bytes;         ///< with its newline; only the last line may lack one

    /// The offset of the line after it.
    [[nodiscard]] std::uint64_t end() const noexcept { return offset + bytes.size(); }
};

/// Reads a file line by line in bounded memory. Throws reeve::error: errc::not_found,
/// errc::permission_denied, errc::invalid_argument (no regular file), errc::unavailable (I/O),
/// errc::too_large (a line is too long).
class line_reader {
public:
    /// Begins at `from`, which must be the offset of a line.
    explicit line_reader(std::string path, std::uint64_t from = 0);
    ~line_reader();
    line_reader(const line_reader&) = delete;
    line_reader& operator=(const line_reader&) = delete;

    /// The next line; false at the end of the file.
    [[nodiscard]] bool next(line& into);

private:
    void fill();

    std::string path_;
    int file_ = -1;
    std::uint64_t offset_;  // of the next line
    std::string buffer_;
    std::size_t used_ = 0;  // bytes of the buffer that were handed out
    bool ended_ = false;
};

/// What tells one input from another: its content, wherever it lies.
struct input_identity {
    std::uint64_t bytes = 0;
    std::uint64_t lines = 0;
    std::uint64_t hash = 0;  ///< checksum of all bytes

    friend bool operator==(const input_identity&, const input_identity&) = default;
};

/// Reads all of the file. Throws what line_reader throws: afterwards no line is too long.
[[nodiscard]] input_identity identify(const std::string& path);

}  // namespace linedb
