#include "reeve/testing/conformance.hpp"

#include "reeve/backends/event_loop.hpp"
#include "testing/conformance/support.hpp"

#include <cstdio>
#include <utility>

namespace reeve::testing {

namespace {

class own_loop final : public check_environment {
public:
    core::runtime& strand() override { return strand_; }
    void run(std::chrono::milliseconds patience) override {
        loop_.post_at(strand_.now() + patience, core::task([this] { loop_.stop(); }));
        loop_.run();
    }
    void finish() override { loop_.stop(); }

private:
    backends::event_loop loop_;
    core::runtime strand_{loop_};
};

struct outcome {
    bool finished = false;
    std::exception_ptr failure;
};

}  // namespace

std::string_view name(check_verdict what) noexcept {
    switch (what) {
        case check_verdict::passed:
            return "passed";
        case check_verdict::failed:
            return "failed";
        case check_verdict::skipped:
            return "skipped";
    }
    return "unknown";
}

std::unique_ptr<check_environment> make_check_environment() { return std::make_unique<own_loop>(); }

std::unique_ptr<check_environment> check_factory::make_environment() {
    return make_check_environment();
}

std::chrono::milliseconds check_factory::patience() const { return std::chrono::seconds(60); }

bool run_checks(const std::vector<check>& checks, const report_sink& sink) {
    bool all = true;
    for (const auto& each : checks) {
        const check_report report = each.run();
        if (report.what == check_verdict::failed) all = false;
        sink(report);
    }
    return all;
}

int run_main(const std::vector<check>& checks, int argc, const char* const* argv) {
    const std::string wanted = argc > 1 ? argv[1] : "";
    std::size_t count[3] = {};
    auto print = [&count](const check_report& report) {
        ++count[static_cast<std::size_t>(report.what)];
        if (report.what == check_verdict::passed) {
            fmt::print("ok {}\n", report.name);
        } else {
            const auto* word = report.what == check_verdict::failed ? "FAILED" : "skipped";
            fmt::print("{} {}: {}\n", word, report.name, report.why);
        }
        std::fflush(stdout);
    };
    std::vector<check> chosen;
    for (const auto& each : checks) {
        if (each.name.find(wanted) != std::string::npos) chosen.push_back(each);
    }
    const bool all = run_checks(chosen, print);
    fmt::print("{} passed, {} failed, {} skipped\n", count[0], count[1], count[2]);
    return all && count[0] > 0 ? 0 : 1;
}

namespace detail {

std::string show(std::string_view bytes) {
    constexpr std::size_t longest = 64;
    std::string text = "\"";
    for (const char c : bytes.substr(0, longest)) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte >= 0x20 && byte < 0x7f) {
            text += c;
        } else {
            text += fmt::format("\\x{:02x}", byte);
        }
    }
    text += '"';
    if (bytes.size() > longest) text += fmt::format(" ({} bytes)", bytes.size());
    return text;
}

awaitable<void> yield(core::runtime& strand, std::size_t steps) {
    const auto executor = strand.executor();
    for (std::size_t step = 0; step < steps; ++step) {
        co_await boost::asio::post(executor, boost::asio::use_awaitable);
    }
}

awaitable<void> until(core::runtime& strand, std::function<bool()> condition, std::string what) {
    const auto deadline = strand.now() + step_patience;
    while (!condition()) {
        if (strand.now() > deadline) throw check_failure("waited in vain: " + what);
        co_await strand.sleep_for(1ms);
    }
}

check_report execute(check_environment& environment, std::chrono::milliseconds patience,
                     const std::function<awaitable<void>()>& body) {
    const auto state = std::make_shared<outcome>();
    auto done = [state, &environment](const std::exception_ptr& failure) {
        state->finished = true;
        state->failure = failure;
        environment.finish();
    };
    boost::asio::co_spawn(environment.strand().executor(), body(), done);
    environment.run(patience);
    if (!state->finished) {
        environment.strand().shutdown();
        throw check_failure(fmt::format("did not end within {} ms", patience.count()));
    }
    auto rethrow = [state]() -> check_report {
        if (state->failure) std::rethrow_exception(state->failure);
        check_report passed;
        passed.what = check_verdict::passed;
        return passed;
    };
    return guarded(rethrow);
}

check_report dropped(const std::vector<std::weak_ptr<void>>& in_flight) {
    check_report report;
    report.what = check_verdict::passed;
    for (const auto& each : in_flight) {
        if (each.expired()) continue;
        report.what = check_verdict::failed;
        report.why =
            "a call in flight still holds its coroutine, although the strand was shut down "
            "and the implementation destroyed";
    }
    return report;
}

check_report guarded(const std::function<check_report()>& attempt) {
    check_report report;
    try {
        return attempt();
    } catch (const check_skipped& skipped) {
        report.what = check_verdict::skipped;
        report.why = skipped.what();
    } catch (const check_failure& broken) {
        report.why = broken.what();
    } catch (const std::exception& failure) {
        report.why = fmt::format("unexpected exception: {}", failure.what());
    } catch (...) {  // reported as a failure: nothing is hidden
        report.why = "unexpected exception of a type that is no std::exception";
    }
    report.what =
        report.what == check_verdict::skipped ? check_verdict::skipped : check_verdict::failed;
    return report;
}

}  // namespace detail

}  // namespace reeve::testing
