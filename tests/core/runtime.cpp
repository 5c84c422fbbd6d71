#include "reeve/core/runtime.hpp"
#include "catch.hpp"
#include "core/manual_loop.hpp"
#include "reeve/core/error.hpp"
#include "reeve/core/event.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/system_executor.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/system/system_error.hpp>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

using namespace std::chrono_literals;
using namespace reeve;

namespace {

/// Says that it was destroyed: what a dropped coroutine must do to its locals.
class sentinel {
public:
    explicit sentinel(int& dropped) : dropped_(&dropped) {}
    sentinel(const sentinel&) = delete;
    sentinel& operator=(const sentinel&) = delete;
    ~sentinel() { ++*dropped_; }

private:
    int* dropped_;
};

void spawn(core::runtime& strand, awaitable<void> work) {
    auto ended = [](const std::exception_ptr& failure) {
        if (failure) std::rethrow_exception(failure);
    };
    boost::asio::co_spawn(strand.executor(), std::move(work), ended);
}

awaitable<void> sleep_and_note(core::runtime& strand, std::chrono::milliseconds delay, int id,
                               std::vector<int>& order) {
    co_await strand.sleep_for(delay);
    order.push_back(id);
}

awaitable<void> sleep_forever(core::runtime& strand, int& dropped, int& resumed) {
    const sentinel here(dropped);
    co_await strand.sleep_for(24h);
    ++resumed;
}

awaitable<void> wait_forever(core::event& event, int& dropped, int& resumed) {
    const sentinel here(dropped);
    co_await event.wait();
    ++resumed;
}

awaitable<void> note_executor(boost::asio::any_io_executor& into) {
    into = co_await boost::asio::this_coro::executor;
}

awaitable<void> shut_down_and_wait(core::runtime& strand, int& dropped, int& resumed) {
    const sentinel here(dropped);
    strand.shutdown();
    co_await strand.sleep_for(1ms);
    ++resumed;
}

struct fixture {
    manual_loop loop;
    std::unique_ptr<core::runtime> strand = std::make_unique<core::runtime>(loop, loop.options());
    int dropped = 0;
    int resumed = 0;
};

}  // namespace

TEST_CASE("runtime: works run in the order of their posts, never inside post") {
    fixture it;
    std::vector<int> order;
    it.strand->post([&] {
        it.strand->post([&] { order.push_back(3); });
        order.push_back(1);
    });
    it.strand->post([&] { order.push_back(2); });
    REQUIRE(order.empty());
    it.loop.run_ready();
    REQUIRE(order == std::vector<int>{1, 2, 3});
}

TEST_CASE("runtime: sleepers wake in the order of their times, then of their going to sleep") {
    fixture it;
    std::vector<int> order;
    spawn(*it.strand, sleep_and_note(*it.strand, 20ms, 3, order));
    spawn(*it.strand, sleep_and_note(*it.strand, 10ms, 1, order));
    spawn(*it.strand, sleep_and_note(*it.strand, 10ms, 2, order));
    it.loop.run_for(9ms);
    REQUIRE(order.empty());
    it.loop.run_for(1ms);
    REQUIRE(order == std::vector<int>{1, 2});
    it.loop.run_for(10ms);
    REQUIRE(order == std::vector<int>{1, 2, 3});
}

TEST_CASE("runtime: a thousand sleepers arm a few timers of the loop only") {
    fixture it;
    std::vector<int> order;
    for (int id = 0; id < 1000; ++id) {
        spawn(*it.strand, sleep_and_note(*it.strand, 1000ms + id * 1ms, id, order));
    }
    it.loop.run_ready();
    REQUIRE(it.loop.timers() == 1);
    it.loop.run_for(2s);
    REQUIRE(order.size() == 1000);
    REQUIRE(it.loop.timers() == 0);
}

TEST_CASE("runtime: a sleep until the past ends at once") {
    fixture it;
    it.loop.wait(*it.strand, it.strand->sleep_until(it.loop.now() - 1s));
    it.loop.wait(*it.strand, it.strand->sleep_for(-1s));
}

TEST_CASE("runtime: a cancelled sleep throws operation_aborted at once") {
    fixture it;
    boost::asio::cancellation_signal cancel;
    std::exception_ptr failure;
    auto done = [&](const std::exception_ptr& thrown) { failure = thrown; };
    boost::asio::co_spawn(it.strand->executor(), it.strand->sleep_for(1h),
                          boost::asio::bind_cancellation_slot(cancel.slot(), done));
    it.loop.run_ready();
    cancel.emit(boost::asio::cancellation_type::terminal);
    it.loop.run_ready();
    REQUIRE(failure);
    try {
        std::rethrow_exception(failure);
    } catch (const boost::system::system_error& thrown) {
        REQUIRE(thrown.code() == boost::asio::error::operation_aborted);
    }
}

TEST_CASE("runtime: shutdown drops every waiting coroutine and resumes none") {
    fixture it;
    core::event event(*it.strand);
    for (int n = 0; n < 3; ++n) {
        spawn(*it.strand, sleep_forever(*it.strand, it.dropped, it.resumed));
        spawn(*it.strand, wait_forever(event, it.dropped, it.resumed));
    }
    it.loop.run_ready();
    it.strand->shutdown();
    REQUIRE(it.dropped == 6);
    event.notify_all();
    it.loop.run_for(48h);
    REQUIRE(it.resumed == 0);
}

TEST_CASE("runtime: a coroutine that was spawned but never ran is dropped unrun") {
    fixture it;
    spawn(*it.strand, sleep_forever(*it.strand, it.dropped, it.resumed));
    it.strand->shutdown();
    it.loop.run_for(48h);
    REQUIRE(it.resumed == 0);
    REQUIRE(it.dropped == 0);
}

TEST_CASE("runtime: an event of the executor that a coroutine runs on is one of its strand") {
    fixture it;
    boost::asio::any_io_executor here;
    spawn(*it.strand, note_executor(here));
    it.loop.run_ready();
    core::event event(here);
    spawn(*it.strand, wait_forever(event, it.dropped, it.resumed));
    it.loop.run_ready();
    event.notify_all();
    REQUIRE(it.resumed == 0);
    it.loop.run_ready();
    REQUIRE(it.resumed == 1);
    spawn(*it.strand, wait_forever(event, it.dropped, it.resumed));
    it.loop.run_ready();
    it.strand->shutdown();
    REQUIRE(it.dropped == 2);
    REQUIRE(it.resumed == 1);
}

TEST_CASE("runtime: an executor that is no runtime's has no events") {
    const boost::asio::any_io_executor foreign = boost::asio::system_executor();
    REQUIRE_THROWS_AS(core::event(foreign), error);
    REQUIRE_THROWS_AS(core::event(boost::asio::any_io_executor()), error);
}

TEST_CASE("runtime: a notified coroutine is dropped when shutdown comes before it resumes") {
    fixture it;
    core::event event(*it.strand);
    spawn(*it.strand, wait_forever(event, it.dropped, it.resumed));
    it.loop.run_ready();
    event.notify_all();
    it.strand->shutdown();
    it.loop.run_ready();
    REQUIRE(it.dropped == 1);
    REQUIRE(it.resumed == 0);
}

TEST_CASE("runtime: shutdown from within lets the work reach its next wait, then drops it") {
    fixture it;
    int others = 0;
    spawn(*it.strand, sleep_forever(*it.strand, others, it.resumed));
    it.loop.run_ready();
    spawn(*it.strand, shut_down_and_wait(*it.strand, it.dropped, it.resumed));
    bool later = false;
    it.strand->post([&] { later = true; });
    it.loop.run_for(48h);
    REQUIRE(it.dropped == 1);
    REQUIRE(others == 1);
    REQUIRE(it.resumed == 0);
    REQUIRE_FALSE(later);
}

TEST_CASE("runtime: work posted after shutdown, also by destructors, is dropped unrun") {
    fixture it;
    struct poster {
        core::runtime* strand;
        bool* ran;
        ~poster() {
            strand->post([flag = ran] { *flag = true; });
        }
    };
    bool ran = false;
    const auto held = std::make_shared<poster>(poster{it.strand.get(), &ran});
    it.loop.run_ready();
    ran = false;  // the temporary above has posted as well
    it.strand->post([held] {});
    it.strand->shutdown();
    it.strand->shutdown();
    it.strand->post([&ran] { ran = true; });
    it.loop.run_ready();
    REQUIRE_FALSE(ran);
}

TEST_CASE("runtime: copies of its executor may outlive it") {
    fixture it;
    const auto executor = it.strand->executor();
    it.strand.reset();
    boost::asio::co_spawn(
        executor,
        [](int& count) -> awaitable<void> {
            ++count;
            co_return;
        }(it.resumed),
        [](const std::exception_ptr&) {});
    it.loop.run_ready();
    REQUIRE(it.resumed == 0);
}

TEST_CASE("runtime: seeds differ from call to call and repeat for equal runtimes") {
    fixture one;
    fixture two;
    const auto first = one.strand->next_seed();
    REQUIRE(first == two.strand->next_seed());
    REQUIRE(first != one.strand->next_seed());
}

TEST_CASE("runtime: two runtimes on one loop do not stop each other") {
    fixture it;
    core::runtime other(it.loop, it.loop.options());
    std::vector<int> order;
    spawn(other, sleep_and_note(other, 5ms, 1, order));
    spawn(*it.strand, sleep_and_note(*it.strand, 5ms, 2, order));
    it.loop.run_ready();
    it.strand->shutdown();
    it.loop.run_for(10ms);
    REQUIRE(order == std::vector<int>{1});
}

namespace {

awaitable<void> note_waits(core::event& event, int id, std::vector<int>& order) {
    co_await event.wait();
    order.push_back(id);
}

awaitable<core::wait_result> bounded(core::event& event, core::time_point deadline) {
    co_return co_await event.wait_until(deadline);
}

}  // namespace

TEST_CASE("event: notify_all resumes those who wait, later ones keep waiting") {
    fixture it;
    core::event event(*it.strand);
    std::vector<int> order;
    event.notify_all();  // nobody waits: forgotten
    spawn(*it.strand, note_waits(event, 1, order));
    spawn(*it.strand, note_waits(event, 2, order));
    it.loop.run_ready();
    REQUIRE(order.empty());
    event.notify_all();
    REQUIRE(order.empty());
    spawn(*it.strand, note_waits(event, 3, order));
    it.loop.run_ready();
    REQUIRE(order == std::vector<int>{1, 2});
}

TEST_CASE("event: notify_one resumes who has waited longest") {
    fixture it;
    core::event event(*it.strand);
    std::vector<int> order;
    for (int id = 1; id <= 3; ++id) spawn(*it.strand, note_waits(event, id, order));
    it.loop.run_ready();
    event.notify_one();
    event.notify_one();
    it.loop.run_ready();
    REQUIRE(order == std::vector<int>{1, 2});
}

TEST_CASE("event: a wait with a deadline says how it ended") {
    fixture it;
    core::event event(*it.strand);
    REQUIRE(it.loop.wait(*it.strand, bounded(event, it.loop.now() + 5ms)) ==
            core::wait_result::timed_out);
    it.strand->post([&] { it.strand->post([&] { event.notify_all(); }); });
    REQUIRE(it.loop.wait(*it.strand, bounded(event, it.loop.now() + 5ms)) ==
            core::wait_result::notified);
}

TEST_CASE("event: destroying it leaves its waiters to their deadline") {
    fixture it;
    auto event = std::make_unique<core::event>(*it.strand);
    std::optional<core::wait_result> ended;
    auto done = [&](const std::exception_ptr&, core::wait_result how) { ended = how; };
    boost::asio::co_spawn(it.strand->executor(), bounded(*event, it.loop.now() + 5ms), done);
    it.loop.run_ready();
    event.reset();
    it.loop.run_for(5ms);
    REQUIRE(ended == core::wait_result::timed_out);
}
