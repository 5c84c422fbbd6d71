#include "rows.hpp"

#include "reeve/core/error.hpp"
#include "reeve/core/random.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <utility>

namespace linedb {

namespace {

using nlohmann::json;

constexpr std::string_view object_head = "linedb rows 1\n";
constexpr std::size_t offset_bytes = 8;
constexpr std::size_t length_bytes = 4;
constexpr std::size_t row_bytes_max = line_bytes_max + 1;

void put_number(std::string& into, std::uint64_t number, std::size_t width) {
    for (std::size_t shift = 8 * width; shift > 0; shift -= 8) {
        into.push_back(static_cast<char>((number >> (shift - 8)) & 0xffU));
    }
}

std::uint64_t take_number(std::string_view from) {
    std::uint64_t number = 0;
    for (const char byte : from) number = number << 8U | static_cast<unsigned char>(byte);
    return number;
}

[[noreturn]] void corrupt(std::string_view where, std::string_view why) {
    throw reeve::error(reeve::errc::corrupt, fmt::format("{}: {}", where, why));
}

}  // namespace

model::channel_name channel_at(std::size_t index) {
    return model::channel_name(fmt::format("rows-{:02}", index));
}

std::size_t channel_of(std::uint64_t offset, std::size_t channels) noexcept {
    return reeve::core::random(offset).below(channels);
}

std::string encode_message(const line& row) {
    std::string payload;
    payload.reserve(offset_bytes + row.bytes.size());
    put_number(payload, row.offset, offset_bytes);
    payload += row.bytes;
    return payload;
}

line decode_message(std::string_view payload, std::string_view where) {
    if (payload.size() <= offset_bytes || payload.size() > offset_bytes + row_bytes_max) {
        corrupt(where, "this message is no row");
    }
    line row;
    row.offset = take_number(payload.substr(0, offset_bytes));
    row.bytes = payload.substr(offset_bytes);
    return row;
}

object_builder::object_builder() : bytes_(object_head) {}

void object_builder::add(const line& row) {
    put_number(bytes_, row.offset, offset_bytes);
    put_number(bytes_, row.bytes.size(), length_bytes);
    bytes_ += row.bytes;
    ++rows_;
}

object_reader::object_reader(std::string name, std::string bytes)
    : name_(std::move(name)), bytes_(std::move(bytes)), at_(object_head.size()) {
    if (!bytes_.starts_with(object_head)) corrupt(name_, "this object holds no rows");
}

bool object_reader::next(line& into) {
    const std::string_view rest = std::string_view(bytes_).substr(at_);
    if (rest.empty()) return false;
    constexpr std::size_t head = offset_bytes + length_bytes;
    if (rest.size() < head) corrupt(name_, "the object ends inside a row");
    const auto length = take_number(rest.substr(offset_bytes, length_bytes));
    if (length == 0 || length > row_bytes_max || length > rest.size() - head) {
        corrupt(name_, "the object ends inside a row");
    }
    into.offset = take_number(rest.substr(0, offset_bytes));
    into.bytes = rest.substr(head, length);
    at_ += head + length;
    return true;
}

std::uint64_t object_record::row_bytes() const noexcept {
    const std::uint64_t around = object_head.size() + rows * (offset_bytes + length_bytes);
    return rows == 0 || bytes < around ? 0 : bytes - around;
}

std::string encode(const object_record& it) {
    json fields;
    fields["object"] = it.object;
    fields["rows"] = it.rows;
    fields["bytes"] = it.bytes;
    fields["hash"] = it.hash;
    fields["end"] = it.end;
    return fields.dump();
}

object_record decode_record(std::string_view value, std::string_view where) {
    try {
        const json fields = json::parse(value);
        object_record it;
        it.object = fields.at("object").get<std::string>();
        it.rows = fields.at("rows").get<std::uint64_t>();
        it.bytes = fields.at("bytes").get<std::uint64_t>();
        it.hash = fields.at("hash").get<std::uint64_t>();
        it.end = fields.at("end").get<std::uint64_t>();
        return it;
    } catch (const json::exception& failure) {
        corrupt(where, failure.what());
    }
}

std::string record_prefix(const model::channel_name& channel) {
    return fmt::format("objects/{}/", channel);
}

std::string record_name(const model::channel_name& channel, const model::position& checkpoint) {
    std::string name = record_prefix(channel);
    for (const char byte : checkpoint.value) {
        fmt::format_to(std::back_inserter(name), "{:02x}", static_cast<unsigned char>(byte));
    }
    return name;
}

std::string object_name(const model::channel_name& channel, model::epoch epoch,
                        std::uint64_t number) {
    return fmt::format("{}/{}-{}", channel, epoch, number);
}

}  // namespace linedb
