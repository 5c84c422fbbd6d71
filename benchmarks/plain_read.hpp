// The baseline of recovery: lists the same rows page by page through the same store and parses the
// same bytes with simdjson, every field, into nothing.
#pragma once

#include "reeve/core/awaitable.hpp"
#include "reeve/storage/metadata_store.hpp"

#include <simdjson.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace bench {

/// Looks at every field of every record.
class plain_parser {
public:
    /// One record.
    void parse(std::string_view value) {
        buffer_.assign(value);
        buffer_.reserve(buffer_.size() + simdjson::SIMDJSON_PADDING);
        auto document = parser_.iterate(buffer_.data(), buffer_.size(), buffer_.capacity());
        simdjson::ondemand::value whole = document.get_value();
        look_at(whole);
    }
    /// Of everything that was seen, so that none of it can be left out.
    [[nodiscard]] std::uint64_t sum() const noexcept { return sum_; }

private:
    void look_at(simdjson::ondemand::value& it) {
        switch (it.type().value()) {
            case simdjson::ondemand::json_type::object:
                for (auto field : it.get_object()) {
                    sum_ += field.unescaped_key().value_unsafe().size();
                    simdjson::ondemand::value content = field.value();
                    look_at(content);
                }
                break;
            case simdjson::ondemand::json_type::array:
                for (auto element : it.get_array()) {
                    simdjson::ondemand::value content = element.value();
                    look_at(content);
                }
                break;
            case simdjson::ondemand::json_type::string:
                sum_ += it.get_string().value().size();
                break;
            default:
                sum_ += it.get_uint64().value();
        }
    }

    simdjson::ondemand::parser parser_;
    std::string buffer_;
    std::uint64_t sum_ = 0;
};

/// Reads a range; counts its records.
inline reeve::awaitable<void> read_plainly(reeve::storage::metadata_store& store,
                                           reeve::storage::key_range range, std::size_t page_size,
                                           plain_parser& parser, std::size_t& records) {
    for (bool more = true; more;) {
        const auto page = co_await store.list(range, page_size);
        for (const auto& record : page.records) parser.parse(record.value);
        records += page.records.size();
        more = !page.resume_at.empty();
        range = reeve::storage::key_range(page.resume_at, range.last());
    }
}

}  // namespace bench
