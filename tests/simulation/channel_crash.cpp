#include "catch.hpp"
#include "reeve/core/error.hpp"
#include "reeve/testing/crash_points.hpp"
#include "scenarios/channel_programs.hpp"

#include <functional>
#include <memory>
#include <string>
#include <utility>

using namespace simulated;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

namespace {

/// A small world without other faults. `act` does what is tested, after the channels are
/// registered.
class channel_crash final : public testing::crash_subject {
public:
    using action = std::function<void(channel_world&)>;

    channel_crash(std::uint64_t seed, action act, bool act_from_the_start)
        : world_(seed),
          around_(world_, small()),
          act_(std::move(act)),
          from_the_start_(act_from_the_start) {}

    testing::simulation& world() override { return world_; }

    void run() override {
        if (!from_the_start_) {
            // The gate counts from the first effect on: settle without it.
            auto* gate = world_.gate();
            world_.set_gate(nullptr);
            around_.start();
            world_.run_until([this] { return around_.converged(); }, minutes(1));
            world_.set_gate(gate);
        } else {
            around_.start();
        }
        act_(around_);
        world_.run_for(seconds(1));
    }

    void recover() override {
        around_.repair();
        around_.require_convergence(minutes(5));
    }

    void check() override {
        world_.require(around_.ledger().all_covered(), "rows are missing");
        if (!world_.failed()) around_.require_quiet_failover();
    }

private:
    static channel_world_options small() {
        channel_world_options options;
        options.nodes = 2;
        options.coordinators = 2;
        options.channels = 2;
        options.append_every = milliseconds(300);
        return options;
    }

    testing::simulation world_;
    channel_world around_;
    action act_;
    bool from_the_start_;
};

testing::crash_report crash_everywhere(channel_crash::action act, bool from_the_start = false) {
    testing::crash_options options;
    options.double_crashes = 20;
    return testing::run_crash_points(
        [act = std::move(act), from_the_start](std::uint64_t seed) {
            return std::make_unique<channel_crash>(seed, act, from_the_start);
        },
        options);
}

void wait_converged(channel_world& around, std::chrono::nanoseconds limit = minutes(1)) {
    around.world().run_until([&around] { return around.converged(); }, limit);
}

}  // namespace

TEST_CASE("a crash at any effect of the first registration leaves every channel registered once") {
    const auto report =
        crash_everywhere([](channel_world& around) { wait_converged(around); }, true);
    INFO(report.text());
    CHECK(report.held());
}

TEST_CASE("a crash at any effect of a handover leaves every row durable once") {
    const auto report = crash_everywhere([](channel_world& around) {
        auto* leader = around.leader();
        if (leader == nullptr) return;
        const auto held = leader->find_channel(model::channel_name("c000"));
        const std::string to = held && held->entry.node.value == "node-0" ? "node-1" : "node-0";
        leader->move(model::channel_name("c000"), model::node_name(to));
        wait_converged(around);
    });
    INFO(report.text());
    CHECK(report.held());
}

TEST_CASE("a crash at any effect of a session's loss leaves every channel with a living process") {
    const auto report = crash_everywhere([](channel_world& around) {
        around.node(0).cut_stores();
        around.world().run_for(seconds(12));
        around.node(0).mend_stores();
        wait_converged(around);
    });
    INFO(report.text());
    CHECK(report.held());
}

TEST_CASE("a crash at any effect of a change of leaders leaves a leader that knows everything") {
    const auto report = crash_everywhere([](channel_world& around) {
        for (std::uint32_t number = 0; number < 2; ++number) {
            if (!around.coordinator(number).alive()) continue;
            auto& one = around.coordinator(number).program<coordinator_program>().coordinator();
            if (!one.leading()) continue;
            around.coordinator(number).restart();
            break;
        }
        wait_converged(around);
    });
    INFO(report.text());
    CHECK(report.held());
}

TEST_CASE("a crash at any effect of a node's restart leaves its channels registered again") {
    const auto report = crash_everywhere([](channel_world& around) {
        around.node(1).restart();
        wait_converged(around);
    });
    INFO(report.text());
    CHECK(report.held());
}
