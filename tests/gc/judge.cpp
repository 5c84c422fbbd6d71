#include "reeve/gc/judge.hpp"

#include "catch.hpp"
#include "reeve/core/random.hpp"
#include "reeve/gc/live_files.hpp"

#include <fmt/format.h>

#include <map>
#include <set>
#include <string>
#include <vector>

using namespace reeve;
using gc::standing;
using gc::verdict;
using namespace std::chrono_literals;

namespace {

const core::wall_time noon{std::chrono::hours(500'000)};

// Facts as a test wants them; says in which order it was asked.
struct told final : gc::view {
    std::map<model::epoch, gc::epoch_facts> epochs;
    std::set<model::file_id> files;
    std::set<model::segment_id> pins;
    mutable std::string asked;

    gc::epoch_facts of(model::epoch epoch) const override {
        asked += 'e';
        const auto found = epochs.find(epoch);
        return found == epochs.end() ? gc::epoch_facts{standing::ended, 0} : found->second;
    }
    bool referenced(const model::file_id& file) const override {
        asked += 'r';
        return files.contains(file);
    }
    bool pinned(const catalog::file_address& file) const override {
        return pins.contains(file.segment);
    }
};

storage::object_meta object(std::string key, std::chrono::milliseconds old = 48h) {
    storage::object_meta made;
    made.key = std::move(key);
    made.last_modified = noon - old;
    return made;
}

gc::age_rule at_noon() {
    gc::age_rule age;
    age.now = noon;
    return age;
}

const auto names = catalog::standard_path_layout("data");

verdict of(const storage::object_meta& one, const told& known) {
    return gc::judge(one, *names, known, at_noon()).is;
}

}  // namespace

TEST_CASE("judge: the epoch is asked for before the references") {
    told known;
    CHECK(of(object("data/1/2/3/insert/4/5-6"), known) == verdict::garbage);
    CHECK(known.asked == "er");
}

TEST_CASE("judge: what a record names stays, whatever else is said of it") {
    told known;
    known.files.insert({model::epoch(5), 6});
    for (const auto is : {standing::living, standing::ended, standing::beyond}) {
        known.epochs[model::epoch(5)] = {is, 100};
        CHECK(of(object("data/1/2/3/insert/4/5-6", -48h), known) == verdict::referenced);
    }
    CHECK(of(object("data/1/2/3/insert/4/5-7", 48h), known) == verdict::suspicious);
}

TEST_CASE("judge: a living epoch may commit what is not settled") {
    told known;
    known.epochs[model::epoch(5)] = {standing::living, 7};
    CHECK(of(object("data/1/2/3/insert/4/5-6"), known) == verdict::garbage);
    CHECK(of(object("data/1/2/3/insert/4/5-7"), known) == verdict::in_use);
    CHECK(of(object("data/1/2/3/insert/4/5-8"), known) == verdict::in_use);
    known.epochs[model::epoch(5)] = {standing::ended, 7};
    CHECK(of(object("data/1/2/3/insert/4/5-8"), known) == verdict::garbage);
}

TEST_CASE("judge: an epoch that was never given out stops the sweep") {
    told known;
    known.epochs[model::epoch(5)] = {standing::beyond, 0};
    CHECK(of(object("data/1/2/3/insert/4/5-6"), known) == verdict::suspicious);
}

TEST_CASE("judge: names that the layout would never write are left alone") {
    const told known;
    for (const char* key : {"", "data/", "other/1/2/3/insert/4/5-6", "data/1/2/3/insert/4/5-06",
                            "data/1/2/3/insert/4/5-6/x", "data/1/2/3/rows/4/5-6",
                            "data/1/2/0/insert/4/5-6", "data/1/2/3/insert/4/0-6",
                            "data/1/2/3/insert/4/5-99999999999999999999"}) {
        INFO(key);
        CHECK(of(object(key), known) == verdict::unreadable);
    }
    CHECK(known.asked.empty());
}

TEST_CASE("judge: pins hold what would be garbage") {
    told known;
    known.pins.insert(model::segment_id(3));
    CHECK(of(object("data/1/2/3/insert/4/5-6"), known) == verdict::pinned);
    CHECK(of(object("data/1/2/4/insert/4/5-6"), known) == verdict::garbage);
}

TEST_CASE("judge: garbage waits for the retention, by the store's clock") {
    const told known;
    const std::string key = "data/1/2/3/insert/4/5-6";
    CHECK(of(object(key, 24h), known) == verdict::garbage);
    CHECK(of(object(key, 24h - 1ms), known) == verdict::young);
    CHECK(of(object(key, 0ms), known) == verdict::young);
    CHECK(of(object(key, -1ms), known) == verdict::suspicious);
    auto unknown = object(key);
    for (const auto& when : {core::wall_time(), core::wall_time(-1ms), core::wall_time::min()}) {
        unknown.last_modified = when;
        CHECK(of(unknown, known) == verdict::suspicious);
    }
    auto for_ever = at_noon();
    for_ever.retention = std::chrono::milliseconds::max();
    CHECK(gc::judge(object(key), *names, known, for_ever).is == verdict::young);
}

TEST_CASE("judge: a page is judged as its objects one by one") {
    core::random random(4);
    told known;
    for (std::uint64_t epoch = 1; epoch < 6; ++epoch) {
        known.epochs[model::epoch(epoch)] = {epoch < 3 ? standing::living : standing::ended,
                                             random.below(20)};
        for (std::uint64_t number = 0; number < 20; number += 1 + random.below(3)) {
            known.files.insert({model::epoch(epoch), number});
        }
    }
    for (const std::size_t size : {0U, 1U, 14U, 15U, 16U, 17U, 300U}) {
        std::vector<storage::object_meta> page;
        for (std::size_t at = 0; at < size; ++at) {
            const char* root = random.chance(1, 10) ? "else" : "data";
            page.push_back(object(fmt::format("{}/1/1/{}/delta/0/{}-{}", root, random.below(4),
                                              random.below(7), random.below(20)),
                                  std::chrono::hours(random.below(50))));
        }
        std::vector<gc::judgement> all(3);
        gc::judge_page(page, *names, known, at_noon(), all);
        REQUIRE(all.size() == size);
        for (std::size_t at = 0; at < size; ++at) {
            const auto one = gc::judge(page[at], *names, known, at_noon());
            CHECK(all[at].is == one.is);
            CHECK(all[at].why == one.why);
        }
    }
}

TEST_CASE("judge: every verdict has a name") {
    std::set<std::string_view> all;
    for (int at = 0; at <= static_cast<int>(verdict::suspicious); ++at) {
        all.insert(gc::name(static_cast<verdict>(at)));
    }
    CHECK(all.size() == 7);
    CHECK_FALSE(all.contains("unknown"));
}
