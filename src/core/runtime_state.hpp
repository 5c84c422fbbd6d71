#pragma once

#include "reeve/core/clock.hpp"
#include "reeve/core/event.hpp"
#include "reeve/core/host_loop.hpp"
#include "reeve/core/task.hpp"

#include <boost/asio/execution_context.hpp>
#include <boost/intrusive/list.hpp>
#include <boost/intrusive/set.hpp>
#include <boost/system/error_code.hpp>

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

namespace reeve::core::detail {

namespace intrusive = boost::intrusive;

struct everything_tag;
struct event_tag;
struct timer_tag;
using everything_hook = intrusive::list_base_hook<intrusive::tag<everything_tag>,
                                                  intrusive::link_mode<intrusive::auto_unlink>>;
using event_hook = intrusive::list_base_hook<intrusive::tag<event_tag>,
                                             intrusive::link_mode<intrusive::auto_unlink>>;
using timer_hook = intrusive::set_base_hook<intrusive::tag<timer_tag>,
                                            intrusive::link_mode<intrusive::auto_unlink>>;

/// A coroutine that waits: for an event, a time, or both. Owned by the runtime, so that shutting
/// down can drop it wherever it waits; destroying it leaves every list.
struct wait_op : everything_hook, event_hook, timer_hook {
    virtual ~wait_op() = default;
    /// Leaves every list, destroys itself and posts the handler.
    virtual void complete(boost::system::error_code failure, wait_result result) = 0;

    /// Leaves every list.
    void leave() noexcept {
        everything_hook::unlink();
        event_hook::unlink();
        timer_hook::unlink();
    }

    time_point deadline;
    std::uint64_t order = 0;

    friend bool operator<(const wait_op& left, const wait_op& right) noexcept {
        if (left.deadline != right.deadline) return left.deadline < right.deadline;
        return left.order < right.order;
    }
};

using everything_list = intrusive::list<wait_op, intrusive::base_hook<everything_hook>,
                                        intrusive::constant_time_size<false>>;
using event_list = intrusive::list<wait_op, intrusive::base_hook<event_hook>,
                                   intrusive::constant_time_size<false>>;
using timer_set = intrusive::multiset<wait_op, intrusive::base_hook<timer_hook>,
                                      intrusive::constant_time_size<false>>;

/// What Asio asks of an executor's context.
class strand_context final : public boost::asio::execution_context {
public:
    ~strand_context() { shutdown(); }
};

/// The strand behind a runtime. The queue is locked, since works are posted from any thread; waits
/// and timers belong to the strand.
class runtime_state : public std::enable_shared_from_this<runtime_state> {
public:
    runtime_state(host_loop& loop, const core::clock& clock) : loop_(&loop), clock_(&clock) {}

    void post(task work);
    void shutdown() noexcept;
    [[nodiscard]] bool running_here() const noexcept {
        return runner_.load(std::memory_order_relaxed) == std::this_thread::get_id();
    }
    [[nodiscard]] const core::clock& clock() const noexcept { return *clock_; }
    [[nodiscard]] boost::asio::execution_context& context() noexcept { return context_; }

    /// Takes ownership of `op`. `list` may be nullptr.
    void start(std::unique_ptr<wait_op> op, event_list* list, std::optional<time_point> deadline);

private:
    void schedule_locked();
    void drain() noexcept;
    void drop_everything() noexcept;
    void arm();
    void fire(time_point armed_for);

    strand_context context_;
    host_loop* loop_;
    const core::clock* clock_;

    std::mutex mutex_;
    std::vector<task> queue_;
    bool scheduled_ = false;
    std::atomic<bool> closed_ = false;
    std::atomic<std::thread::id> runner_;

    std::vector<task> batch_;
    everything_list waits_;
    timer_set timers_;
    time_point armed_ = time_point::max();
    std::uint64_t order_ = 0;
};

/// Waits on `list` (may be nullptr), a deadline, or both.
awaitable<wait_result> wait_on(std::shared_ptr<runtime_state> state, event_list* list,
                               std::optional<time_point> deadline);

}  // namespace reeve::core::detail
