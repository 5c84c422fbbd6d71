// What nodes report on streams, and how far the leader has read.
#include "reeve/catalog/stream_record.hpp"
#include "reeve/core/event.hpp"
#include "reeve/testing/forwarding_metadata_store.hpp"
#include "reeve/transport/message_codec.hpp"
#include "segment_fixture.hpp"

#include <fmt/format.h>

using namespace coordinator_test;

namespace {

world_options with_streams() {
    world_options how;
    how.reports.emplace_back("flushes", segment::report_kind::flushes);
    how.reports.emplace_back("ticks", segment::report_kind::ticks);
    return how;
}

class report_world : public segment_world {
public:
    explicit report_world(world_options how = with_streams()) : segment_world(std::move(how)) {}

    void send(const std::string& stream, std::string payload) {
        (void)sim.run(sim.streams()->append(stream, std::move(payload)));
    }
    /// A flush as its holder would report it.
    model::flush_request held(model::flush_request request) {
        const auto [on, granted] = holder_of("a");
        request.by.channel = model::channel_name("a");
        request.by.node = model::node_name(on->name());
        request.by.process = entry("a").process;
        request.by.epoch = granted->what().epoch;
        return request;
    }
    void send_flush(model::flush_request request) {
        send("flushes", transport::encode(held(std::move(request))));
    }
    segment::report_status reading(const std::string& stream) {
        for (auto& one : leader().status().reports) {
            if (one.name == stream) return one;
        }
        FAIL("nobody reads " << stream);
        return {};
    }
    /// Has the leader done with everything in the stream?
    bool caught_up(const std::string& stream) {
        const auto end = sim.run(sim.streams()->end(stream));
        return run_until([&] { return leading() != nullptr && reading(stream).at == end; });
    }
    std::optional<storage::record> stored(const std::string& key) {
        return sim.run(sim.metadata()->get(key));
    }
};

/// Where a write of a position goes wrong, and how.
struct fault_plan {
    std::size_t at = 0;  // the write, counted from 0
    bool lands = false;  // it is applied
    bool stops = false;  // its caller never hears of it: the process is about to crash
    std::size_t seen = 0;
    bool hit = false;
};

class faulty_positions final : public testing::forwarding_metadata_store {
public:
    faulty_positions(testing::process& self, std::unique_ptr<storage::metadata_store> below,
                     fault_plan& plan)
        : forwarding_metadata_store(std::shared_ptr<storage::metadata_store>(std::move(below))),
          plan_(plan),
          never_(self.runtime()) {}

    awaitable<storage::commit_result> commit(storage::transaction change) override {
        bool mine = false;
        for (const auto& one : change.operations()) {
            mine = mine || one.key.find("streams/") != std::string::npos;
        }
        const bool fails = mine && plan_.seen++ == plan_.at;
        storage::commit_result result;
        if (!fails || plan_.lands) result = co_await below().commit(std::move(change));
        if (!fails) co_return result;
        plan_.hit = true;
        if (plan_.stops) co_await never_.wait();
        throw error(errc::outcome_unknown, "no answer");
    }

private:
    fault_plan& plan_;
    core::event never_;
};

}  // namespace

TEST_CASE("reports: a crash or a lost answer at any position loses nothing and repeats nothing") {
    for (std::size_t at = 0; at < 4; ++at) {
        for (const bool lands : {false, true}) {
            for (const bool stops : {false, true}) {
                INFO("write " << at << " lands " << lands << " stops " << stops);
                fault_plan plan;
                plan.at = at;
                plan.lands = lands;
                plan.stops = stops;
                auto how = with_streams();
                how.wrap = [&plan](testing::process& self,
                                   std::unique_ptr<storage::metadata_store> below) {
                    return std::make_unique<faulty_positions>(self, std::move(below), plan);
                };
                report_world it(std::move(how));
                const auto segment = it.allocate(100).parts[0].segment;
                const auto first = it.work(segment, 1, "", "m1");
                it.send_flush(first);
                it.send_flush(first);
                it.send("flushes", "garbage");
                it.send_flush(it.work(segment, 3, "m1", "m2"));
                REQUIRE(it.run_until([&] { return plan.hit; }));
                if (stops) (void)it.change_leader();
                REQUIRE(it.caught_up("flushes"));
                CHECK(it.info(segment).record.rows == 20);
                CHECK(it.info(segment).record.end == model::position("m2"));
                CHECK(it.count_records(it.keys.binlogs(segment)) == 2);
                CHECK(it.reading("flushes").skipped == 1);
            }
        }
    }
}

TEST_CASE("reports: a flush and the position behind it are one transaction") {
    report_world it;
    const auto segment = it.allocate(100).parts[0].segment;
    it.send_flush(it.work(segment, 1, "", "m1"));
    REQUIRE(it.caught_up("flushes"));
    CHECK(it.info(segment).record.end == model::position("m1"));
    const auto epoch = it.holder_of("a").second->what().epoch;
    const auto flush = it.stored(it.keys.binlog(segment, {epoch, 1}));
    const auto position = it.stored(it.keys.stream("flushes"));
    REQUIRE(flush);
    REQUIRE(position);
    CHECK(position->modified == flush->modified);
    CHECK(it.reading("flushes").applied == 1);
}

TEST_CASE("reports: the next leader reads on where the last one stopped, and repeats nothing") {
    report_world it;
    const auto segment = it.allocate(100).parts[0].segment;
    const auto first = it.work(segment, 1, "", "m1");
    it.send_flush(first);
    it.send_flush(first);  // at least once: a repetition has no effect
    REQUIRE(it.caught_up("flushes"));
    CHECK(it.info(segment).record.rows == 10);
    const auto position = it.stored(it.keys.stream("flushes"));
    (void)it.change_leader();
    CHECK(it.reading("flushes").at == it.sim.run(it.sim.streams()->end("flushes")));
    CHECK(it.stored(it.keys.stream("flushes")) == position);
    CHECK(it.reading("flushes").applied == 0);
    it.send_flush(it.work(segment, 3, "m1", "m2"));
    REQUIRE(it.caught_up("flushes"));
    CHECK(it.info(segment).record.rows == 20);
    CHECK(it.reading("flushes").applied == 1);
}

TEST_CASE("reports: what cannot be read is counted, named and passed over") {
    report_world it;
    const auto segment = it.allocate(100).parts[0].segment;
    it.send("flushes", "\xff\x01 garbage");
    it.send("flushes", "");
    it.send("ticks", std::string(100'000, '{'));
    it.send_flush(it.work(segment, 1, "", "m1"));
    REQUIRE(it.caught_up("flushes"));
    REQUIRE(it.caught_up("ticks"));
    CHECK(it.info(segment).record.end == model::position("m1"));
    CHECK(it.reading("flushes").skipped == 2);
    CHECK(!it.reading("flushes").last_skipped.empty());
    CHECK(it.reading("ticks").skipped == 1);
    (void)it.change_leader();
    CHECK(it.reading("flushes").skipped == 2);  // for ever
}

TEST_CASE("reports: what nobody was entitled to send does not stop the stream") {
    report_world it;
    const auto segment = it.allocate(100).parts[0].segment;
    const auto good = it.work(segment, 1, "", "m1");
    const auto bent = [&](const std::function<void(model::flush_request&)>& bend) {
        auto request = it.held(good);
        bend(request);
        it.send("flushes", transport::encode(request));
    };
    bent([](auto& request) { request.by.channel.value = "unknown"; });
    bent([](auto& request) {
        request.by.epoch = model::epoch(1'000'000);
        request.what.groups[0].files[0].id.epoch = request.by.epoch;
    });
    bent([](auto& request) { request.what.number = 0; });
    bent([](auto& request) { request.what.segment = model::segment_id(999'999); });
    it.send_flush(good);
    REQUIRE(it.caught_up("flushes"));
    CHECK(it.reading("flushes").skipped == 4);
    CHECK(it.reading("flushes").applied == 1);
    CHECK(it.info(segment).record.rows == 10);

    model::tick_request tick;
    tick.by = it.held(good).by;
    tick.at = model::timestamp(std::numeric_limits<std::uint64_t>::max() / 2);  // not given out
    it.send("ticks", transport::encode(tick));
    tick.by.channel.value = "unknown";
    it.send("ticks", transport::encode(tick));
    REQUIRE(it.caught_up("ticks"));
    CHECK(it.reading("ticks").skipped == 2);
}

TEST_CASE("reports: a flush of a grant that has ended changes nothing but the position") {
    report_world it;
    const auto segment = it.allocate(100).parts[0].segment;
    auto stale = it.held(it.work(segment, 1, "", "m1"));
    stale.by.process = model::incarnation(stale.by.process.value + 1'000'000);
    it.send("flushes", transport::encode(stale));
    REQUIRE(it.caught_up("flushes"));
    CHECK(it.info(segment).record.rows == 0);
    CHECK(it.reading("flushes").refused == 1);
    CHECK(it.reading("flushes").skipped == 0);
}

TEST_CASE("reports: ticks of a stream end allocations, and their position is recorded") {
    report_world it;
    const auto segment = it.allocate(100).parts[0].segment;
    it.segments().seal(model::collection_id(7));
    REQUIRE(it.run_until([&] { return it.info(segment).record.state == segment_state::sealed; }));
    it.sim.run_for(3s);
    model::tick_request tick;
    tick.by = it.held(it.work(segment, 1, "", "m1")).by;
    tick.at = it.now();
    it.send("ticks", transport::encode(tick));
    REQUIRE(it.run_until([&] { return it.info(segment).record.state == segment_state::flushing; }));
    REQUIRE(it.caught_up("ticks"));
    CHECK(it.stored(it.keys.stream("ticks")));
    CHECK(it.reading("ticks").applied == 1);
}

TEST_CASE("reports: the position of a stream reads back as written, and garbage is named") {
    catalog::stream_record record;
    record.at = model::position("\x01z");
    record.skipped = 3;
    const auto value = catalog::encode(record);
    CHECK(value == R"({"v":1,"min_reader":1,"at":"017a","skipped":3})");
    catalog::stream_record read;
    catalog::decode("k", value, read);
    CHECK(read == record);
    const auto refused = [&](std::string_view bytes) {
        return failure_of([&] { catalog::decode("k", bytes, read); }).first;
    };
    CHECK(refused("") == errc::corrupt);
    CHECK(refused("x") == errc::corrupt);
    CHECK(refused(value + "1") == errc::corrupt);
    CHECK(refused(R"({"v":1,"min_reader":1,"at":"017a"})") == errc::corrupt);
    CHECK(refused(R"({"v":1,"min_reader":1,"at":"17a","skipped":3})") == errc::corrupt);
    CHECK(refused(R"({"v":1,"min_reader":2,"at":"","skipped":3})") == errc::corrupt);
    CHECK(refused(R"({"v":2,"min_reader":2,"at":"","skipped":3})") == errc::unsupported_format);
}
