#include "reeve/testing/crash_points.hpp"

#include "reeve/core/random.hpp"
#include "reeve/testing/simulation.hpp"

#include <fmt/format.h>

#include <exception>
#include <optional>

namespace reeve::testing {

namespace {

/// Where to crash: in which of the effects that pass from now on.
struct crash_point {
    std::size_t index = 0;
    verdict mode = verdict::crash_before;
};

/// Counts effects, and interferes at one of them.
class counting_gate final : public effect_gate {
public:
    explicit counting_gate(const crash_options& options) : options_(&options) {}

    verdict decide(const effect& what) override {
        if (options_->counts && !options_->counts(what)) return verdict::proceed;
        seen_.push_back(
            fmt::format("{} of {}: {}", testing::name(what.what), what.process, what.detail));
        if (!armed_ || seen_.size() - 1 != armed_->index) return verdict::proceed;
        const verdict mode = armed_->mode;
        armed_.reset();
        return mode;
    }
    /// Starts to count from zero, and interferes at `point`.
    void arm(std::optional<crash_point> point) {
        armed_ = point;
        seen_.clear();
    }
    /// True if the point armed was not reached.
    [[nodiscard]] bool armed() const noexcept { return armed_.has_value(); }
    [[nodiscard]] const std::vector<std::string>& seen() const noexcept { return seen_; }

private:
    const crash_options* options_;
    std::optional<crash_point> armed_;
    std::vector<std::string> seen_;
};

/// What one run showed.
struct run_result {
    bool hit = false;         ///< the first point was reached
    bool second_hit = false;  ///< the second, too
    std::vector<std::string> effects;
    std::size_t recovery_effects = 0;
    std::string failure;
};

run_result run_once(const crash_subject_factory& make, const crash_options& options,
                    std::optional<crash_point> first, std::optional<crash_point> second) {
    run_result result;
    counting_gate gate(options);
    try {
        const auto subject = make(options.seed);
        simulation& world = subject->world();
        world.set_gate(&gate);
        gate.arm(first);
        subject->run();
        result.hit = !gate.armed();
        result.effects = gate.seen();
        gate.arm(second);
        subject->recover();
        result.recovery_effects = gate.seen().size();
        if (second) {
            result.second_hit = !gate.armed();
            gate.arm(std::nullopt);
            subject->recover();
        }
        subject->check();
        world.set_gate(nullptr);
        result.failure = world.failure();
    } catch (const std::exception& thrown) {
        result.failure = std::string("exception: ") + thrown.what();
    }
    return result;
}

std::string describe(const crash_point& point, const std::vector<std::string>& effects) {
    const std::string what = point.index < effects.size() ? effects[point.index] : "?";
    return fmt::format("{} effect {} ({})", name(point.mode), point.index, what);
}

void run_doubles(const crash_subject_factory& make, const crash_options& options,
                 crash_report& report) {
    core::random random(options.seed ^ 0x646f75626c65ULL);
    for (std::size_t i = 0; i < options.double_crashes; ++i) {
        crash_point first;
        first.index = static_cast<std::size_t>(random.below(report.effects.size()));
        first.mode = options.modes[random.below(options.modes.size())];
        const run_result probe = run_once(make, options, first, std::nullopt);
        if (probe.recovery_effects == 0) continue;
        crash_point second;
        second.index = static_cast<std::size_t>(random.below(probe.recovery_effects));
        second.mode = options.modes[random.below(options.modes.size())];
        const run_result twice = run_once(make, options, first, second);
        ++report.double_runs;
        if (twice.hit && twice.second_hit) ++report.double_hits;
        if (twice.failure.empty()) continue;
        report.failures.push_back(
            {fmt::format("{}, then {} effect {} of the recovery", describe(first, report.effects),
                         name(second.mode), second.index),
             twice.failure});
    }
}

}  // namespace

std::string_view name(verdict mode) noexcept {
    switch (mode) {
        case verdict::proceed:
            return "proceed";
        case verdict::crash_before:
            return "crash_before";
        case verdict::crash_after:
            return "crash_after";
        case verdict::crash_after_without_reply:
            return "crash_after_without_reply";
        case verdict::lose_reply:
            return "lose_reply";
    }
    return "?";
}

std::string crash_report::text() const {
    std::string all =
        fmt::format("{} effects, {} runs with a crash ({} hit), {} with two ({} hit), {} failed\n",
                    effects.size(), runs, hits, double_runs, double_hits, failures.size());
    for (const auto& one : failures) all += fmt::format("  {}: {}\n", one.where, one.what);
    return all;
}

crash_report run_crash_points(const crash_subject_factory& make, const crash_options& options) {
    crash_report report;
    const run_result whole = run_once(make, options, std::nullopt, std::nullopt);
    report.effects = whole.effects;
    if (!whole.failure.empty()) {
        report.failures.push_back({"without a crash", whole.failure});
        return report;
    }
    for (std::size_t index = 0; index < report.effects.size(); ++index) {
        for (const verdict mode : options.modes) {
            const crash_point point{index, mode};
            const run_result result = run_once(make, options, point, std::nullopt);
            ++report.runs;
            if (result.hit) ++report.hits;
            if (!result.failure.empty()) {
                report.failures.push_back({describe(point, report.effects), result.failure});
            }
        }
    }
    if (!report.effects.empty() && !options.modes.empty()) run_doubles(make, options, report);
    return report;
}

}  // namespace reeve::testing
