#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace reeve::tests {

/// What a server answered.
struct http_reply {
    int status = 0;    ///< 200 and so on
    std::string body;  ///< as sent
};

/// One request to a server on this machine, on a connection of its own, without TLS. An empty
/// `body` is a GET, any other a POST of JSON. Nothing: there was no complete answer within `time`.
[[nodiscard]] std::optional<http_reply> http_request(
    std::uint16_t port, const std::string& path, const std::string& body = {},
    std::chrono::milliseconds time = std::chrono::seconds(1));

}  // namespace reeve::tests
