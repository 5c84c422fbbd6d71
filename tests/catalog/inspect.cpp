#include "reeve/catalog/inspect.hpp"

#include "catalog/faulty_store.hpp"
#include "catalog/random_records.hpp"
#include "catalog/support.hpp"
#include "reeve/catalog/codec.hpp"
#include "reeve/catalog/commit_large.hpp"
#include "reeve/catalog/root.hpp"

#include <map>
#include <string>
#include <vector>

using namespace reeve;
using catalog::encode;
using catalog::severity;

namespace {

using values = std::map<std::string, std::string>;

struct fixture : support::world {
    fixture() {
        run(catalog::claim_root(store, keys, "ours"));
        put(keys.ids(), encode(catalog::id_counter{100}));
        put(keys.oracle(), encode(catalog::oracle_mark{5, 0}));
        session("n1");
        model::leader_info leader;
        leader.coordinator = "c1";
        leased(keys.leader(), encode(leader));
        entry.state = model::channel_state::registered;
        entry.node = model::node_name("n1");
        entry.process = model::incarnation(get(keys.node(entry.node))->modified.value);
        entry.epoch = model::epoch(9);
        entry.start = model::position("b");
        put(keys.channel(channel), encode(entry));
        progress.checkpoint = model::position("c");
        progress.epoch = model::epoch(9);
        put(keys.progress(channel), encode(progress));
        put(keys.host("file/1"), std::string("\0\xff\x1b[2J", 6));
        put(keys.host("file/2"), "\xC3\xA4\n\"quoted\"");
        put(keys.batch(0), encode(catalog::batch_slot{}));
        put("elsewhere", "not ours");
    }
    void leased(const std::string& key, const std::string& value) {
        const auto lease = run(store.grant(std::chrono::hours(1))).id;
        storage::transaction change;
        change.put(key, value, lease);
        run(store.commit(std::move(change)));
    }
    void session(const std::string& name) {
        model::node_info node;
        node.address = "h:1";
        leased(keys.node(model::node_name(name)), encode(node));
    }
    std::vector<std::string> exported() {
        std::vector<std::string> lines;
        run(catalog::export_all(store, keys,
                                [&](std::string_view line) { lines.emplace_back(line); }));
        return lines;
    }
    auto import_into(storage::metadata_store& target, const catalog::key_layout& root,
                     std::vector<std::string> lines) {
        catalog::line_source source = [lines = std::move(lines),
                                       at =
                                           std::size_t{0}]() mutable -> std::optional<std::string> {
            if (at == lines.size()) return std::nullopt;
            return lines[at++];
        };
        return catalog::import_all(target, root, std::move(source));
    }
    values held(const std::string& root) {
        values all;
        for (const auto& one : database->dump()) {
            if (!one.key.starts_with(root)) continue;
            all[one.key.substr(root.size())] = one.value;
        }
        return all;
    }
    // The one finding that spoiling the store in one way brings.
    void finds(severity how, const std::string& key, const std::string& what) {
        const auto report = run(catalog::check(store, keys));
        CHECK(report.errors == (how == severity::error ? 1 : 0));
        REQUIRE(report.findings.size() == 1);
        CHECK(report.findings[0].how == how);
        CHECK(report.findings[0].key == key);
        INFO(report.findings[0].what);
        CHECK(report.findings[0].what.find(what) != std::string::npos);
    }

    catalog::key_layout keys{"r"};
    const model::channel_name channel{"c"};
    model::channel_entry entry;
    model::channel_progress progress;
};

}  // namespace

TEST_CASE_METHOD(fixture, "inspect shows every record below the root, as printable ASCII") {
    put(keys.ids(), "{\x1b]0;evil\x07");
    put(keys.root() + "strange\n", "x");
    std::vector<std::string> lines;
    const auto seen = run(
        catalog::inspect(store, keys, [&](std::string_view line) { lines.emplace_back(line); }));
    CHECK(seen.records == 11);
    CHECK(lines.size() == 11);
    CHECK(seen.unreadable == 2);
    CHECK(seen.of_one_revision());
    for (const auto& line : lines) {
        for (const char byte : line) CHECK((byte >= ' ' && byte <= '~'));
    }
    const auto of = [&](const std::string& key) {
        for (const auto& line : lines) {
            if (line.starts_with(key + " ")) return line;
        }
        return std::string();
    };
    CHECK(of(keys.channel(channel)).find(encode(entry)) != std::string::npos);
    CHECK(of(keys.leader()).find("lease ") != std::string::npos);
    CHECK(of(keys.ids()).find("UNREADABLE") != std::string::npos);
    CHECK(of(keys.host("file/1")).find("\\x00\\xff\\x1b[2J") != std::string::npos);
    CHECK(of("r/strange\\x0a").find("(unknown") != std::string::npos);
}

TEST_CASE_METHOD(fixture, "what is exported is imported byte by byte, without what leases hold") {
    put(keys.host("torn"), "{\"v\":");
    put(keys.root() + std::string("\xff\0", 2), std::string(1000, '\x80'));
    auto expected = held(keys.root());
    expected.erase("leader");
    expected.erase("nodes/n1");
    const catalog::key_layout other("copy");
    const auto made = run(import_into(store, other, exported()));
    CHECK(made.written == expected.size());
    CHECK(made.skipped == 2);
    CHECK(held(other.root()) == expected);
    CHECK(held(keys.root()).size() == expected.size() + 2);
}

TEST_CASE_METHOD(fixture,
                 "an import goes in transactions within the limits, the root record last") {
    for (int at = 0; at < 40; ++at) put(keys.host(std::to_string(at)), "x");
    support::faulty_store small(store);
    auto limits = store.limits();
    limits.operations_max = 7;
    small.set_limits(limits);
    const catalog::key_layout other("copy");
    run(import_into(small, other, exported()));
    CHECK(held(other.root()).size() == held(keys.root()).size() - 2);
    CHECK(small.sent.size() == 8);
    CHECK(small.sent.back().operations().size() == 1);
    CHECK(small.sent.back().operations()[0].key == other.root_record());
}

TEST_CASE_METHOD(fixture, "an import never touches what is there") {
    const auto before = held(keys.root());
    CHECK(failure_of(import_into(store, keys, exported())) == errc::refused);
    CHECK(held(keys.root()) == before);
    SECTION("not even if it comes in between") {
        support::faulty_store raced(store);
        raced.before_commit = [this](std::size_t) -> awaitable<void> {
            storage::transaction change;
            change.put("copy/oracle", "first");
            co_await store.commit(std::move(change));
        };
        CHECK(failure_of(import_into(raced, catalog::key_layout("copy"), exported())) ==
              errc::refused);
        CHECK(held("copy/").size() == 1);
    }
}

TEST_CASE_METHOD(fixture, "an input that is not whole writes nothing, and says which line") {
    const auto good = exported();
    const catalog::key_layout other("copy");
    const auto refuse = [&](std::vector<std::string> lines, const std::string& why) {
        INFO(why);
        CHECK(failure_of(import_into(store, other, std::move(lines))) == errc::corrupt);
        INFO(last_context);
        CHECK(last_context.find(why) != std::string::npos);
        CHECK(held(other.root()).empty());
    };
    refuse({}, "head");
    refuse({"{}"}, "head");
    for (std::size_t cut = 1; cut < good.size(); ++cut) {
        refuse({good.begin(), good.begin() + static_cast<std::ptrdiff_t>(cut)}, "torn");
    }
    const auto with = [&](std::size_t at, const std::string& line) {
        auto lines = good;
        lines[at] = line;
        return lines;
    };
    auto lines = good;
    lines.erase(lines.begin() + 2);
    refuse(lines, "missing");
    lines = good;
    lines.push_back(good[1]);
    refuse(lines, "follows");
    refuse(with(3, good[2]), "line 4: the key is there twice");
    refuse(with(2, "nonsense"), "line 3: not a JSON object");
    refuse(with(2, "[]"), "line 3");
    refuse(with(2, std::string(100000, '[')), "line 3");
    refuse(with(2, std::string(100000, '{')), "line 3");
    refuse(with(2, R"({"key":"k"})"), "\"value\"");
    refuse(with(2, R"({"key":"k","value":7})"), "not a text");
    refuse(with(2, R"({"key":"k","value":"a","value_hex":"00"})"), "either");
    refuse(with(2, R"({"key":"k","value_hex":"0g"})"), "hexadecimal");
    refuse(with(2, "{\"key\":\"\xff\",\"value\":\"\"}"), "line 3");
    refuse(with(good.size() - 1, R"({"end":9,"first_at":1,"last_at":2})"), "");
    refuse(with(0, R"({"reeve_export":"1"})"), "number");
    CHECK(failure_of(import_into(store, other, with(0, R"({"reeve_export":2})"))) ==
          errc::unsupported_format);
}

TEST_CASE_METHOD(fixture,
                 "a record that the store cannot hold is refused before anything is written") {
    auto lines = exported();
    support::faulty_store small(store);
    auto limits = store.limits();
    limits.value_bytes_max = 60;
    small.set_limits(limits);
    CHECK(failure_of(import_into(small, catalog::key_layout("copy"), lines)) == errc::too_large);
    CHECK(held("copy/").empty());
}

TEST_CASE_METHOD(fixture, "mutated exports are imported or refused, and nothing else") {
    core::random random(11);
    const auto good = exported();
    const catalog::key_layout other("copy");
    int refused = 0;
    for (int round = 0; round < 2000; ++round) {
        auto lines = good;
        samples::mutate(random, lines[random.below(lines.size())]);
        backends::memory_metadata_store target(strand,
                                               std::make_shared<backends::memory_database>());
        const auto code = failure_of(import_into(target, other, lines));
        const bool named = code == errc{} || code == errc::corrupt ||
                           code == errc::unsupported_format || code == errc::too_large;
        if (!named) CHECK(code == errc{});
        if (code != errc{}) ++refused;
    }
    CHECK(refused > 1000);
}

TEST_CASE_METHOD(fixture, "a healthy store has no findings") {
    const auto report = run(catalog::check(store, keys));
    for (const auto& one : report.findings) {
        INFO(one.key << ": " << one.what);
        CHECK(one.key.empty());
    }
    CHECK(report.errors == 0);
    CHECK(report.walk.records == 10);
}

TEST_CASE_METHOD(fixture, "an empty root has no findings") {
    const auto report = run(catalog::check(store, catalog::key_layout("empty")));
    CHECK(report.findings.empty());
}

TEST_CASE_METHOD(fixture, "check finds each record that cannot be read or is missing") {
    const auto unknown = keys.root() + "what/is/this";
    SECTION("unreadable") {
        put(keys.oracle(), "{}");
        finds(severity::error, keys.oracle(), "missing");
    }
    SECTION("of a newer release") {
        put(keys.oracle(), R"({"v":2,"min_reader":2})");
        finds(severity::error, keys.oracle(), "format 2");
    }
    SECTION("unknown") {
        put(unknown, "x");
        finds(severity::warning, unknown, "no kind");
    }
    SECTION("a position of a stream that cannot be read") {
        put(keys.stream("s"), "x");
        finds(severity::error, keys.stream("s"), "JSON");
    }
    SECTION("a segment that cannot be read") {
        const auto key = keys.segment(model::collection_id(1), model::segment_id(2));
        put(key, "{}");
        finds(severity::error, key, "missing");
    }
    SECTION("no root") {
        remove(keys.root_record());
        finds(severity::error, keys.root_record(), "missing");
    }
    SECTION("no counter") {
        remove(keys.ids());
        finds(severity::warning, keys.ids(), "missing");
    }
}

TEST_CASE_METHOD(fixture, "check finds records that contradict each other") {
    SECTION("an epoch that was never given out") {
        entry.epoch = model::epoch(100);
        put(keys.channel(channel), encode(entry));
        finds(severity::error, keys.channel(channel), "counter");
    }
    SECTION("progress of a later epoch than the entry's") {
        progress.epoch = model::epoch(10);
        put(keys.progress(channel), encode(progress));
        finds(severity::error, keys.progress(channel), "above");
    }
    SECTION("a checkpoint before the start") {
        progress.checkpoint = model::position("a");
        put(keys.progress(channel), encode(progress));
        finds(severity::error, keys.progress(channel), "before");
    }
    SECTION("progress of no channel") {
        const auto lost = keys.progress(model::channel_name("d"));
        put(lost, encode(progress));
        finds(severity::error, lost, "without");
    }
    SECTION("a holder without a name") {
        entry.node = model::node_name();
        put(keys.channel(channel), encode(entry));
        finds(severity::error, keys.channel(channel), "without node");
    }
    SECTION("a holder without a session") {
        entry.node = model::node_name("n2");
        put(keys.channel(channel), encode(entry));
        finds(severity::warning, keys.channel(channel), "no session");
    }
    SECTION("a holder that has restarted") {
        entry.process = model::incarnation(1);
        put(keys.channel(channel), encode(entry));
        finds(severity::warning, keys.channel(channel), "now process");
    }
    SECTION("a process of a lost future") {
        entry.state = model::channel_state::unassigned;
        entry.process = model::incarnation(1000000);
        put(keys.channel(channel), encode(entry));
        finds(severity::error, keys.channel(channel), "backup");
    }
    SECTION("a session without a lease") {
        put(keys.leader(), get(keys.leader())->value);
        finds(severity::warning, keys.leader(), "lease");
    }
    SECTION("a drain of nobody") {
        const auto key = keys.drain(model::node_name("n2"));
        put(key, encode(model::drain_info{}));
        finds(severity::note, key, "no session");
        model::drain_info ended;
        ended.state = model::drain_state::ended;
        put(key, encode(ended));
        CHECK(run(catalog::check(store, keys)).findings.empty());
    }
    SECTION("a part that belongs to no batch") {
        put(keys.host("file/3"), catalog::mark(50, "x"));
        finds(severity::error, keys.host("file/3"), "batch 50");
    }
    SECTION("a batch under way") {
        put(keys.batch(1), encode(catalog::batch_slot{50, catalog::batch_state::open, "a", "b"}));
        put(keys.host("file/3"), catalog::mark(50, "x"));
        finds(severity::note, keys.batch(1), "open");
    }
}

TEST_CASE_METHOD(fixture, "check reads the records of garbage collection, and numbers of pins") {
    SECTION("a record of garbage collection that cannot be read") {
        for (const auto& key :
             {keys.pin(1), keys.pins_version(), keys.gc_cursor("data"), keys.gc_paused({}),
              keys.gc_paused(model::collection_id(1)), keys.gc_journal(1)}) {
            INFO(key);
            put(key, "{}");
            finds(severity::error, key, "missing");
            remove(key);
        }
    }
    SECTION("a pin above the version of the pins") {
        model::pin_record pin;
        pin.owner = "reader";
        pin.token = "t1";
        pin.prefix = "data/1/";
        put(keys.pins_version(), encode(model::pins_version{6}));
        put(keys.pin(7), encode(pin));
        finds(severity::error, keys.pin(7), "version");
        put(keys.pins_version(), encode(model::pins_version{7}));
        CHECK(run(catalog::check(store, keys)).findings.empty());
    }
}

TEST_CASE_METHOD(fixture, "findings are cut at the limit, and errors still counted") {
    for (int at = 0; at < 20; ++at) {
        put(keys.progress(model::channel_name("x" + std::to_string(at))), encode(progress));
    }
    const auto report = run(catalog::check(store, keys, 5));
    CHECK(report.findings.size() == 5);
    CHECK(report.omitted == 15);
    CHECK(report.errors == 20);
}

TEST_CASE_METHOD(fixture, "a store that changes meanwhile is reported as such, and not imported") {
    for (int at = 0; at < 1500; ++at) put(keys.host(std::to_string(at)), "x");
    support::faulty_store changing(store);
    changing.before_list = [this](std::size_t) -> awaitable<void> {
        storage::transaction change;
        change.put("elsewhere", "x");
        co_await store.commit(std::move(change));
    };
    const auto report = run(catalog::check(changing, keys));
    CHECK_FALSE(report.walk.of_one_revision());
    REQUIRE(report.findings.size() == 1);
    CHECK(report.findings[0].how == severity::note);
    std::vector<std::string> lines;
    run(catalog::export_all(changing, keys,
                            [&](std::string_view line) { lines.emplace_back(line); }));
    CHECK(failure_of(import_into(store, catalog::key_layout("copy"), lines)) == errc::corrupt);
    CHECK(last_context.find("changed") != std::string::npos);
}
