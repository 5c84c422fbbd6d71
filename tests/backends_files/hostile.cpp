#include "fixture.hpp"

#include "reeve/core/random.hpp"

#include <sys/stat.h>
#include <sys/un.h>

#include <algorithm>

using namespace files_tests;

namespace {

void set_byte(std::string& bytes, std::size_t at) {
    bytes[at] = static_cast<char>(static_cast<unsigned char>(bytes[at]) ^ 0x5aU);
}

// Every call that meets the file of `key` refuses it with `expected`, and the file stays.
void check_refused(reeve::storage::blocking_object_store& store, const std::string& key,
                   errc expected, const std::filesystem::path& file) {
    const auto before = read_file(file);
    CHECK(code_of([&] { return store.get(key, {}); }) == expected);
    CHECK(code_of([&] { return store.head(key); }) == expected);
    CHECK(code_of([&] { return store.put(key, "new"); }) == expected);
    CHECK(code_of([&] { return store.put_if_absent(key, "new"); }) == expected);
    CHECK(code_of([&] { return store.put_if_match(key, "new", object_version("v")); }) == expected);
    CHECK(code_of([&] {
              store.remove(key);
              return 0;
          }) == expected);
    CHECK(store.remove_many({key}).front().failure == reeve::make_error_code(expected));
    CHECK(code_of([&] { return store.list("", "", 10); }) == expected);
    CHECK((read_file(file) == before));
}

}  // namespace

TEST_CASE("a directory that is not empty and no store is refused and left untouched") {
    const temporary_directory directory;
    write_file(directory.path() / "somebody's", "data");
    const auto before = all_files(directory.path());
    CHECK(code_of([&] { return open_at(directory.string()); }) == errc::foreign);
    CHECK(all_files(directory.path()) == before);
    CHECK_FALSE(std::filesystem::exists(directory.path() / "objects"));
}

TEST_CASE("objects without a marker are refused, the empty frame of an opening that died is not") {
    const temporary_directory directory;
    std::filesystem::create_directories(directory.path() / "objects");
    std::filesystem::create_directories(directory.path() / "temporary");
    SECTION("frame") {
        const auto store = open_at(directory.string());
        store->put("a", "1");
        CHECK(content(*store, "a") == "1");
    }
    SECTION("objects") {
        write_file(directory.path() / "objects" / "a%", "1");
        CHECK(code_of([&] { return open_at(directory.string()); }) == errc::foreign);
        CHECK(read_file(directory.path() / "objects" / "a%") == "1");
    }
}

TEST_CASE("a marker says whether this release may open the store") {
    const temporary_directory directory;
    const auto marker = directory.path() / "reeve-object-store";
    (void)open_at(directory.string());
    const auto good = read_file(marker);
    CHECK(good == "reeve-object-store format 1\n");
    const auto expect = [&](const std::string& text, errc expected) {
        INFO(text);
        write_file(marker, text);
        CHECK(code_of([&] { return open_at(directory.string()); }) == expected);
        CHECK(read_file(marker) == text);
    };
    expect("reeve-object-store format 2\n", errc::unsupported_format);
    expect("reeve-object-store format 99999999999\n", errc::unsupported_format);
    expect("reeve-object-store format 0\n", errc::corrupt);
    expect("reeve-object-store format 1", errc::corrupt);
    expect("reeve-object-store format 1\n\n", errc::corrupt);
    expect("reeve-object-store format x\n", errc::corrupt);
    expect("reeve-object-store format 99999999999999999999\n", errc::corrupt);
    expect("reeve-object-store format " + std::string(100, '1') + "\n", errc::foreign);
    expect("reeve-obj", errc::corrupt);
    expect("", errc::corrupt);
    expect("something else\n", errc::foreign);
    write_file(marker, good);
    (void)open_at(directory.string());
    std::filesystem::remove_all(directory.path() / "objects");
    CHECK(code_of([&] { return open_at(directory.string()); }) == errc::corrupt);
}

TEST_CASE("every damaged byte of an object is noticed") {
    const temporary_directory directory;
    const auto store = open_at(directory.string());
    const auto file = directory.path() / "objects" / "d" / "key%";
    store->put("d/key", "content");
    const auto good = read_file(file);
    for (std::size_t at = 0; at < good.size(); ++at) {
        auto bad = good;
        set_byte(bad, at);
        write_file(file, bad);
        INFO("byte " << at);
        const auto code = code_of([&] { return store->get("d/key", {}); });
        REQUIRE(code);
        REQUIRE((*code == errc::corrupt || *code == errc::foreign ||
                 *code == errc::unsupported_format));
        REQUIRE((*code == errc::foreign) == (at < 8));
    }
    for (std::size_t length = 0; length < good.size(); ++length) {
        write_file(file, good.substr(0, length));
        INFO("length " << length);
        REQUIRE(code_of([&] { return store->get("d/key", {}); }) == errc::corrupt);
    }
    write_file(file, good + "x");
    CHECK(code_of([&] { return store->get("d/key", {}); }) == errc::corrupt);
    write_file(file, good);
    CHECK(content(*store, "d/key") == "content");
}

TEST_CASE("a file that is damaged or not ours is refused by every call and left untouched") {
    const temporary_directory directory;
    const auto store = open_at(directory.string());
    const auto file = directory.path() / "objects" / "k%";
    store->put("k", "content");
    auto bytes = read_file(file);
    SECTION("cut short") {
        write_file(file, bytes.substr(0, bytes.size() - 1));
        check_refused(*store, "k", errc::corrupt, file);
    }
    SECTION("empty") {
        write_file(file, "");
        check_refused(*store, "k", errc::corrupt, file);
    }
    SECTION("not an object") {
        write_file(file, "notes");
        check_refused(*store, "k", errc::foreign, file);
    }
    SECTION("damaged header") {
        set_byte(bytes, 20);
        write_file(file, bytes);
        check_refused(*store, "k", errc::corrupt, file);
    }
    SECTION("an impossible length") {
        for (std::size_t at = 32; at < 40; ++at) bytes[at] = '\xff';
        write_file(file, bytes);
        check_refused(*store, "k", errc::corrupt, file);
    }
    SECTION("a newer format") {
        bytes[8] = 2;
        write_file(file, bytes);
        check_refused(*store, "k", errc::unsupported_format, file);
    }
    SECTION("the object of another key") {
        const auto other = directory.path() / "objects" / "l%";
        std::filesystem::rename(file, other);
        check_refused(*store, "l", errc::corrupt, other);
    }
}

TEST_CASE("damage in one block does not hide the others") {
    const temporary_directory directory;
    const auto store = open_at(directory.string());
    const auto file = directory.path() / "objects" / "k%";
    store->put("k", std::string(200000, 'x'));
    auto bytes = read_file(file);
    set_byte(bytes, 57 + 70000);
    write_file(file, bytes);
    CHECK(code_of([&] { return store->get("k", {}); }) == errc::corrupt);
    CHECK(code_of([&] { return store->get("k", {65536, 1}); }) == errc::corrupt);
    CHECK(store->get("k", {0, 65536})->bytes == std::string(65536, 'x'));
    CHECK(store->get("k", {131072, ~0ULL})->bytes == std::string(200000 - 131072, 'x'));
}

TEST_CASE("what is no file of the store is named by a listing, never read and never followed") {
    const temporary_directory directory;
    const temporary_directory elsewhere;
    const auto store = open_at(directory.string());
    store->put("d/a", "1");
    write_file(elsewhere.path() / "secret%", "secret");
    const auto tree = directory.path() / "objects" / "d";
    const auto refused = [&](const char* what) {
        INFO(what);
        CHECK(code_of([&] { return store->list("d/", "", 10); }) == errc::foreign);
        CHECK(content(*store, "d/a") == "1");
    };
    SECTION("a file whose name is no key's") {
        write_file(tree / "README", "hello");
        refused("README");
    }
    SECTION("a directory in the place of an object") {
        std::filesystem::create_directory(tree / "b%");
        refused("directory");
        CHECK(code_of([&] { return store->get("d/b", {}); }) == errc::foreign);
        CHECK(code_of([&] { return store->put("d/b", ""); }) == errc::foreign);
        CHECK(code_of([&] { return store->put_if_absent("d/b", ""); }) == errc::foreign);
    }
    SECTION("a link in the place of an object") {
        std::filesystem::create_symlink(elsewhere.path() / "secret%", tree / "b%");
        refused("link");
        CHECK(code_of([&] { return store->get("d/b", {}); }) == errc::foreign);
        CHECK(code_of([&] { return store->put("d/b", ""); }) == errc::foreign);
    }
    SECTION("a link in the place of a directory") {
        std::filesystem::create_directory_symlink(elsewhere.path(), tree / "out");
        refused("link to a directory");
        CHECK(code_of([&] { return store->get("d/out/secret", {}); }) == errc::foreign);
        CHECK(code_of([&] { return store->put("d/out/new", "x"); }) == errc::foreign);
        CHECK(code_of([&] {
                  store->remove("d/out/secret");
                  return 0;
              }) == errc::foreign);
        CHECK(all_files(elsewhere.path()).size() == 1);
    }
    SECTION("a pipe in the place of an object") {
        REQUIRE(::mkfifo((tree / "b%").c_str(), 0600) == 0);
        refused("pipe");
        CHECK(code_of([&] { return store->get("d/b", {}); }) == errc::foreign);
    }
    SECTION("a file in the place of a directory") {
        write_file(tree / "b", "x");
        refused("file");
        CHECK(code_of([&] { return store->get("d/b/c", {}); }) == errc::foreign);
        CHECK(code_of([&] { return store->put("d/b/c", ""); }) == errc::foreign);
    }
}

TEST_CASE("strangers among the temporary files are named and stay") {
    const temporary_directory directory;
    (void)open_at(directory.string());
    const auto stranger = directory.path() / "temporary" / "notes";
    write_file(stranger, "mine");
    CHECK(code_of([&] { return open_at(directory.string()); }) == errc::foreign);
    CHECK(read_file(stranger) == "mine");
}

TEST_CASE("random bytes in place of an object never pass") {
    const temporary_directory directory;
    const auto store = open_at(directory.string());
    const auto file = directory.path() / "objects" / "k%";
    store->put("k", std::string(1000, 'x'));
    const auto good = read_file(file);
    reeve::core::random random(3);
    for (int round = 0; round < 2000; ++round) {
        auto bytes = good;
        const auto from = random.below(bytes.size());
        const auto count = random.between(1, 40);
        for (std::uint64_t at = from; at < from + count && at < bytes.size(); ++at) {
            bytes[at] = static_cast<char>(random.next());
        }
        if (random.chance(1, 4)) bytes.resize(random.below(2 * bytes.size()));
        if (bytes == good) continue;
        write_file(file, bytes);
        REQUIRE(code_of([&] { return store->get("k", {}); }));
    }
}
