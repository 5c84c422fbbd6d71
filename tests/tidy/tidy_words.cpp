// Each rule bites on a bad sample and leaves the good one alone: coroutines and banned words.
#include "rules.hpp"

#include "catch.hpp"

#include <string>

namespace {

std::size_t count(const tidy::findings& found, std::string_view rule) {
    std::size_t hits = 0;
    for (const auto& one : found) hits += one.rule == rule ? 1 : 0;
    return hits;
}

tidy::findings check(std::string path, const std::string& content) {
    return tidy::check_file(tidy::make_source(std::move(path), content));
}

// How often the rule complains about this body of a coroutine.
std::size_t coroutine_findings(const std::string& body) {
    return count(check("src/core/a.cpp", "awaitable<void> f() {\n    " + body + "\n}\n"),
                 "coroutines");
}

}  // namespace

TEST_CASE("co_await stands alone in its statement") {
    for (const std::string fine : {
             "auto x = co_await f(a, b);",
             "co_await f(std::move(a));",
             "co_return co_await f(a);",
             "co_await (a() || b());",
             "auto x = co_await store.get(revision{5});",
             "const std::string key{\"a\"};\n    co_await f(key);",
             "auto x = agg{.a = 1};\n    co_await f(x);",
             "if (a) co_await f(x);",
             "auto y = a ? b : c;\n    co_await f(y);",
             "co_spawn(ex, [&]() -> awaitable<void> { co_await f(x); }, detached);",
             "auto r = g([] { return 1; });\n    co_await f(r);",
             "for (const auto& a : all) {\n        co_await f(a);\n    }",
             "try {\n        co_await f(a);\n    } catch (const error& e) {\n        failed = {1, "
             "2};\n"
             "    }",
             "co_return agg{1, 2};",
             "list[0] = co_await f(a);",
             "auto [x, y] = co_await f(a);",
             "for (const auto& [x, y] : all) co_await f(x);",
             "co_await f(a);  // a ? b : {.c}",
         }) {
        INFO(fine);
        CHECK(coroutine_findings(fine) == 0);
    }
}

TEST_CASE("what gcc 12 miscompiles around co_await is found") {
    for (const std::string bad : {
             "if (co_await f(a)) g();",
             "while (co_await f(a)) {\n        g();\n    }",
             "for (auto& x : co_await f(a)) g(x);",
             "switch (co_await f(a)) {\n        default: break;\n    }",
             "if (const auto x = co_await f(a); x) g();",
             "auto x = a ? co_await f(b) : std::string{};",
             "co_await f(c ? std::string(a) : b);",
             "co_await f({.key = s});",
             "co_await f(agg{.key = s});",
             "co_await f({1, 2, 3});",
             "co_await f(a, {});",
             "co_await f(agg{a, b});",
             "auto x = agg{co_await a(), 1};",
             "use(co_await x(), agg{a});",
             "co_await f([a] { return a; });",
             "co_await f([this] { return a_; });",
             "co_await\n        f(\n            agg{a,\n                b});",
         }) {
        INFO(bad);
        CHECK(coroutine_findings(bad) >= 1);
    }
}

TEST_CASE("Asio timers live in backends only") {
    const std::string bad = "boost::asio::steady_timer t;\n";
    CHECK(count(check("src/core/a.cpp", bad), "asio_timers") == 1);
    CHECK(count(check("tests/core/a.cpp", bad), "asio_timers") == 1);
    CHECK(count(check("src/backends/memory/a.cpp", bad), "asio_timers") == 0);
    CHECK(count(check("src/core/a.cpp", "// no steady_timer here\n"), "asio_timers") == 0);
}

TEST_CASE("the library starts no thread") {
    CHECK(count(check("src/core/a.cpp", "std::thread t;\n"), "threads") == 1);
    CHECK(count(check("src/core/a.cpp", "std::this_thread::get_id();\n"), "threads") == 0);
    CHECK(count(check("src/core/a.cpp", "std::thread::id owner;\n"), "threads") == 0);
    CHECK(count(check("tests/core/a.cpp", "std::thread t;\n"), "threads") == 0);
    CHECK(count(check("src/testing/a.cpp", "std::thread t;\n"), "threads") == 0);
}

TEST_CASE("nothing sleeps to synchronise, except with a reason") {
    const std::string bad = "std::this_thread::sleep_for(1s);\n";
    CHECK(count(check("tests/core/a.cpp", bad), "sleep") == 1);
    CHECK(count(check("tests/core/a.cpp", "usleep(5);\n"), "sleep") == 1);
    CHECK(count(check("tests/core/a.cpp", "co_await clock.sleep_for(1s);\n"), "sleep") == 0);
    CHECK(count(check("tests/a.sh", "sleep 1\n"), "sleep") == 1);
    CHECK(count(check("tests/a.sh", "# no sleep 1\n"), "sleep") == 0);

    SECTION("the reason stands on the line, or in the comment above") {
        const std::string allow =
            "// tidy: allow sleep: another process has no event to wait for\n";
        CHECK(check("tests/core/a.cpp", allow + bad).empty());
        CHECK(check("tests/core/a.cpp", allow + "// more\n" + bad).empty());
        CHECK(check("tests/a.sh", "sleep 1  # tidy: allow sleep: polls a process\n").empty());
    }
    SECTION("another rule's name, or no reason, allows nothing") {
        CHECK(
            !check("tests/core/a.cpp", "// tidy: allow threads: because of this\n" + bad).empty());
        CHECK(!check("tests/core/a.cpp", "// tidy: allow sleep:\n" + bad).empty());
        CHECK(
            !check("tests/core/a.cpp", "// tidy: allow sleep: because of this\n\n" + bad).empty());
    }
}

TEST_CASE("no leftovers and no paths of a developer's machine") {
    const std::string leftover =
        "TO"
        "DO";
    CHECK(count(check("docs/a.md", "- " + leftover + ": later\n"), "leftovers") == 1);
    CHECK(count(check("src/core/a.cpp",
                      "// FIX"
                      "ME\n"),
                "leftovers") == 1);
    CHECK(count(check("tests/a.sh",
                      "mktemp -d x.XX"
                      "XXXX\n"),
                "leftovers") == 0);
    const std::string home =
        "/ho"
        "me/";
    CHECK(count(check("docs/a.md", "see " + home + "me/reeve\n"), "machine_paths") == 1);
    CHECK(count(check("tests/a.sh",
                      "cd /wo"
                      "rk/reeve\n"),
                "machine_paths") == 1);
    CHECK(count(check("src/core/a.cpp",
                      "net"
                      "work/a\n"),
                "machine_paths") == 0);
    CHECK(count(check("docs/a.md",
                      "the frame"
                      "work/parts\n"),
                "machine_paths") == 0);
}

TEST_CASE("headers do not open namespaces for others") {
    CHECK(count(check("src/core/a.hpp", "#pragma once\nusing namespace std;\n"),
                "using_namespace") == 1);
    CHECK(count(check("src/core/a.cpp", "using namespace std;\n"), "using_namespace") == 0);
}
