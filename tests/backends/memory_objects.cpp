#include "catch.hpp"
#include "core/manual_loop.hpp"
#include "reeve/backends/memory_object_store.hpp"
#include "reeve/core/error.hpp"

#include <memory>
#include <string>
#include <vector>

using namespace reeve;
using namespace std::chrono_literals;

namespace {

struct fixture {
    explicit fixture(backends::memory_bucket_options options = {}) {
        options.clock = &loop;
        bucket = std::make_shared<backends::memory_bucket>(options);
        store = std::make_unique<backends::memory_object_store>(bucket);
    }
    template <class T>
    T wait(awaitable<T> operation) {
        return loop.wait(strand, std::move(operation));
    }
    template <class T>
    errc code_of(awaitable<T> operation) {
        try {
            loop.wait(strand, std::move(operation));
        } catch (const error& failure) {
            return failure.code_value();
        }
        return errc{};
    }

    manual_loop loop;
    core::runtime strand{loop, loop.options()};
    std::shared_ptr<backends::memory_bucket> bucket;
    std::unique_ptr<backends::memory_object_store> store;
};

std::vector<std::string> keys_of(const storage::object_page& page) {
    std::vector<std::string> keys;
    for (const auto& one : page.objects) keys.push_back(one.key);
    return keys;
}

using keys = std::vector<std::string>;

}  // namespace

TEST_CASE("memory objects: conditional puts have one winner and say nothing for losers") {
    fixture it;
    const auto first = it.wait(it.store->put_if_absent("k", "1"));
    REQUIRE(first);
    REQUIRE_FALSE(it.wait(it.store->put_if_absent("k", "2")));
    const auto second = it.wait(it.store->put_if_match("k", "1", *first));
    REQUIRE(second);
    REQUIRE(*second != *first);
    REQUIRE_FALSE(it.wait(it.store->put_if_match("k", "3", *first)));
    REQUIRE_FALSE(it.wait(it.store->put_if_match("other", "3", *first)));
    REQUIRE(it.wait(it.store->get("k", {}))->bytes == "1");
}

TEST_CASE("memory objects: a part of an object is cut at its end") {
    fixture it;
    it.wait(it.store->put("k", "0123456789"));
    const auto part = [&](std::uint64_t offset, std::uint64_t length) {
        const auto found = it.wait(it.store->get("k", storage::byte_range{offset, length}));
        REQUIRE(found->meta.size == 10);
        return found->bytes;
    };
    REQUIRE(part(0, ~0ULL) == "0123456789");
    REQUIRE(part(3, 4) == "3456");
    REQUIRE(part(8, ~0ULL) == "89");
    REQUIRE(part(10, 1).empty());
    REQUIRE(part(~0ULL, ~0ULL).empty());
    REQUIRE_FALSE(it.wait(it.store->get("none", {})));
}

TEST_CASE("memory objects: a listing goes page by page in byte order") {
    backends::memory_bucket_options options;
    options.limits.page_max = 2;
    fixture it(options);
    for (const char* key : {"b", "a/b", "a", "a/", "a/\xff", "a0"}) {
        it.wait(it.store->put(key, ""));
    }
    auto page = it.wait(it.store->list("a/", "", 100));
    REQUIRE(keys_of(page) == keys{"a/", "a/b"});
    REQUIRE(page.resume_after == "a/b");
    page = it.wait(it.store->list("a/", page.resume_after, 100));
    REQUIRE(keys_of(page) == keys{"a/\xff"});
    REQUIRE(page.resume_after.empty());
    REQUIRE(keys_of(it.wait(it.store->list("", "a/\xff", 1))) == keys{"a0"});
    REQUIRE(keys_of(it.wait(it.store->list("a/", "a", 1))) == keys{"a/"});
    REQUIRE(it.wait(it.store->list("a/", "b", 1)).objects.empty());
    REQUIRE(it.code_of(it.store->list("", "", 0)) == errc::invalid_argument);
}

TEST_CASE("memory objects: times are those of the clock given") {
    fixture it;
    it.wait(it.store->put("k", ""));
    it.loop.advance(1500ms);
    const auto head = it.wait(it.store->head("k"));
    REQUIRE(it.wait(it.store->server_time()) - head->last_modified == 1500ms);
}

TEST_CASE("memory objects: bad keys and sizes are refused before anything is written") {
    backends::memory_bucket_options options;
    options.limits.key_bytes_max = 3;
    options.limits.object_bytes_max = 2;
    options.limits.remove_many_max = 2;
    fixture it(options);
    REQUIRE(it.code_of(it.store->put("", "")) == errc::invalid_argument);
    REQUIRE(it.code_of(it.store->put(std::string("a\0", 2), "")) == errc::invalid_argument);
    REQUIRE(it.code_of(it.store->put("1234", "")) == errc::too_large);
    REQUIRE(it.code_of(it.store->put("123", "123")) == errc::too_large);
    REQUIRE(it.code_of(it.store->get("", {})) == errc::invalid_argument);
    REQUIRE(it.code_of(it.store->remove_many(keys{"a", ""})) == errc::invalid_argument);
    REQUIRE(it.code_of(it.store->remove_many(keys{"a", "b", "c"})) == errc::too_large);
    REQUIRE(it.bucket->keys().empty());
}

TEST_CASE("memory objects: remove_many answers for every key, missing ones included") {
    fixture it;
    it.wait(it.store->put("a", ""));
    it.wait(it.store->put("c", ""));
    const auto results = it.wait(it.store->remove_many(keys{"b", "a"}));
    REQUIRE(results.size() == 2);
    REQUIRE(results[0].key == "b");
    REQUIRE_FALSE(results[0].failure);
    REQUIRE_FALSE(results[1].failure);
    REQUIRE(it.bucket->keys() == keys{"c"});
}

TEST_CASE("memory objects: without a capability its calls are refused") {
    backends::memory_bucket_options options;
    options.capabilities = {false, false, true};
    fixture it(options);
    REQUIRE(it.code_of(it.store->put_if_absent("a", "")) == errc::unsupported);
    REQUIRE(it.code_of(it.store->put_if_match("a", "", {})) == errc::unsupported);
    REQUIRE(it.bucket->keys().empty());
}
