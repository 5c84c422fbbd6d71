#include "testing/conformance/object_trial.hpp"

#include <utility>

namespace reeve::testing::detail {

namespace {

using trial = object_trial;

awaitable<void> missing_object_is_nothing(trial& it) {
    co_await it.put("a/b", "1");
    const std::vector<std::string> missing{"never", "a", "a/", "a/b/", "a/bc"};
    for (const auto& key : missing) {
        const auto got = co_await it.get(key);
        expect(!got, "get of a missing object returned one: " + show(key));
        const auto head = co_await it.head(key);
        expect(!head, "head of a missing object returned one: " + show(key));
    }
}

awaitable<void> put_object_is_read_back(trial& it) {
    const object_version version = co_await it.put("key", "bytes");
    const auto got = co_await it.get("key");
    expect(got.has_value(), "an object that was put is missing");
    expect_equal(got->bytes, std::string("bytes"), "the bytes");
    expect_equal(got->meta.key, std::string("key"), "the key in get");
    expect_equal(got->meta.size, std::uint64_t{5}, "the size in get");
    expect(got->meta.version == version, "get tells another version than put");
    const auto head = co_await it.head("key");
    expect(head.has_value(), "head of an object that was put is missing");
    expect(*head == got->meta, "head and get tell different things");
    expect(!version.value.empty(), "a version is empty");
}

awaitable<void> objects_of_all_sizes(trial& it) {
    const std::uint64_t most =
        std::min(it.factory.tried_bytes_max(), it.store().limits().object_bytes_max);
    std::vector<std::uint64_t> sizes{0, 1, 4095, 4096, 65537, 1048577, 8U << 20U};
    for (const auto size : sizes) {
        if (size > most) continue;
        const std::string bytes = pattern(size, static_cast<unsigned>(size));
        const std::string key = fmt::format("size{}", size);
        co_await it.put(key, bytes);
        const auto got = co_await it.get(key);
        expect(got.has_value(), fmt::format("an object of {} bytes is missing", size));
        expect_equal(got->meta.size, size, "the size of an object");
        expect(got->bytes == bytes, fmt::format("an object of {} bytes reads differently", size));
    }
}

awaitable<void> put_replaces(trial& it) {
    const object_version first = co_await it.put("key", pattern(1000, 1));
    const object_version second = co_await it.put("key", "short");
    expect(first != second, "another content has the same version");
    const auto got = co_await it.get("key");
    expect(got && got->bytes == "short", "a second put did not replace the first");
    expect(got->meta.version == second, "the version is not that of the second put");
    expect_equal(got->meta.size, std::uint64_t{5}, "the size after a second put");
}

awaitable<void> put_if_absent_creates_once(trial& it) {
    it.need_put_if_absent();
    const maybe_version first = co_await it.put_if_absent("key", "first");
    expect(first.has_value(), "put_if_absent of a missing object was refused");
    const maybe_version second = co_await it.put_if_absent("key", "second");
    expect(!second, "put_if_absent of an existing object was accepted");
    const auto got = co_await it.get("key");
    expect(got && got->bytes == "first", "a refused put_if_absent changed the object");
    expect(got->meta.version == *first, "put_if_absent returned another version than get");
    co_await it.put("empty", "");
    const maybe_version empty = co_await it.put_if_absent("empty", "x");
    expect(!empty, "put_if_absent of an existing empty object was accepted");
    co_await it.remove("key");
    const maybe_version third = co_await it.put_if_absent("key", "third");
    expect(third.has_value(), "put_if_absent of a removed object was refused");
}

awaitable<void> put_if_match_compares(trial& it) {
    it.need_put_if_match();
    const object_version first = co_await it.put("key", "nonce 1");
    const maybe_version second = co_await it.put_if_match("key", "nonce 2", first);
    expect(second.has_value(), "put_if_match of the present version was refused");
    const maybe_version stale = co_await it.put_if_match("key", "nonce 3", first);
    expect(!stale, "put_if_match of a stale version was accepted");
    const auto got = co_await it.get("key");
    expect(got && got->bytes == "nonce 2", "a refused put_if_match changed the object");
    expect(got->meta.version == *second, "put_if_match returned another version than get");
    const maybe_version missing = co_await it.put_if_match("other", "nonce 4", first);
    expect(!missing, "put_if_match of a missing object was accepted");
    const std::string other = co_await it.bytes("other");
    expect_equal(other, std::string("(none)"), "a missing object after put_if_match");
    co_await it.remove("key");
    const maybe_version removed = co_await it.put_if_match("key", "nonce 5", *second);
    expect(!removed, "put_if_match of a removed object was accepted");
}

awaitable<void> missing_capability_is_unsupported(trial& it) {
    const auto can = it.store().capabilities();
    if (can.put_if_absent && can.put_if_match) {
        throw check_skipped("needs a store that lacks a capability");
    }
    if (!can.put_if_absent) {
        auto call = it.store().put_if_absent("key", "1");
        co_await expect_error<maybe_version>(std::move(call), errc::unsupported, "put_if_absent");
    }
    const object_version version = co_await it.put("other", "1");
    if (!can.put_if_match) {
        auto call = it.store().put_if_match("other", "2", version);
        co_await expect_error<maybe_version>(std::move(call), errc::unsupported, "put_if_match");
    }
}

awaitable<void> expect_range(trial& it, std::string whole, byte_range range) {
    const auto got = co_await it.get("key", range);
    const auto what = fmt::format("{} bytes from {}", range.length, range.offset);
    expect(got.has_value(), what + ": the object is missing");
    std::string wanted;
    if (range.offset < whole.size()) wanted = whole.substr(range.offset, range.length);
    expect(got->bytes == wanted, fmt::format("{}: got {} bytes, expected {}, or others", what,
                                             got->bytes.size(), wanted.size()));
    expect_equal(got->meta.size, std::uint64_t{whole.size()}, what + ": the size of the whole");
}

awaitable<void> ranges_are_cut_at_the_end(trial& it) {
    const std::string whole = pattern(1000, 7);
    co_await it.put("key", whole);
    const std::uint64_t endless = ~std::uint64_t{0};
    std::vector<byte_range> ranges(12);
    const std::vector<std::uint64_t> offsets{0, 0, 1, 999, 999, 1000, 1001, endless, 500, 10, 0, 1};
    const std::vector<std::uint64_t> lengths{endless, 1,  999, 1,   5,       endless,
                                             1,       10, 500, 100, 1000000, endless};
    for (std::size_t index = 0; index < ranges.size(); ++index) {
        ranges[index].offset = offsets[index];
        ranges[index].length = lengths[index];
        co_await expect_range(it, whole, ranges[index]);
    }
    byte_range nothing;
    nothing.length = 0;
    co_await expect_range(it, whole, nothing);
}

awaitable<void> bad_object_keys_are_refused(trial& it) {
    std::vector<std::string> bad;
    bad.emplace_back();
    bad.emplace_back("a\0b", 3);
    bad.emplace_back(1, '\0');
    for (const auto& key : bad) {
        auto put = it.store().put(key, "1");
        co_await expect_error<object_version>(std::move(put), errc::invalid_argument,
                                              "put of " + show(key));
        auto get = it.store().get(key, byte_range());
        co_await expect_error<std::optional<object>>(std::move(get), errc::invalid_argument,
                                                     "get of " + show(key));
        auto remove = it.store().remove(key);
        co_await expect_error<void>(std::move(remove), errc::invalid_argument,
                                    "remove of " + show(key));
    }
    const std::string longest(it.store().limits().key_bytes_max, 'k');
    co_await it.put(longest, "1");
    const std::string read = co_await it.bytes(longest);
    expect_equal(read, std::string("1"), "an object under the longest key");
    auto past = it.store().put(longest + "k", "1");
    const auto code = co_await code_of<object_version>(std::move(past));
    expect(code.has_value(), "a key of one byte too many was accepted");
    expect(classify(*code) == error_class::invalid,
           fmt::format("a key of one byte too many threw {}", name(*code)));
    const std::vector<std::string> all = co_await it.keys("");
    expect_equal(all.size(), std::size_t{1}, "objects after refused puts");
}

awaitable<void> removed_object_is_gone(trial& it) {
    co_await it.put("key", "1");
    co_await it.put("key2", "1");
    co_await it.remove("key");
    const auto got = co_await it.get("key");
    expect(!got, "a removed object is still there");
    co_await it.remove("key");
    co_await it.remove("never");
    const std::vector<std::string> left = co_await it.keys("");
    expect_equal(left.size(), std::size_t{1}, "objects listed after a removal");
}

awaitable<void> remove_many_answers_each_key(trial& it) {
    std::vector<std::string> keys;
    for (int index = 0; index < 20; ++index) {
        keys.push_back(fmt::format("key{}", (index * 7) % 20));
        if (index % 3 != 0) co_await it.put(keys.back(), "1");
    }
    co_await it.put("stays", "1");
    auto call = it.store().remove_many(keys);
    const auto answers =
        co_await within<std::vector<remove_result>>(it.strand, std::move(call), "remove_many");
    expect_equal(answers.size(), keys.size(), "answers of remove_many");
    for (std::size_t index = 0; index < keys.size(); ++index) {
        expect_equal(answers[index].key, keys[index], "the key of an answer, in the order given");
        expect(!answers[index].failure, "removing failed: " + answers[index].failure.message());
    }
    const std::vector<std::string> left = co_await it.keys("");
    expect_equal(left.size(), std::size_t{1}, "objects after remove_many");
    std::vector<std::string> none;
    auto empty = it.store().remove_many(none);
    const auto nothing =
        co_await within<std::vector<remove_result>>(it.strand, std::move(empty), "remove_many");
    expect(nothing.empty(), "remove_many of nothing has answers");
}

awaitable<void> times_are_the_stores(trial& it) {
    auto first = it.store().server_time();
    const auto before = co_await within<core::wall_time>(it.strand, std::move(first), "time");
    co_await it.put("key", "1");
    auto second = it.store().server_time();
    const auto after = co_await within<core::wall_time>(it.strand, std::move(second), "time");
    const auto head = co_await it.head("key");
    expect(head.has_value(), "an object that was put is missing");
    if (head->last_modified == core::wall_time()) throw check_skipped("needs times of objects");
    expect(head->last_modified >= before - it.factory.clock_error(),
           "last_modified lies before the put, by the store's own clock");
    expect(head->last_modified <= after + it.factory.clock_error(),
           "last_modified lies after the put, by the store's own clock");
}

}  // namespace

object_rules object_value_rules() {
    return {
        {"missing_object_is_nothing", "get and head of a missing object are nothing",
         missing_object_is_nothing},
        {"put_object_is_read_back", "get and head tell what was put, and its version",
         put_object_is_read_back},
        {"objects_of_all_sizes", "objects of 0 bytes up to megabytes read back the same",
         objects_of_all_sizes},
        {"put_replaces", "a put replaces the object and its version", put_replaces},
        {"put_if_absent_creates_once", "put_if_absent writes only where nothing is",
         put_if_absent_creates_once},
        {"put_if_match_compares", "put_if_match replaces only the expected version",
         put_if_match_compares},
        {"missing_capability_is_unsupported", "a condition that the store lacks is unsupported",
         missing_capability_is_unsupported},
        {"ranges_are_cut_at_the_end", "a range is cut at the end; past the end it is empty",
         ranges_are_cut_at_the_end},
        {"bad_object_keys_are_refused", "empty keys, NUL and keys too long are refused",
         bad_object_keys_are_refused},
        {"removed_object_is_gone", "a removed object is gone; removing a missing one succeeds",
         removed_object_is_gone},
        {"remove_many_answers_each_key", "remove_many answers for each key in the order given",
         remove_many_answers_each_key},
        {"times_are_the_stores", "last_modified is by the clock that server_time tells",
         times_are_the_stores},
    };
}

}  // namespace reeve::testing::detail
