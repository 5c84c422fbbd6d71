#pragma once

#include "reeve/core/callback.hpp"
#include "reeve/core/runtime.hpp"
#include "reeve/storage/message_stream.hpp"

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace reeve::storage {

/// The same promises as message_stream, as plain functions. Functions may be called at once from
/// several threads.
class blocking_message_stream {
public:
    virtual ~blocking_message_stream() = default;

    /// See message_stream::payload_bytes_max. Called from any thread.
    [[nodiscard]] virtual std::size_t payload_bytes_max() const noexcept = 0;
    /// See message_stream::append_many.
    virtual position append_many(const std::string& stream,
                                 const std::vector<std::string>& payloads) = 0;
    /// Up to `limit` messages after `from`; waits up to `patience` for the first, then returns
    /// none. Throws errc::compacted, errc::invalid_argument as message_stream::subscribe does.
    virtual std::vector<message> read(const std::string& stream, const position& from,
                                      std::size_t limit, std::chrono::milliseconds patience) = 0;
    /// See message_stream::end.
    virtual position end(const std::string& stream) = 0;
    /// See message_stream::trim.
    virtual void trim(const std::string& stream, const position& up_to) = 0;
};

/// A message_stream over blocking functions that run on `workers`. A waiting subscription occupies
/// a worker for a short `patience` at a time. `strand` must outlive the stream.
[[nodiscard]] std::unique_ptr<message_stream> from_blocking(
    core::runtime& strand, std::shared_ptr<blocking_message_stream> stream,
    core::blocking_executor workers);

}  // namespace reeve::storage
