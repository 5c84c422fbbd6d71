#pragma once

#include "input.hpp"
#include "reeve/model/ids.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace linedb {

namespace model = reeve::model;

/// The stream in which the ingester writes down how far it has come.
inline constexpr const char* ingest_stream = "ingest";

/// Channel number `index`: "rows-00", "rows-01" ...
[[nodiscard]] model::channel_name channel_at(std::size_t index);
/// The channel of a line: lines are spread by their offset, so every try of the same line goes to
/// the same channel.
[[nodiscard]] std::size_t channel_of(std::uint64_t offset, std::size_t channels) noexcept;

/// A line as a message of a channel.
[[nodiscard]] std::string encode_message(const line& row);
/// Throws errc::corrupt; `where` names the message.
[[nodiscard]] line decode_message(std::string_view payload, std::string_view where);

/// Rows on their way into an object.
class object_builder {
public:
    object_builder();
    /// Adds a row behind those before.
    void add(const line& row);
    /// How many.
    [[nodiscard]] std::uint64_t rows() const noexcept { return rows_; }
    /// The object so far.
    [[nodiscard]] const std::string& bytes() const noexcept { return bytes_; }

private:
    std::string bytes_;
    std::uint64_t rows_ = 0;
};

/// Takes an object apart.
class object_reader {
public:
    /// Empty: no rows.
    object_reader() = default;
    /// Throws errc::corrupt if these are not the bytes of an object; `name` is its name.
    object_reader(std::string name, std::string bytes);
    /// The next row; false at the end. Throws errc::corrupt.
    [[nodiscard]] bool next(line& into);

private:
    std::string name_;
    std::string bytes_;
    std::size_t at_ = 0;
};

/// What is committed together with a checkpoint: which object holds the rows between the checkpoint
/// before and this one, and how far the channel has come.
struct object_record {
    std::string object;       ///< its name; empty: the messages were repetitions, there is none
    std::uint64_t rows = 0;   ///< in it
    std::uint64_t bytes = 0;  ///< of it
    std::uint64_t hash = 0;   ///< checksum of its bytes
    std::uint64_t end = 0;    ///< rows of the channel that begin below this offset are stored

    /// Bytes of the input in it.
    [[nodiscard]] std::uint64_t row_bytes() const noexcept;
};

/// The record's value.
[[nodiscard]] std::string encode(const object_record& it);
/// Throws errc::corrupt; `where` names the record.
[[nodiscard]] object_record decode_record(std::string_view value, std::string_view where);

/// The prefix of the records of a channel; they sort as their positions do.
[[nodiscard]] std::string record_prefix(const model::channel_name& channel);
/// The record of the rows that end at `checkpoint`.
[[nodiscard]] std::string record_name(const model::channel_name& channel,
                                      const model::position& checkpoint);
/// The object number `number` that is written under a grant: never reused.
[[nodiscard]] std::string object_name(const model::channel_name& channel, model::epoch epoch,
                                      std::uint64_t number);

}  // namespace linedb
