#include "backends/files/key_names.hpp"

#include "reeve/core/random.hpp"

#include "catch.hpp"

#include <algorithm>
#include <set>
#include <string>
#include <vector>

namespace {

using reeve::backends::files::entry_name;
using reeve::backends::files::parse_name;
using reeve::backends::files::place_of;

// A key made of what could confuse the encoding.
std::string random_key(reeve::core::random& random) {
    static const std::vector<std::string> pieces = {
        "a", "b",  "/", "//", "%",    "%%",   "%~",  ".",   "..",  "~",
        "A", "\n", " ", "-",  "\x01", "\xff", "%2E", "%41", "%25", "\xc3\xa9"};
    std::string key;
    const auto count = random.between(1, 12);
    for (std::uint64_t piece = 0; piece < count; ++piece) {
        key += pieces[random.below(pieces.size())];
        if (random.chance(1, 12)) key += std::string(random.between(70, 200), 'x');
    }
    return key.substr(0, 1024);
}

// The key again, from the names on its path.
std::string key_of(std::string path) {
    std::string key;
    for (std::size_t slash = 0; (slash = path.find('/')) != std::string::npos;) {
        const auto name = parse_name(path.substr(0, slash));
        REQUIRE(name);
        REQUIRE(name->what == entry_name::kind::directory);
        key += name->bytes;
        path.erase(0, slash + 1);
    }
    const auto name = parse_name(path);
    REQUIRE(name);
    REQUIRE(name->what == entry_name::kind::object);
    return key + name->bytes;
}

}  // namespace

TEST_CASE("a key's path is readable where the key is") {
    CHECK(place_of("logs/2024-05/part.1").path() == "logs/2024-05/part.1%");
    CHECK(place_of("a").path() == "a%");
    CHECK(place_of("a/b").path() == "a/b%");
    CHECK(place_of("a/").path() == "a/%");
    CHECK(place_of("/").path() == "%%/%");
    CHECK(place_of("..").path() == "%2E.%");
    CHECK(place_of("../x").path() == "%2E./x%");
    CHECK(place_of("50%").path() == "50%25%");
}

TEST_CASE("every key has one path, whose names fit a file system and give the key back") {
    reeve::core::random random(1);
    std::set<std::string> keys;
    std::set<std::string> paths;
    for (int round = 0; round < 20000; ++round) {
        const auto key = random_key(random);
        const auto path = place_of(key).path();
        REQUIRE(key_of(path) == key);
        for (std::size_t begin = 0; begin <= path.size();) {
            const auto end = std::min(path.find('/', begin), path.size());
            REQUIRE(end - begin <= 255);
            REQUIRE(end > begin);
            REQUIRE(path[begin] != '.');
            begin = end + 1;
        }
        keys.insert(key);
        paths.insert(path);
    }
    CHECK(keys.size() == paths.size());
}

TEST_CASE("parts around the cut stay distinct") {
    for (std::size_t length = 78; length <= 162; ++length) {
        const std::string part(length, 'x');
        for (const auto& key : {part, part + "/", part + "/y", part + "\x01", "p/" + part}) {
            CHECK(key_of(place_of(key).path()) == key);
        }
    }
}

TEST_CASE("names that no key gives are recognised") {
    for (const auto* name : {"", ".x%", "a b%", "%4%", "%41%", "%zz%", "a%b", "%2e%", "x%~", "%~",
                             "%2F%", "%2F", "a%2Fb", "\xff%", "%%%", "%00"}) {
        INFO(name);
        const auto parsed = parse_name(name);
        const bool nul = std::string(name) == "%00";  // a byte like any other
        CHECK(parsed.has_value() == nul);
    }
    CHECK_FALSE(parse_name(std::string(80, 'x') + "%"));  // must be cut
    CHECK_FALSE(parse_name(std::string(79, 'x') + "%~"));
    CHECK(parse_name(std::string(80, 'x') + "%~"));
}
