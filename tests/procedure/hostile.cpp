// Records that are not what an engine wrote.
#include "procedure/fixture.hpp"

#include "catalog/random_records.hpp"
#include "reeve/catalog/inspect.hpp"

using namespace reeve;
using namespace reeve::support;

namespace {

struct hostile : procedure_fixture {
    hostile() {
        engine->cancel();
        settle();
        record.kind = "work";
        record.key = "a";
        record.step = 3;
    }
    errc load_failure() {
        engine = make();
        return failure_of(engine->load(nullptr));
    }
    // Refused, by the name of the key.
    void refuses(const std::string& key, const std::string& what) {
        CHECK(load_failure() == errc::corrupt);
        INFO(last_context);
        CHECK(last_context.find('"' + key + '"') != std::string::npos);
        CHECK(last_context.find(what) != std::string::npos);
        CHECK(faulty->commits == 0);
    }
    model::procedure_record record;
    model::procedure_part part;
};

}  // namespace

TEST_CASE_METHOD(hostile, "records that cannot be are refused by name, and nothing is written") {
    part.process = model::incarnation(4);
    put(keys.procedure(5), catalog::encode(record));
    SECTION("as they should be") {
        part.step = 3;
        put(keys.procedure_part(5, "n"), catalog::encode(part));
        CHECK(load_failure() == errc{});
        CHECK(engine->inspect().size() == 1);
        CHECK(engine->inspect()[0].answers.size() == 1);
    }
    SECTION("garbage") {
        put(keys.procedure(6), "garbage");
        refuses(keys.procedure(6), "not one JSON object");
    }
    SECTION("a megabyte of it") {
        put(keys.procedure(6), std::string(1'000'000, '['));
        refuses(keys.procedure(6), "not one JSON object");
    }
    SECTION("a participant's garbage") {
        put(keys.procedure_part(5, "n"), "{}");
        refuses(keys.procedure_part(5, "n"), "missing");
    }
    SECTION("a participant that is ahead") {
        part.step = 4;
        put(keys.procedure_part(5, "n"), catalog::encode(part));
        refuses(keys.procedure_part(5, "n"), "step 4 is above its procedure's, 3");
    }
    SECTION("two of one kind and key") {
        put(keys.procedure(6), catalog::encode(record));
        refuses(keys.procedure(6), "the same kind and key as procedure 5");
    }
    SECTION("number 0") {
        record.key = "b";
        put(keys.procedure(0), catalog::encode(record));
        refuses(keys.procedure(0), "0 is no procedure");
    }
    SECTION("a key that is none") {
        put(keys.root() + "procedures/x", "x");
        refuses(keys.root() + "procedures/x", "not a key of a procedure");
    }
    SECTION("of a newer release") {
        put(keys.procedure(6), R"({"v":2,"min_reader":2})");
        CHECK(load_failure() == errc::unsupported_format);
        CHECK(last_context.find(keys.procedure(6)) != std::string::npos);
    }
}

TEST_CASE_METHOD(hostile, "a participant without a procedure is counted and left alone") {
    part.process = model::incarnation(4);
    put(keys.procedure_part(5, "n"), catalog::encode(part));
    load();
    CHECK(loaded.orphans == 1);
    CHECK(loaded.procedures == 0);
    go();
    settle();
    CHECK(faulty->commits == 0);
    CHECK(get(keys.procedure_part(5, "n")));
}

TEST_CASE_METHOD(hostile, "loading page by page finds the same, and tells how far it is") {
    part.process = model::incarnation(4);
    part.step = 1;
    for (std::uint64_t id = 1; id <= 12; ++id) {  // 1, 1/n, 10, 10/n, 11, ...
        record.key = "k" + std::to_string(id);
        put(keys.procedure(id), catalog::encode(record));
        put(keys.procedure_part(id, "n"), catalog::encode(part));
    }
    options.page_size = 5;
    engine = make();
    std::vector<std::size_t> told;
    const auto report = run(engine->load([&](std::size_t count) { told.push_back(count); }));
    CHECK(report.procedures == 12);
    CHECK(report.parts == 12);
    CHECK(report.open == 12);
    CHECK(report.orphans == 0);
    CHECK(told == std::vector<std::size_t>{5, 10, 15, 20, 24});
    for (const auto& one : engine->inspect()) CHECK(one.answers.size() == 1);
}

TEST_CASE_METHOD(hostile, "procedures that an import wrote at one revision are counted each") {
    storage::transaction all;
    record.state = procedure_state::finished;
    for (std::uint64_t id = 1; id <= 4; ++id) {
        record.key = "k" + std::to_string(id);
        all.put(keys.procedure(id), catalog::encode(record));
    }
    REQUIRE(run(store.commit(std::move(all))));
    options.retention = 2;
    load();
    CHECK(engine->status().finished == 4);
    go();
    turn_until([&] { return records() == 2; });
    CHECK(recorded(model::procedure_id(3)));
    CHECK(recorded(model::procedure_id(4)));
}

TEST_CASE_METHOD(hostile, "an id that the counter gives out, and that is taken, is named") {
    put(keys.procedure(1), catalog::encode(record));
    load();
    go();
    CHECK(failure_of(engine->start(request("b"))) == errc::corrupt);
    CHECK(records() == 1);
}

TEST_CASE_METHOD(hostile, "mutated records are loaded, or refused by name, and nothing else") {
    core::random random(11);
    record.deadline_ms = 5;
    part.process = model::incarnation(4);
    part.step = 2;
    int refused = 0;
    for (int round = 0; round < 2000; ++round) {
        std::string values[] = {catalog::encode(record), catalog::encode(part)};
        samples::mutate(random, values[round % 2]);
        INFO(values[0] << values[1]);
        put(keys.procedure(5), values[0]);
        put(keys.procedure_part(5, "n"), values[1]);
        const auto code = load_failure();
        const bool named =
            code == errc{} || code == errc::corrupt || code == errc::unsupported_format;
        if (!named) CHECK(code == errc{});
        if (code != errc{}) ++refused;
    }
    CHECK(refused > 1000);
    CHECK(refused < 2000);
}

TEST_CASE_METHOD(hostile, "check knows procedures and their participants") {
    const auto finds = [&](const std::string& key, const std::string& what) {
        const auto report = run(catalog::check(store, keys));
        for (const auto& one : report.findings) {
            if (one.key == key && one.what.find(what) != std::string::npos) return one.how;
        }
        FAIL("nothing was found at " << key);
        return catalog::severity::note;
    };
    put(keys.root_record(), catalog::encode(catalog::root_info{"c", model::lineage(1)}));
    catalog::id_counter counter;
    counter.next = 10;
    put(keys.ids(), catalog::encode(counter));
    remove(keys.leader());
    put(keys.procedure(5), catalog::encode(record));
    part.process = model::incarnation(4);
    part.step = 3;
    put(keys.procedure_part(5, "n"), catalog::encode(part));
    CHECK(run(catalog::check(store, keys)).findings.empty());
    using catalog::severity;
    SECTION("what cannot be read") {
        put(keys.procedure(5), "{}");
        CHECK(finds(keys.procedure(5), "missing") == severity::error);
        CHECK(finds(keys.procedure_part(5, "n"), "without a readable record") == severity::error);
    }
    SECTION("an id that was never given out") {
        record.key = "b";
        put(keys.procedure(10), catalog::encode(record));
        CHECK(finds(keys.procedure(10), "not below the counter") == severity::error);
    }
    SECTION("the same start twice") {
        put(keys.procedure(6), catalog::encode(record));
        CHECK(finds(keys.procedure(6), "the same kind and key") == severity::error);
    }
    SECTION("a participant that is ahead") {
        part.step = 4;
        put(keys.procedure_part(5, "n"), catalog::encode(part));
        CHECK(finds(keys.procedure_part(5, "n"), "step 4") == severity::error);
    }
    SECTION("a participant of none") {
        put(keys.procedure_part(4, "n"), catalog::encode(part));
        CHECK(finds(keys.procedure_part(4, "n"), "without a readable record") == severity::error);
    }
}
