// What the records of procedures look like, and what is refused in both directions.
#include "catalog/random_records.hpp"
#include "catalog/refusals.hpp"
#include "catch.hpp"
#include "reeve/catalog/codec.hpp"
#include "reeve/core/error.hpp"
#include "reeve/core/random.hpp"

#include <functional>
#include <string>
#include <utility>
#include <vector>

using namespace reeve;
using catalog::decoder;
using catalog::encode;
using model::part_state;
using model::procedure_state;
using support::refusal;
using support::refusal_of;

namespace {

model::procedure_record example() {
    model::procedure_record it;
    it.kind = "drop";
    it.key = "orders";
    it.arguments = std::string("\x00\xff", 2);
    it.state = procedure_state::stopped;
    it.step = 2;
    it.begun_ms = 1000;
    it.deadline_ms = 2000;
    it.ended_ms = 3000;
    it.why = "\"late\"";
    return it;
}

const std::string example_value =
    R"({"v":1,"min_reader":1,"kind":"drop","key":"orders","state":"stopped","step":2,)"
    R"("begun_ms":1000,"deadline_ms":2000,"ended_ms":3000,"why":"\"late\"","arguments":"00ff"})";

const std::string part_value =
    R"({"v":1,"min_reader":1,"state":"acknowledged","step":2,"process":7,"outcome":"done"})";

std::string with(std::string value, const std::string& from, const std::string& to) {
    REQUIRE(value.find(from) != std::string::npos);
    return value.replace(value.find(from), from.size(), to);
}

}  // namespace

TEST_CASE("records of procedures are JSON that an operator can read") {
    CHECK(encode(example()) == example_value);
    model::procedure_part part;
    part.step = 2;
    part.process = model::incarnation(7);
    part.outcome = "done";
    CHECK(encode(part) == part_value);
    part = {};
    part.state = part_state::skipped;
    CHECK(encode(part) ==
          R"({"v":1,"min_reader":1,"state":"skipped","step":0,"process":0,"outcome":""})");
}

TEST_CASE("records of procedures read back as they were, whatever is in them") {
    core::random random(21);
    decoder reader;
    for (int round = 0; round < 2000; ++round) {
        const auto record = samples::procedure(random);
        model::procedure_record read = example();
        reader.decode("k", encode(record), read);
        CHECK(read == record);
        const auto part = samples::procedure_part(random);
        model::procedure_part read_part;
        reader.decode("k", encode(part), read_part);
        CHECK(read_part == part);
    }
}

TEST_CASE("a procedure that cannot be is not written") {
    using record = model::procedure_record;
    const auto bent = [](const std::function<void(record&)>& bend) {
        auto it = example();
        bend(it);
        return refusal(it);
    };
    const auto bad = errc::invalid_argument;
    CHECK(bent([](record&) {}) == errc{});
    CHECK(bent([](record& it) { it.kind = "a/b"; }) == bad);
    CHECK(bent([](record& it) { it.key = ""; }) == bad);
    CHECK(bent([](record& it) { it.key = std::string(200, 'k'); }) == errc{});
    CHECK(bent([](record& it) { it.key = std::string(201, 'k'); }) == bad);
    CHECK(bent([](record& it) { it.arguments = std::string(8192, 'a'); }) == errc{});
    CHECK(bent([](record& it) { it.arguments = std::string(8193, 'a'); }) == bad);
    CHECK(bent([](record& it) { it.state = static_cast<procedure_state>(4); }) == bad);
    CHECK(bent([](record& it) { it.step = model::procedure_step_max; }) == errc{});
    CHECK(bent([](record& it) { it.step = model::procedure_step_max + 1; }) == bad);
    CHECK(bent([](record& it) { it.begun_ms = -1; }) == errc{});
    CHECK(bent([](record& it) { it.deadline_ms = -1; }) == bad);
    CHECK(bent([](record& it) { it.why = ""; }) == bad);
    CHECK(bent([](record& it) { it.why = std::string(1000, 'w'); }) == errc{});
    CHECK(bent([](record& it) { it.why = std::string(1001, 'w'); }) == bad);
    CHECK(bent([](record& it) { it.why = "\xff"; }) == bad);
    CHECK(bent([](record& it) { it.state = procedure_state::stopping; }) == bad);  // and a time
    CHECK(bent([](record& it) {
              it.state = procedure_state::stopping;
              it.ended_ms = 0;
          }) == errc{});
    CHECK(bent([](record& it) {
              it.state = procedure_state::running;
              it.ended_ms = 0;
          }) == bad);  // with a reason
    CHECK(bent([](record& it) {
              it.state = procedure_state::running;
              it.ended_ms = 0;
              it.why = "";
          }) == errc{});
    CHECK(bent([](record& it) { it.state = procedure_state::finished; }) == errc{});
}

TEST_CASE("a procedure's record with anything bent is refused by the name of its key") {
    using record = model::procedure_record;
    for (const auto& [from, to] : std::vector<std::pair<std::string, std::string>>{
             {"\"drop\"", "\"a/b\""},
             {"\"drop\"", "7"},
             {"\"orders\"", "\"\""},
             {"\"stopped\"", "\"running\""},
             {"\"stopped\"", "\"stopping\""},
             {"\"stopped\"", "\"Stopped\""},
             {"\"step\":2", "\"step\":-2"},
             {"\"step\":2", "\"step\":1000001"},
             {"\"step\":2,", ""},
             {"\"step\":2", "\"step\":2,\"step\":2"},
             {"2000", "-1"},
             {"2000", "9223372036854775808"},
             {"\"\\\"late\\\"\"", "\"\""},
             {"\\\"late\\\"", std::string(1001, 'w')},
             {"\\\"late\\\"", "\\ud800"},
             {"\"00ff\"", "\"00f\""},
             {"\"00ff\"", "\"00FF\""},
             {"\"00ff\"", "\"" + std::string(16386, '0') + "\""},
             {"\"00ff\"", "null"},
         }) {
        INFO(from << " -> " << to);
        const auto [code, context] = refusal_of<record>(with(example_value, from, to));
        CHECK(code == errc::corrupt);
        CHECK(context.find("r/the_key") != std::string::npos);
    }
    const auto longest = with(example_value, "\"00ff\"", "\"" + std::string(16384, '0') + "\"");
    CHECK(refusal_of<record>(longest).first == errc{});
    const auto newer = with(example_value, R"("v":1,"min_reader":1)", R"("v":2,"min_reader":2)");
    CHECK(refusal_of<record>(newer).first == errc::unsupported_format);
    CHECK(refusal_of<record>(with(newer, R"("min_reader":2)", R"("min_reader":1,"later":[])"))
              .first == errc{});
}

TEST_CASE("a participant's record that cannot be is neither written nor read") {
    using record = model::procedure_part;
    const auto bent = [](const std::function<void(record&)>& bend) {
        record it;
        it.process = model::incarnation(7);
        bend(it);
        return refusal(it);
    };
    const auto bad = errc::invalid_argument;
    CHECK(bent([](record&) {}) == errc{});
    CHECK(bent([](record& it) { it.process = {}; }) == bad);
    CHECK(bent([](record& it) { it.state = part_state::skipped; }) == bad);
    CHECK(bent([](record& it) { it.state = static_cast<part_state>(2); }) == bad);
    CHECK(bent([](record& it) { it.step = model::procedure_step_max + 1; }) == bad);
    CHECK(bent([](record& it) { it.outcome = std::string(1000, 'o'); }) == errc{});
    CHECK(bent([](record& it) { it.outcome = std::string(1001, 'o'); }) == bad);
    CHECK(bent([](record& it) { it.outcome = "\xff"; }) == bad);
    CHECK(refusal_of<record>(part_value).first == errc{});
    for (const auto& [from, to] : std::vector<std::pair<std::string, std::string>>{
             {"acknowledged", "skipped"},
             {"acknowledged", "done"},
             {"\"process\":7", "\"process\":0"},
             {"\"process\":7,", ""},
             {"\"step\":2", "\"step\":1000001"},
             {"\"done\"", "7"},
             {"done", std::string(1001, 'o')},
         }) {
        INFO(from << " -> " << to);
        const auto [code, context] = refusal_of<record>(with(part_value, from, to));
        CHECK(code == errc::corrupt);
        CHECK(context.find("r/the_key") != std::string::npos);
    }
}
