#include "reeve/catalog/codec.hpp"

#include "catalog/as_written.hpp"
#include "catalog/random_records.hpp"
#include "catch.hpp"
#include "reeve/core/error.hpp"
#include "reeve/core/random.hpp"

#include <limits>
#include <string>
#include <vector>

using namespace reeve;
using catalog::decoder;
using catalog::encode;

namespace {

constexpr auto most = std::numeric_limits<std::uint64_t>::max();

struct verdict {
    errc code{};
    std::string context;
};

template <class Record>
verdict refusal(const std::string& value) {
    decoder reader;
    Record into;
    try {
        reader.decode("r/the_key", value, into);
    } catch (const error& failure) {
        return {failure.code_value(), failure.context()};
    }
    return {};
}

template <class Record>
Record back(const Record& it) {
    decoder reader;
    Record into;
    reader.decode("k", encode(it), into);
    return into;
}

model::channel_entry example_entry() {
    model::channel_entry entry;
    entry.collection = model::collection_id(5);
    entry.state = model::channel_state::registered;
    entry.node = model::node_name("n1");
    entry.process = model::incarnation(17);
    entry.epoch = model::epoch(9);
    entry.start = model::position(std::string("\0\xff", 2));
    return entry;
}

const std::string example =
    R"({"v":1,"min_reader":1,"collection":5,"state":"registered","node":"n1","process":17,)"
    R"("epoch":9,"start":"00ff"})";

}  // namespace

TEST_CASE("values are JSON in one stable order") {
    CHECK(encode(example_entry()) == example);
    model::channel_progress progress;
    progress.checkpoint = model::position("\x01");
    progress.epoch = model::epoch(9);
    progress.settled = 4;
    CHECK(encode(progress) == R"({"v":1,"min_reader":1,"checkpoint":"01","epoch":9,"settled":4})");
    progress.flush = 7;
    CHECK(encode(progress) ==
          R"({"v":1,"min_reader":1,"checkpoint":"01","epoch":9,"settled":4,"flush":7})");
    CHECK(encode(catalog::root_info{"c", model::lineage(2)}) ==
          R"({"v":1,"min_reader":1,"cluster":"c","lineage":2})");
    CHECK(encode(catalog::id_counter{7}) == R"({"v":1,"min_reader":1,"next":7})");
    CHECK(encode(catalog::oracle_mark{8, 2000}) ==
          R"({"v":1,"min_reader":1,"high":8,"lifetime_ms":2000})");
    CHECK(encode(catalog::batch_slot{3, catalog::batch_state::open, "a", "b"}) ==
          R"({"v":1,"min_reader":1,"id":3,"state":"open","first":"a","last":"b"})");
    model::node_info node;
    node.address = "h:1";
    node.labels["disk"] = "ssd";
    node.ttl = std::chrono::milliseconds(10);
    CHECK(encode(node) ==
          R"({"v":1,"min_reader":1,"address":"h:1","capacity":0,"zone":"","labels":)"
          R"({"disk":"ssd"},"ttl_ms":10})");
}

TEST_CASE("what is encoded is decoded: random records of every kind") {
    core::random random(1);
    for (int round = 0; round < 2000; ++round) {
        INFO(round);
        const auto entry = samples::entry(random);
        CHECK(back(entry) == entry);
        const auto progress = samples::progress(random);
        CHECK(back(progress) == progress);
        const auto segment = samples::segment(random);
        CHECK(back(segment) == segment);
        const auto binlog = samples::binlog(random);
        CHECK(back(binlog) == binlog);
        const auto dropped = samples::collection_drop(random);
        CHECK(back(dropped) == dropped);
        const auto channel_dropped = samples::channel_drop(random);
        CHECK(back(channel_dropped) == channel_dropped);
        const auto job = samples::job(random);
        CHECK(back(job) == job);
        const auto pin = samples::pin(random);
        CHECK(back(pin) == pin);
        const model::pins_version pins{random.next()};
        CHECK(back(pins) == pins);
        const auto cursor = samples::cursor(random);
        CHECK(back(cursor) == cursor);
        const auto pause = samples::pause(random);
        CHECK(back(pause) == pause);
        const auto journal = samples::journal(random);
        CHECK(back(journal) == journal);
        const auto node = samples::node(random);
        CHECK(back(node) == node);
        const auto drain = samples::drain(random);
        CHECK(back(drain) == drain);
        const auto leader = samples::leader(random);
        CHECK(back(leader) == leader);
        const catalog::root_info root{samples::name(random), model::lineage(random.next())};
        CHECK(back(root) == root);
        const catalog::id_counter ids{random.next() | 1};
        CHECK(back(ids) == ids);
        const catalog::oracle_mark mark{random.next(), random.below(1'000'000)};
        CHECK(back(mark) == mark);
        const catalog::batch_slot slot{random.next() | 1, catalog::batch_state::aborted, "a",
                                       "a" + samples::text(random)};
        CHECK(back(slot) == slot);
    }
}

TEST_CASE("numbers keep all 64 bits and positions all 64 bytes") {
    auto entry = example_entry();
    entry.collection = model::collection_id(most);
    entry.process = model::incarnation(most);
    entry.epoch = model::epoch(most);
    entry.start = model::position(std::string(model::position_bytes_max, '\xff'));
    CHECK(back(entry) == entry);
    model::drain_info drain;
    for (const auto since : {std::numeric_limits<std::int64_t>::min(), std::int64_t{-1},
                             std::numeric_limits<std::int64_t>::max()}) {
        drain.since_ms = since;
        CHECK(back(drain) == drain);
    }
}

TEST_CASE("one decoder reads short after long and good after bad") {
    decoder reader;
    model::drain_info drain;
    drain.reason = std::string(100000, 'r');
    model::drain_info read;
    reader.decode("k", encode(drain), read);
    CHECK(read == drain);
    CHECK_THROWS_AS(reader.decode("k", encode(drain).substr(0, 50000), read), error);
    model::channel_entry entry;
    reader.decode("k", example, entry);
    CHECK(entry == example_entry());
}

TEST_CASE("fields may stand in any order") {
    const std::string turned =
        R"({"start":"00ff","epoch":9,"process":17,"node":"n1","state":"registered",)"
        R"("collection":5,"min_reader":1,"v":1})";
    decoder reader;
    model::channel_entry entry;
    reader.decode("k", turned, entry);
    CHECK(entry == example_entry());
}

TEST_CASE("what could not be read back is not written") {
    const auto code = [](const auto& record) {
        try {
            (void)encode(record);
        } catch (const error& failure) {
            return failure.code_value();
        }
        return errc{};
    };
    auto entry = example_entry();
    entry.node = model::node_name("a/b");
    CHECK(code(entry) == errc::invalid_argument);
    entry = example_entry();
    entry.start = model::position(std::string(65, 'a'));
    CHECK(code(entry) == errc::invalid_argument);
    model::channel_progress progress;
    progress.checkpoint = entry.start;
    CHECK(code(progress) == errc::invalid_argument);
    model::drain_info drain;
    drain.reason = "\xff";
    CHECK(code(drain) == errc::invalid_argument);
    model::node_info node;
    CHECK(code(node) == errc::invalid_argument);
    node.address = std::string(1001, 'a');
    CHECK(code(node) == errc::invalid_argument);
    node.address = "a";
    node.ttl = std::chrono::milliseconds(-1);
    CHECK(code(node) == errc::invalid_argument);
    model::leader_info leader;
    CHECK(code(leader) == errc::invalid_argument);
    CHECK(code(catalog::root_info{"", {}}) == errc::invalid_argument);
    CHECK(code(catalog::batch_slot{0, catalog::batch_state::open, "a", "b"}) ==
          errc::invalid_argument);
    CHECK(code(catalog::batch_slot{1, catalog::batch_state::open, "b", "a"}) ==
          errc::invalid_argument);
    CHECK(code(catalog::id_counter{0}) == errc::invalid_argument);
}

TEST_CASE("a newer format is read if it says that we may, and refused by name if not") {
    const std::string rest = R"("collection":5,"state":"registered","node":"n1","process":17,)"
                             R"("epoch":9,"start":"00ff")";
    decoder reader;
    model::channel_entry entry;
    reader.decode(
        "k",
        R"({"v":2,"min_reader":1,)" + rest + R"(,"later":{"a":[1,-2.5e3,"x",null,true,false,{}]}})",
        entry);
    CHECK(entry == example_entry());

    for (const std::string& newer :
         {R"({"v":2,"min_reader":2,)" + rest + "}", R"({"v":2,"min_reader":2})" + std::string(),
          R"({"state":5,"min_reader":2,"v":2})" + std::string(),
          R"({)" + rest + R"(,"v":3,"min_reader":3})"}) {
        INFO(newer);
        const auto refused = refusal<model::channel_entry>(newer);
        CHECK(refused.code == errc::unsupported_format);
        CHECK(refused.context.find("r/the_key") != std::string::npos);
        CHECK(refused.context.find("format") != std::string::npos);
    }
}

TEST_CASE("what is not such a record is corrupt, with the key and the reason") {
    struct bad {
        std::string value;
        std::string reason;
    };
    const auto with = [](const std::string& from, const std::string& to) {
        auto value = example;
        value.replace(value.find(from), from.size(), to);
        return value;
    };
    const std::vector<bad> all{
        {"", "JSON"},
        {" ", "JSON"},
        {"null", "JSON"},
        {"[]", "JSON"},
        {"17", "JSON"},
        {"{", "JSON"},
        {"{}", "missing"},
        {example + "x", ""},
        {example + "}", ""},
        {example + example, "follows"},
        {example.substr(0, example.size() - 1), "JSON"},
        {with("\"v\":1", "\"v\":0"), "\"v\""},
        {with("\"v\":1", "\"v\":\"1\""), "\"v\""},
        {with("\"min_reader\":1", "\"min_reader\":0"), "min_reader"},
        {with("\"v\":1,", ""), "\"v\": missing"},
        {with("\"epoch\":9,", ""), "\"epoch\": missing"},
        {with("\"epoch\":9", "\"epoch\":9,\"epoch\":9"), "\"epoch\": there twice"},
        {with("\"epoch\":9", "\"epo\\u0063h\":9"), "escape"},
        {with("\"epoch\":9", "\"epoch\":-9"), "epoch"},
        {with("\"epoch\":9", "\"epoch\":9.0"), "epoch"},
        {with("\"epoch\":9", "\"epoch\":1e3"), "epoch"},
        {with("\"epoch\":9", "\"epoch\":09"), "epoch"},
        {with("\"epoch\":9", "\"epoch\":18446744073709551616"), "epoch"},
        {with("\"epoch\":9", "\"epoch\":null"), "epoch"},
        {with("\"epoch\":9", "\"epoch\":[9]"), "epoch"},
        {with("\"epoch\":9", "\"epoch\":"), ""},
        {with("\"epoch\":9", "\"epoch\" 9"), ""},
        {with("registered", "Registered"), "state"},
        {with("\"registered\"", "7"), "state"},
        {with("\"n1\"", "\"a/b\""), "node"},
        {with("\"n1\"", "\"" + std::string(201, 'n') + "\""), "node"},
        {with("\"n1\"", "\"\\u00e4\""), "node"},
        {with("\"n1\"", "\"\xff\""), ""},
        {with("\"n1\"", "\"n\n\""), ""},
        {with("00ff", "00f"), "start"},
        {with("00ff", "00FF"), "start"},
        {with("00ff", "00fg"), "start"},
        {with("00ff", std::string(130, '0')), "start"},
        {with("\"v\":1", "\"x\":\"\xff\",\"v\":1"), ""},
        {with("\"v\":1", "\"x\":nul,\"v\":1"), ""},
        {with("\"v\":1", "\"x\":[1,],\"v\":1"), ""},
        {with("\"v\":1", "\"x\":" + std::string(5000, '[') + std::string(5000, ']') + ",\"v\":1"),
         ""},
        {std::string(100000, '['), ""},
        {std::string(100000, '{'), ""},
        {R"({"v":2,"min_reader":1)" + example.substr(example.find(",\"coll")) + ",", ""},
        {with("\"min_reader\":1", "\"min_reader\":1.5"), "min_reader"},
    };
    for (const auto& [value, reason] : all) {
        INFO(value.substr(0, 200));
        const auto refused = refusal<model::channel_entry>(value);
        CHECK(refused.code == errc::corrupt);
        CHECK(refused.context.find("r/the_key") != std::string::npos);
        INFO(refused.context);
        CHECK(refused.context.find(reason) != std::string::npos);
    }
}

TEST_CASE("the ranges of the other records hold, too") {
    using model::drain_info;
    using model::node_info;
    const std::string head = R"({"v":1,"min_reader":1,)";
    const auto node = [&](const std::string& address, const std::string& capacity,
                          const std::string& labels, const std::string& ttl) {
        return head + R"("address":")" + address + R"(","capacity":)" + capacity +
               R"(,"zone":"z","labels":)" + labels + R"(,"ttl_ms":)" + ttl + "}";
    };
    CHECK(refusal<node_info>(node("a", "4294967295", "{}", "1")).code == errc{});
    CHECK(refusal<node_info>(node("a", "4294967296", "{}", "1")).code == errc::corrupt);
    CHECK(refusal<node_info>(node("", "1", "{}", "1")).code == errc::corrupt);
    CHECK(refusal<node_info>(node(std::string(1001, 'a'), "1", "{}", "1")).code == errc::corrupt);
    CHECK(refusal<node_info>(node("\\ud800", "1", "{}", "1")).code == errc::corrupt);
    CHECK(refusal<node_info>(node("a", "1", "[]", "1")).code == errc::corrupt);
    CHECK(refusal<node_info>(node("a", "1", R"({"a":1})", "1")).code == errc::corrupt);
    CHECK(refusal<node_info>(node("a", "1", R"({"a":"1","a":"2"})", "1")).code == errc::corrupt);
    CHECK(refusal<node_info>(node("a", "1", R"({"a":"1","\u0061":"2"})", "1")).code ==
          errc::corrupt);
    CHECK(refusal<node_info>(node("a", "1", "{}", "9223372036854")).code == errc{});
    CHECK(refusal<node_info>(node("a", "1", "{}", "9223372036855")).code == errc::corrupt);
    const auto drain = [&](const std::string& since, const std::string& state) {
        return refusal<drain_info>(head + R"("since_ms":)" + since + R"(,"reason":"","state":")" +
                                   state + "\"}")
            .code;
    };
    CHECK(drain("9223372036854775807", "draining") == errc{});
    CHECK(drain("9223372036854775808", "draining") == errc::corrupt);
    CHECK(drain("1", "ended") == errc{});
    CHECK(drain("1", "over") == errc::corrupt);
    CHECK(refusal<catalog::id_counter>(head + R"("next":0})").code == errc::corrupt);
    CHECK(refusal<catalog::root_info>(head + R"("cluster":"","lineage":0})").code == errc::corrupt);
    CHECK(refusal<catalog::batch_slot>(head + R"("id":0,"state":"open","first":"a","last":"a"})")
              .code == errc::corrupt);
    CHECK(refusal<catalog::batch_slot>(head + R"("id":1,"state":"open","first":"b","last":"a"})")
              .code == errc::corrupt);
}

TEST_CASE("hostile bytes: mutated values are read, or refused by name, and nothing else") {
    core::random random(7);
    decoder reader;
    int refused = 0;
    for (int round = 0; round < 60000; ++round) {
        auto value = samples::value(random, static_cast<std::size_t>(round) % samples::kinds);
        samples::mutate(random, value);
        // Any kind of record may be found under any key.
        const auto code = samples::decode(reader, random.below(samples::kinds), value);
        INFO(value);
        const bool named =
            code == errc{} || code == errc::corrupt || code == errc::unsupported_format;
        if (!named) CHECK(code == errc{});
        if (code != errc{}) ++refused;
    }
    CHECK(refused > 50000);
    CHECK(refused < 60000);
}

TEST_CASE(
    "records in the form that is written are read without a JSON parser, to the same result") {
    core::random random(8);
    decoder reader;
    const auto same = [&](const auto& written) {
        using record = std::decay_t<decltype(written)>;
        const std::string value = encode(written);
        record fast;
        record slow;
        // A name that JSON escapes is left to the parser.
        const bool escaped = value.find('\\') != std::string::npos;
        CHECK(catalog::read_as_written(value, fast) != escaped);
        reader.decode("k", value + ' ', slow);  // not the form that is written
        CHECK(slow == written);
        if (!escaped) CHECK(fast == written);
    };
    for (int round = 0; round < 2000; ++round) {
        same(samples::entry(random));
        same(samples::progress(random));
        same(samples::segment(random));
        same(samples::binlog(random));
    }
}

TEST_CASE("what is read without a JSON parser is exactly what would be written") {
    core::random random(9);
    int accepted = 0;
    const auto strict = [&](auto record, std::string value) {
        samples::mutate(random, value);
        if (!catalog::read_as_written(value, record)) return;
        INFO(value);
        CHECK(encode(record) == value);
        ++accepted;
    };
    for (int round = 0; round < 60000; ++round) {
        strict(model::channel_entry(), encode(samples::entry(random)));
        strict(model::channel_progress(), encode(samples::progress(random)));
        strict(model::segment_record(), encode(samples::segment(random)));
        strict(model::binlog_record(), encode(samples::binlog(random)));
    }
    CHECK(accepted > 100);
}
