#pragma once

#include "reeve/catalog/codec.hpp"
#include "reeve/core/error.hpp"

#include <string>
#include <utility>

// What the tests of codecs ask of all records.
namespace reeve::support {

/// Why `encode` refuses the record; errc{}: it does not.
template <class Record>
errc refusal(const Record& record) {
    try {
        (void)catalog::encode(record);
    } catch (const error& failure) {
        return failure.code_value();
    }
    return errc{};
}

/// Why the decoder refuses the value under the key "r/the_key", and what it says.
template <class Record>
std::pair<errc, std::string> refusal_of(const std::string& value) {
    catalog::decoder reader;
    Record into;
    try {
        reader.decode("r/the_key", value, into);
    } catch (const error& failure) {
        return {failure.code_value(), failure.context()};
    }
    return {};
}

}  // namespace reeve::support
