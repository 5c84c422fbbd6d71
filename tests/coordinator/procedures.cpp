// Long operations of a host, carried out by whoever leads.
#include "segment_fixture.hpp"

using namespace coordinator_test;
using procedure::step_outcome;

namespace {

/// Closes a path: two steps, of which the second waits for one process.
class closing final : public procedure::definition {
public:
    [[nodiscard]] std::string_view kind() const noexcept override { return "close"; }
    awaitable<step_outcome> step(procedure::step_context now) override {
        steps.push_back(now.record.step);
        if (now.record.step == 0) co_return step_outcome::go_on();
        std::vector<procedure::participant> all{{model::node_name("n"), model::incarnation(5)}};
        co_return step_outcome::finish().once_acknowledged_by(std::move(all));
    }
    awaitable<storage::transaction> on_stop(procedure::step_context) override {
        co_return storage::transaction();
    }

    std::vector<std::uint64_t> steps;  // in the order in which they were carried out
};

struct closing_world {
    closing_world() {
        world_options how;
        how.definitions.push_back(work);
        how.coordinators = 2;
        it = std::make_unique<world>(std::move(how));
        it->start();
    }

    testing::process& office() {
        auto* found = it->leading();
        REQUIRE(found != nullptr);
        return *found;
    }
    procedure::engine& engine() { return *it->leader().procedures(); }
    model::procedure_id start() {
        procedure::start_request wanted;
        wanted.kind = "close";
        wanted.key = "p1";
        return it->call(office(), engine().start(std::move(wanted))).id;
    }
    procedure::acknowledge_outcome acknowledge(model::procedure_id id) {
        procedure::acknowledgement said;
        said.id = id;
        said.step = 1;
        said.node = model::node_name("n");
        said.process = model::incarnation(5);
        return it->call(office(), engine().acknowledge(std::move(said)));
    }

    std::shared_ptr<closing> work = std::make_shared<closing>();
    std::unique_ptr<world> it;
};

}  // namespace

TEST_CASE("procedures: the next leader goes on with the step at which the last one was") {
    closing_world it;
    const auto id = it.start();
    REQUIRE(it.it->run_until([&] {
        const auto seen = it.engine().find(id);
        return seen->record.step == 1 && seen->missing.size() == 1;
    }));
    const auto open = it.it->leader().status();
    CHECK(open.procedures.running == 1);
    CHECK(to_string(open).find("close p1") != std::string::npos);

    it.work->steps.clear();
    (void)it.it->change_leader();
    const auto found = it.engine().find(id);
    REQUIRE(found);
    CHECK(found->record.state == model::procedure_state::running);
    REQUIRE(it.it->run_until([&] { return !it.engine().find(id)->missing.empty(); }));
    CHECK(it.work->steps.front() == 1);
    CHECK(it.acknowledge(id) == procedure::acknowledge_outcome::recorded);
    REQUIRE(it.it->run_until(
        [&] { return it.engine().find(id)->record.state == model::procedure_state::finished; }));
    CHECK(it.it->leader().status().procedures.open.empty());
    const auto& report = it.office().program<coordinator_program>().reports.back();
    CHECK(report.procedures.procedures == 1);
    CHECK(report.procedures.open == 1);
    CHECK(to_string(report).find("procedures") != std::string::npos);
}

TEST_CASE("procedures: who does not lead has none to give") {
    closing_world it;
    auto& other =
        &it.it->coordinator(0) == it.it->leading() ? it.it->coordinator(1) : it.it->coordinator(0);
    const auto asked = failure_of([&] { (void)world::of(other).procedures(); });
    CHECK(asked.first == errc::unavailable);
}

TEST_CASE("procedures: a deposed leader's engine carries nothing out any more") {
    closing_world it;
    const auto id = it.start();
    REQUIRE(it.it->run_until([&] { return it.engine().find(id)->record.step == 1; }));
    const auto old = it.it->leader().procedures();
    auto& before = it.office();
    it.it->call(before, world::of(before).stop());
    REQUIRE(it.it->run_until([&] { return it.it->leading() != nullptr; }));
    const auto written = it.it->records();
    const auto failure =
        failure_of([&] { (void)it.it->call(before, old->force_finish(id, "by hand")); });
    CHECK((failure.first == errc::fenced || failure.first == errc::unavailable));
    CHECK(it.it->records() == written);
}
