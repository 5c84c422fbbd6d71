#include "reeve/core/runtime.hpp"

#include "core/runtime_state.hpp"
#include "reeve/core/callback.hpp"
#include "reeve/core/error.hpp"
#include "reeve/core/random.hpp"

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/execution.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <utility>

namespace reeve::core {

namespace detail {

namespace {

/// Asio's view of a strand. Never runs a function inside `execute`.
class strand_executor {
public:
    explicit strand_executor(std::shared_ptr<runtime_state> state) noexcept
        : state_(std::move(state)) {}

    [[nodiscard]] boost::asio::execution_context& query(
        boost::asio::execution::context_t) const noexcept {
        return state_->context();
    }
    [[nodiscard]] static constexpr boost::asio::execution::blocking_t query(
        boost::asio::execution::blocking_t) noexcept {
        return boost::asio::execution::blocking.never;
    }
    [[nodiscard]] strand_executor require(
        boost::asio::execution::blocking_t::never_t) const noexcept {
        return *this;
    }
    template <class Function>
    void execute(Function&& function) const {
        state_->post(task(std::forward<Function>(function)));
    }
    friend bool operator==(const strand_executor&, const strand_executor&) noexcept = default;
    [[nodiscard]] const std::shared_ptr<runtime_state>& state() const noexcept { return state_; }

private:
    std::shared_ptr<runtime_state> state_;
};

template <class Handler>
class wait_op_of final : public wait_op {
public:
    explicit wait_op_of(Handler handler) : handler_(std::move(handler)) {
        auto slot = boost::asio::get_associated_cancellation_slot(handler_);
        if (!slot.is_connected()) return;
        slot.assign([this](boost::asio::cancellation_type type) {
            if (type == boost::asio::cancellation_type::none) return;
            complete(boost::asio::error::operation_aborted, wait_result::notified);
        });
    }
    ~wait_op_of() override {
        // Dropping the handler destroys frames, whose destructors may notify the event waited for.
        leave();
        clear_slot();
    }

    void complete(boost::system::error_code failure, wait_result result) override {
        clear_slot();
        Handler handler(std::move(handler_));
        moved_ = true;
        delete this;
        auto executor = boost::asio::get_associated_executor(handler);
        auto resume = [handler = std::move(handler), failure, result]() mutable {
            std::move(handler)(failure, result);
        };
        boost::asio::post(executor, std::move(resume));
    }

private:
    void clear_slot() {
        if (moved_) return;
        auto slot = boost::asio::get_associated_cancellation_slot(handler_);
        if (slot.is_connected()) slot.clear();
    }
    Handler handler_;
    bool moved_ = false;
};

std::shared_ptr<runtime_state> state_of(const boost::asio::any_io_executor& strand) {
    const auto* known = strand.target<strand_executor>();
    if (known != nullptr) return known->state();
    throw error(errc::invalid_argument, "the executor of a coroutine is no runtime's");
}

}  // namespace

void runtime_state::post(task work) {
    const std::lock_guard lock(mutex_);
    if (closed_ && !running_here()) {
        return;  // `work` is dropped by the caller's frame, after the lock
    }
    queue_.push_back(std::move(work));
    if (!closed_) schedule_locked();
}

void runtime_state::schedule_locked() {
    if (scheduled_) return;
    scheduled_ = true;
    loop_->post(task([self = shared_from_this()] { self->drain(); }));
}

void runtime_state::drain() noexcept {
    if (closed_) return;
    runner_.store(std::this_thread::get_id(), std::memory_order_relaxed);
    {
        const std::lock_guard lock(mutex_);
        batch_.swap(queue_);
    }
    for (task& work : batch_) {
        if (closed_) break;
        work();
    }
    batch_.clear();
    runner_.store(std::thread::id(), std::memory_order_relaxed);
    if (closed_) {
        drop_everything();
        return;
    }
    const std::lock_guard lock(mutex_);
    scheduled_ = false;
    if (!queue_.empty()) schedule_locked();
}

void runtime_state::shutdown() noexcept {
    {
        const std::lock_guard lock(mutex_);
        closed_ = true;
    }
    if (!running_here()) drop_everything();
}

void runtime_state::drop_everything() noexcept {
    for (;;) {
        std::vector<task> dropped;
        {
            const std::lock_guard lock(mutex_);
            dropped.swap(queue_);
        }
        if (dropped.empty() && waits_.empty()) return;
        dropped.clear();
        if (!waits_.empty()) delete &waits_.front();
    }
}

void runtime_state::start(std::unique_ptr<wait_op> op, event_list* list,
                          std::optional<time_point> deadline) {
    if (closed_) return;
    wait_op& waiting = *op.release();
    waits_.push_back(waiting);
    if (list != nullptr) list->push_back(waiting);
    if (!deadline) return;
    waiting.deadline = *deadline;
    waiting.order = ++order_;
    timers_.insert(waiting);
    arm();
}

void runtime_state::arm() {
    if (timers_.empty()) return;
    const time_point earliest = timers_.begin()->deadline;
    if (earliest >= armed_) return;
    armed_ = earliest;
    loop_->post_at(earliest, task([weak = weak_from_this(), earliest] {
                       const auto self = weak.lock();
                       if (!self) return;
                       self->post(task([state = self.get(), earliest] { state->fire(earliest); }));
                   }));
}

void runtime_state::fire(time_point armed_for) {
    // There is no cancel: a timer that an earlier one has replaced finds that it is not awaited.
    if (armed_for != armed_) return;
    armed_ = time_point::max();
    const time_point now = clock_->now();
    while (!timers_.empty() && timers_.begin()->deadline <= now) {
        timers_.begin()->complete({}, wait_result::timed_out);
    }
    arm();
}

awaitable<wait_result> wait_on(std::shared_ptr<runtime_state> state, event_list* list,
                               std::optional<time_point> deadline) {
    auto initiate = [state = std::move(state), list, deadline](auto handler) {
        using operation = wait_op_of<decltype(handler)>;
        state->start(std::make_unique<operation>(std::move(handler)), list, deadline);
    };
    return boost::asio::async_initiate<const boost::asio::use_awaitable_t<>,
                                       void(boost::system::error_code, wait_result)>(
        std::move(initiate), boost::asio::use_awaitable);
}

void post_to(const std::weak_ptr<runtime_state>& strand, task work) {
    if (const auto state = strand.lock()) state->post(std::move(work));
}

}  // namespace detail

runtime::runtime(host_loop& loop, runtime_options options)
    : state_(std::make_shared<detail::runtime_state>(
          loop, options.clock == nullptr ? system_clock::instance() : *options.clock)),
      log_(options.log == nullptr ? &null_log() : options.log),
      metrics_(options.metrics == nullptr ? &null_metrics() : options.metrics),
      seed_(options.seed) {}

runtime::~runtime() { shutdown(); }

boost::asio::any_io_executor runtime::executor() const {
    return boost::asio::any_io_executor(detail::strand_executor(state_));
}

time_point runtime::now() const noexcept { return state_->clock().now(); }

wall_time runtime::wall_now() const noexcept { return state_->clock().wall_now(); }

awaitable<void> runtime::sleep_until(time_point when) {
    co_await detail::wait_on(state_, nullptr, when);
}

awaitable<void> runtime::sleep_for(std::chrono::nanoseconds duration) {
    co_await detail::wait_on(state_, nullptr, now() + duration);
}

void runtime::post(task work) const { state_->post(std::move(work)); }

bool runtime::running_here() const noexcept { return state_->running_here(); }

std::uint64_t runtime::next_seed() noexcept {
    random mixed(seed_++);
    return mixed.next();
}

void runtime::shutdown() noexcept { state_->shutdown(); }

std::unique_ptr<runtime> runtime_from(host_loop& loop, runtime_options options) {
    return std::make_unique<runtime>(loop, options);
}

struct event::waiters {
    detail::event_list list;
};

event::event(runtime& strand) : state_(strand.state()), waiters_(std::make_unique<waiters>()) {}

event::event(const boost::asio::any_io_executor& strand)
    : state_(detail::state_of(strand)), waiters_(std::make_unique<waiters>()) {}

event::~event() = default;

awaitable<void> event::wait() { co_await detail::wait_on(state_, &waiters_->list, std::nullopt); }

awaitable<wait_result> event::wait_until(time_point deadline) {
    return detail::wait_on(state_, &waiters_->list, deadline);
}

void event::notify_all() noexcept {
    detail::event_list now;
    now.swap(waiters_->list);
    while (!now.empty()) now.front().complete({}, wait_result::notified);
}

void event::notify_one() noexcept {
    if (waiters_->list.empty()) return;
    waiters_->list.front().complete({}, wait_result::notified);
}

}  // namespace reeve::core
