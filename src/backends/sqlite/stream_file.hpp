#pragma once

#include "backends/sqlite/database.hpp"
#include "reeve/storage/blocking_message_stream.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace reeve::backends::sqlite {

/// The kind of file that message streams are.
[[nodiscard]] const file_kind& stream_kind() noexcept;

/// Message streams in an SQLite file; see open_sqlite_stream_file.
///
/// Tables: `streams` (name, numbers of the last message and of the last one trimmed), `messages`
/// (one row per message, numbered stream * 2^40 + number within the stream).
class stream_file final : public storage::blocking_message_stream {
public:
    explicit stream_file(sqlite_options options);

    [[nodiscard]] std::size_t payload_bytes_max() const noexcept override {
        return options_.payload_bytes_max;
    }
    storage::position append_many(const std::string& stream,
                                  const std::vector<std::string>& payloads) override;
    std::vector<storage::message> read(const std::string& stream, const storage::position& from,
                                       std::size_t limit,
                                       std::chrono::milliseconds patience) override;
    storage::position end(const std::string& stream) override;
    void trim(const std::string& stream, const storage::position& up_to) override;

private:
    sqlite_options options_;
    database database_;
};

}  // namespace reeve::backends::sqlite
