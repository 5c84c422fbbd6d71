#pragma once

#include "core/hex.hpp"
#include "reeve/catalog/codec.hpp"
#include "reeve/core/error.hpp"
#include "storage/printable.hpp"

#include <fmt/format.h>
#include <simdjson.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>

// What the decoders of all records share.
namespace reeve::catalog::reading {

namespace ondemand = simdjson::ondemand;

using names = std::span<const std::string_view>;

// Deeper unknown fields are not written by anybody who wants to be read.
inline constexpr int nesting_max = 16;
// More than any store accepts as one value, and far below simdjson's 4 GiB.
inline constexpr std::size_t value_bytes_max = 64U * 1024 * 1024;

[[noreturn]] inline void corrupt(std::string_view key, std::string_view what) {
    throw error(errc::corrupt, fmt::format("record {}: {}", storage::printable(key), what));
}

[[noreturn]] inline void corrupt_field(std::string_view key, std::string_view field,
                                       std::string_view what) {
    throw error(errc::corrupt,
                fmt::format("record {}: field \"{}\": {}", storage::printable(key), field, what));
}

inline void require(std::string_view key, simdjson::error_code code) {
    if (code != simdjson::SUCCESS) [[unlikely]] {
        corrupt(key, fmt::format("not one JSON object: {}", simdjson::error_message(code)));
    }
}

// Looks through a field that is not known, so that garbage is found there, too.
inline void skip(std::string_view key, ondemand::value value, int depth) {
    if (depth > nesting_max) corrupt(key, "nested too deeply");
    ondemand::json_type type{};
    require(key, value.type().get(type));
    switch (type) {
        case ondemand::json_type::object: {
            ondemand::object object;
            require(key, value.get_object().get(object));
            for (auto one : object) {
                ondemand::field field;
                require(key, std::move(one).get(field));
                skip(key, field.value(), depth + 1);
            }
            break;
        }
        case ondemand::json_type::array: {
            ondemand::array array;
            require(key, value.get_array().get(array));
            for (auto one : array) {
                ondemand::value element;
                require(key, std::move(one).get(element));
                skip(key, element, depth + 1);
            }
            break;
        }
        case ondemand::json_type::number: {
            double number = 0;
            require(key, value.get_double().get(number));
            break;
        }
        case ondemand::json_type::string: {
            std::string_view text;
            require(key, value.get_string().get(text));
            break;
        }
        case ondemand::json_type::boolean: {
            bool truth = false;
            require(key, value.get_bool().get(truth));
            break;
        }
        case ondemand::json_type::null: {
            bool empty = false;
            require(key, value.is_null().get(empty));
            if (!empty) corrupt(key, "not one JSON object: a bad word");
            break;
        }
    }
}

struct field_reader {
    std::string_view key;
    std::string_view field;
    ondemand::value value;

    std::uint64_t number(std::uint64_t least = 0,
                         std::uint64_t most = std::numeric_limits<std::uint64_t>::max()) {
        std::uint64_t read = 0;
        if (value.get_uint64().get(read) != simdjson::SUCCESS) [[unlikely]] {
            corrupt_field(key, field, "not a whole number from 0 to 2^64 - 1");
        }
        if (read < least || read > most) [[unlikely]] {
            corrupt_field(key, field, fmt::format("{} is not in {}..{}", read, least, most));
        }
        return read;
    }
    std::int64_t signed_number() {
        std::int64_t read = 0;
        if (value.get_int64().get(read) != simdjson::SUCCESS) {
            corrupt_field(key, field, "not a whole number from -2^63 to 2^63 - 1");
        }
        return read;
    }
    std::string_view ascii() {
        std::string_view read;
        if (value.get_string().get(read) != simdjson::SUCCESS) [[unlikely]] {
            corrupt_field(key, field, "not a text");
        }
        return read;
    }
    // simdjson lets escaped lone surrogates through, which have no UTF-8 form.
    void text(std::string& into, std::size_t least = 0,
              std::size_t most = std::numeric_limits<std::size_t>::max()) {
        const auto read = ascii();
        if (!simdjson::validate_utf8(read.data(), read.size())) {
            corrupt_field(key, field, "not UTF-8");
        }
        if (read.size() < least || read.size() > most) {
            corrupt_field(key, field,
                          fmt::format("{} bytes, not {} to {}", read.size(), least, most));
        }
        into.assign(read);
    }
    void position(model::position& into) {
        const auto read = ascii();
        if (read.size() > 2 * model::position_bytes_max) [[unlikely]] {
            corrupt_field(
                key, field,
                fmt::format("a position of more than {} bytes", model::position_bytes_max));
        }
        if (!core::read_hex(read, into.value)) [[unlikely]] {
            corrupt_field(key, field, "not lower-case hexadecimal digits in pairs");
        }
    }
    template <class State>
    State state(std::span<const State> all) {
        const auto read = ascii();
        for (const State one : all) {
            if (read == name(one)) return one;
        }
        corrupt_field(key, field, fmt::format("no state is called {}", storage::printable(read)));
    }
    void labels(std::map<std::string, std::string>& into) {
        into.clear();
        ondemand::object object;
        if (value.get_object().get(object) != simdjson::SUCCESS) {
            corrupt_field(key, field, "not an object");
        }
        for (auto one : object) {
            ondemand::field label;
            require(key, std::move(one).get(label));
            std::string_view text;
            require(key, label.unescaped_key().get(text));
            if (!simdjson::validate_utf8(text.data(), text.size())) {
                corrupt_field(key, field, "not UTF-8");
            }
            std::string called(text);
            std::string content;
            field_reader(key, field, label.value()).text(content);
            if (!into.emplace(std::move(called), std::move(content)).second) {
                corrupt_field(key, field, "a label twice");
            }
        }
    }

    field_reader(std::string_view of, std::string_view called, ondemand::value at)
        : key(of), field(called), value(at) {}
};

// Which of `known` is called so? Tried first: `expected`, the one that is next as written.
inline std::size_t find(ondemand::raw_json_string called, names known, std::size_t expected) {
    if (expected < known.size() && called.unsafe_is_equal(known[expected])) return expected;
    for (std::size_t at = 0; at < known.size(); ++at) {
        if (called.unsafe_is_equal(known[at])) return at;
    }
    return known.size();
}

// An escape in a field's name could spell a known name in a second way. Nobody writes one.
inline void refuse_escapes(std::string_view key, ondemand::raw_json_string called) {
    for (const char* at = called.raw(); *at != '"'; ++at) {
        if (*at == '\\') corrupt(key, "an escape in the name of a field");
    }
}

// Gives each known field of an object to `visit`, looks through the others, and says which were
// there: a bit for each known one.
template <class Visit>
std::uint32_t read_fields(std::string_view key, ondemand::object object, names known,
                          Visit& visit) {
    std::uint32_t seen = 0;
    std::size_t expected = 0;
    for (auto one : object) {
        ondemand::field field;
        require(key, std::move(one).get(field));
        const auto index = find(field.key(), known, expected);
        if (index == known.size()) {
            refuse_escapes(key, field.key());
            skip(key, field.value(), 1);
            continue;
        }
        if ((seen & (1U << index)) != 0) corrupt_field(key, known[index], "there twice");
        seen |= 1U << index;
        expected = index + 1;
        field_reader reader(key, known[index], field.value());
        visit(index, reader);
    }
    return seen;
}

inline void require_fields(std::string_view key, names known, std::uint32_t seen,
                           std::uint32_t needed) {
    for (std::size_t at = 0; at < known.size(); ++at) {
        const auto bit = std::uint32_t{1} << at;
        if ((needed & bit) != 0 && (seen & bit) == 0) corrupt_field(key, known[at], "missing");
    }
}

// Gives each element of an array to `visit`, with its number.
template <class Visit>
void read_elements(const field_reader& field, Visit visit) {
    ondemand::array array;
    auto value = field.value;
    if (value.get_array().get(array) != simdjson::SUCCESS) {
        corrupt_field(field.key, field.field, "not an array");
    }
    std::size_t number = 0;
    for (auto one : array) {
        ondemand::value element;
        require(field.key, std::move(one).get(element));
        visit(number++, element);
    }
}

}  // namespace reeve::catalog::reading

namespace reeve::catalog {

struct decoder::implementation {
    simdjson::ondemand::parser parser;
    std::string buffer;  // the value being read, with simdjson's padding behind it
    std::size_t size = 0;

    // Gives every known field but the first two to `visit`. Those in `needed`, a bit for each known
    // field, must be there; all, if it says nothing else. Says which were.
    template <class Visit>
    std::uint32_t read(std::string_view key, std::string_view value, reading::names known,
                       Visit visit, std::uint32_t needed = ~std::uint32_t{0}) {
        using reading::corrupt;
        if (value.size() > reading::value_bytes_max) corrupt(key, "too large");
        size = value.size();
        if (buffer.size() < size + simdjson::SIMDJSON_PADDING) {
            buffer.resize(2 * size + simdjson::SIMDJSON_PADDING);
        }
        std::memcpy(buffer.data(), value.data(), size);
        std::memset(buffer.data() + size, ' ', simdjson::SIMDJSON_PADDING);
        try {
            const auto seen = walk(key, known, visit);
            reading::require_fields(key, known, seen, needed);
            return seen;
        } catch (const error& failure) {
            // What looks corrupt may be a format of the future.
            if (failure.code_value() == errc::corrupt) refuse_newer(key);
            throw;
        }
    }

private:
    [[nodiscard]] simdjson::padded_string_view bytes() const {
        return simdjson::padded_string_view(buffer.data(), size, buffer.size());
    }

    template <class Visit>
    std::uint32_t walk(std::string_view key, reading::names known, Visit& visit) {
        using namespace reading;
        simdjson::ondemand::document document;
        require(key, parser.iterate(bytes()).get(document));
        simdjson::ondemand::object object;
        require(key, document.get_object().get(object));
        std::uint64_t format = 0;
        std::uint64_t min_reader = 0;
        const auto each = [&](std::size_t index, field_reader& reader) {
            if (index == 0) {
                format = reader.number(1);
            } else if (index == 1) {
                min_reader = reader.number(1);
                if (min_reader > format_version) refuse(key, min_reader);
            } else {
                visit(index, reader);
            }
        };
        const auto seen = read_fields(key, object, known, each);
        if (document.current_location().error() != simdjson::OUT_OF_BOUNDS) {
            corrupt(key, "something follows the JSON object");
        }
        require_fields(key, known, seen, 3);
        if (min_reader > format) corrupt_field(key, "min_reader", "above v");
        return seen;
    }

    void refuse_newer(std::string_view key) {
        simdjson::ondemand::document document;
        simdjson::ondemand::object object;
        if (parser.iterate(bytes()).get(document) != simdjson::SUCCESS) return;
        if (document.get_object().get(object) != simdjson::SUCCESS) return;
        for (auto one : object) {
            simdjson::ondemand::field field;
            if (std::move(one).get(field) != simdjson::SUCCESS) return;
            if (!field.key().unsafe_is_equal("min_reader")) continue;
            std::uint64_t min_reader = 0;
            if (field.value().get_uint64().get(min_reader) != simdjson::SUCCESS) return;
            if (min_reader > format_version) refuse(key, min_reader);
            return;
        }
    }

    [[noreturn]] static void refuse(std::string_view key, std::uint64_t min_reader) {
        throw error(errc::unsupported_format,
                    fmt::format("record {}: needs a reader of format {} or later, this one reads "
                                "up to {}",
                                storage::printable(key), min_reader, format_version));
    }
};

}  // namespace reeve::catalog
