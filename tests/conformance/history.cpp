#include "reeve/testing/history.hpp"

#include "catch.hpp"
#include "reeve/core/random.hpp"

#include <chrono>
#include <string>
#include <utility>
#include <vector>

using namespace reeve::testing;

namespace {

using model = register_model;
using operation = history_operation<model>;
using value = model::state;

operation at(std::uint64_t invoked, std::uint64_t returned, model::argument asked,
             std::optional<model::result> answer, std::string key = "key") {
    operation made;
    made.key = std::move(key);
    made.client = "c" + std::to_string(invoked);
    made.invoked = invoked;
    made.returned = returned;
    made.argument = std::move(asked);
    made.result = std::move(answer);
    return made;
}

operation read(std::uint64_t invoked, std::uint64_t returned, value seen) {
    return at(invoked, returned, {}, model::result{std::move(seen), true});
}
operation write(std::uint64_t invoked, std::uint64_t returned, value written) {
    return at(invoked, returned, {model::kind::write, std::move(written), {}}, model::result{});
}
operation lost_write(std::uint64_t invoked, value written) {
    return at(invoked, 0, {model::kind::write, std::move(written), {}}, std::nullopt);
}
operation swap(std::uint64_t invoked, std::uint64_t returned, value from, value to, bool done) {
    return at(invoked, returned, {model::kind::compare_and_set, std::move(to), std::move(from)},
              model::result{{}, done});
}
operation lost_swap(std::uint64_t invoked, value from, value to) {
    return at(invoked, 0, {model::kind::compare_and_set, std::move(to), std::move(from)},
              std::nullopt);
}

bool linearizable(const std::vector<operation>& history) {
    return static_cast<bool>(check_history<model>(history));
}

// What `clients` of one register see, each operation taking effect at a random moment of its time.
std::vector<operation> honest_history(std::uint64_t seed, std::size_t operations,
                                      std::size_t keys) {
    reeve::core::random random(seed);
    std::vector<value> now(keys);
    std::vector<operation> history;
    std::uint64_t time = 100;
    for (std::size_t index = 0; index < operations; ++index) {
        const std::size_t which = random.below(keys);
        value& held = now[which];
        const std::string fresh = "v" + std::to_string(index);
        const auto kind = random.below(10);
        time += 10;
        // Effects happen at `time`; calls begin up to three effects earlier, end as much later.
        const std::uint64_t from = time - 1 - random.below(30);
        const std::uint64_t to = time + 1 + random.below(30);
        operation made = read(from, to, held);
        if (kind >= 8) {
            made = write(from, to, fresh);
            held = fresh;
        } else if (kind >= 5) {
            const value expected = random.chance(1, 2) ? held : value("wrong");
            const bool done = expected == held;
            const bool lost = random.chance(1, 8);
            made = lost ? lost_swap(from, expected, fresh) : swap(from, to, expected, fresh, done);
            if (done) held = fresh;
        }
        made.key = "key" + std::to_string(which);
        history.push_back(std::move(made));
    }
    return history;
}

}  // namespace

TEST_CASE("sequential histories are judged by the model") {
    CHECK(linearizable({}));
    CHECK(linearizable({read(1, 2, std::nullopt), write(3, 4, "a"), read(5, 6, "a")}));
    CHECK_FALSE(linearizable({write(1, 2, "a"), read(3, 4, "b")}));
    CHECK_FALSE(linearizable({write(1, 2, "a"), write(3, 4, "b"), read(5, 6, "a")}));
    CHECK(linearizable({swap(1, 2, std::nullopt, "a", true), swap(3, 4, "b", "c", false)}));
    CHECK_FALSE(linearizable({write(1, 2, "a"), swap(3, 4, "a", "b", false)}));
}

TEST_CASE("overlapping operations may take effect in either order") {
    CHECK(linearizable({write(1, 10, "a"), write(2, 9, "b"), read(11, 12, "a")}));
    CHECK(linearizable({write(1, 10, "a"), write(2, 9, "b"), read(11, 12, "b")}));
    CHECK(linearizable({write(1, 10, "a"), read(2, 3, std::nullopt), read(4, 5, "a")}));
    CHECK_FALSE(linearizable({write(1, 10, "a"), read(2, 3, "a"), read(4, 5, std::nullopt)}));
    // Two readers disagree about the order of two writes.
    CHECK_FALSE(linearizable(
        {write(1, 20, "a"), write(1, 20, "b"), read(2, 3, "a"), read(4, 5, "b"), read(6, 7, "a")}));
}

TEST_CASE("two successful swaps from one value cannot be explained") {
    CHECK(
        linearizable({write(1, 2, "a"), swap(3, 8, "a", "b", true), swap(3, 8, "a", "c", false)}));
    CHECK_FALSE(
        linearizable({write(1, 2, "a"), swap(3, 8, "a", "b", true), swap(3, 8, "a", "c", true)}));
}

TEST_CASE("an operation of unknown outcome may land late, or never, but only once") {
    CHECK(linearizable({write(1, 2, "a"), lost_write(3, "b"), read(4, 5, "a"), read(6, 7, "b")}));
    CHECK(linearizable({write(1, 2, "a"), lost_write(3, "b"), read(4, 5, "a"), read(6, 7, "a")}));
    CHECK_FALSE(linearizable({write(1, 2, "a"), read(2, 3, "b"), lost_write(4, "b")}));
    CHECK_FALSE(linearizable({write(1, 2, "a"), lost_write(3, "b"), read(4, 5, "b"),
                              write(6, 7, "c"), read(8, 9, "b")}));
    // Long after its caller gave up, between two other writes.
    CHECK(linearizable({write(1, 2, "a"), lost_write(3, "b"), write(4, 5, "c"), read(6, 7, "c"),
                        read(100, 101, "b")}));
    CHECK_FALSE(linearizable({write(1, 2, "a"), lost_swap(3, "a", "b"), write(4, 5, "c"),
                              read(6, 7, "c"), read(8, 9, "b")}));
    CHECK(linearizable(
        {write(1, 2, "a"), lost_swap(3, "a", "b"), read(4, 5, "a"), swap(6, 7, "b", "d", true)}));
}

TEST_CASE("keys are independent, and the counterexample names key and operations") {
    std::vector<operation> history{write(1, 2, "a"), read(3, 4, "a")};
    history.push_back(write(5, 6, "x"));
    history.back().key = "other";
    CHECK(linearizable(history));
    history.push_back(read(7, 8, "never written"));
    history.back().key = "other";
    const auto report = check_history<model>(history);
    CHECK(report.what == history_verdict::violated);
    CHECK(report.key == "other");
    CHECK_THAT(report.counterexample, Catch::Contains("read -> \"never written\""));
    CHECK_THAT(report.counterexample, Catch::Contains("[7 .. 8]"));
    CHECK_THAT(report.counterexample, Catch::Contains("write \"x\""));
}

TEST_CASE("giving up is told apart from a check_verdict") {
    history_options options;
    options.steps_max = 3;
    const auto report = check_history<model>(honest_history(1, 100, 1), {}, options);
    CHECK(report.what == history_verdict::undecided);
    CHECK_FALSE(report.counterexample.empty());
}

TEST_CASE("honest random histories pass, and one wrong read in them is found") {
    for (std::uint64_t seed = 1; seed <= 60; ++seed) {
        INFO("seed " << seed);
        auto history = honest_history(seed, 200, 3);
        const auto honest = check_history<model>(history);
        INFO(honest.counterexample);
        CHECK(honest.what == history_verdict::linearizable);
        for (auto each = history.rbegin(); each != history.rend(); ++each) {
            if (each->argument.what != model::kind::read) continue;
            each->result->value = "never written";
            break;
        }
        CHECK(check_history<model>(history).what == history_verdict::violated);
    }
}

TEST_CASE("a history of 10,000 operations is decided quickly") {
    const auto begin = std::chrono::steady_clock::now();
    CHECK(linearizable(honest_history(7, 10'000, 50)));
    CHECK(linearizable(honest_history(8, 10'000, 1)));
    const auto took = std::chrono::steady_clock::now() - begin;
    // Generous: it takes well below a second; an exponential search would not end at all.
    CHECK(took < std::chrono::seconds(60));
}
