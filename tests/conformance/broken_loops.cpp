#include "catch.hpp"
#include "reeve/backends/event_loop.hpp"
#include "reeve/testing/conformance_catch.hpp"
#include "reeve/testing/conformance_loop.hpp"

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace reeve::testing;
using reeve::backends::event_loop;
using reeve::core::task;
using reeve::core::time_point;

namespace {

/// An event_loop with one rule broken: a member that is set replaces one function.
struct loop_bend {
    std::function<void(event_loop&, task)> post;
    std::function<void(event_loop&, time_point, task)> post_at;
    const reeve::core::clock* clock = nullptr;
};

class bent_loop final : public driven_loop, public reeve::core::host_loop {
public:
    explicit bent_loop(std::shared_ptr<const loop_bend> how) : how_(std::move(how)) {}

    reeve::core::host_loop& loop() override { return *this; }
    void run(std::chrono::milliseconds patience) override {
        const auto end = reeve::core::system_clock::instance().now() + patience;
        inner_.post_at(end, task([this] { inner_.stop(); }));
        inner_.run();
    }
    void finish() override { inner_.stop(); }
    void post(task work) override {
        if (how_->post) return how_->post(inner_, std::move(work));
        inner_.post(std::move(work));
    }
    void post_at(time_point when, task work) override {
        if (how_->post_at) return how_->post_at(inner_, when, std::move(work));
        inner_.post_at(when, std::move(work));
    }

private:
    std::shared_ptr<const loop_bend> how_;
    event_loop inner_;
};

class bent_loop_factory final : public host_loop_factory {
public:
    explicit bent_loop_factory(loop_bend how) : how_(std::make_shared<loop_bend>(std::move(how))) {}

    std::unique_ptr<driven_loop> make_loop() override { return std::make_unique<bent_loop>(how_); }
    const reeve::core::clock& clock() const override {
        return how_->clock == nullptr ? host_loop_factory::clock() : *how_->clock;
    }
    std::chrono::milliseconds patience() const override {
        return how_->post || how_->post_at ? std::chrono::milliseconds(500)
                                           : std::chrono::seconds(60);
    }

private:
    std::shared_ptr<loop_bend> how_;
};

class backward_clock final : public reeve::core::clock {
public:
    time_point now() const noexcept override { return time_point(std::chrono::hours(--hours_)); }
    reeve::core::wall_time wall_now() const noexcept override {
        return std::chrono::system_clock::now();
    }

private:
    mutable int hours_ = 1'000'000;
};

struct broken_loop {
    const char* check;
    loop_bend how;
};

std::vector<broken_loop> broken_loops() {
    std::vector<broken_loop> all(10);
    all[0].check = "post_runs_after_it_returned";
    all[0].how.post = [begun = std::make_shared<bool>(false)](event_loop& loop, task work) {
        if (*begun) return work();
        *begun = true;
        loop.post(std::move(work));
    };
    all[1].check = "posted_before_run_is_run";
    all[1].how.post = [count = std::make_shared<int>(0)](event_loop& loop, task work) {
        if (++*count != 50) loop.post(std::move(work));
    };
    all[2].check = "posts_of_many_threads_all_run";
    all[2].how.post = [home = std::this_thread::get_id()](event_loop& loop, task work) {
        if (std::this_thread::get_id() == home) loop.post(std::move(work));
    };
    all[3].check = "post_wakes_a_sleeping_loop";
    all[3].how.post = [home = std::this_thread::get_id()](event_loop& loop, task work) {
        if (std::this_thread::get_id() == home) return loop.post(std::move(work));
        const auto late = std::chrono::steady_clock::now() + std::chrono::seconds(3);
        loop.post_at(late, std::move(work));
    };
    all[4].check = "timers_are_not_early";
    all[4].how.post_at = [](event_loop& loop, time_point when, task work) {
        loop.post_at(when - std::chrono::milliseconds(10), std::move(work));
    };
    all[5].check = "far_timers_do_not_overflow";
    all[5].how.post_at = [](event_loop& loop, time_point when, task work) {
        const bool overflows = when == time_point::max();
        loop.post_at(overflows ? time_point() : when, std::move(work));
    };
    all[6].check = "dropped_works_are_destroyed";
    all[6].how.post_at = [kept = std::make_shared<std::vector<task>>()](event_loop&, time_point,
                                                                        task work) {
        kept->push_back(std::move(work));
    };
    all[7].check = "works_may_own_much_and_move_only";
    all[7].how.post = [](event_loop&, task) {};
    all[8].check = "runtime_on_it_is_one_strand";
    all[8].how.post_at = [](event_loop&, time_point, task) {};
    static const backward_clock backward;
    all[9].check = "clock_does_not_go_back";
    all[9].how.clock = &backward;
    return all;
}

}  // namespace

TEST_CASE("event_loop keeps every rule of a host's loop") {
    run_catch(host_loop_checks(std::make_shared<bent_loop_factory>(loop_bend())));
}

TEST_CASE("every check of a host's loop catches a loop that breaks its rule") {
    std::set<std::string> caught;
    for (const auto& one : broken_loops()) {
        const auto factory = std::make_shared<bent_loop_factory>(one.how);
        for (const auto& each : host_loop_checks(factory)) {
            if (each.name != one.check) continue;
            const auto report = each.run();
            INFO(report.name << " reported " << name(report.what) << ": " << report.why);
            CHECK(report.what == check_verdict::failed);
            caught.insert(each.name);
        }
    }
    for (const auto& each : host_loop_checks(std::make_shared<bent_loop_factory>(loop_bend()))) {
        INFO(each.name);
        CHECK(caught.contains(each.name));
    }
}
