#include "testing/conformance/metadata_trial.hpp"

#include <algorithm>
#include <map>
#include <utility>

namespace reeve::testing::detail {

namespace {

using trial = metadata_trial;

std::string keys_of(const std::vector<record>& records) {
    std::string text;
    for (const auto& each : records) {
        if (!text.empty()) text += ' ';
        text += show(each.key);
    }
    return text;
}

std::string joined(const std::vector<std::string>& keys) {
    std::string text;
    for (const auto& each : keys) {
        if (!text.empty()) text += ' ';
        text += show(each);
    }
    return text;
}

// Keys whose order differs under every wrong idea of order: signed bytes, text, collation.
std::vector<std::string> awkward_keys() {
    std::vector<std::string> keys;
    keys.emplace_back("\0", 1);
    keys.emplace_back("\0\0", 2);
    keys.emplace_back("\0\xff", 2);
    keys.emplace_back("A");
    keys.emplace_back("B");
    keys.emplace_back("a");
    keys.emplace_back("a\0", 2);
    keys.emplace_back("a\0b", 3);
    keys.emplace_back("a/b");
    keys.emplace_back("a0");
    keys.emplace_back("aB");
    keys.emplace_back("ab");
    keys.emplace_back("a\xff");
    keys.emplace_back("a\xff\xff");
    keys.emplace_back("b");
    keys.emplace_back("\x7f");
    keys.emplace_back("\x80");
    keys.emplace_back("\xc3\xa4");
    keys.emplace_back("\xff");
    keys.emplace_back("\xff\0", 2);
    keys.emplace_back("\xff\xff");
    return keys;
}

awaitable<void> write_backwards(trial& it, std::vector<std::string> keys) {
    for (std::size_t index = keys.size(); index > 0; --index) {
        co_await it.put(keys[index - 1], fmt::format("{}", index));
    }
}

awaitable<void> list_is_in_byte_order(trial& it) {
    const std::vector<std::string> keys = awkward_keys();
    co_await write_backwards(it, keys);
    const std::vector<record> listed = co_await it.list(key_range::prefix(""));
    expect_equal(keys_of(listed), joined(keys), "the order of keys");
}

awaitable<void> list_range(trial& it, key_range range, std::string what) {
    std::vector<std::string> wanted;
    for (const auto& key : awkward_keys()) {
        if (range.contains(key)) wanted.push_back(key);
    }
    const std::vector<record> listed = co_await it.list(range);
    expect_equal(keys_of(listed), joined(wanted), what);
}

awaitable<void> list_keeps_to_its_range(trial& it) {
    const std::vector<std::string> keys = awkward_keys();
    co_await write_backwards(it, keys);
    co_await list_range(it, key_range("a", "b"), "list of [a, b)");
    co_await list_range(it, key_range("a", ""), "list of [a, end)");
    co_await list_range(it, key_range("", "a"), "list of [, a)");
    co_await list_range(it, key_range("", ""), "list of everything");
    co_await list_range(it, key_range("b", "a"), "list of [b, a)");
    co_await list_range(it, key_range("a", "a"), "list of [a, a)");
    co_await list_range(it, key_range("aa", "aaa"), "list of a gap");
}

awaitable<void> prefix_lists_what_begins_with_it(trial& it) {
    const std::vector<std::string> keys = awkward_keys();
    co_await write_backwards(it, keys);
    std::vector<std::string> heads{"a", "a/", "\xff", "\xff\xff", "a\xff", "a\xff\xff", "c"};
    heads.emplace_back("\0", 1);
    heads.emplace_back("a\0", 2);
    for (const auto& head : heads) {
        std::vector<std::string> wanted;
        for (const auto& key : keys) {
            if (key.starts_with(head)) wanted.push_back(key);
        }
        const std::vector<record> listed = co_await it.list(key_range::prefix(head));
        expect_equal(keys_of(listed), joined(wanted), "list of the prefix " + show(head));
    }
    for (const auto& key : keys) {
        const std::vector<record> one = co_await it.list(key_range::one(key));
        expect_equal(keys_of(one), show(key), "list of one key");
    }
}

awaitable<void> list_gives_whole_records(trial& it) {
    const lease_grant lease = co_await it.grant();
    co_await it.put("a", "1");
    co_await it.put("a", "2");
    co_await it.put("b", "", lease.id);
    const std::vector<record> listed = co_await it.list(key_range::prefix(""));
    expect_equal(listed.size(), 2U, "records listed");
    for (const auto& each : listed) {
        const std::optional<record> got = co_await it.get(each.key);
        expect(got == each, "list and get give different records of " + show(each.key));
    }
    expect_equal(listed[1].lease, lease.id, "the lease in a listed record");
    co_await it.revoke(lease.id);
}

awaitable<void> pages_cover_the_range(trial& it) {
    std::vector<std::string> keys;
    for (int index = 0; index < 57; ++index) keys.push_back(fmt::format("key{:03}", index * 3));
    co_await write_backwards(it, keys);
    const std::vector<std::size_t> limits{1, 2, 7, 56, 57, 58, 1'000'000'000};
    for (const std::size_t limit : limits) {
        const std::vector<record> listed = co_await it.list(key_range::prefix("key"), limit);
        expect_equal(keys_of(listed), joined(keys), fmt::format("pages of {}", limit));
    }
}

awaitable<void> page_keeps_its_limit(trial& it) {
    std::vector<std::string> keys;
    for (int index = 0; index < 20; ++index) keys.push_back(fmt::format("key{:02}", index));
    co_await write_backwards(it, keys);
    auto call = it.store().list(key_range::prefix("key"), 5);
    const page first = co_await within<page>(it.strand, std::move(call), "list");
    expect(!first.records.empty(), "a page of a range with records is empty");
    expect(first.records.size() <= 5, "a page holds more records than its limit");
    expect(!first.resume_at.empty(), "the first page of more claims to be the last");
    expect(first.resume_at > first.records.back().key, "resume_at does not lie behind the page");
    const std::size_t most = it.store().limits().page_records_max;
    expect(most > 0, "limits().page_records_max is 0");
}

awaitable<void> page_states_its_revision(trial& it) {
    co_await it.put("a", "1");
    const revision last = co_await it.put("z", "1");
    auto first_call = it.store().list(key_range::prefix("a"), 10);
    const page first = co_await within<page>(it.strand, std::move(first_call), "list");
    expect_equal(first.at, last, "the revision of a page, when nothing else is written");
    const revision later = co_await it.put("z", "2");
    auto second_call = it.store().list(key_range::prefix("missing"), 10);
    const page second = co_await within<page>(it.strand, std::move(second_call), "list");
    expect_equal(second.at, later, "the revision of an empty page");
    expect(second.records.empty() && second.resume_at.empty(), "an empty range has records");
}

// A reader that watches first, then lists page by page while somebody writes, then applies the
// changes newer than each page, must hold exactly what is there.
awaitable<void> pages_under_change_lose_nothing(trial& it) {
    std::vector<std::string> stable;
    for (int index = 0; index < 30; ++index) stable.push_back(fmt::format("s{:02}/stable", index));
    co_await write_backwards(it, stable);
    const revision start = co_await it.put("z", "start");
    auto watch = co_await it.watch(key_range::prefix("s"), revision(start.value + 1));
    std::map<std::string, record> view;
    std::map<std::string, revision> seen_at;
    std::string first = "s";
    revision at;
    for (int round = 0; !first.empty(); ++round) {
        key_range rest(first, "t");
        auto call = it.store().list(std::move(rest), 4);
        const page part = co_await within<page>(it.strand, std::move(call), "list");
        expect(at <= part.at, "a later page is of an older revision");
        at = part.at;
        for (const auto& each : part.records) {
            expect(view.emplace(each.key, each).second, show(each.key) + " is in two pages");
            expect(each.modified <= part.at, "a page holds a record newer than its revision");
        }
        first = part.resume_at;
        co_await it.put(fmt::format("s{:02}/new", (round * 7) % 30), fmt::format("{}", round));
        co_await it.put(fmt::format("s{:02}/new", 29 - round % 30), "late");
        co_await it.remove(fmt::format("s{:02}/new", (round * 3) % 30));
        expect(round < 100, "the listing does not come to an end");
    }
    for (const auto& key : stable) expect(view.contains(key), show(key) + " is in no page");
    const revision last = co_await it.put("s", "end");
    const std::vector<change> changes = co_await it.changes(*watch, last);
    for (const auto& each : changes) {
        const auto found = view.find(each.now.key);
        if (found != view.end() && found->second.modified >= each.now.modified) continue;
        view.erase(each.now.key);
        if (each.what == change::kind::put) view.emplace(each.now.key, each.now);
    }
    const std::vector<record> real = co_await it.list(key_range::prefix("s"));
    std::vector<record> held;
    for (const auto& [key, each] : view) held.push_back(each);
    expect_equal(keys_of(held), keys_of(real), "what pages and changes together give");
    expect(held == real, "what pages and changes together give differs in a record");
}

}  // namespace

metadata_rules metadata_list_rules() {
    return {
        {"list_is_in_byte_order", "records are listed in the byte order of their keys",
         list_is_in_byte_order},
        {"list_keeps_to_its_range",
         "list gives the keys in [first, last), an empty last is the end", list_keeps_to_its_range},
        {"prefix_lists_what_begins_with_it",
         "a prefix range holds exactly the keys that begin with it, 0xff included",
         prefix_lists_what_begins_with_it},
        {"list_gives_whole_records", "list gives the same records as get",
         list_gives_whole_records},
        {"pages_cover_the_range", "pages of any size together give each record once",
         pages_cover_the_range},
        {"page_keeps_its_limit", "a page holds at most `limit` records and says where to go on",
         page_keeps_its_limit},
        {"page_states_its_revision", "a page states the store's revision when it was read",
         page_states_its_revision},
        {"pages_under_change_lose_nothing",
         "pages read while others write, with the changes newer than each, give the present state",
         pages_under_change_lose_nothing},
    };
}

}  // namespace reeve::testing::detail
