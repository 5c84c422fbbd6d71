#include "catch.hpp"
#include "reeve/testing/crash_points.hpp"
#include "scenarios/segment_world.hpp"

#include <functional>
#include <memory>
#include <utility>

using namespace simulated;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

namespace {

/// One channel, two nodes, two coordinators, no other faults. `act` does what is tested, after rows
/// have been flushed for a while.
class segment_crash final : public testing::crash_subject {
public:
    using action = std::function<void(segment_world&)>;

    segment_crash(std::uint64_t seed, std::chrono::seconds warm_up, action act)
        : world_(seed), around_(world_, small()), warm_up_(warm_up), act_(std::move(act)) {}

    testing::simulation& world() override { return world_; }

    void run() override {
        // The gate counts from the first effect on: settle without it.
        auto* gate = world_.gate();
        world_.set_gate(nullptr);
        around_.start();
        world_.run_for(warm_up_);
        world_.set_gate(gate);
        act_(around_);
    }

    void recover() override {
        around_.repair();
        around_.require_convergence(minutes(10));
    }

    void check() override { around_.require_convergence(minutes(1)); }

private:
    static segment_world_options small() {
        segment_world_options options;
        options.nodes = 2;
        options.coordinators = 2;
        options.channels = 1;
        options.first_collection = 2;  // the one that is dropped
        options.write_every = milliseconds(700);
        options.rows_max = 12;
        options.idle = seconds(5);
        options.compact_after = seconds(4);
        return options;
    }

    testing::simulation world_;
    segment_world around_;
    std::chrono::seconds warm_up_;
    action act_;
};

testing::crash_report crash_everywhere(std::chrono::seconds warm_up, segment_crash::action act) {
    testing::crash_options options;
    options.double_crashes = 20;
    // The writer is the host's: what it promises it keeps.
    options.counts = [](const testing::effect& one) { return one.process != "writer"; };
    return testing::run_crash_points(
        [warm_up, act = std::move(act)](std::uint64_t seed) {
            return std::make_unique<segment_crash>(seed, warm_up, act);
        },
        options);
}

}  // namespace

TEST_CASE("a crash at any effect of allocation, sealing and flush leaves every row in one file") {
    const auto report = crash_everywhere(
        seconds(3), [](segment_world& around) { around.world().run_for(seconds(6)); });
    INFO(report.text());
    CHECK(report.held());
}

TEST_CASE("a crash at any effect of compaction and sweeps leaves every row in one file") {
    const auto report = crash_everywhere(
        seconds(60), [](segment_world& around) { around.world().run_for(seconds(5)); });
    INFO(report.text());
    CHECK(report.held());
}

TEST_CASE("a crash at any effect of a drop leaves all or nothing of each channel, and no garbage") {
    const auto report = crash_everywhere(seconds(20), [](segment_world& around) {
        around.drop_last_collection();
        around.world().run_for(seconds(8));
    });
    INFO(report.text());
    CHECK(report.held());
}
