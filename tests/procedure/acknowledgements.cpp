// Whose acknowledgement counts, and what operators may do instead.
#include "procedure/fixture.hpp"

using namespace reeve;
using namespace reeve::support;
using fixture = procedure_fixture;

namespace {

// A procedure whose step 1 waits for n1/5 and n2/6.
struct waiting : fixture {
    waiting() {
        wait_for({process_of("n1", 5), process_of("n2", 6)});
        go();
        id = start("a");
        until_missing(id, 2);
    }
    model::procedure_id id;
};

}  // namespace

TEST_CASE_METHOD(waiting, "a step is over when every participant has durably acknowledged it") {
    CHECK(look(id).doing == "step 1 waits for n1/5, n2/6");
    CHECK(engine->status().open.at(0).why == "step 1 waits for n1/5, n2/6");
    CHECK(tell(from(id, 1, "n1", 5)) == acknowledge_outcome::recorded);
    CHECK(part(id, "n1")->process == model::incarnation(5));
    CHECK(part(id, "n1")->outcome == "done");
    settle();
    CHECK(recorded(id)->step == 1);
    CHECK(look(id).doing == "step 1 waits for n2/6");
    CHECK(tell(from(id, 1, "n2", 6)) == acknowledge_outcome::recorded);
    CHECK(end(id) == procedure_state::finished);
    CHECK(engine->status().recorded == 2);
}

TEST_CASE_METHOD(waiting, "an acknowledgement that is repeated is recorded once") {
    CHECK(tell(from(id, 1, "n1", 5)) == acknowledge_outcome::recorded);
    const auto commits = faulty->commits;
    CHECK(tell(from(id, 1, "n1", 5)) == acknowledge_outcome::recorded);
    CHECK(faulty->commits == commits);
    CHECK(engine->status().recorded == 1);
}

TEST_CASE_METHOD(waiting, "two copies of an acknowledgement at once are recorded once") {
    int recorded_answers = 0;
    for (int at = 0; at < 2; ++at) {
        boost::asio::co_spawn(strand.executor(), engine->acknowledge(from(id, 1, "n1", 5)),
                              [&](std::exception_ptr failure, acknowledge_outcome outcome) {
                                  CHECK_FALSE(failure);
                                  if (outcome == acknowledge_outcome::recorded) ++recorded_answers;
                              });
    }
    turn_until([&] { return recorded_answers == 2; });
    CHECK(get(keys.procedure_part(id.value, "n1"))->version == 1);
}

TEST_CASE_METHOD(waiting, "what is not asked for is ignored, counted and named") {
    CHECK(tell(from(id, 0, "n1", 5)) == acknowledge_outcome::other_step);
    CHECK(tell(from(id, 2, "n1", 5)) == acknowledge_outcome::other_step);
    CHECK(tell(from(id, 1, "n1", 4)) == acknowledge_outcome::other_incarnation);
    CHECK(tell(from(id, 1, "n1", 6)) == acknowledge_outcome::other_incarnation);
    CHECK(tell(from(id, 1, "n3", 5)) == acknowledge_outcome::not_asked);
    CHECK(tell(from(model::procedure_id(id.value + 1), 1, "n1", 5)) ==
          acknowledge_outcome::unknown);
    const auto counted = engine->status();
    CHECK(counted.other_step == 2);
    CHECK(counted.other_process == 2);
    CHECK(counted.not_asked == 1);
    CHECK(counted.too_late == 1);
    CHECK(counted.recorded == 0);
    CHECK(records() == 1);
    CHECK(look(id).missing.size() == 2);
    CHECK(to_string(counted).find("2 of another process") != std::string::npos);
}

TEST_CASE_METHOD(waiting, "an acknowledgement that comes after the end is ignored") {
    CHECK(tell(from(id, 1, "n1", 5)) == acknowledge_outcome::recorded);
    CHECK(tell(from(id, 1, "n2", 6)) == acknowledge_outcome::recorded);
    CHECK(end(id) == procedure_state::finished);
    turn_until([&] { return records() == 1; });
    CHECK(tell(from(id, 1, "n1", 5)) == acknowledge_outcome::ended);
    CHECK(tell(from(id, 2, "n1", 5)) == acknowledge_outcome::ended);
    CHECK(records() == 1);
}

TEST_CASE_METHOD(waiting, "an acknowledgement that cannot be recorded is refused") {
    auto bad = from(id, 1, "n1", 5);
    SECTION("no process") { bad.process = {}; }
    SECTION("no name") { bad.node = model::node_name("a/b"); }
    SECTION("an empty name") { bad.node = {}; }
    SECTION("an outcome that is no text") { bad.outcome = "\xff"; }
    SECTION("an outcome that is too long") {
        bad.outcome = std::string(model::procedure_text_max + 1, 'x');
    }
    SECTION("a step that no procedure has") { bad.step = model::procedure_step_max + 1; }
    CHECK(failure_of(engine->acknowledge(bad)) == errc::invalid_argument);
    CHECK(records() == 1);
}

TEST_CASE_METHOD(waiting, "the longest outcome is recorded") {
    auto good = from(id, 1, "n1", 5);
    good.outcome = std::string(model::procedure_text_max, 'x');
    CHECK(tell(good) == acknowledge_outcome::recorded);
    CHECK(part(id, "n1")->outcome == good.outcome);
}

TEST_CASE_METHOD(waiting,
                 "what the old process of a node has done does not count for the new one") {
    CHECK(tell(from(id, 1, "n1", 5)) == acknowledge_outcome::recorded);
    wait_for({process_of("n1", 9), process_of("n2", 6)});
    engine->look_again(id);
    turn_until([&] { return look(id).doing.find("n1/9") != std::string::npos; });
    CHECK(tell(from(id, 1, "n2", 6)) == acknowledge_outcome::recorded);
    CHECK(tell(from(id, 1, "n1", 5)) == acknowledge_outcome::other_incarnation);
    settle();
    CHECK(recorded(id)->step == 1);
    CHECK(tell(from(id, 1, "n1", 9)) == acknowledge_outcome::recorded);
    CHECK(end(id) == procedure_state::finished);
}

TEST_CASE_METHOD(waiting, "a process that is not known yet makes the engine look again") {
    wait_for({process_of("n1", 9), process_of("n2", 6)});
    const auto before = work->steps.size();
    CHECK(tell(from(id, 1, "n1", 9)) != acknowledge_outcome::recorded);
    turn_until([&] { return work->steps.size() > before; });
    turn_until([&] { return tell(from(id, 1, "n1", 9)) == acknowledge_outcome::recorded; });
}

TEST_CASE_METHOD(waiting,
                 "a participant that is gone for good is left out by the definition alone") {
    CHECK(tell(from(id, 1, "n1", 5)) == acknowledge_outcome::recorded);
    const auto before = work->steps.size();
    turn_until([&] { return work->steps.size() > before + 3; });  // time passes
    CHECK(recorded(id)->step == 1);
    wait_for({process_of("n1", 5)});
    CHECK(end(id) == procedure_state::finished);
}

TEST_CASE_METHOD(fixture, "what a step has heard itself is judged as everything else") {
    work->on_step = [](const step_context& now) {
        if (now.record.step != 1) {
            return now.record.step < 2 ? step_outcome::go_on() : step_outcome::finish();
        }
        std::vector<procedure::acknowledgement> heard;
        heard.push_back(from({}, 1, "n1", 5));
        heard.push_back(from({}, 1, "n2", 7));  // another process
        heard.push_back(from({}, 0, "n2", 6));  // another step
        heard.push_back(from({}, 1, "n3", 1));  // not asked
        heard[0].outcome = "\xff";
        return step_outcome::go_on()
            .once_acknowledged_by({process_of("n1", 5), process_of("n2", 6)})
            .heard(heard);
    };
    go();
    const auto id = start("a");
    until_missing(id, 1);
    CHECK(look(id).missing[0] == process_of("n2", 6));
    CHECK(part(id, "n1")->outcome == "?");
    CHECK_FALSE(part(id, "n2"));
    CHECK_FALSE(part(id, "n3"));
    CHECK(tell(from(id, 1, "n2", 6)) == acknowledge_outcome::recorded);
    CHECK(end(id) == procedure_state::finished);
}

TEST_CASE_METHOD(waiting, "a step that is carried out again is told who has answered it") {
    CHECK(tell(from(id, 1, "n1", 5)) == acknowledge_outcome::recorded);
    const auto before = work->steps.size();
    engine->look_again(id);
    turn_until([&] { return work->steps.size() > before; });
    const auto& now = work->steps.back();
    REQUIRE(now.answers.size() == 1);
    CHECK(now.has_answered(process_of("n1", 5)));
    CHECK_FALSE(now.has_answered(process_of("n1", 6)));
    CHECK_FALSE(now.has_answered(process_of("n2", 6)));
}

TEST_CASE_METHOD(waiting, "an operator may decide that a step does not wait for a node") {
    CHECK(tell(from(id, 1, "n1", 5)) == acknowledge_outcome::recorded);
    const auto view = run(engine->skip(id, model::node_name("n2"), "burnt down"));
    CHECK(view.missing.empty());
    CHECK(end(id) == procedure_state::finished);
    CHECK(engine->status().forced == 1);
}

TEST_CASE_METHOD(waiting, "a skip is recorded, and holds for every process of the node") {
    const auto view = run(engine->skip(id, model::node_name("n2"), "burnt down"));
    CHECK(view.missing.size() == 1);
    CHECK(part(id, "n2")->state == model::part_state::skipped);
    CHECK(part(id, "n2")->outcome == "burnt down");
    wait_for({process_of("n1", 5), process_of("n2", 99)});
    const auto before = work->steps.size();
    engine->look_again(id);
    turn_until([&] { return work->steps.size() > before; });
    settle();
    CHECK(look(id).missing.size() == 1);
    // Said again, it is done already; and what the node says itself is welcome, and not needed.
    const auto commits = faulty->commits;
    run(engine->skip(id, model::node_name("n2"), "burnt down"));
    CHECK(tell(from(id, 1, "n2", 99)) == acknowledge_outcome::recorded);
    CHECK(faulty->commits == commits);
    restart();
    CHECK(look(id).answers.at(0).part.state == model::part_state::skipped);
    until_missing(id, 1);
}

TEST_CASE_METHOD(waiting, "nobody is skipped for whom the step does not wait") {
    CHECK(tell(from(id, 1, "n1", 5)) == acknowledge_outcome::recorded);
    CHECK(failure_of(engine->skip(id, model::node_name("n1"), "why")) == errc::refused);
    CHECK(failure_of(engine->skip(id, model::node_name("n3"), "why")) == errc::refused);
    CHECK(failure_of(engine->skip(id, model::node_name("a/b"), "why")) == errc::refused);
    const model::procedure_id nobodys(id.value + 1);
    CHECK(failure_of(engine->skip(nobodys, model::node_name("n2"), "why")) == errc::not_found);
}

TEST_CASE_METHOD(waiting, "an operator may finish a procedure whatever it waits for") {
    const auto view = run(engine->force_finish(id, "it was done by hand"));
    CHECK(view.record.state == procedure_state::finished);
    CHECK(recorded(id)->why == "forced: it was done by hand");
    CHECK(recorded(id)->step == 1);
    const auto calls = work->steps.size();
    CHECK(tell(from(id, 1, "n1", 5)) == acknowledge_outcome::ended);
    run(engine->force_finish(id, "again"));
    run(engine->force_stop(id, "again"));
    settle();
    CHECK(recorded(id)->why == "forced: it was done by hand");
    CHECK(work->steps.size() == calls);
    CHECK(work->stops.empty());
    CHECK(engine->status().forced == 1);
}

TEST_CASE_METHOD(waiting, "an operator may stop a procedure, and its definition is told") {
    run(engine->force_stop(id, "not today"));
    CHECK(end(id) == procedure_state::stopped);
    CHECK(recorded(id)->why == "forced: not today");
    REQUIRE(work->stops.size() == 1);
    CHECK(work->stops[0].record.why == "forced: not today");
    CHECK(work->stops[0].record.step == 1);
}

TEST_CASE_METHOD(waiting, "an operator may end a stop that never ends") {
    work->when_stopped = [](const step_context&) -> storage::transaction {
        throw error(errc::unavailable, "never");
    };
    run(engine->force_stop(id, "not today"));
    turn_until([&] { return work->stops.size() > 2; });
    CHECK(recorded(id)->state == procedure_state::stopping);
    run(engine->force_stop(id, "again"));  // it is being stopped
    CHECK(recorded(id)->why == "forced: not today");
    run(engine->force_finish(id, "leave it"));
    CHECK(recorded(id)->state == procedure_state::stopped);
    CHECK(recorded(id)->why == "forced: not today; forced: leave it");
    turn_until([&] { return engine->status().open.empty(); });
}

TEST_CASE_METHOD(fixture, "a step that never comes back is cancelled when an operator ends it") {
    core::event never(strand);
    work->before_step = [&never]() -> awaitable<void> { return never.wait(); };
    go();
    const auto id = start("a");
    turn_until([&] { return work->running == 1; });
    SECTION("finish") {
        run(engine->force_finish(id, "why"));
        turn_until([&] { return work->running == 0; });
        CHECK(recorded(id)->state == procedure_state::finished);
    }
    SECTION("stop") {
        run(engine->force_stop(id, "why"));
        CHECK(end(id) == procedure_state::stopped);
        CHECK(work->running == 0);
    }
    CHECK(work->together_max == 1);
}

TEST_CASE_METHOD(waiting, "what operators say is bounded, and about what there is") {
    for (const std::size_t length : {std::size_t{0}, std::size_t{901}}) {
        const std::string why(length, 'w');
        CHECK(failure_of(engine->force_finish(id, why)) == errc::invalid_argument);
        CHECK(failure_of(engine->force_stop(id, why)) == errc::invalid_argument);
        CHECK(failure_of(engine->skip(id, model::node_name("n1"), why)) == errc::invalid_argument);
    }
    CHECK(failure_of(engine->force_finish(id, "\xff")) == errc::invalid_argument);
    const model::procedure_id nobodys(id.value + 1);
    CHECK(failure_of(engine->force_finish(nobodys, "why")) == errc::not_found);
    CHECK(failure_of(engine->force_stop(nobodys, "why")) == errc::not_found);
    CHECK(recorded(id)->state == procedure_state::running);
    run(engine->force_finish(id, std::string(900, 'w')));
    CHECK(recorded(id)->state == procedure_state::finished);
}
