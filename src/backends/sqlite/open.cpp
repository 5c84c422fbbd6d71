#include "backends/sqlite/metadata_file.hpp"
#include "backends/sqlite/stream_file.hpp"
#include "reeve/backends/sqlite.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <utility>

namespace reeve::backends {

namespace {

void require(bool holds, const char* what) {
    if (!holds) throw error(errc::invalid_argument, fmt::format("sqlite options: {}", what));
}

// An absolute path means one file, wherever the process goes, and no name that SQLite treats
// specially.
sqlite_options checked(sqlite_options options) {
    require(!options.path.empty(), "the path is empty");
    require(options.path.find('\0') == std::string::npos, "the path holds a NUL");
    require(options.busy_patience.count() >= 0, "busy_patience is negative");
    require(options.poll_interval.count() >= 1, "poll_interval is below 1 ms");
    require(options.history_commits_max >= 1, "history_commits_max is 0");
    require(options.history_age_max.count() >= 0, "history_age_max is negative");
    const auto& limits = options.limits;
    require(limits.conditions_max >= 1 && limits.operations_max >= 1 && limits.bytes_max >= 1 &&
                limits.value_bytes_max >= 1 && limits.page_records_max >= 1,
            "a limit is 0");
    require(limits.operations_max <= std::size_t{1} << 20U, "operations_max is above 2^20");
    // SQLite's own limit for a row is 10^9 bytes.
    require(limits.value_bytes_max <= std::size_t{512} << 20U, "value_bytes_max is above 512 MiB");
    require(options.payload_bytes_max >= 1 && options.payload_bytes_max <= std::size_t{512} << 20U,
            "payload_bytes_max is not between 1 byte and 512 MiB");
    options.path = std::filesystem::absolute(options.path).string();
    return options;
}

}  // namespace

std::shared_ptr<storage::blocking_metadata_store> open_sqlite_metadata_file(
    sqlite_options options) {
    return std::make_shared<sqlite::metadata_file>(checked(std::move(options)));
}

std::shared_ptr<storage::blocking_message_stream> open_sqlite_stream_file(sqlite_options options) {
    return std::make_shared<sqlite::stream_file>(checked(std::move(options)));
}

}  // namespace reeve::backends
