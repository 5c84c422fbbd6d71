#include "reeve/model/segment.hpp"

#include "reeve/model/segment_messages.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <system_error>

namespace reeve::model {

namespace {

constexpr std::array<std::string_view, 7> state_names{
    "growing", "sealed", "flushing", "flushed", "dropped", "collecting", "collected"};
constexpr std::array<std::string_view, 9> reason_names{
    "none", "rows", "bytes", "age", "idle", "binlogs", "channel_bytes", "requested", "host"};
constexpr std::array<std::string_view, 3> kind_names{"insert", "stats", "delta"};
constexpr std::array<std::string_view, 2> drop_names{"dropping", "dropped"};
constexpr std::array<std::string_view, 3> job_names{"granted", "committed", "ended"};
constexpr std::array<std::string_view, 2> standing_names{"held", "stale"};
constexpr std::array<std::string_view, 3> effect_names{"adds", "flushes", "drops"};

template <std::size_t Count, class Value>
std::string_view called(const std::array<std::string_view, Count>& names, Value value) noexcept {
    const auto at = static_cast<std::size_t>(value);
    return at < Count ? names[at] : std::string_view("?");
}

}  // namespace

std::string_view name(segment_state state) noexcept { return called(state_names, state); }
std::string_view name(seal_reason reason) noexcept { return called(reason_names, reason); }
std::string_view name(binlog_kind kind) noexcept { return called(kind_names, kind); }
std::string_view name(drop_state state) noexcept { return called(drop_names, state); }
std::string_view name(job_state state) noexcept { return called(job_names, state); }
std::string_view name(standing_of_grant it) noexcept { return called(standing_names, it); }
std::string_view name(flush_effect it) noexcept { return called(effect_names, it); }

std::optional<binlog_kind> binlog_kind_of(std::string_view name) noexcept {
    for (std::size_t at = 0; at < kind_names.size(); ++at) {
        if (kind_names[at] == name) return static_cast<binlog_kind>(at);
    }
    return std::nullopt;
}

segment_record tombstone_of(const segment_record& it, segment_state state, timestamp dropped_at) {
    segment_record left;
    left.partition = it.partition;
    left.channel = it.channel;
    left.state = state;
    left.rows = it.rows;
    left.job = it.job;
    left.dropped_at = dropped_at;
    return left;
}

bool valid_file_name(std::string_view name) noexcept {
    if (name.empty() || name.size() > file_name_bytes_max) return false;
    std::size_t parts = 0;
    std::string_view last;
    for (std::size_t begin = 0; begin <= name.size();) {
        const auto end = std::min(name.find('/', begin), name.size());
        const auto part = name.substr(begin, end - begin);
        if (part.empty() || part == "." || part == "..") return false;
        for (const char byte : part) {
            if (byte <= ' ' || byte > '~') return false;
        }
        ++parts;
        last = part;
        begin = end + 1;
    }
    return parts > 1 && !granted_number_of(last);
}

std::size_t file_count(const binlog_record& it) noexcept {
    std::size_t count = 0;
    for (const auto& group : it.groups) count += group.files.size();
    return count;
}

std::uint64_t file_bytes(const binlog_record& it) noexcept {
    std::uint64_t bytes = 0;
    for (const auto& group : it.groups) {
        for (const auto& file : group.files) bytes += file.bytes;
    }
    return bytes;
}

void append(std::string& to, const granted_number& it) {
    const fmt::format_int grant(it.epoch.value);
    const fmt::format_int number(it.number);
    to.append(grant.data(), grant.size()).append(1, '-').append(number.data(), number.size());
}

std::string text(const granted_number& it) {
    std::string made;
    append(made, it);
    return made;
}

std::optional<std::uint64_t> number_of(std::string_view text) noexcept {
    if (text.empty() || (text.front() == '0' && text.size() > 1)) return std::nullopt;
    std::uint64_t number = 0;
    const char* const end = text.data() + text.size();
    const auto [last, failure] = std::from_chars(text.data(), end, number);
    if (failure != std::errc{} || last != end) return std::nullopt;
    return number;
}

std::optional<granted_number> granted_number_of(std::string_view text) noexcept {
    const auto dash = text.find('-');
    if (dash == std::string_view::npos) return std::nullopt;
    const auto first = number_of(text.substr(0, dash));
    const auto second = number_of(text.substr(dash + 1));
    if (!first || !second) return std::nullopt;
    return granted_number{model::epoch(*first), *second};
}

}  // namespace reeve::model
