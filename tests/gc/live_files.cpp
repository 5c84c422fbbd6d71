#include "reeve/gc/live_files.hpp"

#include "catch.hpp"
#include "reeve/core/random.hpp"

#include <set>
#include <utility>

using reeve::gc::live_files;
using reeve::model::file_id;

namespace {

file_id file(std::uint64_t epoch, std::uint64_t number) {
    return file_id{reeve::model::epoch(epoch), number};
}

}  // namespace

TEST_CASE("live files: what was added is there until as many references are gone") {
    live_files files(1);
    CHECK_FALSE(files.contains(file(7, 1)));
    CHECK_FALSE(files.remove(file(7, 1)));
    files.add(file(7, 1));
    files.add(file(7, 1));  // as two names with equal fingerprints would
    files.add(file(1, 7));
    CHECK(files.size() == 3);
    CHECK(files.remove(file(7, 1)));
    CHECK(files.contains(file(7, 1)));
    CHECK(files.remove(file(7, 1)));
    CHECK_FALSE(files.contains(file(7, 1)));
    CHECK_FALSE(files.remove(file(7, 1)));
    CHECK(files.contains(file(1, 7)));
    CHECK(files.size() == 1);
}

TEST_CASE("live files: behaves as a set under random additions and removals") {
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
        INFO("seed " << seed);
        reeve::core::random random(seed);
        live_files files(random.next());
        std::set<std::pair<std::uint64_t, std::uint64_t>> model;
        const std::uint64_t numbers = random.between(1, 2000);
        for (int step = 0; step < 20'000; ++step) {
            const std::pair one(random.below(5), random.below(numbers));
            // Grows in the first half, shrinks in the second.
            if (random.chance(step < 10'000 ? 3 : 1, 4)) {
                if (model.insert(one).second) files.add(file(one.first, one.second));
            } else {
                const bool was = model.erase(one) != 0;
                REQUIRE(files.remove(file(one.first, one.second)) == was);
            }
            REQUIRE(files.size() == model.size());
        }
        for (std::uint64_t e = 0; e < 5; ++e) {
            for (std::uint64_t number = 0; number < numbers; ++number) {
                REQUIRE(files.contains(file(e, number)) == model.contains({e, number}));
            }
        }
    }
}

TEST_CASE("live files: nothing is lost while shards grow and shrink, at most 16 bytes each") {
    constexpr std::uint64_t many = 1'000'000;
    live_files files(3);
    for (std::uint64_t number = 0; number < many; ++number) {
        files.add(file(number % 97, number));
        if (number < 100'000 || number % 1000 != 0) continue;
        REQUIRE(files.memory() <= 16 * files.size());
    }
    bool all = true;
    for (std::uint64_t number = 0; number < many; ++number) {
        all = all && files.contains(file(number % 97, number));
    }
    CHECK(all);
    CHECK_FALSE(files.contains(file(98, 1)));
    for (std::uint64_t number = 0; number < many; ++number) {
        if (number % 20 != 0) all = all && files.remove(file(number % 97, number));
    }
    for (std::uint64_t number = 0; number < many; ++number) {
        all = all && files.contains(file(number % 97, number)) == (number % 20 == 0);
    }
    CHECK(all);
    CHECK(files.size() == many / 20);
    CHECK(files.memory() <= 48 * files.size());  // less than a shard's quarter is given back
}
