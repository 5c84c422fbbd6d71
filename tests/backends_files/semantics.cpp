#include "fixture.hpp"

#include "reeve/core/random.hpp"

#include <algorithm>
#include <map>
#include <set>

using namespace files_tests;

TEST_CASE("an object is read back whole, in part and by head") {
    const temporary_directory directory;
    const auto store = open_at(directory.string());
    const std::string bytes =
        GENERATE(std::string(), std::string("x"), std::string(65535, 'a'), std::string(65536, 'b'),
                 std::string(65537, 'c'), std::string(300000, 'd') + "end");
    const auto before = store->server_time();
    const auto version = store->put("a/b", bytes);
    const auto head = store->head("a/b");
    REQUIRE(head);
    CHECK(head->key == "a/b");
    CHECK(head->size == bytes.size());
    CHECK(head->version == version);
    CHECK(head->last_modified >= before);
    CHECK(head->last_modified <= store->server_time());
    const auto whole = store->get("a/b", {});
    REQUIRE(whole);
    CHECK(whole->meta == *head);
    CHECK(whole->bytes == bytes);
    for (const std::uint64_t offset : {0ULL, 1ULL, 65535ULL, 65536ULL, 131072ULL, 400000ULL}) {
        for (const std::uint64_t length : {0ULL, 1ULL, 2ULL, 65536ULL, 70000ULL, ~0ULL}) {
            const auto part = store->get("a/b", {offset, length});
            REQUIRE(part);
            CHECK(part->meta.size == bytes.size());
            const auto expected =
                offset >= bytes.size() ? std::string() : bytes.substr(offset, length);
            CHECK((part->bytes == expected));
        }
    }
    CHECK_FALSE(store->get("a", {}));
    CHECK_FALSE(store->head("a/b/c"));
}

TEST_CASE("the conditions of puts are honoured, and versions never repeat") {
    const temporary_directory directory;
    const auto store = open_at(directory.string());
    const auto first = store->put_if_absent("k", "1");
    REQUIRE(first);
    CHECK_FALSE(store->put_if_absent("k", "2"));
    CHECK(content(*store, "k") == "1");
    CHECK_FALSE(store->put_if_match("k", "3", object_version("stale")));
    CHECK_FALSE(store->put_if_match("missing", "3", *first));
    CHECK_FALSE(store->head("missing"));
    const auto second = store->put_if_match("k", "1", *first);  // equal bytes, another version
    REQUIRE(second);
    CHECK(*second != *first);
    CHECK_FALSE(store->put_if_match("k", "4", *first));
    const auto third = store->put("k", "5");
    CHECK_FALSE(store->put_if_match("k", "6", *second));
    CHECK(store->put_if_match("k", "7", third));
    store->remove("k");
    store->remove("k");
    CHECK_FALSE(store->head("k"));
    CHECK(store->put_if_absent("k", "8"));
    CHECK(content(*store, "k") == "8");
}

TEST_CASE("a store is found again after it was closed") {
    const temporary_directory directory;
    const auto path = (directory.path() / "new" / "deep").string();
    const auto version = open_at(path)->put("a", "1");
    const auto again = open_at(path + "/");
    CHECK(content(*again, "a") == "1");
    CHECK(again->put_if_match("a", "2", version));
}

TEST_CASE("any bytes but NUL make a key, and keys that contain each other coexist") {
    const temporary_directory directory;
    const auto store = open_at(directory.string());
    std::set<std::string> keys = {
        "a",  "a/", "a//", "a/b", "a/b/",     "/",  "//",  "/a", ".",     "..", "./a", "%",   "%%",
        "%~", "a%", "a%~", "~",   "\xff\xfe", "\n", "a b", "A",  "a\x01", "a0", "a-",  "lock"};
    for (int byte = 1; byte < 256; ++byte)
        keys.insert("byte/" + std::string(1, static_cast<char>(byte)));
    for (const std::size_t length : {79U, 80U, 81U, 160U, 255U, 256U, 1024U}) {
        keys.insert(std::string(length, 'l'));
        keys.insert(std::string(length, '\x02'));
        keys.insert(std::string(length, '/'));
    }
    for (const auto& key : keys) REQUIRE(store->put_if_absent(key, "of " + key));
    for (const auto& key : keys) {
        REQUIRE(content(*store, key) == "of " + key);
        REQUIRE_FALSE(store->put_if_absent(key, ""));
    }
    const std::vector<std::string> sorted(keys.begin(), keys.end());
    CHECK(keys_of(*store) == sorted);
    CHECK(keys_of(*store, "", 1) == sorted);
    CHECK(keys_of(*store, "", 7) == sorted);
    for (const auto& key : keys) store->remove(key);
    CHECK(keys_of(*store).empty());
}

TEST_CASE("a listing is in byte order, from any prefix and any key, in pages of any size") {
    const temporary_directory directory;
    const auto store = open_at(directory.string());
    reeve::core::random random(7);
    std::set<std::string> keys;
    while (keys.size() < 300) {
        std::string key;
        const auto count = random.between(1, 6);
        for (std::uint64_t piece = 0; piece < count; ++piece) {
            static const std::vector<std::string> pieces = {"a", "b",    "/",   ".",
                                                            "0", "\xf0", "\x01"};
            key += pieces[random.below(pieces.size())];
            if (random.chance(1, 10)) key += std::string(80, 'x');
        }
        keys.insert(key);
    }
    for (const auto& key : keys) store->put(key, key);
    for (int round = 0; round < 300; ++round) {
        const auto pick = [&] {
            auto it = keys.begin();
            std::advance(it, static_cast<std::ptrdiff_t>(random.below(keys.size())));
            return it->substr(0, random.between(0, it->size()));
        };
        const auto prefix = pick();
        const auto after = random.chance(1, 3) ? std::string() : pick();
        const auto limit = random.between(1, 20);
        std::vector<std::string> expected;
        for (const auto& key : keys) {
            if (key.starts_with(prefix) && key > after) expected.push_back(key);
        }
        const bool more = expected.size() > limit;
        if (more) expected.resize(limit);
        const auto page = store->list(prefix, after, limit);
        std::vector<std::string> found;
        for (const auto& meta : page.objects) {
            found.push_back(meta.key);
            CHECK(meta.size == meta.key.size());
            CHECK(meta == *store->head(meta.key));
        }
        REQUIRE(found == expected);
        if (more) CHECK(page.resume_after == expected.back());
        if (found.size() < limit) CHECK(page.resume_after.empty());
    }
    CHECK(code_of([&] { return store->list("", "", 0); }) == errc::invalid_argument);
}

TEST_CASE("remove_many answers for each key, in the order given") {
    const temporary_directory directory;
    const auto store = open_at(directory.string());
    store->put("x/1", "");
    store->put("x/2", "");
    store->put("keep", "");
    const std::vector<std::string> keys = {"x/2", "missing/dir/key", "x/1", "x/2"};
    const auto results = store->remove_many(keys);
    REQUIRE(results.size() == keys.size());
    for (std::size_t index = 0; index < keys.size(); ++index) {
        CHECK(results[index].key == keys[index]);
        CHECK_FALSE(results[index].failure);
    }
    CHECK(keys_of(*store) == std::vector<std::string>{"keep"});
}

TEST_CASE("an object above the limit is refused before anything is written") {
    const temporary_directory directory;
    reeve::storage::object_limits limits;
    limits.object_bytes_max = 10;
    const auto store =
        reeve::backends::open_blocking_file_object_store({directory.string(), nullptr, limits});
    CHECK(store->limits().object_bytes_max == 10);
    store->put("k", std::string(10, 'x'));
    CHECK(code_of([&] { return store->put("k", std::string(11, 'y')); }) == errc::too_large);
    CHECK(content(*store, "k") == std::string(10, 'x'));
}

TEST_CASE("what a dead process left half-written is removed, a living one's is not") {
    const temporary_directory directory;
    const auto living = open_at(directory.string());
    living->put("a", "1");
    const auto temporary = directory.path() / "temporary";
    const auto owner = std::filesystem::directory_iterator(temporary)->path();
    write_file(owner / "77", "half");
    std::filesystem::create_directory(temporary / "0123456789abcdef");
    write_file(temporary / "0123456789abcdef" / "lock", "");
    write_file(temporary / "0123456789abcdef" / "1", "half of a dead one");
    const auto second = open_at(directory.string());
    CHECK_FALSE(std::filesystem::exists(temporary / "0123456789abcdef"));
    CHECK(read_file(owner / "77") == "half");
    living->put("b", "2");
    CHECK(content(*second, "b") == "2");
}

TEST_CASE("what a listing remembers of a large quiet directory never hides a change") {
    const temporary_directory directory;
    const auto store = open_at(directory.string());
    std::vector<std::string> keys;
    for (int index = 0; index < 1500; ++index) {
        keys.push_back("d/" + std::to_string(10000 + index));
        store->put(keys.back(), "");
    }
    const auto tree = directory.path() / "objects" / "d";
    const auto long_ago = std::filesystem::file_time_type::clock::now() - std::chrono::hours(1);
    std::filesystem::last_write_time(tree, long_ago);
    CHECK(keys_of(*store, "d/", 100) == keys);  // remembered from its first page on
    // A file that comes without a new time of change shows that the memory is really used ...
    const auto planted = directory.path() / "objects" / "d" / "10000x%";
    std::filesystem::copy(tree / "10000%", planted);
    std::filesystem::last_write_time(tree, long_ago);
    CHECK(keys_of(*store, "d/", 100) == keys);
    std::filesystem::remove(planted);
    std::filesystem::last_write_time(tree, long_ago);
    // ... and every change by a store is seen at once.
    store->put("d/10000y", "");
    keys.insert(keys.begin() + 1, "d/10000y");
    CHECK(keys_of(*store, "d/", 100) == keys);
    store->remove("d/11499");
    keys.pop_back();
    CHECK(keys_of(*store, "d/", 100) == keys);
    CHECK(keys_of(*store, "d/1149", 7).size() == 9);
}
