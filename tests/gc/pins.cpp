// P1 to P4: what a pin compares, and what becomes of it when requests get lost.
#include "reeve/gc/pins.hpp"

#include "gc/support.hpp"

namespace reeve::sweeping {
namespace {

model::pinned_segment segment_of(std::uint64_t collection, std::uint64_t id) {
    return {model::collection_id(collection), model::segment_id(id)};
}

struct pinning : fixture {
    gc::pins mine() { return {world.world_runtime(), metadata, keys, names, "reader-1"}; }
    gc::pin_result pin(std::vector<model::pinned_segment> what, storage::lease_id lease = {}) {
        auto pins = mine();
        return run(pins.pin(std::move(what), "a reader", lease));
    }
    gc::pin_list all() { return run(gc::read_pins(*world.metadata(), keys)); }
    std::uint64_t version() {
        const auto found = run(world.metadata()->get(keys.pins_version()));
        if (!found) return 0;
        model::pins_version read;
        catalog::decoder().decode(found->key, found->value, read);
        return read.version;
    }
};

}  // namespace

TEST_CASE_METHOD(pinning, "a pin holds what it names, is numbered by the version, and ends") {
    segment(1, 20, segment_state::flushed);
    segment(1, 21, segment_state::dropped);
    const auto made = pin({segment_of(1, 21), segment_of(1, 20), segment_of(1, 21)});
    CHECK(made);
    CHECK(made.number == 1);
    REQUIRE(all().pins.size() == 1);
    const auto held = all().pins.front();
    CHECK(held.number == 1);
    CHECK(held.pin.owner == "a reader");
    CHECK(held.pin.segments == std::vector{segment_of(1, 20), segment_of(1, 21)});
    CHECK_FALSE(held.lease);
    const gc::pin_set set(all());
    CHECK(set.holds(model::collection_id(1), model::segment_id(20)));
    CHECK_FALSE(set.holds(model::collection_id(2), model::segment_id(20)));
    CHECK_FALSE(set.holds(model::collection_id(1), model::segment_id(22)));
    CHECK(version() == 1);
    auto pins = mine();
    CHECK(run(pins.unpin(1)));
    CHECK(version() == 2);
    CHECK_FALSE(run(pins.unpin(1)));
    CHECK(version() == 2);
    CHECK(all().pins.empty());
    // Numbers do not come again.
    CHECK(pin({segment_of(1, 20)}).number == 3);
}

TEST_CASE_METHOD(pinning, "a segment that is collecting or later, or unknown, cannot be pinned") {
    segment(1, 20, segment_state::flushed);
    segment(1, 21, segment_state::dropped);
    segment(1, 22, segment_state::collecting);
    segment(1, 23, segment_state::collected);
    CHECK(pin({segment_of(1, 21)}));
    for (const std::uint64_t late : {22U, 23U}) {
        const auto made = pin({segment_of(1, 20), segment_of(1, late)});
        CHECK(made.outcome == gc::pin_outcome::collecting);
        CHECK(made.refused == segment_of(1, late));
        CHECK(made.number == 0);
    }
    const auto made = pin({segment_of(1, 20), segment_of(2, 20)});
    CHECK(made.outcome == gc::pin_outcome::unknown);
    CHECK(made.refused == segment_of(2, 20));
    CHECK(all().pins.size() == 1);
    CHECK(version() == 1);
}

TEST_CASE_METHOD(pinning, "a segment that begins collecting while it is being pinned is refused") {
    segment(1, 20, segment_state::dropped);
    metadata.before_commit = [this](std::size_t number) -> awaitable<void> {
        if (number != 0) co_return;
        model::segment_record record;
        record.channel = model::channel_name("c");
        storage::transaction change;
        change.put(keys.segment(model::collection_id(1), model::segment_id(20)),
                   encode(model::tombstone_of(record, segment_state::collecting, now())));
        co_await world.metadata()->commit(std::move(change));
    };
    CHECK(pin({segment_of(1, 20)}).outcome == gc::pin_outcome::collecting);
    CHECK(all().pins.empty());
}

TEST_CASE_METHOD(pinning, "a segment that a flush has just changed is pinned all the same") {
    segment(1, 20, segment_state::flushed);
    metadata.before_commit = [this](std::size_t number) -> awaitable<void> {
        if (number != 0) co_return;
        const auto key = keys.segment(model::collection_id(1), model::segment_id(20));
        const auto found = co_await world.metadata()->get(key);
        storage::transaction change;
        change.put(key, found->value);
        co_await world.metadata()->commit(std::move(change));
    };
    CHECK(pin({segment_of(1, 20)}));
    CHECK(metadata.commits == 2);
}

TEST_CASE_METHOD(pinning, "a segment that a large transaction still creates cannot be pinned yet") {
    segment(1, 20, segment_state::flushed);
    const auto key = keys.segment(model::collection_id(1), model::segment_id(20));
    const auto value = run(world.metadata()->get(key))->value;
    put(key, catalog::mark(5, value));
    auto pins = mine();
    CHECK(failure_of(pins.pin({segment_of(1, 20)}, "x")) == errc::unavailable);
    put(key, value);
    CHECK(pin({segment_of(1, 20)}));
}

TEST_CASE_METHOD(pinning, "a pin under a lease ends with it; a durable one stays") {
    segment(1, 20, segment_state::flushed);
    const auto lease = run(world.metadata()->grant(1min)).id;
    CHECK(pin({segment_of(1, 20)}, lease));
    CHECK(pin({segment_of(1, 20)}));
    REQUIRE(all().pins.size() == 2);
    CHECK(all().pins.front().lease == lease);
    age(2min);
    REQUIRE(all().pins.size() == 1);
    CHECK(all().pins.front().number == 2);
    auto pins = mine();
    CHECK(failure_of(pins.pin({segment_of(1, 20)}, "x", lease)) == errc::lease_not_found);
    CHECK(all().pins.size() == 1);
}

TEST_CASE_METHOD(pinning, "a pin whose request or reply is lost is there once when pin returns") {
    segment(1, 20, segment_state::flushed);
    const auto what = GENERATE(support::fault::no_reply, support::fault::lost);
    metadata.faults[0] = what;
    const auto made = pin({segment_of(1, 20)});
    CHECK(made);
    REQUIRE(all().pins.size() == 1);
    CHECK(all().pins.front().number == made.number);
    CHECK(made.number == 1);
}

TEST_CASE_METHOD(pinning, "a pin whose request lands late is there once, whoever came between") {
    segment(1, 20, segment_state::flushed);
    const bool other = GENERATE(false, true);
    metadata.faults[0] = support::fault::ghost;
    metadata.before_commit = [this, other](std::size_t number) -> awaitable<void> {
        if (number != 1) co_return;
        if (other) {
            // The version moves on: the first request can never land.
            storage::transaction change;
            change.put(keys.pins_version(), encode(model::pins_version{7}));
            co_await world.metadata()->commit(std::move(change));
        }
        co_await metadata.land();
    };
    const auto made = pin({segment_of(1, 20)});
    CHECK(made);
    CHECK(made.number == (other ? 8 : 1));
    REQUIRE(all().pins.size() == 1);
    CHECK(all().pins.front().number == made.number);
}

TEST_CASE_METHOD(pinning,
                 "a store that never answers leaves a pin's outcome unknown, and says so") {
    segment(1, 20, segment_state::flushed);
    for (std::size_t at = 0; at < 50; ++at) metadata.faults[at] = support::fault::lost;
    auto pins = mine();
    CHECK(failure_of(pins.pin({segment_of(1, 20)}, "x")) == errc::outcome_unknown);
    CHECK(failure_of(pins.unpin(1)) == errc{});
    metadata.faults.clear();
    metadata.faults[metadata.commits] = support::fault::away;
    CHECK(failure_of(pins.pin({segment_of(1, 20)}, "x")) == errc::unavailable);
    CHECK(all().pins.empty());
}

TEST_CASE_METHOD(pinning, "an unpin whose reply is lost is done once") {
    segment(1, 20, segment_state::flushed);
    const auto number = pin({segment_of(1, 20)}).number;
    metadata.faults[metadata.commits] =
        GENERATE(support::fault::no_reply, support::fault::lost, support::fault::ghost);
    auto pins = mine();
    CHECK(run(pins.unpin(number)));
    run(metadata.land());
    CHECK(all().pins.empty());
    CHECK(version() == 2);
}

TEST_CASE_METHOD(pinning, "two that pin at once get pins of their own") {
    segment(1, 20, segment_state::flushed);
    metadata.before_commit = [this](std::size_t number) -> awaitable<void> {
        if (number != 0) co_return;
        gc::pins other(world.world_runtime(), *world.metadata(), keys, names, "reader-2");
        std::vector<model::pinned_segment> what(1, segment_of(1, 20));
        const auto made = co_await other.pin(std::move(what), "another");
        CHECK(made.number == 1);
    };
    CHECK(pin({segment_of(1, 20)}).number == 2);
    CHECK(all().pins.size() == 2);
}

TEST_CASE_METHOD(pinning, "a prefix pins the objects whose names begin so") {
    auto pins = mine();
    CHECK(run(pins.pin_prefix("data/1/7/", "backup")));
    const gc::pin_set set(all());
    CHECK(set.has_prefixes());
    CHECK(set.holds(std::string_view("data/1/7/20/insert/0/8-1")));
    CHECK_FALSE(set.holds(std::string_view("data/1/70/20/insert/0/8-1")));
    CHECK(set.holds(*names->parse(file(1, 20, 8, 1)), *names));
    CHECK_FALSE(set.holds(*names->parse(file(2, 20, 8, 1)), *names));
    CHECK(failure_of(pins.pin_prefix("elsewhere/", "backup")) == errc::invalid_argument);
    CHECK(last_failure.find("elsewhere/") != std::string::npos);
    CHECK(run(pins.pin_prefix("da", "everything")));
    CHECK(gc::pin_set(all()).holds(std::string_view("data/2/x")));
}

TEST_CASE_METHOD(pinning, "impossible pins are refused before anything is written") {
    auto pins = mine();
    std::vector<model::pinned_segment> many;
    for (std::uint64_t at = 1; at <= model::pin_segments_max + 1; ++at) {
        many.push_back(segment_of(1, at));
    }
    CHECK(failure_of(pins.pin(many, "x")) == errc::invalid_argument);
    CHECK(failure_of(pins.pin({}, "x")) == errc::invalid_argument);
    CHECK(failure_of(pins.pin({segment_of(1, 0)}, "x")) == errc::invalid_argument);
    CHECK(failure_of(pins.pin({segment_of(1, 1)}, "")) == errc::invalid_argument);
    CHECK(failure_of(pins.pin({segment_of(1, 1)}, std::string(201, 'x'))) ==
          errc::invalid_argument);
    CHECK(failure_of(pins.pin_prefix("data/ x", "x")) == errc::invalid_argument);
    CHECK(metadata.commits == 0);
    const auto refused = [&](const std::string& identity) {
        try {
            const gc::pins made(world.world_runtime(), metadata, keys, names, identity);
        } catch (const error& failure) {
            return failure.code_value() == errc::invalid_argument;
        }
        return false;
    };
    CHECK(refused(""));
    CHECK(refused("a/b"));
    CHECK(refused(std::string(151, 'x')));
    CHECK_FALSE(refused(std::string(150, 'x')));
}

TEST_CASE_METHOD(pinning, "a hundred segments are pinned in one transaction") {
    std::vector<model::pinned_segment> many;
    for (std::uint64_t at = 1; at <= model::pin_segments_max; ++at) {
        segment(1, at, segment_state::flushed);
        many.push_back(segment_of(1, at));
    }
    CHECK(pin(many));
    CHECK(metadata.commits == 1);
}

TEST_CASE_METHOD(pinning, "a version that lost its way is an error, not an endless wait") {
    segment(1, 20, segment_state::flushed);
    CHECK(pin({segment_of(1, 20)}));
    auto pins = mine();
    erase(keys.pins_version());
    CHECK(failure_of(pins.pin({segment_of(1, 20)}, "x")) == errc::corrupt);
    put(keys.pins_version(), encode(model::pins_version{~std::uint64_t{0}}));
    CHECK(failure_of(pins.pin({segment_of(1, 20)}, "x")) == errc::corrupt);
    put(keys.pins_version(), "{");
    CHECK(failure_of(pins.pin({segment_of(1, 20)}, "x")) == errc::corrupt);
    CHECK(failure_of(gc::read_pins(*world.metadata(), keys)) == errc::corrupt);
}

TEST_CASE_METHOD(pinning, "pins are read after their version, so that one that comes is noticed") {
    segment(1, 20, segment_state::flushed);
    CHECK(pin({segment_of(1, 20)}));
    const auto before = all();
    // It comes when the version has been read, and before the page is.
    metadata.before_list = [this](std::size_t) -> awaitable<void> {
        gc::pins other(world.world_runtime(), *world.metadata(), keys, names, "reader-2");
        std::vector<model::pinned_segment> what(1, segment_of(1, 20));
        co_await other.pin(std::move(what), "another");
    };
    const auto seen = run(gc::read_pins(metadata, keys));
    CHECK(seen.version == before.version);
    CHECK(all().version != seen.version);
}

}  // namespace reeve::sweeping
