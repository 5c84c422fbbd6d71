#include "reeve/testing/conformance_loop.hpp"

#include "testing/conformance/support.hpp"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <thread>
#include <utility>

namespace reeve::testing {

namespace {

using detail::expect;
using detail::expect_equal;
using namespace std::chrono_literals;
using std::chrono::milliseconds;

// What a check works with.
struct trial {
    std::shared_ptr<host_loop_factory> factory;
    std::unique_ptr<driven_loop> driven;

    [[nodiscard]] core::host_loop& loop() const { return driven->loop(); }
    void post(core::task work) const { loop().post(std::move(work)); }
    void run() const { driven->run(factory->patience()); }
};

void post_runs_after_it_returned(trial& it) {
    std::atomic<bool> posting = false;
    std::atomic<bool> inside = false;
    std::atomic<int> ran = 0;
    auto* driven = it.driven.get();
    it.post(core::task([&, driven] {
        const auto poster = std::this_thread::get_id();
        posting = true;
        driven->loop().post(core::task([&, driven, poster] {
            if (posting && std::this_thread::get_id() == poster) inside = true;
            ++ran;
            driven->finish();
        }));
        posting = false;
    }));
    it.run();
    expect_equal(ran.load(), 1, "times that a work posted by a work ran");
    expect(!inside, "post ran the work inside the call");
}

void posted_before_run_is_run(trial& it) {
    std::atomic<int> ran = 0;
    for (int each = 0; each < 100; ++each) {
        it.post(core::task([&ran, driven = it.driven.get()] {
            if (++ran == 100) driven->finish();
        }));
    }
    it.run();
    expect_equal(ran.load(), 100, "works run of 100 posted before the loop ran");
}

void posts_of_many_threads_all_run(trial& it) {
    constexpr int threads = 4;
    constexpr int works = 2'000;
    std::atomic<int> ran = 0;
    auto* driven = it.driven.get();
    std::vector<std::thread> posting;
    for (int each = 0; each < threads; ++each) {
        posting.emplace_back([&ran, driven] {
            for (int work = 0; work < works; ++work) {
                driven->loop().post(core::task([&ran, driven] {
                    if (++ran == threads * works) driven->finish();
                }));
            }
        });
    }
    it.run();
    for (auto& each : posting) each.join();
    expect_equal(ran.load(), threads * works, "works run of those that four threads posted");
}

void post_wakes_a_sleeping_loop(trial& it) {
    std::atomic<bool> far_ran = false;
    std::atomic<bool> woken = false;
    const auto far = it.factory->clock().now() + 10 * it.factory->patience();
    auto* driven = it.driven.get();
    std::thread other;
    it.post(core::task([&, driven] {
        driven->loop().post_at(far, core::task([&far_ran] { far_ran = true; }));
        other = std::thread([&woken, driven] {
            driven->loop().post(core::task([&woken, driven] {
                woken = true;
                driven->finish();
            }));
        });
    }));
    it.run();
    if (other.joinable()) other.join();
    expect(woken, "a post from another thread did not wake a loop that waits for a far timer");
    expect(!far_ran, "a work ran long before its time");
}

void timers_are_not_early(trial& it) {
    std::mutex mutex;
    std::vector<milliseconds> early;
    std::atomic<int> left = 12;
    auto* driven = it.driven.get();
    const auto& clock = it.factory->clock();
    it.post(core::task([&, driven] {
        const auto begin = clock.now();
        for (int each = 0; each < 12; ++each) {
            const auto when = begin + milliseconds((each * 7) % 12 * 3 - 3);
            driven->loop().post_at(
                when, core::task([&, driven, when] {
                    const auto now = clock.now();
                    if (now < when) {
                        const std::lock_guard lock(mutex);
                        early.push_back(std::chrono::ceil<milliseconds>(when - now));
                    }
                    if (--left == 0) driven->finish();
                }));
        }
    }));
    it.run();
    expect_equal(left.load(), 0, "works posted for a time, past ones too, that did not run");
    expect(early.empty(), "a work ran before its time");
}

void far_timers_do_not_overflow(trial& it) {
    std::atomic<bool> far_ran = false;
    std::atomic<bool> near_ran = false;
    auto* driven = it.driven.get();
    const auto now = it.factory->clock().now();
    it.post(core::task([&, driven, now] {
        driven->loop().post_at(core::time_point::max(), core::task([&] { far_ran = true; }));
        driven->loop().post_at(now + 5ms, core::task([&, driven] {
                                   near_ran = true;
                                   driven->finish();
                               }));
    }));
    it.run();
    expect(near_ran, "a near timer beside one at the end of time did not run");
    expect(!far_ran, "a timer at the end of time ran");
}

void dropped_works_are_destroyed(trial& it) {
    const auto held = std::make_shared<int>(0);
    const auto far = it.factory->clock().now() + 10 * it.factory->patience();
    auto* driven = it.driven.get();
    it.post(core::task([held, driven, far] {
        driven->loop().post_at(far, core::task([held] {}));
        driven->finish();
    }));
    it.run();
    it.post(core::task([held] {}));
    it.driven.reset();
    expect_equal(held.use_count(), 1L, "owners of what works hold, after the loop's end");
}

void works_may_own_much_and_move_only(trial& it) {
    std::atomic<std::size_t> size = 0;
    auto* driven = it.driven.get();
    auto owned = std::make_unique<std::string>(100'000, 'x');
    it.post(core::task([&size, driven, owned = std::move(owned), more = std::string(200, 'y')] {
        size = owned->size() + more.size();
        driven->finish();
    }));
    it.run();
    expect_equal(size.load(), std::size_t{100'200}, "bytes that a move-only work owned");
}

awaitable<void> ping(core::runtime& strand, std::atomic<int>& inside, std::atomic<bool>& overlap,
                     std::atomic<int>& left, driven_loop& driven) {
    for (int round = 0; round < 50; ++round) {
        if (++inside != 1) overlap = true;
        --inside;
        const auto pause = milliseconds(round % 5 == 0 ? 1 : 0);
        co_await strand.sleep_for(pause);
    }
    if (--left == 0) driven.finish();
}

void runtime_on_it_is_one_strand(trial& it) {
    std::atomic<int> inside = 0;
    std::atomic<bool> overlap = false;
    std::atomic<int> left = 8;
    {
        core::runtime_options options;
        options.clock = &it.factory->clock();
        core::runtime strand(it.loop(), options);
        for (int each = 0; each < 8; ++each) {
            auto failed = [](const std::exception_ptr& failure) {
                if (failure) std::rethrow_exception(failure);
            };
            boost::asio::co_spawn(strand.executor(),
                                  ping(strand, inside, overlap, left, *it.driven), failed);
        }
        it.run();
        strand.shutdown();
    }
    expect_equal(left.load(), 0, "coroutines on a runtime that did not end");
    expect(!overlap, "two works of one runtime ran at once");
}

void clock_does_not_go_back(trial& it) {
    const auto& clock = it.factory->clock();
    auto before = clock.now();
    for (int each = 0; each < 10'000; ++each) {
        const auto now = clock.now();
        expect(now >= before, "the monotonic clock went back");
        before = now;
    }
    expect(clock.wall_now() > core::wall_time(), "the wall clock stands at the epoch");
}

struct loop_rule {
    const char* name;
    const char* rule;
    void (*body)(trial& it);
};

constexpr loop_rule rules[] = {
    {"post_runs_after_it_returned", "a work may post another, which runs later, once",
     post_runs_after_it_returned},
    {"posted_before_run_is_run", "works posted before the loop runs are run",
     posted_before_run_is_run},
    {"posts_of_many_threads_all_run", "post may be called from any thread, and loses nothing",
     posts_of_many_threads_all_run},
    {"post_wakes_a_sleeping_loop", "a post wakes a loop that waits for a timer",
     post_wakes_a_sleeping_loop},
    {"timers_are_not_early", "post_at runs works at or after their time, past times at once",
     timers_are_not_early},
    {"far_timers_do_not_overflow", "a timer at the end of time neither runs nor blocks others",
     far_timers_do_not_overflow},
    {"dropped_works_are_destroyed", "works that never run are destroyed with the loop",
     dropped_works_are_destroyed},
    {"works_may_own_much_and_move_only", "works may be move-only and own memory",
     works_may_own_much_and_move_only},
    {"runtime_on_it_is_one_strand", "a runtime on the loop runs one work at a time, with timers",
     runtime_on_it_is_one_strand},
    {"clock_does_not_go_back", "the monotonic clock does not go back", clock_does_not_go_back},
};

}  // namespace

const core::clock& host_loop_factory::clock() const { return core::system_clock::instance(); }

std::vector<check> host_loop_checks(std::shared_ptr<host_loop_factory> factory) {
    std::vector<check> checks;
    for (const auto& each : rules) {
        auto attempt = [factory, &each]() -> check_report {
            factory->reset();
            trial it{factory, factory->make_loop()};
            each.body(it);
            check_report passed;
            passed.what = check_verdict::passed;
            return passed;
        };
        check one;
        one.name = each.name;
        one.rule = each.rule;
        one.run = [attempt, &each]() {
            check_report report = detail::guarded(attempt);
            report.name = each.name;
            report.rule = each.rule;
            return report;
        };
        checks.push_back(std::move(one));
    }
    return checks;
}

}  // namespace reeve::testing
