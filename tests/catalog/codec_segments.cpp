// What the records of segments look like, and what is refused in both directions.
#include "catalog/random_records.hpp"
#include "catalog/refusals.hpp"
#include "catch.hpp"
#include "reeve/catalog/codec.hpp"
#include "reeve/core/error.hpp"
#include "reeve/core/random.hpp"

#include <functional>
#include <limits>
#include <string>
#include <utility>
#include <vector>

using namespace reeve;
using catalog::decoder;
using catalog::encode;
using model::segment_state;
using support::refusal;
using support::refusal_of;

namespace {

constexpr auto most = std::numeric_limits<std::uint64_t>::max();

model::segment_record example_segment() {
    model::segment_record it;
    it.partition = model::partition_id(3);
    it.channel = model::channel_name("c1");
    it.state = segment_state::sealed;
    it.limits = {100, 2000};
    it.rows = 7;
    it.bytes = 700;
    it.created = model::timestamp(11);
    it.sealed = model::seal_reason::rows;
    it.last_expiry = model::timestamp(12);
    it.start = model::position("\x01");
    it.end = model::position("\x02");
    it.job = model::job_id(5);
    return it;
}

const std::string segment_value =
    R"({"v":1,"min_reader":1,"partition":3,"channel":"c1","state":"sealed","rows_max":100,)"
    R"("bytes_max":2000,"rows":7,"bytes":700,"created":11,"sealed":"rows","last_expiry":12,)"
    R"("start":"01","end":"02","job":5})";

model::binlog_record example_flush() {
    model::binlog_record it;
    it.from = model::position("\x01");
    it.to = model::position("\x02");
    it.checkpoint = model::position("\x01");
    it.rows = 7;
    model::binlog_group group;
    group.field = model::field_id(100);
    model::binlog_file file;
    file.id = {model::epoch(9), 12};
    file.bytes = 640;
    file.rows = 7;
    group.files = {file};
    it.groups = {group};
    file.id = {};
    file.imported = "old/file.bin";
    group.kind = model::binlog_kind::delta;
    group.field = {};
    group.files = {file};
    it.groups.push_back(group);
    return it;
}

const std::string flush_value =
    R"({"v":1,"min_reader":1,"from":"01","to":"02","checkpoint":"01","rows":7,"batch":0,"groups":[)"
    R"({"kind":"insert","field":100,"files":[{"name":"9-12","bytes":640,"rows":7}]},)"
    R"({"kind":"delta","field":0,"files":[{"name":"old/file.bin","bytes":640,"rows":7}]}]})";

// What only a cast makes.
template <class Value>
Value beyond(Value last) {
    return static_cast<Value>(static_cast<unsigned>(last) + 1);
}

std::string with(std::string value, const std::string& from, const std::string& to) {
    REQUIRE(value.find(from) != std::string::npos);
    return value.replace(value.find(from), from.size(), to);
}

}  // namespace

TEST_CASE("records of segments are JSON that an operator can read") {
    CHECK(encode(example_segment()) == segment_value);
    CHECK(encode(example_flush()) == flush_value);
    const auto gone =
        model::tombstone_of(example_segment(), segment_state::collected, model::timestamp(99));
    CHECK(encode(gone) ==
          R"({"v":1,"min_reader":1,"partition":3,"channel":"c1","state":"collected","rows":7,)"
          R"("job":5,"dropped_at":99})");
    model::job_record job;
    job.what = "compaction";
    job.epoch = model::epoch(4);
    job.node = model::node_name("n");
    job.inputs = {model::segment_id(1), model::segment_id(8)};
    CHECK(encode(job) ==
          R"({"v":1,"min_reader":1,"what":"compaction","state":"granted","epoch":4,"node":"n",)"
          R"("process":0,"collection":0,"inputs":[1,8],"granted_at":0})");
    model::collection_drop drop;
    drop.at = model::timestamp(6);
    drop.why = "\"asked\"";
    CHECK(encode(drop) == R"({"v":1,"min_reader":1,"state":"dropping","at":6,"why":"\"asked\""})");
    CHECK(encode(model::channel_drop{model::timestamp(6), model::epoch(2)}) ==
          R"({"v":1,"min_reader":1,"at":6,"epoch":2})");
}

TEST_CASE(
    "a tombstone keeps what the drop of a segment leaves, and reads back in any field order") {
    const auto gone =
        model::tombstone_of(example_segment(), segment_state::dropped, model::timestamp(most));
    CHECK(gone.channel.value == "c1");
    CHECK(gone.rows == 7);
    CHECK(gone.limits == model::segment_limits());
    decoder reader;
    model::segment_record into = example_segment();
    reader.decode("k", encode(gone), into);
    CHECK(into == gone);
    into = example_segment();
    reader.decode("k", encode(gone) + " ", into);
    CHECK(into == gone);
    // A neighbouring release may keep more of it; this one does not look at that.
    reader.decode("k", with(segment_value, "\"sealed\",", "\"dropped\",\"dropped_at\":1,"), into);
    CHECK(into ==
          model::tombstone_of(example_segment(), segment_state::dropped, model::timestamp(1)));
}

TEST_CASE("progress without the number of a flush, as before there were flushes, is read") {
    decoder reader;
    model::channel_progress into;
    into.flush = 5;
    reader.decode("k", R"({"v":1,"min_reader":1,"checkpoint":"01","epoch":9,"settled":4})", into);
    CHECK(into.flush == 0);
    into.flush = 5;
    reader.decode("k", R"({"v":1,"min_reader":1, "checkpoint":"01","epoch":9,"settled":4})", into);
    CHECK(into.flush == 0);
    reader.decode("k", R"({"flush":8,"v":1,"min_reader":1,"checkpoint":"","epoch":9,"settled":4})",
                  into);
    CHECK(into.flush == 8);
}

TEST_CASE("a segment that cannot be is neither written nor read") {
    const auto bent = [](const std::function<void(model::segment_record&)>& bend) {
        auto it = example_segment();
        bend(it);
        return refusal(it);
    };
    using record = model::segment_record;
    CHECK(bent([](record&) {}) == errc{});
    CHECK(bent([](record& it) { it.channel.value = "a/b"; }) == errc::invalid_argument);
    CHECK(bent([](record& it) { it.sealed = model::seal_reason::host; }) == errc{});
    CHECK(bent([](record& it) { it.sealed = beyond(model::seal_reason::host); }) ==
          errc::invalid_argument);
    CHECK(bent([](record& it) {
              it = model::tombstone_of(it, beyond(segment_state::collected), model::timestamp(1));
          }) == errc::invalid_argument);
    CHECK(bent([](record& it) { it.sealed = model::seal_reason::none; }) == errc::invalid_argument);
    CHECK(bent([](record& it) { it.state = segment_state::growing; }) == errc::invalid_argument);
    CHECK(bent([](record& it) { it.state = segment_state::dropped; }) == errc::invalid_argument);
    CHECK(bent([](record& it) { it.dropped_at.value = 1; }) == errc::invalid_argument);
    CHECK(bent([](record& it) { it.limits.rows = 0; }) == errc::invalid_argument);
    CHECK(bent([](record& it) { it.end.value = "\x00"; }) == errc{});
    CHECK(bent([](record& it) { it.end = model::position(std::string(1, '\0')); }) ==
          errc::invalid_argument);
    CHECK(bent([](record& it) { it.start.value = std::string(65, 'a'); }) ==
          errc::invalid_argument);
    auto tombstone = model::tombstone_of(example_segment(), segment_state::dropped, {});
    CHECK(refusal(tombstone) == errc::invalid_argument);
    tombstone.dropped_at = model::timestamp(1);
    CHECK(refusal(tombstone) == errc{});
    tombstone.limits.rows = 1;
    CHECK(refusal(tombstone) == errc::invalid_argument);

    for (const auto& [from, to] : std::vector<std::pair<std::string, std::string>>{
             {"\"c1\"", "\"c/1\""},
             {"\"c1\"", "7"},
             {"\"sealed\":\"rows\"", "\"sealed\":\"none\""},
             {"\"sealed\":\"rows\"", "\"sealed\":\"Rows\""},
             {"\"state\":\"sealed\"", "\"state\":\"growing\""},
             {"\"state\":\"sealed\"", "\"state\":\"dropped\""},
             {"\"state\":\"sealed\"", "\"state\":\"gone\""},
             {"\"job\":5", "\"job\":5,\"dropped_at\":1"},
             {"\"job\":5", "\"job\":-5"},
             {"\"rows_max\":100", "\"rows_max\":0"},
             {"\"rows_max\":100,", ""},
             {"\"end\":\"02\"", "\"end\":\"00\""},
             {"\"start\":\"01\"", "\"start\":\"1\""},
             {",\"job\":5", ""},
         }) {
        INFO(from << " -> " << to);
        const auto [code, context] =
            refusal_of<model::segment_record>(with(segment_value, from, to));
        CHECK(code == errc::corrupt);
        CHECK(context.find("r/the_key") != std::string::npos);
    }
    const auto newer = with(segment_value, R"("v":1,"min_reader":1)", R"("v":2,"min_reader":2)");
    CHECK(refusal_of<model::segment_record>(newer).first == errc::unsupported_format);
    CHECK(refusal_of<model::segment_record>(
              with(newer, R"("min_reader":2)", R"("min_reader":1,"later":[{}])"))
              .first == errc{});
}

TEST_CASE("a flush that cannot be is neither written nor read") {
    const auto bent = [](const std::function<void(model::binlog_record&)>& bend) {
        auto it = example_flush();
        bend(it);
        return refusal(it);
    };
    using record = model::binlog_record;
    CHECK(bent([](record& it) { it.groups.clear(); }) == errc{});
    CHECK(bent([](record& it) { it.to = it.from; }) == errc{});
    CHECK(bent([](record& it) { std::swap(it.to, it.from); }) == errc::invalid_argument);
    CHECK(bent([](record& it) { std::swap(it.groups[0], it.groups[1]); }) ==
          errc::invalid_argument);
    CHECK(bent([](record& it) { it.groups[1] = it.groups[0]; }) == errc::invalid_argument);
    CHECK(bent([](record& it) { it.groups[0].files.clear(); }) == errc::invalid_argument);
    CHECK(bent([](record& it) { it.groups[0].files[0].id = {}; }) == errc::invalid_argument);
    CHECK(bent([](record& it) { it.groups[0].files[0].imported = "a/b"; }) ==
          errc::invalid_argument);
    CHECK(bent([](record& it) {
              it.groups[0].files[0].id = {model::epoch(0), 12};
          }) == errc::invalid_argument);
    CHECK(bent([](record& it) { it.groups[0].files[0].id = {model::epoch(1), 0}; }) == errc{});
    CHECK(bent([](record& it) { it.groups[1].kind = beyond(model::binlog_kind::delta); }) ==
          errc::invalid_argument);
    for (const std::string name : {"a", "/a", "a/", "a//b", "../a", "a/../b", "a/..", "./a", "a/.",
                                   "a b/c", "a/\n", "a/0-1", "1/2/3/insert/4/5-6"}) {
        INFO(name);
        CHECK(bent([&](record& it) { it.groups[1].files[0].imported = name; }) ==
              errc::invalid_argument);
    }
    CHECK(bent([](record& it) {
              it.groups[0].files.resize(model::flush_files_max - 1, it.groups[0].files[0]);
          }) == errc{});
    CHECK(bent([](record& it) {
              it.groups[0].files.resize(model::flush_files_max, it.groups[0].files[0]);
          }) == errc::invalid_argument);

    for (const auto& [from, to] : std::vector<std::pair<std::string, std::string>>{
             {"\"insert\"", "\"index\""},
             {"\"insert\"", "\"delta\""},
             {"\"9-12\"", "\"9-012\""},
             {"\"9-12\"", "\"0-0\""},
             {"\"9-12\"", "\"0-12\""},
             {"\"9-12\"", "\"12\""},
             {"\"9-12\"", "12"},
             {"old/file", "../file"},
             {"old/file", "old"},
             {"old/file.bin", "1/2/3/insert/4/5-6"},
             {"\"bytes\":640", "\"bytes\":\"640\""},
             {",\"rows\":7}", "}"},
             {"[{\"name\":\"9-12\",\"bytes\":640,\"rows\":7}]", "[]"},
             {"[{\"name\":\"9-12\",\"bytes\":640,\"rows\":7}]", "{}"},
             {"[{\"name\":\"9-12\",\"bytes\":640,\"rows\":7}]", "[7]"},
             {"{\"name\":\"9-12\"", "{\"name\":\"9-12\",\"name\":\"9-12\""},
             {"\"groups\":[", "\"groups\":[[],"},
             {"\"groups\":[", "\"groups\":[null,"},
             {"\"to\":\"02\"", "\"to\":\"00\""},
             {"]}]}", "]}]"},
         }) {
        INFO(from << " -> " << to);
        const auto value = with(flush_value, from, to);
        const auto [code, context] = refusal_of<model::binlog_record>(value);
        CHECK(code == errc::corrupt);
        CHECK(context.find("r/the_key") != std::string::npos);
    }
    std::string long_one =
        with(flush_value, "[{\"name\"", "[" + std::string(200, ' ') + "{\"name\"");
    CHECK(refusal_of<model::binlog_record>(long_one).first == errc{});
}

TEST_CASE("one decoder reads a flush with few files after one with many") {
    decoder reader;
    model::binlog_record into;
    auto large = example_flush();
    large.groups[0].files.resize(100, large.groups[0].files[0]);
    large.groups[0].files[0] = large.groups[1].files[0];
    for (const std::string behind : {"", " "}) {
        reader.decode("k", encode(large) + behind, into);
        CHECK(into == large);
        reader.decode("k", flush_value + behind, into);
        CHECK(into == example_flush());
    }
}

TEST_CASE("jobs and drops that cannot be are neither written nor read") {
    model::job_record job;
    job.what = "w";
    job.epoch = model::epoch(1);
    job.inputs = {model::segment_id(2), model::segment_id(3)};
    CHECK(refusal(job) == errc{});
    const auto bent = [&](const std::function<void(model::job_record&)>& bend) {
        auto it = job;
        bend(it);
        return refusal(it);
    };
    using record = model::job_record;
    CHECK(bent([](record& it) { it.what = ""; }) == errc::invalid_argument);
    CHECK(bent([](record& it) { it.state = model::job_state::ended; }) == errc{});
    CHECK(bent([](record& it) { it.state = beyond(model::job_state::ended); }) ==
          errc::invalid_argument);
    CHECK(bent([](record& it) { it.epoch = {}; }) == errc::invalid_argument);
    CHECK(bent([](record& it) { it.node.value = "/"; }) == errc::invalid_argument);
    CHECK(bent([](record& it) { it.inputs.clear(); }) == errc::invalid_argument);
    CHECK(bent([](record& it) { it.inputs[1] = it.inputs[0]; }) == errc::invalid_argument);
    CHECK(bent([](record& it) { it.inputs[0] = {}; }) == errc::invalid_argument);
    CHECK(bent([](record& it) { it.inputs.resize(model::job_inputs_max + 1); }) ==
          errc::invalid_argument);
    const auto value = encode(job);
    for (const std::string inputs : {"[]", "[3,2]", "[2,2]", "[0]", "[\"2\"]", "[2,]", "2"}) {
        INFO(inputs);
        CHECK(refusal_of<model::job_record>(with(value, "[2,3]", inputs)).first == errc::corrupt);
    }
    model::collection_drop drop;
    CHECK(refusal(drop) == errc::invalid_argument);
    drop.at = model::timestamp(1);
    drop.why = std::string(1000, 'w');
    CHECK(refusal(drop) == errc{});
    drop.state = beyond(model::drop_state::dropped);
    CHECK(refusal(drop) == errc::invalid_argument);
    drop.state = model::drop_state::dropped;
    CHECK(refusal(drop) == errc{});
    drop.why += 'w';
    CHECK(refusal(drop) == errc::invalid_argument);
    drop.why = "\xff";
    CHECK(refusal(drop) == errc::invalid_argument);
    CHECK(refusal(model::channel_drop()) == errc::invalid_argument);
    CHECK(refusal_of<model::channel_drop>(R"({"v":1,"min_reader":1,"at":0,"epoch":2})").first ==
          errc::corrupt);
}

TEST_CASE("ten megabytes of garbage are no record of a segment") {
    for (const auto& piece :
         {std::string("x"), std::string("["), flush_value, std::string(1, '\0')}) {
        std::string garbage;
        while (garbage.size() < 10'000'000) garbage += piece;
        CHECK(refusal_of<model::segment_record>(garbage).first == errc::corrupt);
        CHECK(refusal_of<model::binlog_record>(garbage).first == errc::corrupt);
        CHECK(refusal_of<model::job_record>(garbage).first == errc::corrupt);
    }
}
