#include "backends/sqlite/stream_file.hpp"

#include "storage/printable.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace reeve::backends::sqlite {

namespace {

constexpr unsigned number_bits = 40;
constexpr std::uint64_t numbers_max = (std::uint64_t{1} << number_bits) - 1;
constexpr std::uint64_t streams_max = (std::uint64_t{1} << (63 - number_bits)) - 1;
// An answer ends after so many bytes, whatever was asked for.
constexpr std::size_t answer_bytes_max = std::size_t{16} << 20U;
// Messages removed in one transaction, so that appends do not wait long for a trim.
constexpr std::uint64_t trim_step = 4096;

constexpr const char* schema = R"(
CREATE TABLE streams (
    id INTEGER PRIMARY KEY AUTOINCREMENT, name BLOB NOT NULL UNIQUE,
    last INTEGER NOT NULL, trimmed INTEGER NOT NULL, removed INTEGER NOT NULL
) STRICT;
CREATE TABLE messages (number INTEGER PRIMARY KEY, payload BLOB NOT NULL) STRICT;
)";

struct stream_row {
    std::uint64_t id = 0;       ///< 0: there is no such stream
    std::uint64_t last = 0;     ///< the last message's number
    std::uint64_t trimmed = 0;  ///< messages up to here are gone for readers
    std::uint64_t removed = 0;  ///< and up to here they have been deleted
};

stream_row find(connection& db, const std::string& name) {
    query found(db, "SELECT id, last, trimmed, removed FROM streams WHERE name = ?");
    found.bind_blob(name);
    if (!found.step()) return {};
    return {found.number(0), found.number(1), found.number(2), found.number(3)};
}

storage::position encode(std::uint64_t number) {
    std::string bytes(8, '\0');
    for (std::size_t at = 8; at > 0; --at, number >>= 8U) {
        bytes[at - 1] = static_cast<char>(number & 0xffU);
    }
    return storage::position(bytes);
}

// The empty position is before the first message, number 1.
std::uint64_t decode(const storage::position& at) {
    if (at.value.empty()) return 0;
    std::uint64_t number = 0;
    if (at.value.size() == 8) {
        for (const char byte : at.value) number = number << 8U | static_cast<unsigned char>(byte);
    }
    if (number == 0 || number > numbers_max) {
        throw error(errc::invalid_argument, fmt::format("{} is no position of an SQLite stream",
                                                        storage::printable(at.value)));
    }
    return number;
}

void check_inside(const std::string& stream, std::uint64_t number, const stream_row& row) {
    if (number <= row.last) return;
    throw error(errc::invalid_argument, fmt::format("stream {}: position {} is past its end, {}",
                                                    storage::printable(stream), number, row.last));
}

void check_name(const std::string& stream) {
    if (stream.empty()) throw error(errc::invalid_argument, "a stream with the empty name");
}

}  // namespace

// The application id is "rvMS".
const file_kind& stream_kind() noexcept {
    static constexpr file_kind kind{"message stream", 0x72764d53, 1, 1, schema};
    return kind;
}

stream_file::stream_file(sqlite_options options)
    : options_(std::move(options)), database_(options_, stream_kind(), nullptr) {}

storage::position stream_file::append_many(const std::string& stream,
                                           const std::vector<std::string>& payloads) {
    check_name(stream);
    if (payloads.empty()) throw error(errc::invalid_argument, "append of no messages");
    for (const auto& payload : payloads) {
        if (payload.size() <= options_.payload_bytes_max) continue;
        throw error(errc::too_large, fmt::format("a message of {} bytes, at most {} are accepted",
                                                 payload.size(), options_.payload_bytes_max));
    }
    const auto last = database_.write("append", [&](connection& db) {
        auto row = find(db, stream);
        if (row.id == 0) {
            query(db, "INSERT INTO streams (name, last, trimmed, removed) VALUES (?, 0, 0, 0)")
                .bind_blob(stream)
                .run();
            row.id = static_cast<std::uint64_t>(sqlite3_last_insert_rowid(db.handle()));
        }
        if (row.id > streams_max || payloads.size() > numbers_max - row.last) {
            throw error(errc::resource_exhausted,
                        fmt::format("stream {}: no numbers are left", storage::printable(stream)));
        }
        for (const auto& payload : payloads) {
            query(db, "INSERT INTO messages (number, payload) VALUES (?, ?)")
                .bind(row.id << number_bits | ++row.last)
                .bind_blob(payload)
                .run();
        }
        query(db, "UPDATE streams SET last = ? WHERE id = ?").bind(row.last).bind(row.id).run();
        return row.last;
    });
    return encode(last);
}

std::vector<storage::message> stream_file::read(const std::string& stream,
                                                const storage::position& from, std::size_t limit,
                                                std::chrono::milliseconds patience) {
    check_name(stream);
    if (limit == 0) throw error(errc::invalid_argument, "a limit of 0, at least 1 is accepted");
    const auto after = decode(from);
    const auto take = [&](connection& db) {
        std::vector<storage::message> result;
        const auto row = find(db, stream);
        check_inside(stream, after, row);
        if (after < row.trimmed) {
            throw error(errc::compacted,
                        fmt::format("stream {}: read from {}, trimmed up to {}",
                                    storage::printable(stream), after, row.trimmed));
        }
        query found(db,
                    "SELECT number, payload FROM messages WHERE number > ? AND number <= ? "
                    "ORDER BY number");
        found.bind(row.id << number_bits | after).bind(row.id << number_bits | row.last);
        std::size_t bytes = 0;
        while (result.size() < limit && bytes < answer_bytes_max && found.step()) {
            const auto payload = found.blob(1);
            bytes += payload.size();
            result.push_back({encode(found.number(0) & numbers_max), std::string(payload)});
        }
        return result;
    };
    const auto deadline = core::system_clock::instance().now() + patience;
    for (;;) {
        const auto seen = database_.signal().count();
        auto messages = database_.read(take);
        if (!messages.empty() || !database_.signal().wait(seen, deadline)) return messages;
    }
}

storage::position stream_file::end(const std::string& stream) {
    check_name(stream);
    const auto last = database_.read([&](connection& db) { return find(db, stream).last; });
    return last == 0 ? storage::position() : encode(last);
}

// First the mark moves, then the messages go, some at a time: after a kill in between the next trim
// goes on.
void stream_file::trim(const std::string& stream, const storage::position& up_to) {
    check_name(stream);
    const auto target = decode(up_to);
    if (target == 0) return;
    bool more = true;
    while (more) {
        more = database_.write("trim", [&](connection& db) {
            auto row = find(db, stream);
            check_inside(stream, target, row);
            if (target <= row.trimmed && row.removed == row.trimmed) return false;
            row.trimmed = std::max(row.trimmed, target);
            const auto removed = std::min(row.trimmed, row.removed + trim_step);
            query(db, "DELETE FROM messages WHERE number > ? AND number <= ?")
                .bind(row.id << number_bits | row.removed)
                .bind(row.id << number_bits | removed)
                .run();
            query(db, "UPDATE streams SET trimmed = ?, removed = ? WHERE id = ?")
                .bind(row.trimmed)
                .bind(removed)
                .bind(row.id)
                .run();
            return removed < row.trimmed;
        });
    }
}

}  // namespace reeve::backends::sqlite
