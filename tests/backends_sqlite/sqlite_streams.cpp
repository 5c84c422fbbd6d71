#include "sqlite_fixture.hpp"

#include <thread>
#include <vector>

using namespace sqlite_test;
using reeve::backends::open_sqlite_stream_file;
using reeve::storage::message;
using reeve::storage::position;

namespace {

std::vector<std::string> payloads(const std::vector<message>& messages) {
    std::vector<std::string> result;
    for (const auto& one : messages) result.push_back(one.payload);
    return result;
}

using texts = std::vector<std::string>;

}  // namespace

TEST_CASE("sqlite: a stream gives back what was appended, in order, from any position") {
    const scratch dir;
    const std::string bytes("\0\xff", 2);
    position second;
    {
        const auto streams = open_sqlite_stream_file(sqlite_options(dir.file()));
        REQUIRE(streams->end("a") == position());
        REQUIRE(streams->read("a", {}, 10, 0ms).empty());
        second = streams->append_many("a", {"1", ""});
        streams->append_many("b", {"other"});
        const auto third = streams->append_many("a", {bytes});
        REQUIRE(second < third);
        REQUIRE(streams->end("a") == third);
    }
    const auto streams = open_sqlite_stream_file(sqlite_options(dir.file()));
    const auto all = streams->read("a", {}, 10, 0ms);
    REQUIRE(payloads(all) == texts{"1", "", bytes});
    REQUIRE(all[1].at == second);
    REQUIRE(payloads(streams->read("a", second, 10, 0ms)) == texts{bytes});
    REQUIRE(payloads(streams->read("a", {}, 2, 0ms)) == texts{"1", ""});
    REQUIRE(streams->read("a", streams->end("a"), 10, 0ms).empty());
    REQUIRE(payloads(streams->read("b", {}, 10, 0ms)) == texts{"other"});
}

TEST_CASE("sqlite: trimmed messages are gone, and positions before them say so") {
    const scratch dir;
    const auto streams = open_sqlite_stream_file(sqlite_options(dir.file()));
    const auto end = streams->append_many("s", std::vector<std::string>(10'000, "x"));
    const auto first = streams->read("s", {}, 1, 0ms).at(0).at;
    const auto near = streams->read("s", {}, 9'999, 0ms).back().at;
    streams->trim("s", {});
    streams->trim("s", near);
    streams->trim("s", first);
    streams->trim("s", near);
    REQUIRE(code_of([&] { streams->read("s", {}, 1, 0ms); }) == errc::compacted);
    REQUIRE(code_of([&] { streams->read("s", first, 1, 0ms); }) == errc::compacted);
    REQUIRE(streams->read("s", near, 10, 0ms).size() == 1);
    streams->trim("s", end);
    REQUIRE(streams->end("s") == end);
    REQUIRE(streams->append_many("s", {"next"}) > end);
    REQUIRE(payloads(streams->read("s", end, 10, 0ms)) == texts{"next"});
}

TEST_CASE("sqlite: what a stream cannot take is a clear error") {
    const scratch dir;
    sqlite_options options(dir.file());
    options.payload_bytes_max = 4;
    const auto streams = open_sqlite_stream_file(options);
    REQUIRE(streams->payload_bytes_max() == 4);
    const auto appending = [&](const std::string& name, const texts& what) {
        return code_of([&] { streams->append_many(name, what); });
    };
    REQUIRE(appending("", {"x"}) == errc::invalid_argument);
    REQUIRE(appending("s", {}) == errc::invalid_argument);
    REQUIRE(appending("s", {"1", "12345"}) == errc::too_large);
    REQUIRE(streams->end("s") == position());
    REQUIRE_FALSE(appending("s", {"1234"}));
    const auto reading = [&](const std::string& from) {
        return code_of([&] { streams->read("s", position(from), 1, 0ms); });
    };
    REQUIRE(reading("x") == errc::invalid_argument);
    REQUIRE(reading(std::string(8, '\0')) == errc::invalid_argument);
    REQUIRE(reading(std::string(8, '\xff')) == errc::invalid_argument);
    const std::string past("\0\0\0\0\0\0\0\2", 8);
    REQUIRE(reading(past) == errc::invalid_argument);
    REQUIRE(code_of([&] { streams->trim("s", position(past)); }) == errc::invalid_argument);
    REQUIRE(code_of([&] { streams->read("s", {}, 0, 0ms); }) == errc::invalid_argument);
}

TEST_CASE("sqlite: a waiting reader is woken by an append of the process or of another") {
    const scratch dir;
    child appender([&] {
        const auto streams = open_sqlite_stream_file(sqlite_options(dir.file()));
        // Waits for the reader's word, then answers.
        const auto word = streams->read("to child", {}, 1, 60s);
        streams->append_many("to parent", {"got " + word.at(0).payload});
        return 0;
    });
    const auto streams = open_sqlite_stream_file(sqlite_options(dir.file()));
    std::vector<message> own;
    std::thread reader([&] { own = streams->read("to child", {}, 1, 60s); });
    streams->append_many("to child", {"hello"});
    reader.join();
    REQUIRE(payloads(own) == texts{"hello"});
    REQUIRE(payloads(streams->read("to parent", {}, 1, 60s)) == texts{"got hello"});
    REQUIRE(appender.wait() == 0);
}

TEST_CASE("sqlite: appends of several threads are next to each other and none is lost") {
    const scratch dir;
    const auto streams = open_sqlite_stream_file(sqlite_options(dir.file()));
    std::vector<std::thread> writers;
    for (char who = 'a'; who < 'e'; ++who) {
        writers.emplace_back([&streams, who] {
            for (int at = 0; at < 25; ++at) {
                streams->append_many("s", {std::string(1, who), std::string(1, who)});
            }
        });
    }
    for (auto& one : writers) one.join();
    const auto all = streams->read("s", {}, 1000, 0ms);
    REQUIRE(all.size() == 200);
    for (std::size_t at = 0; at < all.size(); at += 2) {
        REQUIRE(all[at].payload == all[at + 1].payload);
    }
}
