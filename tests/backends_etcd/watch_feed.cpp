#include "backends/etcd/watch_feed.hpp"

#include "backends/etcd/verdict.hpp"
#include "catch.hpp"
#include "reeve/core/error.hpp"

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

using namespace reeve::backends::etcd;
using reeve::errc;
using reeve::storage::change;
using reeve::storage::key_range;
using reeve::storage::revision;
using news = watch_feed::news;

namespace {

change put(const std::string& key, std::uint64_t at) {
    change made;
    made.what = change::kind::put;
    made.now.key = key;
    made.now.modified = revision(at);
    return made;
}

watch_response message(std::int64_t id, std::int64_t stated, std::vector<change> changes = {}) {
    watch_response made;
    made.id = id;
    made.head.revision = stated;
    made.changes = std::move(changes);
    return made;
}

watch_response created(std::int64_t id, std::int64_t stated) {
    auto made = message(id, stated);
    made.created = true;
    return made;
}

// A feed of [p/a, p/m) from 10 on, whose stream has begun.
watch_feed started() {
    watch_feed feed(key_space("p/"), key_range("a", "m"), revision(10));
    const auto create = feed.begin();
    CHECK(create.key == "p/a");
    CHECK(create.end == "p/m");
    CHECK(create.from == 9);
    CHECK(feed.absorb(created(1, 50)) == news::established);
    return feed;
}

std::string described(watch_feed& feed) {
    std::string text;
    while (auto batch = feed.pop()) {
        for (const auto& each : batch->changes) {
            text += each.now.key + std::to_string(each.now.modified.value) + " ";
        }
        text += "<" + std::to_string(batch->up_to.value) + ">";
    }
    return text;
}

}  // namespace

TEST_CASE("neither the opening of a watch nor requested progress is believed") {
    auto feed = started();
    feed.absorb(message(-1, 60));
    CHECK(described(feed).empty());
    CHECK(feed.next() == revision(10));
    CHECK(feed.is_behind());
}

TEST_CASE("a message with changes says how far the store has come") {
    auto feed = started();
    feed.absorb(message(1, 20, {put("p/c", 12), put("p/b", 12), put("p/b", 11)}));
    CHECK(described(feed) == "b11 b12 c12 <20>");
    CHECK(feed.begin().from == 20);
}

TEST_CASE("progress that etcd reports in order is believed") {
    auto feed = started();
    feed.absorb(message(1, 20));
    CHECK(described(feed) == "<20>");
    feed.absorb(message(1, 20));
    CHECK(described(feed).empty());
}

TEST_CASE("a split message is delivered when all of it is there") {
    auto feed = started();
    auto first = message(1, 20, {put("p/b", 11)});
    first.fragment = true;
    feed.absorb(std::move(first));
    CHECK(described(feed).empty());
    feed.absorb(message(1, 20, {put("p/a", 11)}));
    CHECK(described(feed) == "a11 b11 <20>");
}

TEST_CASE("a stream that breaks within a split message begins again before it") {
    auto feed = started();
    auto first = message(1, 20, {put("p/b", 11)});
    first.fragment = true;
    feed.absorb(std::move(first));
    CHECK(feed.begin().from == 9);
    feed.absorb(message(1, 20, {put("p/a", 11), put("p/b", 11)}));
    CHECK(described(feed) == "a11 b11 <20>");
}

TEST_CASE("a message that may have been cut does not say how far the store has come") {
    auto feed = started();
    std::vector<change> many;
    for (std::uint64_t at = 10; at < 1010; ++at) many.push_back(put("p/b", at));
    feed.absorb(message(1, 5000, std::move(many)));
    CHECK(feed.next() == revision(1010));
}

TEST_CASE("a probe repeats a known change and tells what is new, once") {
    auto feed = started();
    CHECK_FALSE(feed.probe());
    feed.absorb(message(1, 20, {put("p/b", 15)}));
    CHECK(described(feed) == "b15 <20>");
    feed.absorb(message(-1, 30));
    CHECK(feed.is_behind());
    const auto create = feed.probe();
    REQUIRE(create);
    CHECK(create->from == 15);
    CHECK(create->id == 2);
    CHECK_FALSE(feed.is_behind());
    CHECK(feed.absorb(created(2, 31)) == news::none);
    CHECK(feed.absorb(message(2, 32, {put("p/b", 15), put("p/c", 25)})) == news::probed);
    CHECK(described(feed) == "c25 <32>");
    CHECK(feed.probe_end().id == 2);
    feed.absorb(message(1, 25, {put("p/c", 25)}));
    feed.absorb(message(2, 40, {put("p/d", 40)}));  // a probe that has ended says nothing
    CHECK(described(feed).empty());
    feed.absorb(message(1, 33, {put("p/c", 33)}));
    CHECK(described(feed) == "c33 <33>");
}

TEST_CASE("a probe may lean on a record beyond the range, and delivers nothing of it") {
    auto feed = started();
    feed.absorb(message(-1, 30));
    reeve::storage::record beyond;
    beyond.key = "p/x";
    beyond.modified = revision(7);
    const auto create = feed.probe_by({beyond});
    REQUIRE(create);
    CHECK(create->key == "p/a");
    CHECK(create->end == std::string("p/x") + '\0');
    CHECK(create->from == 7);
    CHECK(feed.absorb(message(create->id, 31, {put("p/x", 7)})) == news::probed);
    CHECK(described(feed) == "<31>");
}

TEST_CASE("a probe whose mark is compacted is followed by one that needs none") {
    auto feed = started();
    feed.absorb(message(1, 20, {put("p/b", 15)}));
    described(feed);
    feed.absorb(message(-1, 30));
    const auto create = feed.probe();
    REQUIRE(create);
    auto lost = message(create->id, 31);
    lost.cancelled = true;
    lost.compacted = 18;
    CHECK(feed.absorb(std::move(lost)) == news::none);
    CHECK_FALSE(feed.probing());
    feed.absorb(message(-1, 30));
    CHECK_FALSE(feed.probe());
    const auto all = feed.probe_by({});
    REQUIRE(all);
    CHECK(all->key == std::string(1, '\0'));
    CHECK(all->end == std::string(1, '\0'));
    CHECK(all->from == 20);
    CHECK(feed.absorb(message(all->id, 33, {put("elsewhere", 32), put("p/c", 33)})) ==
          news::probed);
    CHECK(described(feed) == "c33 <33>");
}

TEST_CASE("a probe of everything that is refused is not tried again on its stream") {
    auto feed = started();
    feed.absorb(message(-1, 30));
    const auto all = feed.probe_by({});
    REQUIRE(all);
    auto refused = message(-1, 31);
    refused.created = true;
    refused.cancelled = true;
    refused.reason = "etcdserver: permission denied";
    CHECK(feed.absorb(std::move(refused)) == news::refused);
    feed.absorb(message(-1, 30));
    CHECK_FALSE(feed.probe_by({}));
    CHECK_FALSE(feed.is_behind());
    static_cast<void>(feed.begin());
    feed.absorb(message(-1, 30));
    CHECK(feed.probe_by({}));
}

TEST_CASE("a stream begins one revision early, and what was there is not delivered") {
    auto feed = started();
    feed.absorb(message(1, 12, {put("p/a", 9), put("p/b", 11)}));
    CHECK(described(feed) == "b11 <12>");
    watch_feed first(key_space("p/"), key_range("a", "m"), revision(1));
    CHECK(first.begin().from == 1);  // 0 would mean: from now on
    watch_feed last(key_space("p/"), key_range("a", "m"), revision(~std::uint64_t{0}));
    CHECK(last.begin().from == std::numeric_limits<std::int64_t>::max());
}

TEST_CASE("a probe whose mark is far back looks at everything since, if that is permitted") {
    auto feed = started();
    feed.absorb(message(1, 900, {put("p/b", 15)}));
    described(feed);
    SECTION("near enough") {
        feed.absorb(message(-1, 1015));
        const auto near = feed.probe();
        REQUIRE(near);
        CHECK(near->from == 15);
    }
    SECTION("too far") {
        feed.absorb(message(-1, 1016));
        const auto all = feed.probe();
        REQUIRE(all);
        CHECK(all->key == std::string(1, '\0'));
        CHECK(all->from == 900);
        SECTION("permitted") {
            CHECK(feed.absorb(message(all->id, 1017, {put("elsewhere", 1016)})) == news::probed);
            CHECK(described(feed) == "<1017>");
        }
        SECTION("not permitted") {
            auto refused = message(-1, 1016);
            refused.cancelled = true;
            refused.reason = "etcdserver: permission denied";
            CHECK(feed.absorb(std::move(refused)) == news::refused);
            feed.absorb(message(-1, 1016));
            const auto far = feed.probe();
            REQUIRE(far);
            CHECK(far->key == "p/a");
            CHECK(far->from == 15);
        }
    }
}

TEST_CASE("a record that was written long ago is no mark if everything may be looked at") {
    auto feed = started();
    feed.absorb(message(-1, 5000));
    reeve::storage::record old;
    old.key = "p/x";
    old.modified = revision(7);
    const auto all = feed.probe_by({old});
    REQUIRE(all);
    CHECK(all->key == std::string(1, '\0'));
    CHECK(all->from == 9);
}

TEST_CASE("a mark by which a probe stayed silent is not used again") {
    auto feed = started();
    feed.absorb(message(1, 20, {put("p/b", 15)}));
    described(feed);
    feed.absorb(message(-1, 30));
    const auto silent = feed.probe();
    REQUIRE(silent);
    CHECK(feed.probe_given_up().id == silent->id);
    CHECK_FALSE(feed.probing());
    feed.absorb(message(-1, 30));
    CHECK(feed.is_behind());
    CHECK_FALSE(feed.probe());
    CHECK(feed.probe_by({}));
}

TEST_CASE("a watch that falls behind a compaction loses nothing that was delivered") {
    auto feed = started();
    feed.absorb(message(1, 20, {put("p/b", 15)}));
    auto behind = message(1, 31);
    behind.cancelled = true;
    SECTION("it ends where we are") {
        behind.compacted = 20;
        CHECK(feed.absorb(std::move(behind)) == news::cancelled);
        CHECK(judge(status_of_reason(feed.reason())).what == verdict::kind::unknown);
    }
    SECTION("it ends just behind") {
        behind.compacted = 21;
        CHECK(feed.absorb(std::move(behind)) == news::compacted);
    }
}

TEST_CASE("a feed is full until batches are popped") {
    auto feed = started();
    auto large = put("p/b", 15);
    large.now.value = std::string(watch_feed::ready_bytes_max, 'v');
    CHECK_FALSE(feed.is_full());
    feed.absorb(message(1, 20, {std::move(large)}));
    CHECK(feed.is_full());
    CHECK(feed.pop());
    CHECK_FALSE(feed.is_full());
}

TEST_CASE("a message that never ends is corrupt") {
    watch_feed feed(key_space("p/"), key_range("a", "m"), revision(10), 100'000);
    static_cast<void>(feed.begin());
    const auto part = [] {
        auto made = message(1, 20, {put("p/b", 15)});
        made.changes.front().now.value = std::string(40'000, 'v');
        made.fragment = true;
        return made;
    };
    feed.absorb(part());
    feed.absorb(part());
    CHECK_THROWS_AS(feed.absorb(part()), reeve::error);
    // What was put together before does not count.
    static_cast<void>(feed.begin());
    feed.absorb(part());
    feed.absorb(part());
}

TEST_CASE("compaction and cancellation of a watch are news") {
    auto feed = started();
    auto lost = message(1, 31);
    lost.cancelled = true;
    lost.compacted = 18;
    CHECK(feed.absorb(std::move(lost)) == news::compacted);
    auto ended = message(1, 31);
    ended.cancelled = true;
    ended.reason = "etcdserver: permission denied";
    CHECK(feed.absorb(std::move(ended)) == news::cancelled);
    CHECK(judge(status_of_reason(feed.reason())).code == errc::permission_denied);
}

TEST_CASE("a change without a revision is corrupt") {
    auto feed = started();
    CHECK_THROWS_AS(feed.absorb(message(1, 31, {put("p/b", 0)})), reeve::error);
}

TEST_CASE("what is not known to have had no effect is unknown") {
    using kind = verdict::kind;
    const auto judged = [](int code, const char* text) { return judge(status{code, text}).what; };
    CHECK(judged(code_unavailable, "Socket closed") == kind::unknown);
    CHECK(judged(code_deadline_exceeded, "Deadline Exceeded") == kind::unknown);
    CHECK(judged(code_unavailable, "etcdserver: request timed out") == kind::unknown);
    CHECK(judged(code_unavailable, "etcdserver: leader changed") == kind::unknown);
    CHECK(judged(code_unavailable, "etcdserver: server stopped") == kind::unknown);
    CHECK(judged(code_unavailable, "etcdserver: something new") == kind::unknown);
    CHECK(judged(code_resource_exhausted, "something new") == kind::unknown);
    CHECK(judged(code_unavailable, "etcdserver: no leader") == kind::elsewhere);
    CHECK(judged(code_unavailable, "etcdserver: not capable") == kind::elsewhere);
    CHECK(judged(code_unavailable, "failed to connect to all addresses; last error: x") ==
          kind::elsewhere);
    CHECK(judged(code_unavailable, "DNS resolution failed for host:1: x") == kind::elsewhere);
    CHECK(judged(code_unavailable, "x: failed to connect to all addresses") == kind::unknown);
    CHECK(judged(3, "etcdserver: request is too large") == kind::refused);
    CHECK(judged(code_unauthenticated, "etcdserver: invalid auth token") == kind::new_token);
    CHECK(judged(code_resource_exhausted, "etcdserver: mvcc: database space exceeded") ==
          kind::no_space);
}
