#include "segment/support.hpp"

#include <memory>
#include <set>

using namespace reeve;
using namespace reeve::segment;
using model::seal_reason;
using model::segment_state;
using outcome = allocation_outcome;

namespace {

using part_list = std::vector<allocation_part>;

}  // namespace

TEST_CASE("rows go to the segment with the least room that is enough") {
    world it;
    it.create(1, "a", 100);
    it.create(2, "a", 50);
    it.create(3, "a", 70);
    CHECK(it.parts(60, 10) == part_list{{s(3), 60, t(10)}});
    CHECK(it.parts(50, 10) == part_list{{s(2), 50, t(10)}});
    CHECK(it.parts(10, 10) == part_list{{s(3), 10, t(10)}});
    CHECK(it.parts(100, 10) == part_list{{s(1), 100, t(10)}});
    CHECK(it.allocate(1, 10).outcome == outcome::needs_segments);
}

TEST_CASE("of equal segments the oldest gets the rows") {
    world it;
    for (const std::uint64_t id : {3, 1, 2}) it.create(id);
    CHECK(it.parts(1, 10)[0].segment == s(1));
    CHECK(it.parts(100, 10)[0].segment == s(2));
}

TEST_CASE("more rows than any segment has room for are split, the most room first") {
    world it;
    it.create(1, "a", 10);
    it.create(2, "a", 30);
    it.create(3, "a", 20);
    CHECK(it.parts(45, 10) == part_list{{s(2), 30, t(10)}, {s(3), 15, t(10)}});
    CHECK(it.all.free_rows(s(3)) == 5);
    // The rest goes where it fits best.
    it.create(4, "a", 40);
    it.create(5, "a", 7);
    CHECK(it.parts(46, 11) == part_list{{s(4), 40, t(11)}, {s(5), 6, t(11)}});
    // 10, 5 and 1 are left.
    CHECK(it.parts(16, 12) == part_list{{s(1), 10, t(12)}, {s(3), 5, t(12)}, {s(5), 1, t(12)}});
    CHECK(it.allocate(1, 12).outcome == outcome::needs_segments);
}

TEST_CASE("without room nothing is allocated, and the answer says how many segments would do") {
    world it;
    auto answer = it.allocate(1, 10);
    CHECK(answer.outcome == outcome::needs_segments);
    CHECK(answer.segments_needed == 1);
    CHECK(it.allocate(100, 10).segments_needed == 1);
    CHECK(it.allocate(101, 10).segments_needed == 2);
    it.create(1, "a", 60);
    answer = it.allocate(161, 10);
    CHECK(answer.outcome == outcome::needs_segments);
    CHECK(answer.segments_needed == 2);
    CHECK(answer.parts.empty());
    CHECK(it.allocate(160, 10).segments_needed == 1);
    CHECK(it.all.free_rows(s(1)) == 60);
    it.create(2);
    CHECK(it.parts(160, 10).size() == 2);
}

TEST_CASE("as many new segments as are asked for are enough, whatever jitter takes of them") {
    // For 3001 rows no more than the smallest segments would need.
    using list = std::vector<std::pair<unsigned, std::uint64_t>>;
    for (const auto& [percent, expected] : list{{0, 31}, {1, 31}, {10, 34}, {50, 61}, {90, 61}}) {
        auto options = small_segments();
        options.jitter_percent = percent;
        std::uint64_t id = 0;
        std::uint64_t needed = 0;
        for (const std::uint64_t rows : {1, 50, 51, 100, 181, 200, 1000, 3001}) {
            INFO(rows << " rows");
            world it(options);
            needed = it.allocate(rows, 10).segments_needed;
            for (std::uint64_t made = 0; made < needed; ++made) {
                const auto limits = with_jitter(options.limits, s(++id), percent);
                it.create(id, "a", limits.rows);
            }
            CHECK(it.allocate(rows, 10).outcome == outcome::allocated);
        }
        CHECK(needed == expected);
    }
}

TEST_CASE("rows are not scattered over many small rests, unless so many are asked for") {
    world it;
    for (std::uint64_t id = 1; id <= 30; ++id) it.create(id, "a", 10);
    CHECK(it.parts(40, 10).size() == 4);
    const auto answer = it.allocate(41, 10);
    CHECK(answer.outcome == outcome::needs_segments);
    CHECK(answer.segments_needed == 1);
    it.create(31);
    CHECK(it.parts(41, 10) == part_list{{s(31), 41, t(10)}});
    // Segments of half the size are enough for a large request.
    world large;
    for (std::uint64_t id = 1; id <= 20; ++id) large.create(id, "a", 50);
    CHECK(large.parts(1000, 10).size() == 20);
}

TEST_CASE("four parts need no heap memory, more are possible") {
    world it;
    for (std::uint64_t id = 1; id <= 8; ++id) it.create(id);
    auto answer = it.allocate(400, 10);
    REQUIRE(answer.parts.size() == 4);
    CHECK(answer.parts.capacity() == parts_in_place);
    answer = it.allocate(351, 10);
    CHECK(answer.parts.size() == 4);
}

TEST_CASE("bad requests get an outcome of their own, and change nothing") {
    world it;
    it.create(1);
    allocation_request good{c(1), p(0), "a", 1, t(9), t(10)};
    const auto ask = [&](auto bend) {
        auto bent = good;
        bend(bent);
        const auto answer = it.all.try_allocate(bent);
        CHECK(answer.parts.empty());
        return answer.outcome;
    };
    CHECK(ask([](auto& of) { of.rows = 0; }) == outcome::zero_rows);
    CHECK(ask([](auto& of) { of.rows = 100'001; }) == outcome::too_many_rows);
    CHECK(ask([](auto& of) { of.rows = 100'000; }) == outcome::needs_segments);
    CHECK(ask([](auto& of) { of.collection = c(9); }) == outcome::unknown_collection);
    CHECK(ask([](auto& of) {
              of.collection = c(9);
              of.channel = "nobody's";
          }) == outcome::unknown_collection);
    CHECK(ask([](auto& of) { of.channel = "nobody's"; }) == outcome::unknown_channel);
    CHECK(ask([](auto& of) { of.channel = "z"; }) == outcome::foreign_channel);
    CHECK(ask([](auto& of) { of.expires_at = of.now; }) == outcome::too_late);
    CHECK(ask([](auto& of) { of.partition = p(7); }) == outcome::needs_segments);
    CHECK(ask([](auto& of) { of.channel = "b"; }) == outcome::needs_segments);
    CHECK(it.tick(10).outcome == tick_outcome::taken);
    CHECK(ask([](auto&) {}) == outcome::too_late);
    CHECK(it.all.free_rows(s(1)) == 100);
    CHECK(it.all.last_expiry(s(1)) == t(0));
    good.expires_at = t(11);
    CHECK(it.all.try_allocate(good).outcome == outcome::allocated);
    CHECK(it.all.drop_channel("a", c(1)));
    CHECK(ask([](auto&) {}) == outcome::dropped_channel);
    it.all.drop_collection(c(1));
    CHECK(ask([](auto&) {}) == outcome::dropped_collection);
    CHECK(ask([](auto& of) { of.channel = "nobody's"; }) == outcome::dropped_collection);
    std::set<std::string_view> names;
    for (int value = 0; value < 11; ++value) names.insert(name(static_cast<outcome>(value)));
    CHECK(names.size() == 11);
    CHECK(names.count("?") == 0);
    CHECK(name(static_cast<outcome>(11)) == "?");
}

TEST_CASE("no allocation lives longer than a new leader would wait for it") {
    world it;  // 5 ms of 10 timestamps
    it.create(1);
    allocation_request request{c(1), p(0), "a", 1, t(100), t(151)};
    CHECK(it.all.try_allocate(request).outcome == outcome::too_long);
    CHECK(it.all.last_expiry(s(1)) == t(0));
    CHECK(it.all.free_rows(s(1)) == 100);
    request.expires_at = never;
    CHECK(it.all.try_allocate(request).outcome == outcome::too_long);
    request.expires_at = t(150);
    CHECK(it.all.try_allocate(request).outcome == outcome::allocated);
}

TEST_CASE("an expiry never moves back: an earlier one is answered with that of the segment") {
    world it;
    it.create(1);
    CHECK(it.parts(1, 100)[0].expires_at == t(100));
    CHECK(it.parts(1, 50)[0].expires_at == t(100));
    CHECK(it.all.last_expiry(s(1)) == t(100));
    CHECK(it.parts(1, 101)[0].expires_at == t(101));
}

TEST_CASE("a channel is one collection's") {
    world it;
    CHECK(it.all.add_channel("a", c(1)));
    CHECK_FALSE(it.all.add_channel("a", c(2)));
    CHECK(it.show(1, world::growing("a"), 2) == learned::refused);
    CHECK(it.all.table().find(s(1)) == none);
}

TEST_CASE("a segment that is dropped, or of a dropped channel, gets no rows") {
    world it;
    it.create(1);
    it.create(2);
    REQUIRE(it.parts(10, 10)[0].segment == s(1));
    CHECK(it.become(1, segment_state::dropped) == learned::taken);
    CHECK(it.all.open() == 1);
    CHECK(it.parts(10, 10)[0].segment == s(2));
    CHECK(it.all.drop_channel("a", c(1)));
    CHECK(it.all.open() == 0);
    CHECK_FALSE(it.all.table().alive(s(2)));
    CHECK(it.show(3, world::growing("a")) == learned::taken);
    CHECK(it.all.open() == 0);
    CHECK(it.tick(20).outcome == tick_outcome::taken);
    CHECK(it.sealing().empty());
}

TEST_CASE("a channel is dropped whether its tombstone or its segments are found first") {
    for (const bool tombstone_first : {true, false}) {
        INFO(tombstone_first);
        world it;
        if (tombstone_first) CHECK(it.all.drop_channel("late", c(1)));
        it.create(1, "late");
        if (!tombstone_first) CHECK(it.all.drop_channel("late", c(1)));
        CHECK(it.all.add_channel("late", c(1)));
        CHECK(it.all.open() == 0);
        CHECK_FALSE(it.all.table().alive(s(1)));
        CHECK(it.allocate(1, 10, "late").outcome == outcome::dropped_channel);
        CHECK(it.tick(20, {}, "late").outcome == tick_outcome::taken);
    }
    // Another collection's tombstone is none of this one.
    world it;
    it.create(1);
    CHECK_FALSE(it.all.drop_channel("a", c(2)));
    CHECK(it.allocate(1, 10).outcome == outcome::allocated);
}

TEST_CASE("a record that contradicts what is known is refused and changes nothing") {
    world it;
    it.create(1);
    CHECK(it.become(1, segment_state::sealed) == learned::taken);
    CHECK(it.show(1, world::growing("a")) == learned::refused);
    auto moved = it.record(1);
    moved.partition = p(5);
    CHECK(it.show(1, moved) == learned::refused);
    moved = it.record(1);
    moved.channel = model::channel_name("b");
    CHECK(it.show(1, moved) == learned::refused);
    CHECK(it.all.learn(c(1), s(1), it.record(1), storage::revision(1)) == learned::stale);
    CHECK(it.become(1, segment_state::flushing) == learned::taken);
    CHECK(it.become(1, segment_state::flushed) == learned::taken);
    const auto flushed = it.record(1);
    CHECK(it.become(1, segment_state::dropped) == learned::taken);
    CHECK(it.show(1, flushed) == learned::refused);
    CHECK(it.all.table().state_of(s(1)) == segment_state::dropped);
    CHECK(it.show(1, model::tombstone_of(flushed, segment_state::collected, t(1))) ==
          learned::taken);
    CHECK(it.show(1, model::tombstone_of(flushed, segment_state::collecting, t(1))) ==
          learned::refused);
    CHECK(it.all.table().state_of(s(1)) == segment_state::collected);
    CHECK(it.all.learn(c(1), s(0), flushed, storage::revision(99)) == learned::refused);
}

TEST_CASE("a record that is refused makes no channel and no collection known") {
    world it;
    it.create(1);
    it.create(2);
    REQUIRE(it.become(2, segment_state::dropped) == learned::taken);
    const auto channels = it.all.table().channels();
    CHECK(it.show(0, world::growing("new"), 3) == learned::refused);
    CHECK(it.show(1, world::growing("new")) == learned::refused);
    CHECK(it.show(1, world::growing("new"), 3) == learned::refused);
    CHECK(it.show(1, world::growing("a"), 3) == learned::refused);
    CHECK(it.show(2, world::growing("new"), 3) == learned::refused);
    CHECK(it.show(3, world::growing("a"), 3) == learned::refused);
    CHECK(it.all.table().channels() == channels);
    CHECK(it.all.table().find_channel("new") == none);
    CHECK(it.all.table().find_collection(c(3)) == nullptr);
    CHECK(it.show(3, world::growing("new"), 3) == learned::taken);
    CHECK(it.all.table().channels() == channels + 1);
}

TEST_CASE("the limits of a segment stay what they were when it was created") {
    world it;
    it.create(1);
    const auto known = it.record(1);
    auto changed = known;
    changed.limits.rows = 101;
    CHECK(it.show(1, changed) == learned::refused);
    changed.limits = {100, 1};
    changed.state = segment_state::sealed;
    CHECK(it.show(1, changed) == learned::refused);
    CHECK(it.record(1) == known);
    CHECK(it.all.free_rows(s(1)) == 100);
    CHECK(it.become(1, segment_state::dropped) == learned::taken);  // a tombstone has none
}
