#include "catch.hpp"
#include "core/manual_loop.hpp"
#include "reeve/backends/memory_message_stream.hpp"
#include "reeve/core/error.hpp"

#include <memory>
#include <string>
#include <vector>

using namespace reeve;
using storage::position;

namespace {

struct fixture {
    position append(const std::string& payload) {
        return loop.wait(strand, stream.append("s", payload));
    }
    std::unique_ptr<storage::subscription> subscribe(position from) {
        return loop.wait(strand, stream.subscribe("s", std::move(from)));
    }
    std::vector<std::string> next(storage::subscription& from, std::size_t limit) {
        std::vector<std::string> payloads;
        for (auto& one : loop.wait(strand, from.next(limit))) payloads.push_back(one.payload);
        return payloads;
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

    manual_loop loop;
    core::runtime strand{loop, loop.options()};
    std::shared_ptr<backends::memory_log> log =
        std::make_shared<backends::memory_log>(backends::memory_log_options{10});
    backends::memory_message_stream stream{strand, log};
};

using payloads = std::vector<std::string>;

}  // namespace

TEST_CASE("memory stream: messages come in order from any position of one") {
    fixture it;
    REQUIRE(it.loop.wait(it.strand, it.stream.end("s")) == position());
    const position first = it.append("a");
    const position last = it.loop.wait(it.strand, it.stream.append_many("s", payloads{"b", "c"}));
    REQUIRE(first < last);
    REQUIRE(it.loop.wait(it.strand, it.stream.end("s")) == last);
    auto all = it.subscribe(position());
    REQUIRE(it.next(*all, 2) == payloads{"a", "b"});
    REQUIRE(it.next(*all, 2) == payloads{"c"});
    auto rest = it.subscribe(first);
    REQUIRE(it.next(*rest, 9) == payloads{"b", "c"});
    REQUIRE(it.log->dump("s").back().at == last);
    REQUIRE(it.log->streams() == payloads{"s"});
}

TEST_CASE("memory stream: a waiting subscription wakes on an append by another runtime") {
    fixture it;
    manual_loop other_loop;
    core::runtime other(other_loop, other_loop.options());
    backends::memory_message_stream writer(other, it.log);
    auto subscription = it.subscribe(position());
    payloads seen;
    auto done = [&](const std::exception_ptr&, const std::vector<storage::message>& found) {
        for (const auto& one : found) seen.push_back(one.payload);
    };
    boost::asio::co_spawn(it.strand.executor(), subscription->next(5), done);
    it.loop.run_ready();
    other_loop.wait(other, writer.append("other", "x"));
    it.loop.run_ready();
    REQUIRE(seen.empty());
    other_loop.wait(other, writer.append("s", "y"));
    it.loop.run_ready();
    REQUIRE(seen == payloads{"y"});
}

TEST_CASE("memory stream: trimmed messages are gone for late subscriptions and running ones") {
    fixture it;
    const position first = it.append("a");
    const position second = it.append("b");
    auto running = it.subscribe(position());
    it.loop.wait(it.strand, it.stream.trim("s", first));
    it.loop.wait(it.strand, it.stream.trim("s", first));
    REQUIRE(it.code_of([&] { it.next(*running, 1); }) == errc::compacted);
    REQUIRE(it.code_of([&] { it.subscribe(position()); }) == errc::compacted);
    auto rest = it.subscribe(first);
    REQUIRE(it.next(*rest, 1) == payloads{"b"});
    it.loop.wait(it.strand, it.stream.trim("s", second));
    REQUIRE(it.loop.wait(it.strand, it.stream.end("s")) == second);
    REQUIRE(it.append("c") > second);
}

TEST_CASE("memory stream: bad arguments are refused and nothing is appended") {
    fixture it;
    const auto append = [&](std::string stream, payloads list) {
        return it.code_of([&] {
            it.loop.wait(it.strand, it.stream.append_many(std::move(stream), std::move(list)));
        });
    };
    REQUIRE(append("", payloads{"x"}) == errc::invalid_argument);
    REQUIRE(append("s", payloads{}) == errc::invalid_argument);
    REQUIRE(append("s", payloads{"fits", "12345678901"}) == errc::too_large);
    REQUIRE(it.log->streams().empty());
    it.append("a");
    for (const char* bad : {"x", "1", "0000000000000000", "000000000000000A", "0000000000000002",
                            "00000000000000001", "ffffffffffffffff", "-000000000000001"}) {
        INFO(bad);
        REQUIRE(it.code_of([&] { it.subscribe(position(bad)); }) == errc::invalid_argument);
    }
    auto subscription = it.subscribe(position());
    REQUIRE(it.code_of([&] { it.next(*subscription, 0); }) == errc::invalid_argument);
}
