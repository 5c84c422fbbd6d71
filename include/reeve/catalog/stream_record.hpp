#pragma once

#include "reeve/model/ids.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace reeve::catalog {

/// The record `streams/<stream>`: how far the leader has read a stream of reports. Written in the
/// transaction that carries a report out, or by itself for a report without an effect
/// (docs/protocols/segments.md, R2).
struct stream_record {
    model::position at;         ///< after the last report that is done with
    std::uint64_t skipped = 0;  ///< reports that could not be read or carried out, ever

    friend bool operator==(const stream_record&, const stream_record&) = default;
};

/// The record as stored. Throws errc::invalid_argument for a position of more than 64 bytes.
[[nodiscard]] std::string encode(const stream_record& it);

/// Reads `streams/<stream>`. Throws as catalog::decoder does.
void decode(std::string_view key, std::string_view value, stream_record& into);

}  // namespace reeve::catalog
