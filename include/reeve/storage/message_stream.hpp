#pragma once

#include "reeve/core/awaitable.hpp"
#include "reeve/core/strong.hpp"
#include "reeve/model/ids.hpp"

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace reeve::storage {

/// A point in a stream: after some message, or before all of them (empty). Opaque bytes, ordered as
/// bytes, durable. The position of a message is the point after it: whoever has consumed the
/// message continues from there.
using position = model::position;

/// A message as it was appended.
struct message {
    position at;          ///< the point after this message
    std::string payload;  ///< any bytes

    friend bool operator==(const message&, const message&) = default;
};

/// A running subscription. Never ends silently. May be destroyed with a `next` waiting.
class subscription {
public:
    virtual ~subscription() = default;

    /// The next messages in order, at least one, at most `limit`; waits for the first. One call at
    /// a time. Throws reeve::error: errc::unavailable (already retried; subscribe again from the
    /// last position), errc::compacted (trimmed past it).
    virtual awaitable<std::vector<message>> next(std::size_t limit) = 0;
};

/// Durable ordered streams of messages, by name: the host's log (Kafka, Pulsar, a WAL). A stream
/// comes into being with its first append; an unknown one is empty.
///
/// Threading: calls may overlap, on the strand that it was opened on. May be destroyed with calls
/// in flight. Failure: an append whose outcome is unknown may appear later, once per try: consumers
/// tell repeated messages by what is in them. Cancellation: at any time, at once; a cancelled
/// append throws errc::outcome_unknown.
class message_stream {
public:
    virtual ~message_stream() = default;

    /// Bytes of one payload at most.
    [[nodiscard]] virtual std::size_t payload_bytes_max() const noexcept = 0;

    /// Appends durably and returns the position of the message. Concurrent appends are ordered in
    /// some way. Throws errc::too_large, errc::invalid_argument (empty name), before anything is
    /// sent.
    virtual awaitable<position> append(std::string stream, std::string payload) = 0;

    /// Appends several messages in this order, all or none, next to each other; returns the
    /// position of the last. An empty list is errc::invalid_argument.
    virtual awaitable<position> append_many(std::string stream,
                                            std::vector<std::string> payloads) = 0;

    /// Delivers the messages after `from`; the empty position is before the first. Throws
    /// errc::compacted if messages after `from` were trimmed, errc::invalid_argument if `from` is
    /// no position of this implementation.
    virtual awaitable<std::unique_ptr<subscription>> subscribe(std::string stream,
                                                               position from) = 0;

    /// The position of the last message; empty if there is none. Linearizable.
    virtual awaitable<position> end(std::string stream) = 0;

    /// Messages up to and including `up_to` are no longer needed. May do nothing. Idempotent.
    virtual awaitable<void> trim(std::string stream, position up_to) = 0;
};

}  // namespace reeve::storage
