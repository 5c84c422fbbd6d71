#include "segment/support.hpp"

#include <memory>

using namespace reeve;
using namespace reeve::segment;
using model::seal_reason;
using model::segment_state;
using std::chrono::milliseconds;

namespace {

using ids = std::vector<std::uint64_t>;
using seals = std::vector<std::pair<std::uint64_t, seal_reason>>;

}  // namespace

TEST_CASE("rows of an allocation that ended can be allocated again if they never came") {
    world it;
    it.create(1);
    (void)it.parts(60, 10);
    (void)it.parts(30, 20);
    CHECK(it.all.free_rows(s(1)) == 10);
    (void)it.tick(9, {{s(1), 0, 0}});
    CHECK(it.all.free_rows(s(1)) == 10);
    (void)it.tick(10, {{s(1), 25, 0}});
    CHECK(it.all.free_rows(s(1)) == 100 - 30 - 25);
    // Rows of the second came early: they are not counted twice.
    (void)it.tick(11, {{s(1), 50, 0}});
    CHECK(it.all.free_rows(s(1)) == 100 - 30 - 25);
    (void)it.tick(20, {{s(1), 50, 0}});
    CHECK(it.all.free_rows(s(1)) == 50);
}

TEST_CASE("rows that are written before their allocation ends are not counted twice") {
    world it;
    it.create(1);
    (void)it.parts(50, 100);
    (void)it.tick(50, {{s(1), 50, 0}});
    CHECK(it.all.free_rows(s(1)) == 50);
    (void)it.parts(50, 101);
    CHECK(it.all.free_rows(s(1)) == 0);
}

TEST_CASE("of a segment of which the node says nothing, all that was allocated counts") {
    world it;
    it.create(1);
    (void)it.parts(60, 10);
    (void)it.tick(10);
    CHECK(it.all.free_rows(s(1)) == 40);
    CHECK(it.sealing().empty());
    (void)it.parts(40, 20);
    (void)it.tick(19);
    CHECK(it.sealing().empty());
    (void)it.tick(20);
    CHECK(it.sealing() == seals{{1, seal_reason::rows}});
}

TEST_CASE("a report of fewer rows than before changes nothing") {
    world it;
    it.create(1);
    (void)it.parts(60, 10);
    (void)it.tick(10, {{s(1), 60, 500}});
    (void)it.tick(11, {{s(1), 5, 5}});
    CHECK(it.all.free_rows(s(1)) == 40);
}

TEST_CASE("a report of fewer rows than are recorded counts as what is recorded") {
    world it;
    it.create(1);
    (void)it.parts(60, 10);
    auto record = it.record(1);
    record.rows = 50;
    REQUIRE(it.show(1, record) == learned::taken);
    CHECK(it.all.free_rows(s(1)) == 40);
    (void)it.tick(10, {{s(1), 5, 0}});
    CHECK(it.all.free_rows(s(1)) == 50);
    // A record that comes after the report that it contradicts takes back what that gave.
    record.rows = 55;
    REQUIRE(it.show(1, record) == learned::taken);
    CHECK(it.all.free_rows(s(1)) == 45);
    (void)it.parts(20, 20);
    CHECK(it.all.free_rows(s(1)) == 25);
    record.rows = 70;  // of them, 15 of the allocation that has not ended
    REQUIRE(it.show(1, record) == learned::taken);
    CHECK(it.all.free_rows(s(1)) == 25);
    (void)it.tick(20, {{s(1), 0, 0}});
    CHECK(it.all.free_rows(s(1)) == 30);
}

TEST_CASE("rows that a growing segment has already are not given out again") {
    world it;
    auto record = world::growing("a");
    record.rows = 70;
    REQUIRE(it.show(1, record) == learned::taken);
    CHECK(it.all.free_rows(s(1)) == 30);
    (void)it.tick(10, {{s(1), 0, 0}});
    CHECK(it.all.free_rows(s(1)) == 30);
    record.rows = 101;  // more than it may hold, by somebody's hand
    REQUIRE(it.show(1, record) == learned::taken);
    CHECK(it.all.free_rows(s(1)) == 0);
}

TEST_CASE("after a restart, too, a low report gives back no row that is recorded") {
    world it;
    auto record = world::growing("a");
    record.rows = 20;
    REQUIRE(it.all.recover(c(1), s(1), record, storage::revision(5), t(1000)) == learned::taken);
    CHECK(it.all.free_rows(s(1)) == 0);
    (void)it.tick(1000, {{s(1), 3, 0}});
    CHECK(it.all.free_rows(s(1)) == 80);
}

TEST_CASE(
    "a tick that is not newer, of an unknown channel or of foreign segments changes nothing") {
    world it;
    it.create(1, "b");
    CHECK(it.tick(10).outcome == tick_outcome::taken);
    CHECK(it.tick(10).outcome == tick_outcome::not_newer);
    CHECK(it.tick(9).outcome == tick_outcome::not_newer);
    CHECK(it.tick(11, {}, "nobody's").outcome == tick_outcome::unknown_channel);
    CHECK(it.tick(11, {{s(1), 100, 100}, {s(7), 1, 1}}).ignored == 2);
    CHECK(it.all.free_rows(s(1)) == 100);
    CHECK(it.sealing().empty());
}

TEST_CASE("a tick that the oracle has not given out yet is refused, and changes nothing") {
    world it;
    it.create(1);
    (void)it.parts(60, 10);
    const std::vector<segment_rows> report{{s(1), 0, 0}};
    CHECK(it.all.tick("a", t(10), report, t(9)).outcome == tick_outcome::in_future);
    CHECK(it.all.tick("a", never, report, t(9)).outcome == tick_outcome::in_future);
    CHECK(it.all.tick("nobody's", t(10), report, t(9)).outcome == tick_outcome::unknown_channel);
    CHECK(it.all.free_rows(s(1)) == 40);
    CHECK(it.allocate(1, 11).outcome == allocation_outcome::allocated);
    CHECK(it.all.tick("a", t(10), report, t(10)).outcome == tick_outcome::taken);
    CHECK(it.all.free_rows(s(1)) == 99);
}

TEST_CASE("a segment is sealed, then flushable at the tick that ends its last allocation") {
    world it;
    it.create(1);
    it.create(2);
    (void)it.parts(10, 30);
    CHECK(it.all.seal(s(1), seal_reason::requested));
    CHECK_FALSE(it.all.seal(s(1), seal_reason::requested));
    CHECK_FALSE(it.all.seal(s(9), seal_reason::requested));
    CHECK(it.parts(10, 40)[0].segment == s(2));
    CHECK(it.tick(30).flushable.empty());  // its record does not say so yet
    it.write_seals();
    CHECK(it.sealing().empty());
    CHECK(it.record(1).last_expiry == t(30));
    CHECK(it.flushable(it.tick(31)) == ids{1});
    CHECK(it.tick(32).flushable.empty());  // told once
    ids again;
    it.all.each_flushable([&](const segment_row& row) { again.push_back(row.id.value); });
    CHECK(again == ids{1});
    CHECK(it.become(1, segment_state::flushing) == learned::taken);
    again.clear();
    it.all.each_flushable([&](const segment_row& row) { again.push_back(row.id.value); });
    CHECK(again.empty());
    CHECK(it.all.open() == 1);
}

TEST_CASE("nothing is sealed without a reason") {
    world it;
    it.create(1);
    CHECK_FALSE(it.all.seal(s(1), seal_reason::none));
    CHECK(it.all.seal_all(c(1), seal_reason::none) == 0);
    CHECK(it.sealing().empty());
    CHECK(it.all.free_rows(s(1)) == 100);
}

TEST_CASE("no record of a dropped collection is to be sealed") {
    world it;
    it.create(1);
    REQUIRE(it.show(2, world::growing("z"), 2) == learned::taken);
    CHECK(it.all.seal(s(1), seal_reason::requested));
    CHECK(it.all.seal(s(2), seal_reason::requested));
    it.all.drop_collection(c(1));
    CHECK(it.sealing() == seals{{2, seal_reason::requested}});
    CHECK(it.become(1, segment_state::dropped) == learned::taken);
    CHECK(it.sealing() == seals{{2, seal_reason::requested}});
}

TEST_CASE("a sealed segment waits for its last allocation and not a tick longer") {
    world it;
    it.create(1);
    (void)it.parts(10, 30);
    (void)it.parts(10, 50);
    it.all.seal(s(1), seal_reason::requested);
    it.write_seals();
    CHECK(it.tick(30).flushable.empty());
    CHECK(it.tick(49).flushable.empty());
    CHECK(it.flushable(it.tick(50)) == ids{1});
}

TEST_CASE("an empty sealed segment becomes flushable, too") {
    world it;
    it.create(1);
    CHECK(it.all.seal_all(c(1), seal_reason::requested) == 1);
    CHECK(it.all.seal_all(c(2), seal_reason::requested) == 0);
    it.write_seals();
    CHECK(it.flushable(it.tick(1)) == ids{1});
}

TEST_CASE("policies seal by rows, bytes, files, age and idle time, each with its reason") {
    auto options = small_segments();
    options.limits.bytes = 1000;
    options.seal.age_max = milliseconds(1000);
    options.seal.idle_max = milliseconds(100);
    options.seal.binlogs_max = 3;
    world it(options);
    const auto create = [&](std::uint64_t id) {
        auto record = world::growing("a", 100, id);
        record.limits.bytes = 1000;
        REQUIRE(it.show(id, record) == learned::taken);
    };
    for (std::uint64_t id = 1; id <= 5; ++id) create(id);
    (void)it.tick(500, {{s(1), 100, 0}, {s(2), 1, 1000}});
    CHECK(it.sealing() == seals{{1, seal_reason::rows}, {2, seal_reason::bytes}});
    it.write_seals();
    it.all.add_flush(s(3), 3);
    (void)it.tick(600, {{s(3), 2, 0}});
    CHECK(it.sealing() == seals{{3, seal_reason::binlogs}});
    it.write_seals();
    (void)it.tick(1000, {{s(5), 1, 0}});
    CHECK(it.sealing().empty());
    (void)it.tick(1001);  // created at 1
    CHECK(it.sealing() == seals{{4, seal_reason::idle}});
    it.write_seals();
    for (std::uint64_t at = 1900; at < 10'001; at += 900) {
        (void)it.tick(at, {{s(5), at / 200, 0}});
    }
    CHECK(it.sealing().empty());
    (void)it.tick(10'001, {{s(5), 99, 0}});
    CHECK(it.sealing() == seals{{5, seal_reason::age}});
}

TEST_CASE("policies are asked on allocation, too: what was allocated stands") {
    auto options = small_segments();
    options.seal.age_max = milliseconds(10);
    world it(options);
    it.create(1);
    const auto parts = it.parts(10, 200);
    CHECK(parts[0].segment == s(1));
    CHECK(it.sealing() == seals{{1, seal_reason::age}});
    CHECK(it.allocate(1, 201).outcome == allocation_outcome::needs_segments);
    it.write_seals();
    CHECK(it.tick(199).flushable.empty());
    CHECK(it.flushable(it.tick(200)) == ids{1});
}

TEST_CASE("a policy of the host seals, and is asked again when it says") {
    struct at_moment final : seal_policy {
        std::string_view name() const noexcept override { return "at_moment"; }
        seal_answer decide(const seal_facts& facts) const noexcept override {
            ++*asked;
            if (facts.now >= t(700)) return {seal_reason::host, never};
            return {seal_reason::none, t(700)};
        }
        std::shared_ptr<int> asked = std::make_shared<int>(0);
    };
    const auto mine = std::make_shared<at_moment>();
    auto options = small_segments();
    options.policies = {mine};
    world it(options);
    it.create(1);
    (void)it.tick(100);
    const int asked = *mine->asked;
    CHECK(it.tick(200).looked_at == 0);
    CHECK(it.tick(699).looked_at == 0);
    CHECK(*mine->asked == asked);
    CHECK(it.tick(700).looked_at == 1);
    CHECK(it.sealing() == seals{{1, seal_reason::host}});
}

TEST_CASE("a channel with too many growing bytes seals its largest segments") {
    auto options = small_segments();
    options.seal.channel_bytes_max = 100;
    world it(options);
    for (std::uint64_t id = 1; id <= 3; ++id) it.create(id);
    it.create(4, "b");
    (void)it.tick(10, {{s(1), 1, 30}, {s(2), 1, 40}, {s(3), 1, 30}});
    (void)it.tick(10, {{s(4), 1, 100}}, "b");
    CHECK(it.sealing().empty());
    (void)it.tick(11, {{s(1), 1, 31}});
    CHECK(it.sealing() == seals{{2, seal_reason::channel_bytes}});
    it.write_seals();
    (void)it.tick(12, {{s(1), 1, 60}, {s(2), 1, 500}});
    CHECK(it.sealing().empty());  // what is sealed does not count
}

TEST_CASE("a flush is looked at by the next tick, though no node reports anything") {
    auto options = small_segments();
    options.seal.binlogs_max = 3;
    world it(options);
    auto record = world::growing("a");
    record.limits.bytes = 1000;
    REQUIRE(it.show(1, record) == learned::taken);
    REQUIRE(it.show(2, record) == learned::taken);
    (void)it.tick(10);
    it.all.add_flush(s(1), 2);
    CHECK(it.tick(11).looked_at == 1);
    CHECK(it.sealing().empty());
    it.all.add_flush(s(1), 1);
    it.all.add_flush(s(9), 1);
    (void)it.tick(12);
    CHECK(it.sealing() == seals{{1, seal_reason::binlogs}});
    // What its record says counts in the same way.
    record.bytes = 1000;
    REQUIRE(it.show(2, record) == learned::taken);
    CHECK(it.tick(13).looked_at == 1);
    CHECK(it.sealing() == seals{{1, seal_reason::binlogs}, {2, seal_reason::bytes}});
    it.all.add_flush(s(1), 1);  // gets no more rows: nothing to ask
    CHECK(it.tick(14).looked_at == 0);
}

TEST_CASE("the bytes of a channel are those of reports or of records, whichever are more") {
    auto options = small_segments();
    options.seal.channel_bytes_max = 100;
    world it(options);
    it.create(1);
    it.create(2);
    (void)it.tick(10, {{s(1), 1, 60}, {s(2), 1, 10}});
    auto record = it.record(2);
    record.bytes = 40;
    REQUIRE(it.show(2, record) == learned::taken);
    (void)it.tick(11, {{s(2), 1, 20}});
    CHECK(it.sealing().empty());
    record.bytes = 41;
    REQUIRE(it.show(2, record) == learned::taken);
    (void)it.tick(12);
    CHECK(it.sealing() == seals{{1, seal_reason::channel_bytes}});
    it.write_seals();
    // The sum is right after any number: what is left has 41 bytes.
    it.create(3);
    it.create(4);
    (void)it.tick(13, {{s(3), 1, never.value}, {s(4), 1, never.value}});
    CHECK(it.sealing() ==
          seals{{3, seal_reason::channel_bytes}, {4, seal_reason::channel_bytes}});
    it.write_seals();
    it.create(5);
    (void)it.tick(14, {{s(5), 1, 59}});
    CHECK(it.sealing().empty());
    (void)it.tick(15, {{s(5), 1, 60}});
    CHECK(it.sealing() == seals{{5, seal_reason::channel_bytes}});
}

TEST_CASE("after a restart a growing segment gets rows when old allocations have ended") {
    world it;
    auto record = world::growing("a");
    record.rows = 20;
    REQUIRE(it.all.recover(c(1), s(1), record, storage::revision(5), t(1000)) == learned::taken);
    CHECK(it.all.last_expiry(s(1)) == t(1000));
    CHECK(it.allocate(1, 500).outcome == allocation_outcome::needs_segments);
    (void)it.tick(999, {{s(1), 30, 0}});
    CHECK(it.all.free_rows(s(1)) == 0);
    (void)it.tick(1000);
    CHECK(it.all.free_rows(s(1)) == 0);  // nobody has said how many came
    (void)it.tick(1001, {{s(1), 45, 0}});
    CHECK(it.all.free_rows(s(1)) == 55);
    CHECK(it.sealing().empty());
}

TEST_CASE("after a restart a segment is not flushed before old allocations have ended") {
    world it;
    it.revision = 10;
    REQUIRE(it.all.recover(c(1), s(1), world::growing("a"), storage::revision(5), t(1000)) ==
            learned::taken);
    it.all.seal(s(1), seal_reason::requested);
    it.write_seals();
    CHECK(it.record(1).last_expiry == t(1000));
    CHECK(it.tick(999).flushable.empty());
    CHECK(it.flushable(it.tick(1000)) == ids{1});
    // One that was sealed already has its own last expiry on record.
    auto sealed = world::growing("b");
    sealed.state = segment_state::sealed;
    sealed.sealed = seal_reason::rows;
    sealed.last_expiry = t(300);
    REQUIRE(it.all.recover(c(1), s(2), sealed, storage::revision(6), t(1000)) == learned::taken);
    CHECK(it.tick(299, {}, "b").flushable.empty());
    CHECK(it.flushable(it.tick(300, {}, "b")) == ids{2});
}

TEST_CASE("a tick costs a look at what changes and not at what is open") {
    world it;
    for (std::uint64_t id = 1; id <= 1000; ++id) it.create(id);
    CHECK(it.tick(10).looked_at == 1000);  // the first one: they are new
    CHECK(it.tick(11).looked_at == 0);
    (void)it.parts(5, 100);
    (void)it.parts(100, 200);
    CHECK(it.tick(12).looked_at == 0);
    CHECK(it.tick(100).looked_at == 1);
    CHECK(it.tick(101, {{s(5), 1, 1}, {s(6), 1, 1}, {s(5), 2, 2}}).looked_at == 2);
    CHECK(it.tick(200).looked_at == 1);
}
