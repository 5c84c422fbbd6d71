#pragma once

#include "reeve/core/awaitable.hpp"
#include "reeve/core/clock.hpp"
#include "reeve/core/trace.hpp"
#include "reeve/transport/transport.hpp"

#include <functional>
#include <map>
#include <string>
#include <string_view>

namespace reeve::transport {

/// What came with a request.
struct request_info {
    core::trace_context trace;  ///< the caller's, or none
};

/// The receiving side: handlers by kind of message. The host gives every incoming request's bytes
/// to `dispatch` and sends back what it returns. All calls on one strand; handlers may overlap.
class service {
public:
    /// Takes the body of a request and returns the body of the reply. A reeve::error that it throws
    /// reaches the caller as the same code and context.
    using handler = std::function<awaitable<std::string>(std::string body, request_info info)>;

    /// Handles requests of `kind` from now on; replaces an earlier handler.
    void on(std::string kind, handler handle);
    /// Forgets the handler; requests of this kind are then unknown.
    void off(std::string_view kind);

    /// Handles one request. Never throws for what came from outside: malformed bytes and unknown
    /// kinds become an error reply that says so. Holds no reference to the service while the
    /// handler runs.
    [[nodiscard]] awaitable<std::string> dispatch(std::string request) const;

private:
    std::map<std::string, handler, std::less<>> handlers_;
};

/// Wraps a body for `dispatch`.
[[nodiscard]] std::string encode_request(std::string_view kind, std::string_view body,
                                         const core::trace_context& trace);
/// Unwraps a reply of `dispatch`. Throws the reeve::error that the handler threw, or errc::corrupt
/// for malformed bytes.
[[nodiscard]] std::string decode_reply(std::string_view reply);

/// Calls a handler at `address`: encode, call, decode. Throws what transport::call and decode_reply
/// throw.
[[nodiscard]] awaitable<std::string> call(transport& carrier, std::string address, std::string kind,
                                          std::string body, core::time_point deadline,
                                          core::trace_context trace = {});

}  // namespace reeve::transport
