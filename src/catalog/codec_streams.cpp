#include "catalog/record_reader.hpp"
#include "catalog/text_writer.hpp"
#include "reeve/catalog/stream_record.hpp"

#include <simdjson.h>

#include <array>
#include <string>
#include <string_view>

namespace reeve::catalog {

std::string encode(const stream_record& it) {
    return writing::text_writer(64 + 2 * it.at.value.size())
        .position("at", it.at)
        .number("skipped", it.skipped)
        .end();
}

void decode(std::string_view key, std::string_view value, stream_record& into) {
    using namespace reading;
    static constexpr std::array<std::string_view, 4> known{"v", "min_reader", "at", "skipped"};
    if (value.size() > value_bytes_max) corrupt(key, "too large");
    simdjson::ondemand::parser parser;
    const simdjson::padded_string bytes(value);
    simdjson::ondemand::document document;
    require(key, parser.iterate(bytes).get(document));
    simdjson::ondemand::object object;
    require(key, document.get_object().get(object));
    std::uint64_t format = 0;
    std::uint64_t min_reader = 0;
    const auto each = [&](std::size_t index, field_reader& field) {
        if (index == 0) {
            format = field.number(1);
        } else if (index == 1) {
            min_reader = field.number(1);
        } else if (index == 2) {
            field.position(into.at);
        } else {
            into.skipped = field.number();
        }
    };
    const auto seen = read_fields(key, object, known, each);
    if (document.current_location().error() != simdjson::OUT_OF_BOUNDS) {
        corrupt(key, "something follows the JSON object");
    }
    require_fields(key, known, seen, ~std::uint32_t{0});
    if (min_reader > format) corrupt_field(key, "min_reader", "above v");
    if (min_reader > format_version) {
        throw error(errc::unsupported_format,
                    fmt::format("record {}: needs a reader of format {}, this one reads {}",
                                storage::printable(key), min_reader, format_version));
    }
}

}  // namespace reeve::catalog
