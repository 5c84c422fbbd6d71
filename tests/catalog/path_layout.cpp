#include "reeve/catalog/path_layout.hpp"

#include "catch.hpp"
#include "reeve/core/error.hpp"
#include "reeve/core/random.hpp"

#include <string>

using namespace reeve;
using catalog::file_address;
using catalog::standard_path_layout;

namespace {

file_address address(core::random& random) {
    const auto number = [&] { return random.next() >> random.below(64); };
    file_address it;
    it.collection = model::collection_id(number());
    it.partition = model::partition_id(number());
    it.segment = model::segment_id(number() | 1);
    it.kind = static_cast<model::binlog_kind>(random.below(3));
    it.field = model::field_id(number());
    it.file = {model::epoch(number() | 1), number()};
    return it;
}

template <class Call>
errc refusal(Call call) {
    try {
        call();
    } catch (const error& failure) {
        return failure.code_value();
    }
    return errc{};
}

}  // namespace

TEST_CASE("a file's name says all that it is, and is taken apart into the same") {
    const auto layout = standard_path_layout("data/one");
    file_address it;
    it.collection = model::collection_id(1);
    it.segment = model::segment_id(3);
    it.kind = model::binlog_kind::stats;
    it.field = model::field_id(4);
    it.file = {model::epoch(5), 6};
    CHECK(layout->format(it) == "data/one/1/0/3/stats/4/5-6");
    core::random random(3);
    for (int round = 0; round < 5000; ++round) {
        it = address(random);
        const auto name = layout->format(it);
        CHECK(name.starts_with(layout->root()));
        CHECK(layout->parse(name) == it);
        // No record accepts it as the name of an imported file: it would be judged by its epoch.
        CHECK_FALSE(model::valid_file_name(name));
        CHECK(model::valid_file_name(name + ".bin"));
    }
}

TEST_CASE("a name that is not exactly a file's says nothing") {
    const auto layout = standard_path_layout("d");
    REQUIRE(layout->parse("d/1/2/3/insert/4/5-6").has_value());
    for (const std::string name : {"",
                                   "d",
                                   "d/",
                                   "e/1/2/3/insert/4/5-6",
                                   "d/1/2/3/insert/4",
                                   "d/1/2/3/insert/4/",
                                   "d/1/2/3/insert/4/5",
                                   "d/1/2/3/insert/4/5-",
                                   "d/1/2/3/insert/4/-6",
                                   "d/1/2/3/insert/4/5-6/",
                                   "d/1/2/3/insert/4/5-6-7",
                                   "d/1/2/3/insert/4/5-6.tmp",
                                   "d/1/2/3/Insert/4/5-6",
                                   "d/1/2/3/index/4/5-6",
                                   "d/01/2/3/insert/4/5-6",
                                   "d/1/2/0/insert/4/5-6",
                                   "d/1/2/3/insert/4/0-6",
                                   "d/1/2/3/insert/4/05-6",
                                   "d/1/2/3/insert/4/5-06",
                                   "d/+1/2/3/insert/4/5-6",
                                   "d/ 1/2/3/insert/4/5-6",
                                   "d//1/2/3/insert/4/5-6",
                                   "d/1/2/3/insert/18446744073709551616/5-6",
                                   "d/1/2/3/insert/4/5-18446744073709551616",
                                   "x/d/1/2/3/insert/4/5-6",
                                   "d/1/../3/insert/4/5-6",
                                   "d/1/2/3/insert/4/5-6/../5-6"}) {
        INFO(name);
        CHECK_FALSE(layout->parse(name).has_value());
    }
}

TEST_CASE("mutated names: what is taken apart would be written so") {
    const auto layout = standard_path_layout("d");
    core::random random(4);
    int parsed = 0;
    for (int round = 0; round < 50000; ++round) {
        auto name = layout->format(address(random));
        for (auto left = random.between(1, 3); left > 0; --left) {
            const auto at = random.below(name.size());
            if (random.chance(1, 2)) {
                name[at] = "0123456789-/"[random.below(12)];
            } else {
                name[at] = static_cast<char>(random.below(256));
            }
        }
        const auto it = layout->parse(name);
        if (!it) continue;
        ++parsed;
        INFO(name);
        CHECK(layout->format(*it) == name);
    }
    CHECK(parsed > 1000);
}

TEST_CASE("a data root stays where it is put") {
    CHECK(standard_path_layout("a/b/")->root() == "a/b/");
    for (const std::string bad : {"", "/", "/a", "a//b", ".", "..", "a/../b", "a b", "a\n"}) {
        INFO(bad);
        CHECK(refusal([&] { (void)standard_path_layout(bad); }) == errc::invalid_argument);
    }
    CHECK(refusal([] { (void)standard_path_layout(std::string(501, 'r')); }) ==
          errc::invalid_argument);
    CHECK(standard_path_layout(std::string(500, 'r'))->root().size() == 501);
    const auto layout = standard_path_layout("d");
    CHECK(refusal([&] { (void)layout->format(file_address()); }) == errc::invalid_argument);
}
