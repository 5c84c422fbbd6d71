#include "verify.hpp"

#include "checksum.hpp"
#include "reeve/backends/file_object_store.hpp"
#include "reeve/catalog/key_layout.hpp"
#include "reeve/core/error.hpp"
#include "rows.hpp"
#include "site.hpp"

#include <fmt/format.h>

#include <deque>
#include <filesystem>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace linedb {

namespace {

constexpr std::size_t page_records = 256;

/// The stores that are read, as plain blocking functions.
struct sources {
    sources(const data_directory& directory, const metadata_place& place) : metadata(place) {
        reeve::backends::file_store_options options;
        options.directory = directory.objects();
        objects = reeve::backends::open_blocking_file_object_store(std::move(options));
    }
    metadata_reader metadata;
    std::shared_ptr<reeve::storage::blocking_object_store> objects;
};

/// The committed rows of one channel, in the order of their commits.
class channel_rows {
public:
    channel_rows(sources& from, const model::channel_name& channel)
        : from_(from), range_(reeve::catalog::key_layout(key_root).hosts(record_prefix(channel))) {
        advance();
    }

    /// The row at hand; nothing: there are no more.
    [[nodiscard]] const std::optional<line>& row() const noexcept { return row_; }
    /// Objects read so far.
    [[nodiscard]] std::uint64_t objects() const noexcept { return objects_; }

    /// Goes on to the next row.
    void advance() {
        line next;
        while (!rows_.next(next)) {
            if (!open_next()) {
                row_.reset();
                return;
            }
        }
        row_ = std::move(next);
    }

private:
    bool open_next() {
        for (;;) {
            if (records_.empty() && !fetch()) return false;
            const auto record = std::move(records_.front());
            records_.pop_front();
            const auto what = decode_record(record.value, record.key);
            if (what.rows == 0) continue;
            open(what);
            return true;
        }
    }

    bool fetch() {
        if (exhausted_) return false;
        auto page = from_.metadata.list(range_, page_records);
        exhausted_ = page.resume_at.empty();
        range_ = reeve::storage::key_range(page.resume_at, range_.last());
        for (auto& record : page.records) records_.push_back(std::move(record));
        return !records_.empty() || fetch();
    }

    void open(const object_record& what) {
        auto found = from_.objects->get(what.object, reeve::storage::byte_range());
        if (!found) {
            throw reeve::error(reeve::errc::corrupt,
                               fmt::format("object {} is committed, but missing", what.object));
        }
        if (found->bytes.size() != what.bytes || checksum::of(found->bytes) != what.hash) {
            throw reeve::error(reeve::errc::corrupt,
                               fmt::format("object {} is not what was committed", what.object));
        }
        rows_ = object_reader(what.object, std::move(found->bytes));
        ++objects_;
    }

    sources& from_;
    reeve::storage::key_range range_;
    std::deque<reeve::storage::record> records_;
    bool exhausted_ = false;
    object_reader rows_;
    std::optional<line> row_;
    std::uint64_t objects_ = 0;
};

using channels = std::vector<std::unique_ptr<channel_rows>>;

/// The channel whose row comes first; null: there are no more rows.
channel_rows* first_of(const channels& all) {
    channel_rows* first = nullptr;
    for (const auto& one : all) {
        if (!one->row()) continue;
        if (first == nullptr || one->row()->offset < first->row()->offset) first = one.get();
    }
    return first;
}

/// What is wrong with the row found where `expected` should be; empty: nothing.
std::string compare(const line& expected, const channel_rows* found) {
    if (found == nullptr || found->row()->offset > expected.offset) {
        return fmt::format("the line at byte {} is missing", expected.offset);
    }
    if (found->row()->offset < expected.offset) {
        return fmt::format("the row at byte {} is there twice, or is no line",
                           found->row()->offset);
    }
    if (found->row()->bytes != expected.bytes) {
        return fmt::format("the row at byte {} is not the line of the input", expected.offset);
    }
    return {};
}

}  // namespace

verification verify(const data_directory& directory, const metadata_place& metadata,
                    const input_record& record, const std::string& input) {
    verification result;
    const bool begun = metadata.exists() && std::filesystem::exists(directory.objects());
    std::optional<sources> from;
    channels all;
    if (begun) {
        from.emplace(directory, metadata);
        for (std::size_t index = 0; index < record.channels; ++index) {
            all.push_back(std::make_unique<channel_rows>(*from, channel_at(index)));
        }
    }
    line_reader lines(input);
    line expected;
    while (result.problem.empty() && lines.next(expected)) {
        channel_rows* found = first_of(all);
        result.problem = compare(expected, found);
        if (!result.problem.empty()) break;
        found->advance();
        ++result.lines;
    }
    for (const auto& one : all) result.objects += one->objects();
    if (!result.problem.empty()) return result;
    if (const auto* rest = first_of(all)) {
        result.problem = fmt::format("the row at byte {} is there twice, or lies behind the input",
                                     rest->row()->offset);
    }
    return result;
}

std::string verified_text(std::uint64_t lines) {
    return fmt::format("verified: {} lines, each exactly once", lines);
}

}  // namespace linedb
