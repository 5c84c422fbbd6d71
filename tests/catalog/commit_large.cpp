#include "reeve/catalog/commit_large.hpp"

#include "catalog/batch_fixture.hpp"

#include <string>
#include <vector>

using namespace reeve;
using catalog::mark;
using catalog::unmark;
using support::fault;
using fixture = support::batch_fixture;
using learned = fixture::learned;

TEST_CASE("a mark can be put on any value, and taken off") {
    for (const std::string& value :
         {std::string(), std::string("{}"), std::string("\0\xff", 2), mark(7, "x")}) {
        for (const std::uint64_t id : {std::uint64_t{1}, ~std::uint64_t{0}}) {
            const auto marked = mark(id, value);
            CHECK(unmark(marked).batch == id);
            CHECK(unmark(marked).value == value);
        }
    }
    for (const std::string plain : {"", "{}", "reeve-batch:", "reeve-batch:1", "reeve-batch::",
                                    "reeve-batch:0:", "reeve-batch:01:", "reeve-batch:-1:",
                                    "reeve-batch:1x:", "reeve-batch:18446744073709551616:"}) {
        CHECK(unmark(plain).batch == 0);
        CHECK(unmark(plain).value == plain);
    }
}

TEST_CASE("a part is visible if it has no mark, or the mark of a committed batch") {
    using catalog::batch_state;
    const std::vector<catalog::batch_slot> slots{{},
                                                 {4, batch_state::open, "a", "b"},
                                                 {5, batch_state::committed, "a", "b"},
                                                 {6, batch_state::aborted, "a", "b"}};
    CHECK(catalog::part_visible(0, slots));
    CHECK(catalog::part_visible(5, slots));
    for (const std::uint64_t id : {3U, 4U, 6U}) CHECK_FALSE(catalog::part_visible(id, slots));
    CHECK_FALSE(catalog::part_visible(5, {}));
}

TEST_CASE_METHOD(fixture, "what fits one transaction is one transaction") {
    auto small = change();
    small.parts.resize(4);
    CHECK(attempt(small) == learned::committed);
    CHECK(faulty->commits == 1);
    CHECK(visible() == 4);
    CHECK(read(record)->value == "after 1");
    CHECK_FALSE(read(keys.batch(0)));

    SECTION("and its conditions are told apart") {
        auto again = change("2");
        again.parts.resize(3);
        again.last.if_absent(keys.host("nothing"));
        write(record, "moved");
        const auto result = run(commit(again));
        CHECK_FALSE(result);
        CHECK(result.failed == std::vector<std::size_t>{0});
        CHECK(result.taken == std::vector{part_key(0), part_key(1), part_key(2)});
    }
}

TEST_CASE_METHOD(fixture, "a large change takes effect as a whole and leaves nothing behind") {
    const auto result = run(commit(change()));
    CHECK(result);
    CHECK(check_whole());
    CHECK(read(record)->modified == result.at);
    check_tidy();
    CHECK(sent_parts().size() == 3);

    SECTION("and the next one, in the same slot, too") {
        auto next = change("2");
        for (auto& one : next.parts) one.key += "b";
        CHECK(attempt(next) == learned::committed);
        CHECK(visible() == 2 * parts);
        check_tidy();
    }
}

TEST_CASE_METHOD(fixture, "before and after every commit a reader sees all of it or nothing") {
    int looked = 0;
    faulty->before_commit = [&](std::size_t) -> awaitable<void> {
        const auto range = keys.hosts("files/");
        const auto page = co_await catalog::list_visible(*fresh, keys, range, 1000);
        const auto found = co_await fresh->get(record);
        CHECK(page.records.size() == (found->value == "before" ? 0 : parts));
        ++looked;
    };
    CHECK(attempt(change()) == learned::committed);
    CHECK(looked >= 8);
}

TEST_CASE_METHOD(fixture, "a condition that does not hold: nothing happened, and it says which") {
    auto large = change();
    large.last.if_absent(keys.host("nothing"));
    write(record, "before");
    const auto result = run(commit(std::move(large)));
    CHECK_FALSE(result);
    CHECK(result.failed == std::vector<std::size_t>{0});
    CHECK_FALSE(check_whole());
    check_tidy();
}

TEST_CASE_METHOD(fixture, "a part whose key is taken: nothing happened, and what is there stays") {
    write(part_key(7), "mine");
    const auto result = run(commit(change()));
    CHECK_FALSE(result);
    CHECK(result.taken == std::vector{part_key(7)});
    CHECK(read(part_key(7))->value == "mine");
    CHECK(visible() == 1);
    check_tidy();
}

TEST_CASE_METHOD(fixture, "what can never be carried out is refused before anything is sent") {
    const auto code = [&](catalog::large_change bad) {
        const auto failed = failure_of(commit(std::move(bad)));
        CHECK(faulty->commits == 0);
        return failed;
    };
    auto bad = change();
    SECTION("a key twice") { bad.parts.push_back(bad.parts.front()); }
    SECTION("a key that `last` writes") { bad.parts.push_back({record, "x"}); }
    SECTION("a key of no part") { bad.parts.push_back({keys.ids(), "x"}); }
    SECTION("a key outside the layout") { bad.parts.push_back({"elsewhere", "x"}); }
    SECTION("a value that looks marked") { bad.parts[0].value = mark(1, "x"); }
    SECTION("a value of `last` that looks marked") {
        bad.last.put(keys.host("other"), mark(1, "x"));
    }
    SECTION("a slot") { bad.last.put(keys.batch(1), "x"); }
    CHECK(code(bad) == errc::invalid_argument);

    auto large = change();
    for (int at = 0; at < 6; ++at) large.last.if_absent(keys.host(std::to_string(at)));
    CHECK(code(large) == errc::too_large);
    large = change();
    large.parts[3].value = std::string(fresh->limits().value_bytes_max, 'x');
    CHECK(code(large) == errc::too_large);
}

TEST_CASE_METHOD(fixture, "as many at once as there are slots, and no more") {
    catalog::large_transactions batches(*faulty, keys, guard, *ids);
    faulty->before_commit = [this](std::size_t) -> awaitable<void> {
        co_await strand.sleep_for(std::chrono::milliseconds(1));
    };
    std::size_t running = 0;
    std::size_t committed = 0;
    std::size_t refused = 0;
    for (std::uint32_t call = 0; call < catalog::batch_slots + 2; ++call) {
        catalog::large_change one;
        for (std::size_t at = 0; at < parts; ++at) {
            one.parts.push_back({part_key(at) + "/" + std::to_string(call), "content"});
        }
        ++running;
        boost::asio::co_spawn(strand.executor(), batches.commit_large(std::move(one)),
                              [&](std::exception_ptr failure, catalog::large_result result) {
                                  ++(failure ? refused : committed);
                                  CHECK((failure || result));
                                  --running;
                              });
    }
    turn_until([&] { return running == 0; });
    CHECK(committed == catalog::batch_slots);
    CHECK(refused == 2);
    CHECK(visible() == parts * catalog::batch_slots);
    check_tidy();
}

namespace {

// How many commits the change takes when nothing fails.
std::size_t undisturbed(fixture& at) {
    at.begin();
    REQUIRE(at.attempt(at.change()) == learned::committed);
    return at.faulty->commits;
}

// What the caller learned is what happened, and stays so whatever lands later.
void check_learned(fixture& at, learned told) {
    const bool happened = at.check_whole();
    if (told == learned::committed) CHECK(happened);
    if (told == learned::not_applied || told == learned::rejected) CHECK_FALSE(happened);
    at.run(at.faulty->land());
    CHECK(at.check_whole() == happened);
}

}  // namespace

TEST_CASE_METHOD(fixture, "a failure of any one commit: whole or nothing, as the caller is told") {
    const auto commits = undisturbed(*this);
    REQUIRE(commits >= 9);
    for (std::size_t number = 0; number < commits; ++number) {
        for (const auto what : {fault::away, fault::no_reply, fault::lost, fault::ghost}) {
            INFO("commit " << number << " fault " << static_cast<int>(what));
            begin();
            faulty->faults[number] = what;
            const auto told = attempt(change());
            check_learned(*this, told);
            recover();
            check_tidy();
            check_learned(*this, told);
            CHECK(recover().aborted == 0);
        }
    }
}

TEST_CASE_METHOD(fixture, "a failure of any two commits, the first landing at any later moment") {
    const auto commits = undisturbed(*this) + 4;
    for (std::size_t first = 0; first < commits; ++first) {
        for (std::size_t second = first + 1; second < commits; ++second) {
            for (const auto what : {fault::away, fault::lost, fault::ghost, fault::no_reply}) {
                INFO("commits " << first << " " << second << " fault " << static_cast<int>(what));
                begin();
                faulty->faults[first] = fault::ghost;
                faulty->faults[second] = what;
                faulty->before_commit = [&](std::size_t number) -> awaitable<void> {
                    if (number == second) co_await faulty->land();
                };
                const auto told = attempt(change());
                check_learned(*this, told);
                recover();
                check_tidy();
                check_learned(*this, told);
            }
        }
    }
}

TEST_CASE_METHOD(fixture, "a crash at every commit: the next leader finishes or removes it") {
    const auto commits = undisturbed(*this);
    bool forward = false;
    bool back = false;
    for (std::size_t number = 0; number < commits; ++number) {
        for (const auto what : {fault::crash_before, fault::crash_after}) {
            INFO("commit " << number << " fault " << static_cast<int>(what));
            begin();
            faulty->faults[number] = what;
            CHECK(attempt(change()) == learned::crashed);
            const bool happened = check_whole();
            const auto repairs = recover();
            forward = forward || repairs.completed == 1;
            back = back || repairs.aborted == 1;
            CHECK(check_whole() == happened);
            check_tidy();
            const auto revision = database->revision();
            const auto again = run(catalog::recover_batches(*fresh, keys, guard));
            CHECK(again.completed + again.aborted == 0);
            CHECK(database->revision() == revision);
        }
    }
    CHECK(forward);
    CHECK(back);
}

TEST_CASE_METHOD(fixture, "a crash in the recovery of a crash, at every pair of commits") {
    const auto commits = undisturbed(*this);
    for (std::size_t number = 0; number < commits; ++number) {
        for (std::size_t second = 0; second < 8; ++second) {
            INFO("commits " << number << " and " << second);
            begin();
            faulty->faults[number] = fault::crash_after;
            CHECK(attempt(change()) == learned::crashed);
            const bool happened = check_whole();
            support::faulty_store repairing(*fresh);
            repairing.faults[second] = second % 2 == 0 ? fault::crash_after : fault::crash_before;
            guard = take_lead();
            try {
                run(catalog::recover_batches(repairing, keys, guard));
            } catch (const support::crashed&) {
                CHECK(check_whole() == happened);
            }
            recover();
            CHECK(check_whole() == happened);
            check_tidy();
        }
    }
}
