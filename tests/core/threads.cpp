#include "catch.hpp"
#include "reeve/backends/asio_loop.hpp"
#include "reeve/backends/event_loop.hpp"
#include "reeve/core/blocking.hpp"
#include "reeve/core/callback.hpp"
#include "reeve/core/error.hpp"
#include "reeve/core/runtime.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>

#include <atomic>
#include <filesystem>
#include <iterator>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

using namespace std::chrono_literals;
using namespace reeve;

namespace {

/// An event_loop on a thread of its own.
class running_loop {
public:
    running_loop() : thread_([this] { loop.run(); }) {}
    running_loop(const running_loop&) = delete;
    running_loop& operator=(const running_loop&) = delete;
    ~running_loop() { stop(); }
    void stop() {
        if (!thread_.joinable()) return;
        loop.stop();
        thread_.join();
    }
    backends::event_loop loop;

private:
    std::thread thread_;
};

std::ptrdiff_t threads_of_this_process() {
    return std::distance(std::filesystem::directory_iterator("/proc/self/task"),
                         std::filesystem::directory_iterator());
}

awaitable<int> nap(core::runtime& strand, int value) {
    co_await strand.sleep_for(1ms);
    co_return value;
}

awaitable<void> fail() {
    throw error(errc::fenced, "said by the operation");
    co_return;
}

awaitable<errc> wait_inside(core::runtime& strand) {
    errc code{};
    try {
        blocking::wait(strand, nap(strand, 1));
    } catch (const error& failure) {
        code = failure.code_value();
    }
    co_return code;
}

void count_in_threads(core::runtime& strand, int& counter) {
    std::vector<std::thread> threads;
    for (int thread = 0; thread < 4; ++thread) {
        threads.emplace_back([&strand, &counter] {
            for (int n = 0; n < 1000; ++n) strand.post([&counter] { ++counter; });
        });
    }
    for (auto& thread : threads) thread.join();
}

awaitable<int> read_counter(const int& counter) { co_return counter; }

}  // namespace

TEST_CASE("threads: works posted by several threads run one at a time, none is lost") {
    running_loop host;
    core::runtime strand(host.loop);
    int counter = 0;
    count_in_threads(strand, counter);
    REQUIRE(blocking::wait(strand, read_counter(counter)) == 4000);
    host.stop();
}

TEST_CASE("threads: on a loop of several threads a runtime still runs one work at a time") {
    boost::asio::thread_pool pool(4);
    backends::asio_loop loop(pool.get_executor());
    int counter = 0;
    {
        core::runtime strand(loop);
        count_in_threads(strand, counter);
        REQUIRE(blocking::wait(strand, read_counter(counter)) == 4000);
        REQUIRE(blocking::wait(strand, nap(strand, 5)) == 5);
        pool.stop();
        pool.join();
    }
}

TEST_CASE("threads: a runtime on an io_context keeps its timers there") {
    boost::asio::io_context context;
    backends::asio_loop loop(context.get_executor());
    core::runtime strand(loop);
    std::optional<int> result;
    auto done = [&](const std::exception_ptr&, int value) {
        result = value;
        context.stop();
    };
    boost::asio::co_spawn(strand.executor(), nap(strand, 9), done);
    context.run();
    REQUIRE(result == 9);
}

TEST_CASE("threads: the library starts none") {
    const auto before = threads_of_this_process();
    backends::event_loop loop;
    core::runtime strand(loop);
    bool ended = false;
    auto done = [&](const std::exception_ptr&, int) {
        ended = true;
        loop.stop();
    };
    boost::asio::co_spawn(strand.executor(), nap(strand, 1), done);
    loop.run();
    REQUIRE(ended);
    REQUIRE(threads_of_this_process() == before);
}

TEST_CASE("threads: a blocking wait returns or throws what the operation does") {
    running_loop host;
    core::runtime strand(host.loop);
    REQUIRE(blocking::wait(strand, nap(strand, 3)) == 3);
    try {
        blocking::wait(strand, fail());
        FAIL("nothing was thrown");
    } catch (const error& failure) {
        REQUIRE(failure.code_value() == errc::fenced);
    }
    host.stop();
}

TEST_CASE("threads: a blocking wait on the strand's own thread is refused") {
    running_loop host;
    core::runtime strand(host.loop);
    REQUIRE(blocking::wait(strand, wait_inside(strand)) == errc::invalid_argument);
    host.stop();
}

TEST_CASE("threads: a blocking wait ends with unavailable when the runtime shuts down") {
    running_loop host;
    auto strand = std::make_unique<core::runtime>(host.loop);
    strand->post([&] { strand->post([&] { strand->shutdown(); }); });
    try {
        blocking::wait(*strand, strand->sleep_for(1h));
        FAIL("nothing was thrown");
    } catch (const error& failure) {
        REQUIRE(failure.code_value() == errc::unavailable);
    }
    host.stop();
}

TEST_CASE("threads: blocking calls run on the host's workers and come back to the strand") {
    running_loop host;
    boost::asio::thread_pool pool(2);
    core::runtime strand(host.loop);
    const core::blocking_executor workers = [&pool](core::task work) {
        boost::asio::post(pool, std::move(work));
    };
    std::atomic<int> elsewhere = 0;
    std::function<int()> function = [&] {
        if (!strand.running_here()) ++elsewhere;
        return 11;
    };
    for (int n = 0; n < 50; ++n) {
        REQUIRE(blocking::wait(strand, core::blocking_call(strand, workers, function)) == 11);
    }
    REQUIRE(elsewhere == 50);
    pool.join();
    host.stop();
}

TEST_CASE("threads: completions race with each other and with the end of their runtime") {
    for (int round = 0; round < 50; ++round) {
        auto host = std::make_unique<running_loop>();
        auto strand = std::make_unique<core::runtime>(host->loop);
        std::atomic<bool> started = false;
        std::optional<core::completion<int>> kept;
        std::function<void(core::completion<int>)> start = [&](auto done) {
            kept = done;
            started = true;
            started.notify_all();
        };
        auto ended = [](const std::exception_ptr&, int) {};
        boost::asio::co_spawn(strand->executor(), core::from_callback(*strand, start), ended);
        started.wait(false);
        std::thread one([&kept] { (*kept)(1); });
        std::thread two([&kept] { (*kept)(2); });
        host->stop();
        strand.reset();
        one.join();
        two.join();
    }
}
