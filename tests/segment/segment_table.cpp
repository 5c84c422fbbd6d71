#include "segment/segment_table.hpp"

#include "reeve/core/random.hpp"
#include "segment/support.hpp"

#include <fmt/format.h>

#include <map>
#include <set>

using namespace reeve;
using namespace reeve::segment;
using model::segment_state;

namespace {

model::segment_record flushed(std::uint64_t number) {
    model::segment_record it;
    it.partition = p(number % 7);
    it.channel = model::channel_name(fmt::format("channel-{}", number % 40));
    it.state = segment_state::flushed;
    it.limits = {1'000'000, 1U << 30U};
    it.rows = 900'000;
    it.created = t(number);
    it.start = model::position("\x01");
    it.end = model::position(std::string(23, 'e'));
    return it;
}

}  // namespace

TEST_CASE("a row gives back the record that it was made from") {
    segment_table table;
    auto record = flushed(3);
    record.sealed = model::seal_reason::age;
    record.last_expiry = t(9);
    record.bytes = 5;
    record.job = model::job_id(8);
    record.end = model::position(std::string(64, '\xff'));
    REQUIRE(table.learn(c(1), s(3), record, storage::revision(4)) == learned::taken);
    CHECK(table.record(table.find(s(3))) == record);
    CHECK(table[table.find(s(3))].at == storage::revision(4));
    CHECK_FALSE(table.state_of(s(4)).has_value());
    CHECK(table.tombstone(s(3)) == nullptr);
}

namespace {

using id_set = std::set<std::uint64_t>;

// Random records, and what every index of a table should hold.
struct plain_table {
    std::map<std::uint64_t, model::segment_record> records;
    std::map<std::uint64_t, std::uint64_t> collections;
    std::map<std::uint64_t, id_set> by_collection;
    std::map<std::pair<std::uint64_t, std::uint64_t>, id_set> by_partition;
    std::map<std::string, id_set> by_channel;
    std::map<segment_state, id_set> by_state;

    // One change, made in `table` as well.
    void change(segment_table& table, core::random& random, std::uint64_t revision) {
        const auto id = random.between(1, 400);
        const auto known = records.find(id);
        if (known == records.end()) {
            auto record = flushed(random.below(100));
            record.channel = model::channel_name(fmt::format("c{}", random.below(8)));
            collections[id] = record.channel.value == "c0" ? 0 : 1;
            records[id] = record;
        } else {
            auto& record = known->second;
            if (record.state == segment_state::collected) return;
            const auto next =
                static_cast<segment_state>(static_cast<int>(record.state) + random.below(2));
            if (model::is_dropped(next)) record = model::tombstone_of(record, next, t(revision));
        }
        REQUIRE(table.learn(c(collections[id]), s(id), records[id], storage::revision(revision)) ==
                learned::taken);
    }
    void index() {
        for (const auto& [id, record] : records) {
            by_state[record.state].insert(id);
            if (model::is_dropped(record.state)) continue;
            by_collection[collections[id]].insert(id);
            by_partition[{collections[id], record.partition.value}].insert(id);
            by_channel[record.channel.value].insert(id);
        }
    }
};

}  // namespace

TEST_CASE("every index holds what it says, whatever comes and goes") {
    segment_table table;
    plain_table plain;
    core::random random(11);
    for (std::uint64_t step = 1; step <= 1500; ++step) plain.change(table, random, step);
    plain.index();
    CHECK(plain.by_collection[1].size() > 10);
    for (const auto& [id, record] : plain.records) {
        CHECK(table.state_of(s(id)) == record.state);
        const bool dropped = model::is_dropped(record.state);
        CHECK(table.alive(s(id)) == !dropped);
        if (dropped) CHECK(table.tombstone(s(id))->dropped_at == record.dropped_at);
    }
    id_set found;
    const auto visit = [&](const auto& row) { CHECK(found.insert(row.id.value).second); };
    for (std::uint64_t collection = 0; collection < 2; ++collection) {
        found.clear();
        table.each_of_collection(c(collection), visit);
        CHECK(found == plain.by_collection[collection]);
        for (std::uint64_t partition = 0; partition < 8; ++partition) {
            found.clear();
            table.each_of_partition(c(collection), p(partition), visit);
            const auto key = std::pair(collection, partition);
            CHECK(found == plain.by_partition[key]);
        }
    }
    for (std::uint32_t number = 0; number < table.channels(); ++number) {
        found.clear();
        table.each_of_channel(number, visit);
        CHECK(found == plain.by_channel[table.channel(number).name]);
    }
    for (const auto& [state, expected] : plain.by_state) {
        found.clear();
        if (model::is_dropped(state)) {
            table.each_dropped(state, visit);
        } else {
            table.each_in(state, visit);
        }
        CHECK(found == expected);
        CHECK(table.count(state) == expected.size());
    }
}

TEST_CASE("a flushed segment needs at most 300 bytes, a tombstone 64") {
    segment_table table;
    constexpr std::uint64_t count = 20'000;
    for (std::uint64_t id = 1; id <= count; ++id) {
        REQUIRE(table.learn(c(1), s(id), flushed(id), storage::revision(id)) == learned::taken);
    }
    INFO(table.memory_of_segments() / count);
    CHECK(table.memory_of_segments() / count <= 300);
    segment_table gone;
    for (std::uint64_t id = 1; id <= count; ++id) {
        const auto record = model::tombstone_of(flushed(id), segment_state::collected, t(1));
        REQUIRE(gone.learn(c(1), s(id), record, storage::revision(id)) == learned::taken);
    }
    INFO(gone.memory_of_tombstones() / count);
    CHECK(gone.memory_of_tombstones() / count <= 64);
    CHECK(gone.memory_of_segments() == 0);
}

TEST_CASE("rows of segments that are dropped are used again") {
    segment_table table;
    std::uint64_t revision = 0;
    std::size_t memory = 0;
    for (std::uint64_t id = 1; id <= 20'000; ++id) {
        const auto record = flushed(id);
        (void)table.learn(c(1), s(id), record, storage::revision(++revision));
        const auto gone = model::tombstone_of(record, segment_state::dropped, t(1));
        (void)table.learn(c(1), s(id), gone, storage::revision(++revision));
        if (id == 1000) memory = table.memory_of_segments();
    }
    CHECK(table.memory_of_segments() <= memory);
    CHECK(table.count(segment_state::dropped) == 20'000);
}
