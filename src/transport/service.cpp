#include "reeve/transport/service.hpp"

#include "core/hex.hpp"
#include "reeve/core/error.hpp"

#include <fmt/format.h>
#include <simdjson.h>
#include <nlohmann/json.hpp>

#include <optional>
#include <utility>

namespace reeve::transport {

namespace {

using nlohmann::json;

// Request: {"v":1,"kind":K,"trace":traceparent,"body":text}. Reply: {"v":1,"ok":text} or
// {"v":1,"error":{"code":name,"context":text}}. A text that is no UTF-8 stands, as hexadecimal
// digits, under its name with "_hex" instead. Members that are not known are ignored.
constexpr int format = 1;

void set_text(json& into, const char* name, std::string_view bytes) {
    if (simdjson::validate_utf8(bytes.data(), bytes.size())) {
        into[name] = bytes;
    } else {
        std::string digits;
        core::append_hex(digits, bytes);
        into[std::string(name) + "_hex"] = digits;
    }
}

[[noreturn]] void malformed(const char* what, const std::string& why) {
    throw error(errc::corrupt, fmt::format("malformed {}: {}", what, why));
}

// The text `name` of `from`, in either form; nothing if neither is there.
std::optional<std::string> find_text(const json& from, const char* name, const char* what) {
    const auto plain = from.find(name);
    const auto hex = from.find(std::string(name) + "_hex");
    if (plain != from.end() && hex != from.end()) {
        malformed(what, fmt::format("\"{0}\" and \"{0}_hex\"", name));
    }
    if (plain != from.end()) {
        if (!plain->is_string()) malformed(what, fmt::format("\"{}\" is no text", name));
        return plain->get<std::string>();
    }
    if (hex == from.end()) return std::nullopt;
    if (!hex->is_string()) malformed(what, fmt::format("\"{}_hex\" is no text", name));
    std::string bytes;
    if (!core::read_hex(hex->get_ref<const std::string&>(), bytes)) {
        malformed(what, fmt::format("\"{}_hex\" is not hexadecimal", name));
    }
    return bytes;
}

std::string get_text(const json& from, const char* name, const char* what) {
    auto found = find_text(from, name, what);
    if (!found) malformed(what, fmt::format("without \"{}\"", name));
    return *std::move(found);
}

json parse(std::string_view bytes, const char* what) {
    json whole = json::parse(bytes, nullptr, false);
    if (whole.is_discarded()) malformed(what, fmt::format("{} bytes, no JSON", bytes.size()));
    if (!whole.is_object()) malformed(what, "no JSON object");
    const auto version = whole.find("v");
    if (version == whole.end() || !version->is_number_unsigned() || *version == 0U) {
        malformed(what, "without its format \"v\"");
    }
    if (*version > format) {
        throw error(errc::unsupported_format,
                    fmt::format("{} of format {}, this release reads {}", what,
                                version->get<std::uint64_t>(), format));
    }
    return whole;
}

std::string encode_ok(std::string_view body) {
    json reply;
    reply["v"] = format;
    set_text(reply, "ok", body);
    return reply.dump();
}

std::string encode_error(const error& failure) {
    json what;
    what["code"] = name(failure.code_value());
    set_text(what, "context", failure.context());
    json reply;
    reply["v"] = format;
    reply["error"] = std::move(what);
    return reply.dump();
}

struct request_parts {
    std::string kind;
    std::string body;
    request_info info;
};

request_parts decode_request(std::string_view bytes) {
    constexpr const char* what = "request";
    const json whole = parse(bytes, what);
    request_parts parts;
    parts.kind = get_text(whole, "kind", what);
    parts.body = get_text(whole, "body", what);
    const auto trace = find_text(whole, "trace", what);
    // A trace that cannot be read is no trace: it must not stop the request.
    if (trace) parts.info.trace = core::from_traceparent(*trace).value_or(core::trace_context{});
    return parts;
}

awaitable<std::string> run(service::handler handle, std::string body, request_info info) {
    try {
        const std::string result = co_await handle(std::move(body), info);
        co_return encode_ok(result);
    } catch (const error& failure) {
        co_return encode_error(failure);
    }
}

awaitable<std::string> answer(std::string reply) { co_return reply; }

}  // namespace

void service::on(std::string kind, handler handle) {
    handlers_.insert_or_assign(std::move(kind), std::move(handle));
}

void service::off(std::string_view kind) {
    const auto found = handlers_.find(kind);
    if (found != handlers_.end()) handlers_.erase(found);
}

awaitable<std::string> service::dispatch(std::string request) const {
    try {
        request_parts parts = decode_request(request);
        const auto found = handlers_.find(parts.kind);
        if (found == handlers_.end()) {
            throw error(errc::unsupported,
                        fmt::format("unknown kind of message \"{}\"", parts.kind));
        }
        return run(found->second, std::move(parts.body), parts.info);
    } catch (const error& failure) {
        return answer(encode_error(failure));
    }
}

std::string encode_request(std::string_view kind, std::string_view body,
                           const core::trace_context& trace) {
    json request;
    request["v"] = format;
    set_text(request, "kind", kind);
    if (trace) request["trace"] = core::to_traceparent(trace);
    set_text(request, "body", body);
    return request.dump();
}

std::string decode_reply(std::string_view reply) {
    constexpr const char* what = "reply";
    const json whole = parse(reply, what);
    auto body = find_text(whole, "ok", what);
    const auto failure = whole.find("error");
    if (body.has_value() == (failure != whole.end())) {
        malformed(what, "neither \"ok\" nor \"error\", or both");
    }
    if (body) return *std::move(body);
    if (!failure->is_object()) malformed(what, "\"error\" is no object");
    const std::string code_name = get_text(*failure, "code", what);
    const std::string context = get_text(*failure, "context", what);
    const errc code = errc_from_name(code_name);
    if (code != errc{}) throw error(code, context);
    // A newer release may have codes that this one does not know; it may have acted.
    throw error(errc::outcome_unknown,
                fmt::format("reply with the unknown error \"{}\": {}", code_name, context));
}

awaitable<std::string> call(transport& carrier, std::string address, std::string kind,
                            std::string body, core::time_point deadline,
                            core::trace_context trace) {
    std::string request = encode_request(kind, body, trace);
    const std::string reply =
        co_await carrier.call(std::move(address), std::move(request), deadline);
    co_return decode_reply(reply);
}

}  // namespace reeve::transport
