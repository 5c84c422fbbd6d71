// Procedures of three steps over nodes that crash: stopped at every effect, then recovered.
#include "catch.hpp"
#include "procedure/ledger.hpp"
#include "reeve/testing/crash_points.hpp"

#include <functional>
#include <memory>
#include <utility>

using namespace closing;
using std::chrono::minutes;

namespace {

// A run, perhaps with a node that nobody reaches, and what must have come of it.
class closing_crash final : public testing::crash_subject {
public:
    closing_crash(std::uint64_t seed, world_options options)
        : world_(seed), around_(world_, options), options_(options) {}

    testing::simulation& world() override { return world_; }

    void run() override {
        // Sessions and the election are not what is tested here.
        auto* gate = world_.gate();
        world_.set_gate(nullptr);
        around_.start();
        if (options_.operators != help::none) around_.cut_off(0);
        world_.run_until([this] { return around_.engine() != nullptr; }, minutes(1));
        world_.set_gate(gate);
        world_.run_until([this] { return settled(); }, seconds(20));
    }
    void recover() override {
        around_.settle([this] { return settled(); });
    }
    void check() override {
        around_.require_gone_is_gone();
        around_.require_legal_history();
        const auto all = around_.records();
        world_.require(all.size() == options_.paths, "not one record for each path");
        for (const auto& [id, record] : all) check_end(record);
    }

private:
    bool settled() {
        if (options_.operators != help::skip) return around_.ended();
        // Whoever is skipped in one step still has to let go in the next.
        const auto one = around_.recorded(path_name(0));
        return one && one->step == 2;
    }
    void check_end(const model::procedure_record& record) {
        switch (options_.operators) {
            case help::none:
                world_.require(record.state == model::procedure_state::finished, "not finished");
                world_.require(record.step == 2, "finished too early");
                world_.require(around_.gone(record.arguments), "finished, and not gone");
                break;
            case help::finish:
                world_.require(record.state == model::procedure_state::finished, "not finished");
                world_.require(record.why.starts_with("forced: "), "finished by itself");
                world_.require(!around_.gone(record.arguments), "gone, though nobody let go");
                break;
            case help::stop:
                world_.require(record.state == model::procedure_state::stopped, "not stopped");
                world_.require(open_again(record.arguments), "its definition was not told");
                break;
            case help::skip:
                world_.require(record.state == model::procedure_state::running, "over");
                break;
        }
    }
    bool open_again(const std::string& path) {
        const auto found = world_.run(world_.metadata()->get(closed_key(path)));
        return found && found->value == "open";
    }

    testing::simulation world_;
    around around_;
    world_options options_;
};

testing::crash_report crash_everywhere(world_options options) {
    testing::crash_options how;
    how.double_crashes = 20;
    // Leases are renewed for as long as it lasts: not what is tested here.
    how.counts = [](const testing::effect& what) {
        return what.what == testing::effect_kind::metadata_commit ||
               what.what == testing::effect_kind::message_send;
    };
    return testing::run_crash_points(
        [options](std::uint64_t seed) { return std::make_unique<closing_crash>(seed, options); },
        how);
}

world_options small() {
    world_options options;
    options.paths = 1;
    options.nodes = 2;
    return options;
}

}  // namespace

TEST_CASE("a crash at any effect of start, step, acknowledgement or finish: it comes to its end") {
    const auto report = crash_everywhere(small());
    INFO(report.text());
    CHECK(report.held());
    CHECK(report.effects.size() >= 12);
}

TEST_CASE("a crash at any effect of a forced finish: it is finished at that step") {
    auto options = small();
    options.operators = help::finish;
    const auto report = crash_everywhere(options);
    INFO(report.text());
    CHECK(report.held());
}

TEST_CASE("a crash at any effect of a stop: it is stopped, and its definition was told") {
    auto options = small();
    options.operators = help::stop;
    const auto report = crash_everywhere(options);
    INFO(report.text());
    CHECK(report.held());
}

TEST_CASE("a crash at any effect of a skip: the step goes on without that node, and no other") {
    auto options = small();
    options.operators = help::skip;
    const auto report = crash_everywhere(options);
    INFO(report.text());
    CHECK(report.held());
}

TEST_CASE("a crash at any effect of the removal of old procedures leaves as many as are kept") {
    // Three paths, one record kept: the first two go.
    class removal final : public testing::crash_subject {
    public:
        removal(std::uint64_t seed, world_options options)
            : world_(seed), around_(world_, options) {}
        testing::simulation& world() override { return world_; }
        void run() override {
            around_.start();
            world_.run_until([this] { return settled(); }, seconds(20));
        }
        void recover() override {
            around_.settle([this] { return settled(); });
        }
        void check() override {
            kept_ = 1;
            world_.find(coordinator_name(0))->restart();
            world_.find(coordinator_name(1))->restart();
            recover();
            around_.require_gone_is_gone();
            around_.require_legal_history();
        }

    private:
        bool settled() {
            for (std::uint32_t at = 0; at < 3; ++at) {
                if (!around_.gone(path_name(at))) return false;
            }
            return around_.records().size() <= kept_;
        }
        testing::simulation world_;
        around around_;
        std::size_t kept_ = 2;  // one whose start may still land is not removed in this term
    };
    auto options = small();
    options.paths = 3;
    options.nodes = 1;
    options.retention = 1;
    testing::crash_options how;
    how.double_crashes = 10;
    how.counts = [](const testing::effect& what) {
        return what.what == testing::effect_kind::metadata_commit &&
               what.process.starts_with("head") &&
               what.detail.find("procedures/") != std::string_view::npos;
    };
    const auto report = testing::run_crash_points(
        [options](std::uint64_t seed) { return std::make_unique<removal>(seed, options); }, how);
    INFO(report.text());
    CHECK(report.held());
}
