// One test for each counterexample that docs/protocols/models/large/run.sh finds when a rule is
// taken away: the interleaving is played against the code that has the rule.
#include "catalog/batch_fixture.hpp"
#include "reeve/catalog/commit_large.hpp"

#include <string>
#include <vector>

using namespace reeve;
using support::fault;
using fixture = support::batch_fixture;
using learned = fixture::learned;

namespace {

// An attempt that is rejected, and so cleaned up, by its last condition.
void fail_attempt(fixture& at) {
    auto large = at.change("1");
    large.last.if_absent(at.record);
    CHECK(at.attempt(std::move(large)) == learned::rejected);
    at.check_tidy();
}

}  // namespace

TEST_CASE_METHOD(fixture, "R_OPEN: a part of an old attempt does not land after the clean-up") {
    fail_attempt(*this);
    const auto parts_sent = sent_parts();
    REQUIRE(parts_sent.size() == 3);
    for (const auto& one : parts_sent) CHECK_FALSE(replay(one));
    CHECK_FALSE(replay(sent_move("committed")));
    check_tidy();
    CHECK_FALSE(check_whole());
}

TEST_CASE_METHOD(fixture, "R_SLOT: a late copy of open starts no batch that nobody finishes") {
    CHECK(attempt(change()) == learned::committed);
    CHECK_FALSE(replay(sent_move("open")));
    CHECK(slot() == catalog::batch_slot{});
}

TEST_CASE_METHOD(fixture, "R_UNIQ: a late part of the first attempt does not join the second") {
    fail_attempt(*this);
    const auto old_parts = sent_parts();
    const auto old_commit = sent_move("committed");
    int tried = 0;
    faulty->before_commit = [&](std::size_t) -> awaitable<void> {
        for (auto one : old_parts) {
            const auto result = co_await fresh->commit(std::move(one));
            CHECK_FALSE(result);
            ++tried;
        }
        auto copy = old_commit;
        const auto result = co_await fresh->commit(std::move(copy));
        CHECK_FALSE(result);
    };
    CHECK(attempt(change("2")) == learned::committed);
    CHECK(tried > 0);
    CHECK(check_whole());
    CHECK(read(record)->value == "after 2");
}

TEST_CASE_METHOD(fixture, "R_ABORT: a late commit does not land between two removals") {
    // The leader dies before its commit is applied; the commit lands at every moment of recovery.
    bool too_late = false;
    for (std::size_t moment = 0; moment < 6; ++moment) {
        INFO(moment);
        begin();
        faulty->veto = [this](const storage::transaction& sent) {
            if (!is_move_to(sent, "committed")) return false;
            throw support::crashed();
        };
        CHECK(attempt(change()) == learned::crashed);
        const auto late = sent_move("committed");
        support::faulty_store repairing(*fresh);
        repairing.before_commit = [&](std::size_t number) -> awaitable<void> {
            if (number != moment) co_return;
            auto copy = late;
            const auto result = co_await fresh->commit(std::move(copy));
            if (!result) too_late = true;
        };
        // The same term, so that only the slot can refuse it.
        run(catalog::recover_batches(repairing, keys, guard));
        check_whole();
        check_tidy();
    }
    CHECK(too_late);
}

TEST_CASE_METHOD(fixture, "R_DELCMP: a late removal does not hit a newer record under its key") {
    fail_attempt(*this);
    std::vector<storage::transaction> removals;
    for (const auto& one : faulty->sent) {
        if (!one.operations().empty() &&
            one.operations().front().what == storage::operation::kind::remove) {
            removals.push_back(one);
        }
    }
    REQUIRE_FALSE(removals.empty());
    CHECK(attempt(change("2")) == learned::committed);
    for (const auto& one : removals) CHECK_FALSE(replay(one));
    CHECK(check_whole());
}

TEST_CASE_METHOD(fixture, "R_FWDCMP: a late copy of a clearing brings no removed record back") {
    CHECK(attempt(change()) == learned::committed);
    std::vector<storage::transaction> clearings;
    for (const auto& one : faulty->sent) {
        const bool clears = !one.operations().empty() &&
                            one.operations().front().key == part_key(0) && !is_part(one);
        if (clears) clearings.push_back(one);
    }
    REQUIRE(clearings.size() == 1);
    storage::transaction collected;
    collected.remove(part_key(0));
    CHECK(replay(collected));
    CHECK_FALSE(replay(clearings.front()));
    CHECK_FALSE(read(part_key(0)));
}

TEST_CASE_METHOD(fixture, "R_ALLFWD: a committed batch keeps its slot while a part has its mark") {
    faulty->veto = [this](const storage::transaction& sent) {
        return !sent.operations().empty() && sent.operations().front().key == part_key(0) &&
               !is_part(sent);
    };
    CHECK(attempt(change()) == learned::committed);
    CHECK(slot().state == catalog::batch_state::committed);
    CHECK(check_whole());
    CHECK(recover().completed == 1);
    CHECK(check_whole());
    check_tidy();
}

TEST_CASE_METHOD(fixture, "R_ALLDEL: an aborted batch keeps its slot while a part is left") {
    faulty->veto = [](const storage::transaction& sent) {
        return !sent.operations().empty() &&
               sent.operations().front().what == storage::operation::kind::remove;
    };
    auto large = change();
    large.last.if_absent(record);
    CHECK(attempt(std::move(large)) == learned::rejected);
    CHECK(slot().state == catalog::batch_state::aborted);
    CHECK_FALSE(check_whole());

    SECTION("until a later call needs the slot") {
        faulty->veto = nullptr;
        CHECK(attempt(change("2")) == learned::committed);
        CHECK(check_whole());
    }
    SECTION("until recovery") { CHECK(recover().aborted == 1); }
    check_tidy();
}

TEST_CASE_METHOD(fixture, "R_UPDLAST: a part never overwrites a record that is there") {
    write(part_key(11), "was here before");
    bool touched = false;
    faulty->before_commit = [&](std::size_t) -> awaitable<void> {
        const auto found = co_await fresh->get(part_key(11));
        touched = touched || !found || found->value != "was here before";
    };
    CHECK(attempt(change()) == learned::rejected);
    CHECK_FALSE(touched);
    CHECK(read(part_key(11))->version == 1);
}

TEST_CASE_METHOD(fixture, "R_RECOG: a part of an open batch is no answer to a repeated request") {
    bool looked = false;
    faulty->before_commit = [&](std::size_t) -> awaitable<void> {
        if (!is_move_to(faulty->sent.back(), "committed")) co_return;
        const auto stored = co_await fresh->get(part_key(0));
        CHECK(stored);
        const auto range = storage::key_range::one(part_key(0));
        const auto page = co_await catalog::list_visible(*fresh, keys, range, 1);
        CHECK(page.records.empty());
        looked = true;
    };
    CHECK(attempt(change()) == learned::committed);
    CHECK(looked);
}

TEST_CASE_METHOD(fixture, "R_PARTACK: it is not committed before every part is known to be there") {
    SECTION("a part that is always lost") {
        for (std::size_t number = 2; number < 20; ++number) faulty->faults[number] = fault::lost;
        CHECK(attempt(change()) == learned::not_applied);
    }
    SECTION("a part that the store does not take") {
        faulty->faults[3] = fault::away;
        CHECK(attempt(change()) == learned::not_applied);
    }
    for (const auto& one : faulty->sent) CHECK_FALSE(is_move_to(one, "committed"));
    recover();
    CHECK_FALSE(check_whole());
    check_tidy();
}

TEST_CASE_METHOD(fixture, "R_VIEW: a reader between whose reads the batch commits sees all of it") {
    bool looked = false;
    faulty->before_commit = [&](std::size_t) -> awaitable<void> {
        if (looked || !is_move_to(faulty->sent.back(), "committed")) co_return;
        looked = true;
        auto commit = faulty->sent.back();
        support::faulty_store reading(*fresh);
        // The slots are read, then it commits, then the page is read.
        reading.before_list = [&](std::size_t number) -> awaitable<void> {
            if (number != 1) co_return;
            const auto result = co_await fresh->commit(std::move(commit));
            CHECK(result);
        };
        const auto range = keys.hosts("files/");
        const auto page = co_await catalog::list_visible(reading, keys, range, 1000);
        CHECK(page.records.size() == parts);
        CHECK(reading.lists == 5);
    };
    CHECK(attempt(change()) == learned::committed);
    CHECK(looked);
    CHECK(check_whole());
    check_tidy();
}

TEST_CASE_METHOD(fixture, "R_TERM: what a deposed leader sends does nothing, at every step") {
    for (std::size_t number = 0; number < 10; ++number) {
        INFO(number);
        begin();
        faulty->before_commit = [&](std::size_t now) -> awaitable<void> {
            if (now != number) co_return;
            storage::transaction gone;
            gone.remove(keys.leader());
            co_await fresh->commit(std::move(gone));
        };
        try {
            const auto result = run(commit(change()));
            CHECK(result);  // deposed while it cleaned up
            CHECK(check_whole());
        } catch (const error& failure) {
            CHECK(failure.code_value() == errc::fenced);
            CHECK_FALSE(check_whole());
        }
        const bool happened = check_whole();
        recover();
        CHECK(check_whole() == happened);
        check_tidy();
    }
}
