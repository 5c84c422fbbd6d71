// What the records of garbage collection look like, and what is refused in both directions.
#include "catalog/refusals.hpp"
#include "catch.hpp"
#include "reeve/catalog/codec.hpp"
#include "reeve/core/error.hpp"

#include <functional>
#include <string>
#include <utility>
#include <vector>

using namespace reeve;
using catalog::decoder;
using catalog::encode;

using support::refusal;

namespace {

// Every refusal names the key.
template <class Record>
errc refusal_of(const std::string& value) {
    const auto [code, context] = support::refusal_of<Record>(value);
    if (code != errc{}) CHECK(context.find("r/the_key") != std::string::npos);
    return code;
}

using pairs = std::vector<std::pair<std::string, std::string>>;

// Each replacement makes the value one that no decoder accepts.
template <class Record>
void refuses(const std::string& good, const pairs& replacements) {
    CHECK(refusal_of<Record>(good) == errc{});
    for (const auto& [from, to] : replacements) {
        INFO(from << " -> " << to);
        auto value = good;
        REQUIRE(value.find(from) != std::string::npos);
        value.replace(value.find(from), from.size(), to);
        CHECK(refusal_of<Record>(value) == errc::corrupt);
    }
    auto newer = good;
    newer.replace(newer.find(R"("min_reader":1)"), 14, R"("min_reader":2)");
    CHECK(refusal_of<Record>(newer) == errc::unsupported_format);
}

model::pin_record example_pin() {
    model::pin_record it;
    it.owner = "backup \"1\"";
    it.token = "host-1.7";
    it.segments = {{model::collection_id(1), model::segment_id(8)},
                   {model::collection_id(2), model::segment_id(3)}};
    it.since_ms = 5;
    return it;
}

const std::string pin_value =
    R"({"v":1,"min_reader":1,"owner":"backup \"1\"","token":"host-1.7","segments":[)"
    R"({"collection":1,"segment":8},{"collection":2,"segment":3}],"prefix":"","since_ms":5})";

model::journal_entry example_entry() {
    model::journal_entry it;
    it.number = 7;
    it.sweep = model::gc_sweep::dropped;
    it.at_ms = -1;
    it.objects = {{std::string("a\0\\\xff/b c", 8), 10, "it was dropped"}};
    return it;
}

const std::string journal_value =
    R"({"v":1,"min_reader":1,"number":7,"sweep":"dropped","at_ms":-1,"objects":[)"
    R"({"name":"a\\x00\\x5c\\xff/b c","bytes":10,"why":"it was dropped"}]})";

}  // namespace

TEST_CASE("records of garbage collection are JSON that an operator can read") {
    CHECK(encode(example_pin()) == pin_value);
    CHECK(encode(model::pins_version{9}) == R"({"v":1,"min_reader":1,"version":9})");
    CHECK(encode(model::gc_cursor{"data/\n", 3, 4}) ==
          R"({"v":1,"min_reader":1,"after":"data/\\x0a","rounds":3,"finished_ms":4})");
    CHECK(encode(model::gc_pause{model::gc_state::paused, "why", 6}) ==
          R"({"v":1,"min_reader":1,"state":"paused","why":"why","since_ms":6})");
    CHECK(encode(example_entry()) == journal_value);
}

TEST_CASE("a pin that cannot be is neither written nor read") {
    const auto bent = [](const std::function<void(model::pin_record&)>& bend) {
        auto it = example_pin();
        bend(it);
        return refusal(it);
    };
    using record = model::pin_record;
    CHECK(bent([](record&) {}) == errc{});
    CHECK(bent([](record& it) { it.owner.clear(); }) == errc::invalid_argument);
    CHECK(bent([](record& it) { it.owner.assign(200, 'x'); }) == errc{});
    CHECK(bent([](record& it) { it.owner.assign(201, 'x'); }) == errc::invalid_argument);
    CHECK(bent([](record& it) { it.owner = "\xff"; }) == errc::invalid_argument);
    CHECK(bent([](record& it) { it.token = "a/b"; }) == errc::invalid_argument);
    CHECK(bent([](record& it) { it.segments.clear(); }) == errc::invalid_argument);
    CHECK(bent([](record& it) { it.prefix = "data/"; }) == errc::invalid_argument);
    CHECK(bent([](record& it) { std::swap(it.segments[0], it.segments[1]); }) ==
          errc::invalid_argument);
    CHECK(bent([](record& it) { it.segments[1] = it.segments[0]; }) == errc::invalid_argument);
    CHECK(bent([](record& it) { it.segments[0].segment.value = 0; }) == errc::invalid_argument);
    const auto many = [](std::size_t count) {
        return [count](record& it) {
            it.segments.clear();
            for (std::size_t at = 1; at <= count; ++at) {
                it.segments.push_back({model::collection_id(0), model::segment_id(at)});
            }
        };
    };
    CHECK(bent(many(model::pin_segments_max)) == errc{});
    CHECK(bent(many(model::pin_segments_max + 1)) == errc::invalid_argument);
    const auto prefix = [](std::string text) {
        return [text](record& it) {
            it.segments.clear();
            it.prefix = text;
        };
    };
    CHECK(bent(prefix("data/1/")) == errc{});
    CHECK(bent(prefix("data /")) == errc::invalid_argument);
    CHECK(bent(prefix(std::string(model::object_name_bytes_max, 'x'))) == errc{});
    CHECK(bent(prefix(std::string(model::object_name_bytes_max + 1, 'x'))) ==
          errc::invalid_argument);

    refuses<record>(pin_value,
                    {{"\"token\":\"host-1.7\",", ""},
                     {"host-1.7", "host/1"},
                     {"\"collection\":1,", ""},
                     {"\"segment\":8", "\"segment\":0"},
                     {"\"segment\":8", "\"segment\":8,\"segment\":8"},
                     {"\"collection\":1", "\"collection\":2"},
                     {"\"prefix\":\"\"", "\"prefix\":\"a\""},
                     {R"({"collection":1,"segment":8},{"collection":2,"segment":3})", ""},
                     {R"({"collection":1,"segment":8})", "7"},
                     {"\"since_ms\":5", "\"since_ms\":\"5\""}});
}

TEST_CASE("a cursor, a pause and a journal entry that cannot be are neither written nor read") {
    CHECK(refusal(model::gc_cursor{std::string(model::object_name_bytes_max, '\xff'), 0, 0}) ==
          errc{});
    CHECK(refusal(model::gc_cursor{std::string(model::object_name_bytes_max + 1, 'x'), 0, 0}) ==
          errc::invalid_argument);
    const std::string cursor =
        R"({"v":1,"min_reader":1,"after":"d\\x0a","rounds":3,"finished_ms":4})";
    refuses<model::gc_cursor>(cursor, {{R"(d\\x0a)", R"(d\\x0)"},
                                       {R"(d\\x0a)", R"(d\\x0A)"},
                                       {R"(d\\x0a)", R"(d\\)"},
                                       {R"(d\\x0a)", R"(d\\y0a)"},
                                       {R"(d\\x0a)", R"(d\\x41)"},
                                       {R"(d\\x0a)", R"(d\n)"},
                                       {R"(d\\x0a)", std::string(4 * 4096 + 1, 'x')},
                                       {R"(d\\x0a)", std::string(4097, 'x')},
                                       {"\"rounds\":3", "\"rounds\":-3"}});

    auto pause = model::gc_pause{model::gc_state::paused, std::string(1000, 'x'), 0};
    CHECK(refusal(pause) == errc{});
    pause.why += 'x';
    CHECK(refusal(pause) == errc::invalid_argument);
    CHECK(refusal(model::gc_pause{static_cast<model::gc_state>(2), "", 0}) ==
          errc::invalid_argument);
    CHECK(refusal(model::gc_pause{model::gc_state::paused, "\xff", 0}) == errc::invalid_argument);
    refuses<model::gc_pause>(R"({"v":1,"min_reader":1,"state":"paused","why":"w","since_ms":6})",
                             {{"paused", "Paused"}, {"\"why\":\"w\",", ""}});

    using entry = model::journal_entry;
    const auto bent = [](const std::function<void(entry&)>& bend) {
        auto it = example_entry();
        bend(it);
        return refusal(it);
    };
    CHECK(bent([](entry& it) { it.number = 0; }) == errc::invalid_argument);
    CHECK(bent([](entry& it) { it.objects.clear(); }) == errc::invalid_argument);
    CHECK(bent([](entry& it) { it.objects.resize(100, it.objects[0]); }) == errc{});
    CHECK(bent([](entry& it) { it.objects.resize(101, it.objects[0]); }) == errc::invalid_argument);
    CHECK(bent([](entry& it) { it.objects[0].name.clear(); }) == errc::invalid_argument);
    CHECK(bent([](entry& it) { it.objects[0].why = "\n"; }) == errc::invalid_argument);
    CHECK(bent([](entry& it) { it.sweep = static_cast<model::gc_sweep>(2); }) ==
          errc::invalid_argument);
    refuses<entry>(journal_value, {{"\"number\":7", "\"number\":0"},
                                   {"\"sweep\":\"dropped\"", "\"sweep\":\"drop\""},
                                   {"\"bytes\":10,", ""},
                                   {"it was dropped", ""},
                                   {"it was dropped", "it was \\n"},
                                   {R"({"name")", R"(5,{"name")"}});
}
