// What a store that fails, a leader that is deposed, and a request that lands late may do.
#include "procedure/fixture.hpp"

#include "reeve/core/guards.hpp"

#include <map>
#include <set>

using namespace reeve;
using namespace reeve::support;
using fixture = procedure_fixture;

namespace {

// Step 1 waits for n1/5, which acknowledges until it hears that it is recorded.
struct whole : fixture {
    whole() { wait_for({process_of("n1", 5)}); }

    // A start is repeated until it is known; so is an acknowledgement.
    model::procedure_id start_patiently(const std::string& key) {
        for (;;) {
            try {
                return start(key);
            } catch (const error& failure) {
                CHECK((failure.kind() == error_class::not_applied ||
                       failure.kind() == error_class::unknown_outcome));
            }
        }
    }
    void finish_patiently(model::procedure_id id) {
        turn_until([&] {
            const auto seen = engine->find(id);
            if (seen && model::has_ended(seen->record.state)) return true;
            if (!seen || seen->missing.empty()) return false;
            try {
                tell(from(id, 1, "n1", 5));
            } catch (const error& failure) {
                CHECK((failure.kind() == error_class::not_applied ||
                       failure.kind() == error_class::unknown_outcome));
            }
            return false;
        });
    }
    // All that is there: one finished procedure, without participants.
    void check_finished(model::procedure_id id) {
        turn_until([&] { return records() == 1; });
        CHECK(recorded(id)->state == procedure_state::finished);
        CHECK(recorded(id)->step == 2);
    }
};

}  // namespace

TEST_CASE_METHOD(whole,
                 "a failure of any one commit: it finishes once, and nothing late changes it") {
    go();
    finish_patiently(start_patiently("a"));
    turn_until([&] { return records() == 1; });
    const auto commits = faulty->commits;
    REQUIRE(commits == 7);  // ids, start, two steps and an acknowledgement, finish, tidy
    for (std::size_t number = 0; number < commits; ++number) {
        for (const auto what : {fault::away, fault::no_reply, fault::lost, fault::ghost}) {
            INFO("commit " << number << " fault " << static_cast<int>(what));
            for (const auto& one : database->dump()) {
                if (keys.procedures().contains(one.key)) remove(one.key);
            }
            begin();
            faulty->faults[number] = what;
            go();
            const auto id = start_patiently("a");
            finish_patiently(id);
            check_finished(id);
            run(faulty->land());
            settle();
            check_finished(id);
            restart();
            CHECK(loaded.procedures == 1);
            CHECK(loaded.open == 0);
            CHECK(start("a") == id);
            CHECK(faulty->commits == 0);
        }
    }
}

TEST_CASE_METHOD(whole, "a leader that stops at any commit: the next one goes on where it was") {
    for (std::size_t number = 1; number < 7; ++number) {
        for (const auto what : {fault::crash_before, fault::crash_after}) {
            INFO("commit " << number << " fault " << static_cast<int>(what));
            for (const auto& one : database->dump()) {
                if (keys.procedures().contains(one.key)) remove(one.key);
            }
            begin();
            // Everything after that moment is lost with it.
            bool dead = false;
            faulty->veto = [&](const storage::transaction&) {
                if (faulty->commits - 1 == number && what == fault::crash_before) dead = true;
                if (faulty->commits - 1 > number) dead = true;
                return dead;
            };
            go();
            model::procedure_id id;
            try {
                id = start("a");
                turn_until([&] { return dead || look(id).missing.size() == 1; });
                if (!dead) tell(from(id, 1, "n1", 5));
                turn_until([&] { return dead || records() == 1; });
            } catch (const error& failure) {
                CHECK(failure.kind() == error_class::not_applied);
            }
            const auto before = id ? recorded(id) : std::nullopt;
            restart();
            const auto again = start("a");
            if (before) CHECK(again == id);
            finish_patiently(again);
            check_finished(again);
        }
    }
}

TEST_CASE_METHOD(whole, "a start of unknown outcome is seen through, whoever repeats it") {
    go();
    faulty->faults[1] = fault::lost;
    CHECK(failure_of(engine->start(request("a"))) == errc::outcome_unknown);
    // Nobody asks again, and it begins all the same: once.
    turn_until([&] { return records() == 1; });
    const auto id = engine->find("work", "a")->id;
    CHECK(start("a") == id);
    finish_patiently(id);
}

TEST_CASE_METHOD(whole, "a start that was certainly not made leaves nothing behind") {
    go();
    faulty->faults[1] = fault::away;
    CHECK(failure_of(engine->start(request("a"))) == errc::unavailable);
    settle();
    CHECK(records() == 0);
    CHECK_FALSE(engine->find("work", "a"));
    CHECK(engine->status().open.empty());
}

TEST_CASE_METHOD(whole, "a start that may still land is not forgotten while it may") {
    options.retention = 0;
    restart();
    faulty->faults[1] = fault::ghost;
    CHECK(failure_of(engine->start(request("a"))) == errc::outcome_unknown);
    const auto id = start("a");
    finish_patiently(id);
    check_finished(id);
    settle();
    CHECK(recorded(id));  // its late start finds it there
    run(faulty->land());
    settle();
    CHECK(recorded(id)->state == procedure_state::finished);
    // In the next term it can no longer land.
    restart();
    turn_until([&] { return records() == 0; });
}

TEST_CASE_METHOD(whole, "recovery of what needs no repair writes nothing") {
    go();
    const auto done = start("a");
    finish_patiently(done);
    const auto open = start("b");
    until_missing(open, 1);
    restart();
    CHECK(loaded.procedures == 2);
    CHECK(loaded.open == 1);
    until_missing(open, 1);
    settle();
    CHECK(faulty->commits == 0);
    CHECK(work->steps.back().record.step == 1);
}

TEST_CASE_METHOD(whole, "a new leader asks only those that have not acknowledged") {
    wait_for({process_of("n1", 5), process_of("n2", 6)});
    go();
    const auto id = start("a");
    until_missing(id, 2);
    CHECK(tell(from(id, 1, "n2", 6)) == acknowledge_outcome::recorded);
    restart();
    until_missing(id, 1);
    CHECK(look(id).missing[0] == process_of("n1", 5));
    CHECK(work->steps.back().has_answered(process_of("n2", 6)));
    CHECK(tell(from(id, 1, "n1", 5)) == acknowledge_outcome::recorded);
    CHECK(end(id) == procedure_state::finished);
}

TEST_CASE_METHOD(whole, "a new leader stops what its definition does not want to be resumed") {
    work->restart = procedure::restart_choice::stop;
    go();
    const auto id = start("a");
    until_missing(id, 1);
    restart();
    CHECK(end(id) == procedure_state::stopped);
    CHECK(recorded(id)->why == "the coordinator changed while it was running");
    CHECK(work->stops.size() == 1);
    // One that began with this leader is not concerned.
    const auto next = start("b");
    until_missing(next, 1);
}

TEST_CASE_METHOD(whole, "a procedure of a kind that nobody knows is kept, and shown") {
    go();
    const auto id = start("a");
    until_missing(id, 1);
    work = std::make_shared<scripted>("another");
    restart();
    turn_until([&] { return look(id).doing == "no definition of kind work here"; });
    CHECK(engine->status().open.size() == 1);
    CHECK(recorded(id)->step == 1);
    SECTION("an operator may stop it, as far as that goes") {
        run(engine->force_stop(id, "why"));
        turn_until([&] { return look(id).doing.find("stopping") == 0; });
        CHECK(recorded(id)->state == procedure_state::stopping);
    }
    run(engine->force_finish(id, "why"));
    CHECK(model::has_ended(recorded(id)->state));
    turn_until([&] { return engine->status().open.empty(); });
}

TEST_CASE_METHOD(whole, "a deposed leader changes nothing, and learns that it is over") {
    go();
    const auto id = start("a");
    until_missing(id, 1);
    const auto old = engine;
    const auto old_guard = guard;
    auto code = errc{};
    SECTION("by an acknowledgement") {
        guard = lead(keys);
        code = failure_of(old->acknowledge(from(id, 1, "n1", 5)));
    }
    SECTION("by a start") {
        guard = lead(keys);
        code = failure_of(old->start(request("b")));
    }
    SECTION("by an operator") {
        guard = lead(keys);
        code = failure_of(old->force_finish(id, "why"));
    }
    SECTION("by a skip") {
        guard = lead(keys);
        code = failure_of(old->skip(id, model::node_name("n1"), "why"));
    }
    CHECK(code == errc::fenced);
    CHECK(end_of_run() == errc::fenced);
    CHECK(records() == 1);
    CHECK(recorded(id)->state == procedure_state::running);
    old->cancel();
    load();
    go();
    finish_patiently(id);
}

TEST_CASE_METHOD(whole, "what a deposed leader sent lands too late, whatever it was") {
    options.retention = 0;
    restart();
    // The ghosts of a whole procedure, each in a term of its own.
    for (std::size_t number = 1; number < 8; ++number) {
        INFO("commit " << number);
        begin();
        faulty->faults[number] = fault::ghost;
        go();
        bool unknown = false;
        try {
            const auto id = start("a");
            turn_until([&] { return !faulty->ghosts.empty() || look(id).missing.size() == 1; });
            if (faulty->ghosts.empty()) tell(from(id, 1, "n1", 5));
        } catch (const error& failure) {
            CHECK(is_outcome_unknown(failure));
            unknown = true;
        }
        turn_until([&] { return unknown || !faulty->ghosts.empty(); });
        engine->cancel();
        settle();
        const auto ghosts = std::exchange(faulty->ghosts, {});
        REQUIRE(ghosts.size() == 1);
        guard = lead(keys);
        for (const auto& one : ghosts) CHECK_FALSE(run(store.commit(one)));
        load();
        go();
        const auto id = start_patiently("a");
        turn_until([&] {
            const auto seen = engine->find(id);
            if (seen && seen->missing.size() == 1) tell(from(id, 1, "n1", 5));
            return !seen;
        });
        CHECK(records() == 0);
        for (const auto& one : ghosts) CHECK_FALSE(run(store.commit(one)));
    }
}

TEST_CASE_METHOD(whole, "an engine that was stopped does nothing any more") {
    go();
    const auto id = start("a");
    until_missing(id, 1);
    core::event never(strand);
    work->before_step = [&never]() -> awaitable<void> { return never.wait(); };
    engine->look_again(id);
    turn_until([&] { return work->running == 1; });
    run(engine->stop());
    CHECK(work->running == 0);
    CHECK(end_of_run() == errc{});
    const auto commits = faulty->commits;
    CHECK(failure_of(engine->start(request("b"))) == errc::unavailable);
    CHECK(failure_of(engine->acknowledge(from(id, 1, "n1", 5))) == errc::unavailable);
    CHECK(failure_of(engine->force_finish(id, "why")) == errc::unavailable);
    CHECK(failure_of(engine->until_ended(id, core::time_point::max())) == errc::unavailable);
    settle();
    CHECK(faulty->commits == commits);
}

TEST_CASE_METHOD(whole, "a definition that says that the term is over ends the run") {
    work->on_step = [](const step_context&) -> step_outcome {
        throw error(errc::fenced, "as the test wants it");
    };
    go();
    start("a");
    CHECK(end_of_run() == errc::fenced);
}

TEST_CASE_METHOD(whole, "a record that somebody removes or replaces is named, and stays so") {
    go();
    const auto id = start("a");
    until_missing(id, 1);
    std::string what;
    SECTION("removed") {
        remove(keys.procedure(id.value));
        what = "it was removed";
    }
    SECTION("replaced by another procedure's") {
        auto record = *recorded(id);
        record.key = "b";
        put(keys.procedure(id.value), catalog::encode(record));
        what = "it is another procedure's";
    }
    SECTION("replaced by garbage") {
        put(keys.procedure(id.value), "{");
        what = "not one JSON object";
    }
    const auto code = failure_of(engine->acknowledge(from(id, 1, "n1", 5)));
    CHECK(code == errc::corrupt);
    CHECK(last_context.find(keys.procedure(id.value)) != std::string::npos);
    CHECK(last_context.find(what) != std::string::npos);
    turn_until([&] { return look(id).trouble.find(what) != std::string::npos; });
}

#if defined(REEVE_GUARD_SWITCHES)

namespace {

class switched_off {
public:
    explicit switched_off(core::guard which) : which_(which) { core::set_enforced(which_, false); }
    ~switched_off() { core::set_enforced(which_, true); }
    switched_off(const switched_off&) = delete;
    switched_off& operator=(const switched_off&) = delete;

private:
    core::guard which_;
};

}  // namespace

TEST_CASE_METHOD(whole, "without procedure_step a late change brings an ended procedure back") {
    const switched_off now(core::guard::procedure_step);
    go();
    faulty->faults[2] = fault::ghost;  // step 0 to 1
    const auto id = start("a");
    finish_patiently(id);
    check_finished(id);
    run(faulty->land());
    CHECK(recorded(id)->state == procedure_state::running);
}

TEST_CASE_METHOD(whole, "without procedure_incarnation an old process answers for the new one") {
    const switched_off now(core::guard::procedure_incarnation);
    go();
    const auto id = start("a");
    until_missing(id, 1);
    CHECK(tell(from(id, 1, "n1", 4)) == acknowledge_outcome::recorded);
    CHECK(end(id) == procedure_state::finished);
}

TEST_CASE_METHOD(whole, "without procedure_start a start that is repeated is made twice") {
    const switched_off now(core::guard::procedure_start);
    go();
    start("a");
    start("a");
    CHECK(records() == 2);
}

#endif
