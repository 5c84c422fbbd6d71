// Each rule bites on a bad sample and leaves the good one alone.
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

std::string lines(std::size_t many, const std::string& line) {
    std::string all;
    for (std::size_t i = 0; i < many; ++i) all += line + "\n";
    return all;
}

std::size_t floor_findings(const std::string& path, const std::string& include) {
    const std::string pragma = path.ends_with(".hpp") ? "#pragma once\n" : "";
    return count(check(path, pragma + "#include " + include + "\n"), "floors");
}

}  // namespace

TEST_CASE("a line has at most 100 columns, counted in characters, not bytes") {
    CHECK(check("src/core/a.cpp", std::string(100, 'a') + "\n").empty());
    CHECK(count(check("src/core/a.cpp", std::string(101, 'a') + "\n"), "line_length") == 1);
    std::string umlauts;
    for (int i = 0; i < 100; ++i) umlauts += "\xC3\xA4";
    CHECK(check("src/core/a.cpp", "// " + umlauts.substr(0, 194) + "\n").empty());
}

TEST_CASE("a file has at most 500 lines") {
    CHECK(check("src/core/a.cpp", lines(500, "//")).empty());
    CHECK(count(check("src/core/a.cpp", lines(501, "//")), "file_length") == 1);
}

TEST_CASE("no tabs and no trailing blanks") {
    CHECK(count(check("src/core/a.cpp", "\tint a;\n"), "blanks") == 1);
    CHECK(count(check("src/core/a.cpp", "int a; \n"), "blanks") == 1);
    CHECK(count(check("src/core/a.cpp", "int a;\r\n"), "blanks") == 1);
}

TEST_CASE("a function has at most 70 lines") {
    const auto body = [](std::size_t many) { return lines(many, "    a();"); };
    const std::string rule = "function_length";
    CHECK(count(check("src/core/a.cpp", "void f() {\n" + body(68) + "}\n"), rule) == 0);
    CHECK(count(check("src/core/a.cpp", "void f() {\n" + body(69) + "}\n"), rule) == 1);

    SECTION("in a class, in a namespace, in a template, too") {
        const auto bad =
            "namespace n {\ntemplate <class T>\nclass c {\npublic:\n    template <class "
            "U>\n    void f(int a = {}) const {\n" +
            body(69) + "    }\n};\n}\n";
        CHECK(count(check("src/core/a.cpp", bad), rule) == 1);
    }
    SECTION("a constructor's initialisers do not hide its body") {
        const auto bad = "c::c(int a) : a_{a}, b_{1} {\n" + body(69) + "}\n";
        CHECK(count(check("src/core/a.cpp", bad), rule) == 1);
    }
    SECTION("a long class of short functions is no long function") {
        CHECK(count(check("src/core/a.cpp", "struct s {\n" + lines(90, "    void f() {}") + "};\n"),
                    rule) == 0);
    }
    SECTION("braces in strings and comments do not count") {
        const auto good = "void f() {\n    a(\"{\", '{');  // {\n}\n" + lines(90, "int a;");
        CHECK(count(check("src/core/a.cpp", good), rule) == 0);
    }
}

TEST_CASE("includes go down the floors only") {
    CHECK(floor_findings("include/reeve/catalog/a.hpp", "\"reeve/storage/b.hpp\"") == 0);
    CHECK(floor_findings("include/reeve/storage/a.hpp", "\"reeve/catalog/b.hpp\"") == 1);
    CHECK(floor_findings("src/storage/a.cpp", "\"reeve/catalog/b.hpp\"") == 1);
    CHECK(floor_findings("src/storage/a.cpp", "\"catalog/private.hpp\"") == 1);
    CHECK(floor_findings("src/storage/a.cpp", "<reeve/catalog/b.hpp>") == 1);

    SECTION("folders on one floor do not include each other") {
        CHECK(floor_findings("src/cluster/a.cpp", "\"reeve/procedure/b.hpp\"") == 1);
        CHECK(floor_findings("src/cluster/a.cpp", "\"reeve/cluster/b.hpp\"") == 0);
    }
    SECTION("backends use floors 0 to 2, and no floor knows backends") {
        CHECK(floor_findings("src/backends/memory/a.cpp", "\"reeve/storage/b.hpp\"") == 0);
        CHECK(floor_findings("src/backends/memory/a.cpp", "\"reeve/catalog/b.hpp\"") == 1);
        CHECK(floor_findings("src/catalog/a.cpp", "\"reeve/backends/b.hpp\"") == 1);
    }
    SECTION("testing uses everything, and the library never testing") {
        CHECK(floor_findings("src/testing/a.cpp", "\"reeve/coordinator/b.hpp\"") == 0);
        CHECK(floor_findings("src/coordinator/a.cpp", "\"reeve/testing/b.hpp\"") == 1);
        CHECK(floor_findings("include/reeve/reeve.hpp", "\"reeve/testing/b.hpp\"") == 1);
    }
    SECTION("the umbrella is for embedders") {
        CHECK(floor_findings("include/reeve/reeve.hpp", "\"reeve/coordinator/b.hpp\"") == 0);
        CHECK(floor_findings("include/reeve/reeve.hpp", "\"reeve/backends/b.hpp\"") == 1);
        CHECK(floor_findings("src/catalog/a.cpp", "\"reeve/reeve.hpp\"") == 1);
        CHECK(floor_findings("tests/catalog/a.cpp", "\"reeve/reeve.hpp\"") == 0);
    }
    SECTION("a folder without a floor is a finding, not a hole") {
        CHECK(floor_findings("src/catalog/a.cpp", "\"reeve/elsewhere/b.hpp\"") == 1);
        CHECK(floor_findings("src/elsewhere/a.cpp", "\"reeve/core/b.hpp\"") == 1);
    }
}

TEST_CASE("public headers use Boost, fmt and the standard library only") {
    const auto found = [](const std::string& path, const std::string& target) {
        return count(check(path, "#pragma once\n#include " + target + "\n"), "public_headers");
    };
    for (const std::string banned : {"<nlohmann/json.hpp>", "<sqlite3.h>", "<grpcpp/grpcpp.h>",
                                     "<curl/curl.h>", "<simdjson.h>", "\"catalog/private.hpp\""}) {
        INFO(banned);
        CHECK(found("include/reeve/catalog/a.hpp", banned) == 1);
        CHECK(found("src/catalog/a.hpp", banned) == 0);
    }
    for (const std::string fine : {"<boost/asio/awaitable.hpp>", "<fmt/format.h>", "<string>"}) {
        CHECK(found("include/reeve/catalog/a.hpp", fine) == 0);
    }
}

TEST_CASE("headers start with pragma once") {
    CHECK(check("src/core/a.hpp", "// About.\n#pragma once\n").empty());
    CHECK(count(check("src/core/a.hpp", "#ifndef A\n#define A\n#endif\n"), "pragma_once") == 1);
    CHECK(count(check("src/core/a.hpp", "// nothing\n"), "pragma_once") == 1);
}

TEST_CASE("includes stand in the order own, reeve, third party, standard") {
    const std::string own = "#include \"reeve/core/a.hpp\"\n";
    const std::string reeve = "#include \"reeve/core/b.hpp\"\n";
    const std::string boost = "#include <boost/asio/post.hpp>\n";
    const std::string standard = "#include <string>\n";
    const std::string posix = "#include <unistd.h>\n";
    CHECK(check("src/core/a.cpp", own + reeve + boost + posix + standard + posix).empty());
    CHECK(count(check("src/core/a.cpp", own + standard + boost), "include_order") == 1);
    CHECK(count(check("src/core/a.cpp", boost + own), "include_order") == 1);
    CHECK(count(check("src/core/a.cpp", reeve + own), "include_order") == 0);
}
