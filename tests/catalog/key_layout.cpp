#include "reeve/catalog/key_layout.hpp"

#include "catch.hpp"
#include "reeve/core/error.hpp"

#include <optional>
#include <string>
#include <vector>

using namespace reeve;
using catalog::key_layout;
using kind = key_layout::kind;

namespace {

template <class Call>
errc refusal(Call call) {
    try {
        call();
    } catch (const error& failure) {
        return failure.code_value();
    }
    return errc{};
}

const std::string longest(model::name_bytes_max, 'x');

}  // namespace

TEST_CASE("every key that the layout makes is taken apart into what it was made of") {
    const key_layout keys("db/prod");
    const auto back = [&](const std::string& key, kind what, std::string_view name) {
        INFO(key);
        CHECK(key.starts_with("db/prod/"));
        CHECK(keys.all().contains(key));
        CHECK(keys.parse(key).what == what);
        CHECK(keys.parse(key).name == name);
    };
    back(keys.root_record(), kind::root, "");
    back(keys.leader(), kind::leader, "");
    back(keys.ids(), kind::ids, "");
    back(keys.oracle(), kind::oracle, "");
    for (const std::string& name : {std::string("n1"), std::string("a\"b\\c"), longest}) {
        back(keys.node(model::node_name(name)), kind::node, name);
        back(keys.drain(model::node_name(name)), kind::drain, name);
        back(keys.channel(model::channel_name(name)), kind::channel, name);
        back(keys.progress(model::channel_name(name)), kind::progress, name);
    }
    for (std::uint32_t slot = 0; slot < catalog::batch_slots; ++slot) {
        back(keys.batch(slot), kind::batch, std::to_string(slot));
    }
    back(keys.host("files/c1/000"), kind::host, "files/c1/000");
    back(keys.host(std::string(catalog::host_name_bytes_max, 'h')), kind::host,
         std::string(catalog::host_name_bytes_max, 'h'));
}

TEST_CASE("the keys of segments, drops, jobs and collection are taken apart into their ids") {
    const key_layout keys("r");
    const model::collection_id collection(5);
    const model::segment_id segment(17);
    const model::flush_id flush{model::epoch(8), 12};
    CHECK(keys.segment(collection, segment) == "r/segments/5/17");
    CHECK(keys.binlog(segment, flush) == "r/binlogs/17/8-12");
    CHECK(keys.collection_drop(collection) == "r/drops/5");
    CHECK(keys.channel_drop(collection, model::channel_name("c")) == "r/drops/5/c");
    CHECK(keys.stream("stats") == "r/streams/stats");
    CHECK(keys.pin(3) == "r/pins/3");
    CHECK(keys.pins_version() == "r/pins/version");
    CHECK(keys.job(model::job_id(4)) == "r/jobs/4");
    CHECK(keys.gc_cursor("data/one") == "r/gc/cursor/data/one");
    CHECK(keys.gc_paused(std::nullopt) == "r/gc/paused/all");
    CHECK(keys.gc_paused(collection) == "r/gc/paused/5");
    CHECK(keys.gc_journal(9) == "r/gc/journal/9");
    CHECK(keys.procedure(6) == "r/procedures/6");
    CHECK(keys.procedure_part(6, "n") == "r/procedures/6/n");

    auto it = keys.parse("r/segments/5/17");
    CHECK((it.what == kind::segment && it.collection == collection && it.segment == segment));
    it = keys.parse("r/binlogs/17/8-12");
    CHECK((it.what == kind::binlog && it.segment == segment && it.flush == flush));
    it = keys.parse("r/drops/5");
    CHECK((it.what == kind::collection_drop && it.collection == collection));
    it = keys.parse("r/drops/5/c");
    CHECK((it.what == kind::channel_drop && it.collection == collection && it.name == "c"));
    it = keys.parse("r/streams/stats");
    CHECK((it.what == kind::stream && it.name == "stats"));
    it = keys.parse("r/pins/3");
    CHECK((it.what == kind::pin && it.number == 3));
    CHECK(keys.parse("r/pins/version").what == kind::pins_version);
    it = keys.parse("r/jobs/18446744073709551615");
    CHECK((it.what == kind::job && it.number == ~std::uint64_t{0}));
    it = keys.parse("r/gc/cursor/data/one");
    CHECK((it.what == kind::gc_cursor && it.name == "data/one"));
    it = keys.parse("r/gc/paused/all");
    CHECK((it.what == kind::gc_paused && it.name == "all"));
    it = keys.parse("r/gc/paused/5");
    CHECK((it.what == kind::gc_paused && it.collection == collection));
    it = keys.parse("r/gc/journal/9");
    CHECK((it.what == kind::gc_journal && it.number == 9));
    it = keys.parse("r/procedures/6");
    CHECK((it.what == kind::procedure && it.number == 6));
    it = keys.parse("r/procedures/6/n");
    CHECK((it.what == kind::procedure_part && it.number == 6 && it.name == "n"));
}

TEST_CASE("an id in a key has one spelling") {
    const key_layout keys("r");
    for (const std::string key : {"r/segments/5",
                                  "r/segments/5/",
                                  "r/segments//5",
                                  "r/segments/05/1",
                                  "r/segments/5/01",
                                  "r/segments/5/0",
                                  "r/segments/5/1/",
                                  "r/segments/5/-1",
                                  "r/segments/5/1 ",
                                  "r/segments/5/18446744073709551616",
                                  "r/binlogs/1",
                                  "r/binlogs/1/",
                                  "r/binlogs/1/2",
                                  "r/binlogs/1/2-",
                                  "r/binlogs/1/02-3",
                                  "r/binlogs/0/2-3",
                                  "r/binlogs/1/2-3-4",
                                  "r/drops/",
                                  "r/drops/c",
                                  "r/drops/05",
                                  "r/drops/5/",
                                  "r/drops/5/a/b",
                                  "r/streams/a/b",
                                  "r/pins/x",
                                  "r/pins/",
                                  "r/jobs/1/2",
                                  "r/gc/",
                                  "r/gc/marker",
                                  "r/gc/cursor/",
                                  "r/gc/paused/some",
                                  "r/gc/journal/x",
                                  "r/procedures/x",
                                  "r/procedures/1/",
                                  "r/procedures/1/a/b"}) {
        INFO(key);
        CHECK(keys.parse(key).what == kind::unknown);
    }
}

TEST_CASE("the ranges of segments, flushes and drops hold what they say") {
    const key_layout keys("r");
    const model::collection_id five(5);
    const model::segment_id seven(7);
    const model::channel_name channel("c");
    const auto segment = keys.segment(five, seven);
    CHECK(keys.segments().contains(segment));
    CHECK(keys.segments(five).contains(segment));
    CHECK_FALSE(keys.segments(five).contains(keys.segment(model::collection_id(50), seven)));
    const auto flush = keys.binlog(seven, {model::epoch(1), 1});
    CHECK(keys.binlogs().contains(flush));
    CHECK(keys.binlogs(seven).contains(flush));
    CHECK_FALSE(keys.binlogs(seven).contains(keys.binlog(model::segment_id(70), {})));
    CHECK(keys.drops().contains(keys.collection_drop(five)));
    CHECK(keys.drops().contains(keys.channel_drop(five, channel)));
    CHECK(keys.streams().contains(keys.stream("s")));
    CHECK(keys.pins().contains(keys.pin(1)));
    CHECK(keys.pins().contains(keys.pins_version()));
    CHECK(keys.jobs().contains(keys.job(model::job_id(1))));
    CHECK(keys.gc().contains(keys.gc_cursor("d")));
    CHECK(keys.gc_pauses().contains(keys.gc_paused(std::nullopt)));
    CHECK(keys.gc_pauses().contains(keys.gc_paused(model::collection_id(1))));
    CHECK_FALSE(keys.gc_pauses().contains(keys.gc_journal(1)));
    CHECK(keys.gc_journals().contains(keys.gc_journal(0)));
    CHECK_FALSE(keys.gc_journals().contains(keys.gc_cursor("d")));
    CHECK(keys.gc().contains(keys.gc_journal(1)));
    CHECK(keys.procedures().contains(keys.procedure_part(1, "n")));
    for (const auto& key :
         {segment, flush, keys.collection_drop(five), keys.channel_drop(five, channel),
          keys.stream("s"), keys.pin(1), keys.pins_version(), keys.job(model::job_id(1)),
          keys.gc_cursor("d"), keys.gc_paused(five), keys.gc_journal(1), keys.procedure(1),
          keys.procedure_part(1, "n")}) {
        INFO(key);
        CHECK_FALSE(keys.membership().contains(key));
        CHECK_FALSE(keys.channels().contains(key));
        CHECK_FALSE(keys.progresses().contains(key));
        CHECK(keys.all().contains(key));
    }
}

TEST_CASE("a root ends with one slash and is printable ASCII") {
    CHECK(key_layout("a").root() == "a/");
    CHECK(key_layout("a/").root() == "a/");
    CHECK(key_layout("/").root() == "/");
    const std::string most(catalog::root_bytes_max, 'r');
    CHECK(key_layout(most).root() == most + "/");
    for (const std::string& bad : {std::string(), std::string("a b"), std::string("\xC3\xA4"),
                                   std::string("a\0", 2), std::string("\x7f"), most + "r"}) {
        CHECK(refusal([&] { key_layout keys(bad); }) == errc::invalid_argument);
    }
}

TEST_CASE("names outside the stated range are refused by every key that has one") {
    const key_layout keys("r");
    for (const std::string& bad :
         {std::string(), std::string("a/b"), std::string("a b"), std::string("a\n"),
          std::string("\xff"), std::string("a\0b", 3), longest + "x"}) {
        const model::node_name node(bad);
        const model::channel_name channel(bad);
        CHECK(refusal([&] { (void)keys.node(node); }) == errc::invalid_argument);
        CHECK(refusal([&] { (void)keys.drain(node); }) == errc::invalid_argument);
        CHECK(refusal([&] { (void)keys.channel(channel); }) == errc::invalid_argument);
        CHECK(refusal([&] { (void)keys.progress(channel); }) == errc::invalid_argument);
        CHECK(refusal([&] { (void)keys.channel_drop({}, channel); }) == errc::invalid_argument);
        CHECK(refusal([&] { (void)keys.stream(bad); }) == errc::invalid_argument);
        CHECK(refusal([&] { (void)keys.procedure_part(1, bad); }) == errc::invalid_argument);
    }
    CHECK(refusal([&] { (void)keys.segment({}, {}); }) == errc::invalid_argument);
    CHECK(refusal([&] { (void)keys.binlog({}, {}); }) == errc::invalid_argument);
    CHECK(refusal([&] { (void)keys.gc_cursor(""); }) == errc::invalid_argument);
    CHECK(refusal([&] { (void)keys.gc_cursor("a b"); }) == errc::invalid_argument);
    CHECK(refusal([&] { (void)keys.batch(catalog::batch_slots); }) == errc::invalid_argument);
    CHECK(refusal([&] { (void)keys.host(""); }) == errc::invalid_argument);
    CHECK(refusal([&] { (void)keys.host("a b"); }) == errc::invalid_argument);
    CHECK(refusal([&] { (void)keys.host(std::string(catalog::host_name_bytes_max + 1, 'h')); }) ==
          errc::invalid_argument);
    CHECK(refusal([&] { (void)keys.hosts("a\t"); }) == errc::invalid_argument);
}

TEST_CASE("foreign and malformed keys are unknown") {
    const key_layout keys("r");
    for (const std::string key : {"",
                                  "r",
                                  "r/",
                                  "q/root",
                                  "r/nodes/",
                                  "r/nodes/a/b",
                                  "r/nodes",
                                  "r/channels/a b",
                                  "r/batches/8",
                                  "r/batches/00",
                                  "r/batches/",
                                  "r/batches/-1",
                                  "r/batches/1x",
                                  "r/batches/99999999999999999999",
                                  "r/roots",
                                  "r/root/",
                                  "r/records/",
                                  "r/streams/",
                                  "r/idsx",
                                  "r/node_drains/\xff"}) {
        INFO(key);
        CHECK(keys.parse(key).what == kind::unknown);
    }
}

TEST_CASE("each range holds its own records and no others") {
    const key_layout keys("r");
    const model::node_name node("n");
    const model::channel_name channel("c");
    struct one {
        std::string key;
        bool membership, channel, progress, batch, host;
    };
    const std::vector<one> table{
        {keys.root_record(), false, false, false, false, false},
        {keys.oracle(), false, false, false, false, false},
        {keys.leader(), true, false, false, false, false},
        {keys.ids(), false, false, false, false, false},
        {keys.node(node), true, false, false, false, false},
        {keys.drain(node), true, false, false, false, false},
        {keys.channel(channel), false, true, false, false, false},
        {keys.progress(channel), false, false, true, false, false},
        {keys.batch(7), false, false, false, true, false},
        {keys.host("a/b"), false, false, false, false, true},
        {keys.host("~"), false, false, false, false, true},
    };
    for (const auto& [key, membership, in_channels, progress, batch, host] : table) {
        INFO(key);
        CHECK(keys.membership().contains(key) == membership);
        CHECK(keys.channels().contains(key) == in_channels);
        CHECK(keys.progresses().contains(key) == progress);
        CHECK(keys.batches().contains(key) == batch);
        CHECK(keys.hosts("").contains(key) == host);
    }
    CHECK(keys.hosts("a/").contains(keys.host("a/b")));
    CHECK_FALSE(keys.hosts("a/").contains(keys.host("ab")));
}

TEST_CASE("roots do not mix unless one lies in the other") {
    const key_layout one("a");
    const key_layout other("ab");
    CHECK_FALSE(one.all().contains(other.leader()));
    CHECK(one.parse(other.leader()).what == kind::unknown);
}
