#include "testing/conformance/object_trial.hpp"

#include <algorithm>
#include <set>
#include <utility>

namespace reeve::testing::detail {

namespace {

using trial = object_trial;

// Hard for stores that map keys to file names or text.
std::vector<std::string> awkward_keys() {
    std::vector<std::string> keys;
    for (const char* each :
         {" ",      "%2F",  "+",    "-",        ".",    "..",      "../x", "./x", "/",
          "//",     "/a",   "A",    "CON",      "a",    "a b",     "a%",   "a+b", "a/",
          "a/.tmp", "a//b", "a/b",  "a/b/c",    "a0",   "aa",      "a\\b", "b",   "b.",
          "~",      "\x7f", "\x80", "\xc3\xa4", "\xff", "\xff\xff"}) {
        keys.emplace_back(each);
    }
    std::sort(keys.begin(), keys.end());
    return keys;
}

std::string joined(const std::vector<std::string>& keys) {
    std::string text;
    for (const auto& each : keys) text += show(each) + " ";
    return text;
}

awaitable<void> put_backwards(trial& it, std::vector<std::string> keys) {
    for (std::size_t index = keys.size(); index > 0; --index) {
        co_await it.put(keys[index - 1], "content of " + keys[index - 1]);
    }
}

awaitable<void> any_object_key_is_kept(trial& it) {
    const std::vector<std::string> keys = awkward_keys();
    co_await put_backwards(it, keys);
    for (const auto& key : keys) {
        const auto got = co_await it.get(key);
        expect(got.has_value(), "missing: " + show(key));
        expect_equal(got->bytes, "content of " + key, "the bytes of " + show(key));
        expect_equal(got->meta.key, key, "the key in its meta");
    }
    co_await it.remove("a");
    const std::string below = co_await it.bytes("a/b");
    expect_equal(below, std::string("content of a/b"), "a/b after a was removed");
    co_await it.remove("a/b");
    const std::string deeper = co_await it.bytes("a/b/c");
    expect_equal(deeper, std::string("content of a/b/c"), "a/b/c after a/b was removed");
}

awaitable<void> objects_are_listed_in_byte_order(trial& it) {
    const std::vector<std::string> keys = awkward_keys();
    co_await put_backwards(it, keys);
    const std::vector<std::string> listed = co_await it.keys("");
    expect_equal(joined(listed), joined(keys), "the keys listed");
}

awaitable<void> list_keeps_to_prefix_and_after(trial& it) {
    const std::vector<std::string> keys = awkward_keys();
    co_await put_backwards(it, keys);
    const std::vector<std::string> heads{"", "a", "a/", "a/b", "\xff", ".", "/", "zzz", "%"};
    const std::vector<std::string> afters{"", "a", "a/", "a/b", "a/a", "\xff", "0"};
    for (const auto& head : heads) {
        for (const auto& after : afters) {
            std::vector<std::string> wanted;
            for (const auto& key : keys) {
                if (key.starts_with(head) && key > after) wanted.push_back(key);
            }
            auto call = it.store().list(head, after, 1000);
            const object_page part =
                co_await within<object_page>(it.strand, std::move(call), "list");
            std::vector<std::string> got;
            for (const auto& each : part.objects) got.push_back(each.key);
            expect_equal(joined(got), joined(wanted),
                         "list of " + show(head) + " after " + show(after));
        }
    }
}

awaitable<void> object_pages_cover_the_listing(trial& it) {
    std::vector<std::string> keys;
    for (int index = 0; index < 41; ++index) keys.push_back(fmt::format("p/{:02}", index));
    co_await put_backwards(it, keys);
    co_await it.put("q", "1");
    const std::vector<std::size_t> limits{1, 2, 7, 40, 41, 42, 1'000'000};
    for (const std::size_t limit : limits) {
        const std::vector<std::string> listed = co_await it.keys("p/", limit);
        expect_equal(joined(listed), joined(keys), fmt::format("pages of {}", limit));
    }
}

awaitable<void> object_list_limit_zero_is_refused(trial& it) {
    auto call = it.store().list("", "", 0);
    co_await expect_error<object_page>(std::move(call), errc::invalid_argument,
                                       "list with limit 0");
}

awaitable<void> listing_tells_what_head_tells(trial& it) {
    co_await it.put("a", "12345");
    co_await it.put("b", "");
    auto call = it.store().list("", "", 10);
    const object_page part = co_await within<object_page>(it.strand, std::move(call), "list");
    expect_equal(part.objects.size(), std::size_t{2}, "objects listed");
    for (const auto& each : part.objects) {
        const auto head = co_await it.head(each.key);
        expect(head.has_value(), "a listed object is missing");
        expect_equal(each.size, head->size, "the size in a listing");
        expect(each.version == head->version, "a listing tells another version than head");
        const auto apart = each.last_modified > head->last_modified
                               ? each.last_modified - head->last_modified
                               : head->last_modified - each.last_modified;
        expect(apart <= it.factory.clock_error(), "a listing tells another time than head");
    }
}

awaitable<void> listing_under_change_keeps_what_stays(trial& it) {
    std::vector<std::string> stable;
    for (int index = 0; index < 30; ++index) stable.push_back(fmt::format("s{:02}/x", index));
    co_await put_backwards(it, stable);
    std::multiset<std::string> seen;
    std::string after;
    for (int round = 0;; ++round) {
        expect(round < 200, "the listing does not come to an end");
        auto call = it.store().list("s", after, 3);
        const object_page part = co_await within<object_page>(it.strand, std::move(call), "list");
        for (const auto& each : part.objects) seen.insert(each.key);
        if (part.resume_after.empty()) break;
        after = part.resume_after;
        co_await it.put(fmt::format("s{:02}/new", round % 30), "1");
        co_await it.remove(fmt::format("s{:02}/new", (round * 7) % 30));
        co_await it.put(fmt::format("s{:02}/x", (round * 11) % 30), "again");
    }
    for (const auto& key : stable) {
        expect_equal(seen.count(key), std::size_t{1},
                     "times that " + show(key) + ", there all the time, was listed");
    }
}

awaitable<void> probe_agrees(trial& it) {
    const auto claimed = it.store().capabilities();
    auto call = storage::probe(it.store(), "probe/", "nonce");
    const auto found =
        co_await within<storage::object_capabilities>(it.strand, std::move(call), "probe");
    expect_equal(found.put_if_absent, claimed.put_if_absent, "put_if_absent as probed");
    expect_equal(found.put_if_match, claimed.put_if_match, "put_if_match as probed");
    const std::vector<std::string> left = co_await it.keys("");
    expect_equal(joined(left), std::string(), "what the probe left behind");
}

}  // namespace

object_rules object_list_rules() {
    return {
        {"any_object_key_is_kept", "keys hold any bytes but NUL; a and a/b may both exist",
         any_object_key_is_kept},
        {"objects_are_listed_in_byte_order", "objects are listed in the byte order of whole keys",
         objects_are_listed_in_byte_order},
        {"list_keeps_to_prefix_and_after", "list gives keys that begin with prefix and lie after",
         list_keeps_to_prefix_and_after},
        {"object_pages_cover_the_listing", "pages of any size together give each object once",
         object_pages_cover_the_listing},
        {"object_list_limit_zero_is_refused", "a page of no objects is an invalid argument",
         object_list_limit_zero_is_refused},
        {"listing_tells_what_head_tells", "a listing tells size, version and time as head does",
         listing_tells_what_head_tells},
        {"listing_under_change_keeps_what_stays",
         "an object that exists during the whole listing appears exactly once",
         listing_under_change_keeps_what_stays},
        {"probe_agrees", "the capabilities claimed are those that a probe finds", probe_agrees},
    };
}

}  // namespace reeve::testing::detail
