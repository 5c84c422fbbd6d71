// How procedures are started, carried out, stopped and remembered.
#include "procedure/fixture.hpp"

#include <set>

using namespace reeve;
using namespace reeve::support;
using fixture = procedure_fixture;
using std::chrono::milliseconds;

TEST_CASE_METHOD(fixture, "a step begins only when the one before it is durably over") {
    work->on_step = [this](const step_context& now) {
        CHECK(dumped(now.id) == now.record);
        return now.record.step < 2 ? step_outcome::go_on() : step_outcome::finish();
    };
    go();
    const auto id = start("a", "what to do");
    CHECK(end(id) == procedure_state::finished);
    REQUIRE(work->steps.size() == 3);
    for (std::size_t at = 0; at < 3; ++at) {
        CHECK(work->steps[at].record.step == at);
        CHECK(work->steps[at].record.arguments == "what to do");
        CHECK(work->steps[at].id == id);
    }
    CHECK(work->stops.empty());
    const auto record = recorded(id);
    CHECK(record->step == 2);
    CHECK(record->begun_ms > 0);
    CHECK(record->ended_ms >= record->begun_ms);
    CHECK(record->why.empty());
    CHECK(run(engine->until_ended(id, strand.now())).record == *record);
}

TEST_CASE_METHOD(fixture, "the same kind and key are one procedure, however often it is started") {
    go();
    const auto id = start("a", "x");
    CHECK(start("a", "x") == id);
    CHECK(end(id) == procedure_state::finished);
    CHECK(start("a", "x") == id);  // also when it is over
    CHECK(records() == 1);
    restart();
    CHECK(start("a", "x") == id);  // and with the next leader
    CHECK(records() == 1);
    CHECK(work->steps.size() == 3);

    SECTION("another key is another one") {
        CHECK(start("b", "x") != id);
        CHECK(records() == 2);
    }
    SECTION("another kind is another one") {
        auto wanted = request("a", "x");
        wanted.kind = "other";
        CHECK(run(engine->start(wanted)).id != id);
    }
    SECTION("other arguments are a mistake") {
        CHECK(failure_of(engine->start(request("a", "y"))) == errc::invalid_argument);
        CHECK(last_context.find("other arguments") != std::string::npos);
    }
}

TEST_CASE_METHOD(fixture, "two starts at once are one procedure") {
    go();
    std::set<std::uint64_t> ids;
    int answers = 0;
    for (int at = 0; at < 5; ++at) {
        boost::asio::co_spawn(strand.executor(), engine->start(request("a")),
                              [&](std::exception_ptr failure, procedure::procedure_view view) {
                                  CHECK_FALSE(failure);
                                  ids.insert(view.id.value);
                                  ++answers;
                              });
    }
    turn_until([&] { return answers == 5; });
    CHECK(ids.size() == 1);
    turn_until([&] { return engine->status().finished == 1; });
    CHECK(records() == 1);
    CHECK(work->steps.size() == 3);
}

TEST_CASE_METHOD(fixture, "what can never be started is refused before anything is written") {
    go();
    auto wanted = request("a");
    auto code = errc::invalid_argument;
    SECTION("an unknown kind") { wanted.kind = "nobody's"; }
    SECTION("a kind that is no name") { wanted.kind = "a/b"; }
    SECTION("a key that is no name") { wanted.key = "a/b"; }
    SECTION("no key") { wanted.key = ""; }
    SECTION("arguments that are too long") {
        wanted.arguments = std::string(model::procedure_arguments_max + 1, 'x');
    }
    SECTION("a deadline before 1970") { wanted.deadline = core::wall_time(milliseconds(-1)); }
    SECTION("more than may be open") {
        work->on_step = [](const step_context&) { return step_outcome::again("for ever"); };
        options.active_max = 2;
        restart();
        start("1");
        start("2");
        code = errc::resource_exhausted;
    }
    const auto commits = faulty->commits;
    CHECK(failure_of(engine->start(wanted)) == code);
    CHECK(faulty->commits == commits);
}

TEST_CASE_METHOD(fixture, "as many as may be open are started, with arguments as long as may be") {
    work->on_step = [](const step_context&) { return step_outcome::again("for ever"); };
    options.active_max = 2;
    restart();
    start("1", std::string(model::procedure_arguments_max, '\xff'));
    start("2");
    CHECK(start("2").value != 0);  // known already
    CHECK(engine->status().running == 2);
}

TEST_CASE_METHOD(fixture, "two definitions of a kind, or a kind that is no name, are refused") {
    const auto bad = [&](std::vector<std::shared_ptr<procedure::definition>> all) {
        try {
            (void)procedure::engine::make(strand, store, keys, guard, std::move(all));
        } catch (const error& failure) {
            return failure.code_value();
        }
        return errc{};
    };
    CHECK(bad({work, other}) == errc{});
    CHECK(bad({work, work}) == errc::invalid_argument);
    CHECK(bad({std::make_shared<scripted>("a/b")}) == errc::invalid_argument);
    CHECK(bad({std::make_shared<scripted>("")}) == errc::invalid_argument);
}

TEST_CASE_METHOD(fixture, "a step that fails is carried out again, and the failure is shown") {
    int left = 3;
    bool reeves = true;
    SECTION("with an error of reeve") {}
    SECTION("with an error of somebody else") { reeves = false; }
    work->on_step = [&](const step_context& now) -> step_outcome {
        if (now.record.step == 1 && left > 0) {
            --left;
            if (reeves) throw error(errc::corrupt, "a bad disk");
            throw std::runtime_error("a bad disk");
        }
        return now.record.step < 2 ? step_outcome::go_on() : step_outcome::finish();
    };
    go();
    const auto id = start("a");
    turn_until([&] { return left < 3; });
    settle();
    if (left > 0) {
        CHECK(look(id).trouble.find("a bad disk") != std::string::npos);
        const auto open = engine->status().open;
        REQUIRE(open.size() == 1);
        CHECK(open[0].what == "procedure " + std::to_string(id.value) + " (work a)");
        CHECK(open[0].why.find("a bad disk") != std::string::npos);
    }
    CHECK(end(id) == procedure_state::finished);
    turn_until([&] { return engine->status().open.empty(); });
    CHECK(work->steps.size() == 6);
    CHECK(look(id).trouble.empty());
}

TEST_CASE_METHOD(fixture, "a failure stays visible for as long as it lasts, and holds nobody up") {
    work->on_step = [](const step_context& now) -> step_outcome {
        if (now.record.key == "bad") throw error(errc::unavailable, "never");
        return step_outcome::finish();
    };
    go();
    const auto bad = start("bad");
    const auto good = start("good");
    CHECK(end(good) == procedure_state::finished);
    turn_until([&] { return work->steps.size() > 10; });
    CHECK(look(bad).trouble.find("never") != std::string::npos);
    CHECK(to_string(engine->status()).find("never") != std::string::npos);
    CHECK(recorded(bad)->step == 0);
}

TEST_CASE_METHOD(fixture, "a step that is not done says why, and is looked at again") {
    bool ready = false;
    work->on_step = [&](const step_context&) {
        return ready ? step_outcome::finish() : step_outcome::again("index 5 of 9");
    };
    options.retry.delay_max = std::chrono::hours(1);
    restart();
    const auto id = start("a");
    turn_until([&] { return look(id).doing == "step 0: index 5 of 9"; });
    SECTION("by itself") { ready = true; }
    SECTION("when somebody says so") {
        turn_until([&] { return work->steps.size() > 4; });
        ready = true;
        engine->look_again(id);
        engine->look_again(model::procedure_id(999));  // nobody's
    }
    SECTION("when somebody says so of all") {
        ready = true;
        engine->look_again();
    }
    CHECK(end(id) == procedure_state::finished);
}

TEST_CASE_METHOD(fixture, "a step that can never be done stops the procedure") {
    work->on_step = [](const step_context& now) {
        return now.record.step == 0 ? step_outcome::go_on() : step_outcome::fail("no such disk");
    };
    int left = 2;
    work->when_stopped = [&](const step_context& now) -> storage::transaction {
        CHECK(dumped(now.id).state == procedure_state::stopping);
        if (left-- > 0) throw error(errc::unavailable, "not yet");
        storage::transaction made;
        made.if_absent(keys.host("undone")).put(keys.host("undone"), now.record.key);
        return made;
    };
    go();
    const auto id = start("a");
    CHECK(end(id) == procedure_state::stopped);
    CHECK(recorded(id)->why == "no such disk");
    CHECK(recorded(id)->step == 1);
    CHECK(work->stops.size() == 3);
    CHECK(work->stops[0].record.why == "no such disk");
    CHECK(get(keys.host("undone"))->value == "a");
    CHECK(get(keys.host("undone"))->modified == get(keys.procedure(id.value))->modified);
    CHECK(engine->status().stopped == 1);
}

TEST_CASE_METHOD(fixture, "a reason of any bytes and length is recorded in a readable form") {
    std::string why;
    std::string expected;
    SECTION("of none") { expected = "it failed"; }
    SECTION("of bytes that are no text") {
        why = std::string("\xff\x00", 2) + "a\n";
        expected = "??a?";
    }
    SECTION("too long") {
        why = std::string(5000, 'w');
        expected = std::string(997, 'w') + "...";
    }
    work->on_step = [why](const step_context&) { return step_outcome::fail(why); };
    go();
    const auto id = start("a");
    CHECK(end(id) == procedure_state::stopped);
    CHECK(recorded(id)->why == expected);
}

TEST_CASE_METHOD(fixture, "a deadline stops a procedure, and says who has not acknowledged") {
    auto wanted = request("a");
    SECTION("that waits for a node") {
        wait_for({process_of("n1", 5), process_of("n2", 6)});
        wanted.deadline = strand.wall_now() + milliseconds(20);
        go();
        const auto id = run(engine->start(wanted)).id;
        until_missing(id, 2);
        CHECK(tell(from(id, 1, "n1", 5)) == acknowledge_outcome::recorded);
        CHECK(end(id) == procedure_state::stopped);
        CHECK(recorded(id)->why == "its deadline has passed; not acknowledged by n2/6");
    }
    SECTION("whose step never comes back: it is cancelled first") {
        core::event never(strand);
        work->before_step = [&never]() -> awaitable<void> { return never.wait(); };
        wanted.deadline = strand.wall_now() + milliseconds(20);
        go();
        const auto id = run(engine->start(wanted)).id;
        CHECK(end(id) == procedure_state::stopped);
        CHECK(recorded(id)->why == "its deadline has passed");
        CHECK(work->running == 0);
        CHECK(work->together_max == 1);
    }
    SECTION("that is already over when it is started") {
        wanted.deadline = strand.wall_now() - std::chrono::hours(1);
        go();
        const auto id = run(engine->start(wanted)).id;
        CHECK(end(id) == procedure_state::stopped);
        CHECK(work->steps.empty());
    }
}

TEST_CASE_METHOD(fixture, "a deadline that is far away stops nothing") {
    auto wanted = request("a");
    wanted.deadline = strand.wall_now() + std::chrono::hours(1);
    go();
    const auto id = run(engine->start(wanted)).id;
    CHECK(end(id) == procedure_state::finished);
    CHECK(recorded(id)->deadline_ms > recorded(id)->begun_ms);
}

TEST_CASE_METHOD(fixture,
                 "what a step commits together with its end is there with it, or neither") {
    put(keys.host("facts"), "1");
    int tries = 0;
    work->on_step = [&](const step_context& now) {
        if (now.record.step > 0) return step_outcome::finish();
        const bool late = ++tries == 3;
        storage::transaction together;
        const auto seen = dumped(keys.host("facts")).modified;
        together.if_modified_at(keys.host("facts"), late ? seen : storage::revision(1));
        together.put(keys.host("result"), std::to_string(tries));
        return step_outcome::go_on(std::move(together));
    };
    go();
    const auto id = start("a");
    CHECK(end(id) == procedure_state::finished);
    CHECK(tries == 3);  // its conditions did not hold twice
    CHECK(get(keys.host("result"))->value == "3");
    CHECK(get(keys.host("result"))->version == 1);
}

TEST_CASE_METHOD(fixture,
                 "a definition writes no record of procedures, and nothing that is marked") {
    std::string key = keys.host("a");
    std::string value = "reeve-batch:7:x";
    SECTION("a procedure") {
        key = keys.procedure(77);
        value = "x";
    }
    SECTION("a participant") {
        key = keys.procedure_part(77, "n");
        value = "x";
    }
    SECTION("a marked value") {}
    work->on_step = [&](const step_context&) {
        storage::transaction together;
        together.put(key, value);
        return step_outcome::finish(std::move(together));
    };
    go();
    const auto id = start("a");
    turn_until([&] { return !look(id).trouble.empty(); });
    CHECK_FALSE(get(key));
    CHECK(recorded(id)->state == procedure_state::running);
}

TEST_CASE_METHOD(fixture, "a definition that asks nobody's process, or two of a node, is told so") {
    std::vector<procedure::participant> bad;
    SECTION("no process") { bad = {process_of("n", 0)}; }
    SECTION("no name") { bad = {process_of("a/b", 1)}; }
    SECTION("two processes") { bad = {process_of("n", 1), process_of("n", 2)}; }
    wait_for(bad);
    go();
    const auto id = start("a");
    turn_until([&] { return !look(id).trouble.empty(); });
    CHECK(recorded(id)->step == 1);
    CHECK(look(id).missing.empty());
}

TEST_CASE_METHOD(fixture,
                 "of procedures that have ended the newest are kept, without participants") {
    wait_for({process_of("n1", 5)});
    options.retention = 2;
    restart();
    std::vector<model::procedure_id> ids;
    for (const std::string key : {"a", "b", "c", "d"}) {
        ids.push_back(start(key));
        until_missing(ids.back(), 1);
        CHECK(part(ids.back(), "n1") == std::nullopt);
        CHECK(tell(from(ids.back(), 1, "n1", 5)) == acknowledge_outcome::recorded);
        CHECK(end(ids.back()) == procedure_state::finished);
    }
    turn_until([&] { return records() == 2; });
    CHECK_FALSE(recorded(ids[1]));
    CHECK(recorded(ids[2]));
    CHECK(recorded(ids[3]));
    CHECK(engine->status().finished == 2);
    CHECK_FALSE(engine->find(ids[0]));
    CHECK_FALSE(engine->find("work", "a"));
    CHECK(engine->find("work", "d")->id == ids[3]);
    CHECK(failure_of(engine->until_ended(ids[0], strand.now())) == errc::not_found);
    CHECK(tell(from(ids[0], 1, "n1", 5)) == acknowledge_outcome::unknown);
    // Its key is free again.
    CHECK(start("a").value > ids[3].value);
}

TEST_CASE_METHOD(fixture,
                 "a stopped procedure keeps what its participants said until it is removed") {
    wait_for({process_of("n1", 5), process_of("n2", 6)});
    options.retention = 1;
    restart();
    const auto id = start("a");
    until_missing(id, 2);
    CHECK(tell(from(id, 1, "n1", 5)) == acknowledge_outcome::recorded);
    run(engine->force_stop(id, "enough"));
    CHECK(end(id) == procedure_state::stopped);
    settle();
    CHECK(part(id, "n1"));
    REQUIRE(look(id).answers.size() == 1);
    restart();
    CHECK(look(id).answers.size() == 1);
    const auto next = start("b");
    until_missing(next, 2);
    run(engine->force_finish(next, "enough"));
    turn_until([&] { return records() == 1; });
    CHECK_FALSE(recorded(id));
}

TEST_CASE_METHOD(fixture,
                 "participants' records that do not fit one transaction are removed, too") {
    std::vector<procedure::participant> all;
    for (int at = 0; at < 23; ++at) all.push_back(process_of("n" + std::to_string(at), 5));
    wait_for(all);
    auto limits = store.limits();
    limits.operations_max = 5;
    limits.conditions_max = 5;
    faulty->set_limits(limits);
    go();
    const auto id = start("a");
    until_missing(id, all.size());
    CHECK(look(id).doing.find("and 13 more") != std::string::npos);
    for (const auto& one : all) {
        CHECK(tell(from(id, 1, one.node.value, 5)) == acknowledge_outcome::recorded);
    }
    CHECK(end(id) == procedure_state::finished);
    turn_until([&] { return records() == 1; });
    CHECK(look(id).answers.empty());
}
