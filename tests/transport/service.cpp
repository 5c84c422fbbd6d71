#include "reeve/transport/service.hpp"

#include "catch.hpp"
#include "core/manual_loop.hpp"
#include "reeve/backends/in_process_transport.hpp"
#include "reeve/core/error.hpp"
#include "reeve/core/random.hpp"

#include <chrono>
#include <memory>
#include <string>

using namespace std::chrono_literals;
using namespace reeve;

namespace {

awaitable<std::string> echo(std::string body, transport::request_info) { co_return body; }

awaitable<std::string> refuse(std::string body, transport::request_info) {
    throw error(errc::fenced, body);
    co_return body;
}

awaitable<std::string> tell_trace(std::string, transport::request_info info) {
    co_return core::to_traceparent(info.trace);
}

struct fixture {
    fixture() {
        service.on("echo", echo);
        service.on("refuse", refuse);
        service.on("trace", tell_trace);
        service.on("never", [this](std::string body, transport::request_info) {
            return never(strand_of_receiver.get(), std::move(body));
        });
    }
    static awaitable<std::string> never(core::runtime* strand, std::string body) {
        co_await strand->sleep_for(1h);
        co_return body;
    }
    std::string answer(std::string request) {
        return transport::decode_reply(reply_to(std::move(request)));
    }
    std::string reply_to(std::string request) {
        return loop.wait(strand, service.dispatch(std::move(request)));
    }
    template <class Function>
    static errc code_of(Function function) {
        try {
            function();
        } catch (const error& failure) {
            return failure.code_value();
        }
        return errc{};
    }
    std::string call(const std::string& address, const std::string& kind, const std::string& body) {
        return loop.wait(strand, transport::call(carrier, address, kind, body, loop.now() + 1s));
    }
    errc call_failure(const std::string& address, const std::string& kind) {
        return code_of([&] { call(address, kind, "x"); });
    }

    manual_loop loop;
    core::runtime strand{loop, loop.options()};
    std::unique_ptr<core::runtime> strand_of_receiver =
        std::make_unique<core::runtime>(loop, loop.options());
    transport::service service;
    std::shared_ptr<backends::in_process_network> network =
        std::make_shared<backends::in_process_network>(1000);
    backends::in_process_transport carrier{strand, network};
};

}  // namespace

TEST_CASE("service: any bytes survive as kind, body and reply") {
    fixture it;
    core::random random(3);
    for (int round = 0; round < 200; ++round) {
        std::string body;
        const auto size = random.below(40);
        for (std::uint64_t n = 0; n < size; ++n) body += static_cast<char>(random.below(256));
        it.service.on(body, echo);
        REQUIRE(it.answer(transport::encode_request(body, body, {})) == body);
    }
    const std::string json = R"({"a":"\u0000\n\"","b":[1,2]})";
    REQUIRE(it.answer(transport::encode_request("echo", json, {})) == json);
}

TEST_CASE("service: a handler's error reaches the caller with its code and context") {
    fixture it;
    for (const std::string context : {"plain", "\xff\x00 bytes", ""}) {
        try {
            it.answer(transport::encode_request("refuse", context, {}));
            FAIL("nothing was thrown");
        } catch (const error& failure) {
            REQUIRE(failure.code_value() == errc::fenced);
            REQUIRE(failure.context() == context);
        }
    }
}

TEST_CASE("service: the trace comes along; one that cannot be read is none") {
    fixture it;
    core::trace_context trace;
    trace.trace_low = 5;
    trace.span = 6;
    REQUIRE(it.answer(transport::encode_request("trace", "", trace)) ==
            core::to_traceparent(trace));
    REQUIRE(it.answer(R"({"v":1,"kind":"trace","trace":"zz","body":""})") ==
            core::to_traceparent({}));
}

TEST_CASE("service: what is malformed gets an error reply that says so") {
    fixture it;
    const auto failure = [&](const std::string& request) {
        return it.code_of([&] { it.answer(request); });
    };
    for (const char* bad :
         {"", "x", "[]", "null", "{}", R"({"kind":"echo","body":""})",
          R"({"v":0,"kind":"echo","body":""})", R"({"v":"1","kind":"echo","body":""})",
          R"({"v":-1,"kind":"echo","body":""})", R"({"v":1,"body":""})", R"({"v":1,"kind":"echo"})",
          R"({"v":1,"kind":7,"body":""})", R"({"v":1,"kind":"echo","body":{}})",
          R"({"v":1,"kind":"echo","body_hex":"0"})", R"({"v":1,"kind":"echo","body_hex":"0g"})",
          R"({"v":1,"kind":"echo","body_hex":1})",
          R"({"v":1,"kind":"echo","body":"","body_hex":""})", "{\"v\":1,\"kind\":\"\xff\"}",
          R"({"v":1,"kind":"echo","body":"x"} tail)"}) {
        INFO(bad);
        REQUIRE(failure(bad) == errc::corrupt);
    }
    REQUIRE(failure(R"({"v":2,"kind":"echo","body":""})") == errc::unsupported_format);
    REQUIRE(failure(R"({"v":1,"kind":"nobody","body":""})") == errc::unsupported);
    REQUIRE(failure(std::string(100000, '[')) == errc::corrupt);
    REQUIRE(it.answer(R"({"v":1,"kind":"echo","body":"x","later":1})") == "x");
    it.service.off("echo");
    it.service.off("never was");
    REQUIRE(failure(R"({"v":1,"kind":"echo","body":""})") == errc::unsupported);
}

TEST_CASE("service: a malformed reply is corrupt, an unknown error an unknown outcome") {
    const auto failure = [](const std::string& reply) {
        return fixture::code_of([&] { static_cast<void>(transport::decode_reply(reply)); });
    };
    for (const char* bad :
         {"", "{}", R"({"v":1})", R"({"v":1,"ok":1})", R"({"v":1,"error":"x"})",
          R"({"v":1,"ok":"x","error":{"code":"fenced","context":""}})",
          R"({"v":1,"error":{"code":"fenced"}})", R"({"v":1,"error":{"context":""}})"}) {
        INFO(bad);
        REQUIRE(failure(bad) == errc::corrupt);
    }
    REQUIRE(failure(R"({"v":1,"error":{"code":"newer","context":""}})") == errc::outcome_unknown);
}

TEST_CASE("service: a handler may be taken away, and the service destroyed, while it runs") {
    manual_loop loop;
    core::runtime strand(loop, loop.options());
    auto service = std::make_unique<transport::service>();
    service->on("nap", [&strand](std::string body, transport::request_info) {
        return fixture::never(&strand, std::move(body));
    });
    auto running = service->dispatch(transport::encode_request("nap", "b", {}));
    service.reset();
    REQUIRE(transport::decode_reply(loop.wait(strand, std::move(running))) == "b");
}

TEST_CASE("in-process transport: a call runs on the receiver's strand and comes back") {
    fixture it;
    const auto listener = it.network->listen("node", *it.strand_of_receiver, it.service);
    REQUIRE(it.call("node", "echo", "hello") == "hello");
    REQUIRE(it.call_failure("node", "refuse") == errc::fenced);
    REQUIRE(it.call_failure("nobody", "echo") == errc::unavailable);
}

TEST_CASE("in-process transport: no answer before the deadline is an unknown outcome") {
    fixture it;
    const auto listener = it.network->listen("node", *it.strand_of_receiver, it.service);
    const auto begin = it.loop.now();
    REQUIRE(it.call_failure("node", "never") == errc::outcome_unknown);
    REQUIRE(it.loop.now() - begin == 1s);
    const auto late = [&] { it.loop.wait(it.strand, it.carrier.call("node", "x", it.loop.now())); };
    REQUIRE(it.code_of(late) == errc::deadline_exceeded);
    const auto large = [&] { it.call("node", "echo", std::string(1001, 'x')); };
    REQUIRE(it.code_of(large) == errc::too_large);
}

TEST_CASE("in-process transport: a receiver that dies with a request in hand tells at once") {
    fixture it;
    auto listener = it.network->listen("node", *it.strand_of_receiver, it.service);
    errc seen{};
    const auto begin = it.loop.now();
    auto done = [&](const std::exception_ptr& failure, const std::string&) {
        seen = it.code_of([&] { std::rethrow_exception(failure); });
    };
    auto operation = transport::call(it.carrier, "node", "never", "x", it.loop.now() + 1h);
    boost::asio::co_spawn(it.strand.executor(), std::move(operation), done);
    it.loop.run_ready();
    REQUIRE(seen == errc{});
    listener.reset();
    it.strand_of_receiver.reset();
    it.loop.run_ready();
    REQUIRE(seen == errc::outcome_unknown);
    REQUIRE(it.loop.now() == begin);
    REQUIRE(it.call_failure("node", "echo") == errc::unavailable);
}

TEST_CASE("in-process transport: a later listener takes an address over and keeps it") {
    fixture it;
    auto older = it.network->listen("node", *it.strand_of_receiver, it.service);
    transport::service newer_service;
    newer_service.on("echo",
                     [](std::string, transport::request_info) { return echo("newer", {}); });
    const auto newer = it.network->listen("node", it.strand, newer_service);
    older.reset();
    REQUIRE(it.call("node", "echo", "x") == "newer");
}
