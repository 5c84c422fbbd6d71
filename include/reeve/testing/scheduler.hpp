#pragma once

#include "reeve/core/clock.hpp"
#include "reeve/core/random.hpp"
#include "reeve/core/strong.hpp"
#include "reeve/core/task.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace reeve::testing {

/// A row of events that is held and dropped together: one life of a simulated process, or the world
/// around them.
using lane_id = core::strong<struct lane_tag, std::uint32_t>;

/// What an event is, for the trace.
enum class event_kind : std::uint8_t {
    work,     ///< works of a runtime
    timer,    ///< a runtime's earliest timer
    message,  ///< a message arrives
    control,  ///< something that the test itself ordered
};

/// Runs events one at a time on virtual time, which jumps to the next event when nothing is due.
/// Among the events that are due at the same moment the seed chooses the order. Equal seeds and
/// equal programs give equal runs: `trace_hash` proves it. Single-threaded: every call comes from
/// the thread that calls `step`.
class scheduler {
public:
    /// Time zero of every run: well after the clock's epoch, so that differences never underflow.
    static constexpr core::time_point beginning{std::chrono::hours(1000)};
    /// More events at one moment of virtual time than this are a program that spins.
    static constexpr std::uint64_t events_per_moment_max = 20'000'000;

    /// An empty schedule at `beginning`.
    explicit scheduler(std::uint64_t seed);
    /// Drops what has not run.
    ~scheduler();
    scheduler(const scheduler&) = delete;
    scheduler& operator=(const scheduler&) = delete;

    /// Virtual time.
    [[nodiscard]] core::time_point now() const noexcept { return now_; }
    /// A generator of its own for one purpose. Deterministic by the order of calls.
    [[nodiscard]] core::random fork_random() noexcept { return forks_.fork(); }

    /// A new row of events; `name` is for people.
    lane_id open(std::string name);
    /// Drops the events of the lane, now and in future. Idempotent.
    void close(lane_id lane);
    /// Holds the events of the lane back from now on, also those that fall due meanwhile.
    void pause(lane_id lane);
    /// Lets the lane go on: everything held back is due now.
    void resume(lane_id lane);
    /// The name given to `open`.
    [[nodiscard]] const std::string& name(lane_id lane) const { return lanes_[lane.value].name; }

    /// Run `work` at this moment of virtual time, after the event that runs now.
    void post(lane_id lane, event_kind what, core::task work);
    /// Run `work` at `when`, or at this moment if that has passed.
    void post_at(core::time_point when, lane_id lane, event_kind what, core::task work);
    /// Run `work` as soon as the event that runs now has returned, before any other; at once if
    /// none runs.
    void after_this_event(core::task work);

    /// Runs the next event, if there is one and it is due at or before `limit`. Returns false
    /// without moving the time otherwise. Throws std::runtime_error when events_per_moment_max is
    /// exceeded.
    bool step(core::time_point limit = core::time_point::max());
    /// Runs everything that is due up to and including `when`; virtual time is then `when`.
    void run_until(core::time_point when);
    /// Runs everything due within `duration` from now.
    void run_for(std::chrono::nanoseconds duration) { run_until(now_ + duration); }
    /// Runs events until `done` holds (asked after every event) or `limit` is reached; returns
    /// whether it holds.
    bool run_until(const std::function<bool()>& done, core::time_point limit);
    /// True while an event runs.
    [[nodiscard]] bool inside_event() const noexcept { return inside_event_; }
    /// True if nothing is left to run, now or later, that is not held back.
    [[nodiscard]] bool idle() const noexcept { return ready_.empty() && timed_.empty(); }

    /// A hash over (time, lane, kind) of every event that ran and over everything given to `trace`.
    [[nodiscard]] std::uint64_t trace_hash() const noexcept { return hash_; }
    /// Adds to the trace hash.
    void trace(std::uint64_t fact) noexcept {
        hash_ = (hash_ ^ fact) * 0x9e3779b97f4a7c15ULL;
        hash_ ^= hash_ >> 29U;
    }
    /// Events that ran.
    [[nodiscard]] std::uint64_t events_run() const noexcept { return events_run_; }

private:
    enum class lane_state : std::uint8_t { open, paused, closed };
    struct row {
        std::string name;
        lane_state state = lane_state::open;
        std::vector<std::uint32_t> held;
    };
    struct slot {
        core::task work;
        lane_id on;
        event_kind what = event_kind::work;
    };
    struct timed {
        core::time_point at;
        std::uint64_t order;
        std::uint32_t slot;
        friend bool operator<(const timed& left, const timed& right) noexcept {
            return left.at != right.at ? left.at > right.at : left.order > right.order;
        }
    };

    std::uint32_t store(lane_id lane, event_kind what, core::task work);
    core::task release(std::uint32_t index);
    bool advance(core::time_point limit);
    void run_one();

    core::time_point now_ = beginning;
    core::random order_random_;
    core::random forks_;
    std::vector<row> lanes_;
    std::vector<slot> slots_;
    std::vector<std::uint32_t> free_;
    std::vector<std::uint32_t> ready_;
    std::vector<timed> timed_;
    std::vector<core::task> after_;
    std::uint64_t timed_order_ = 0;
    std::uint64_t events_run_ = 0;
    std::uint64_t events_at_moment_ = 0;
    std::uint64_t hash_;
    bool inside_event_ = false;
};

}  // namespace reeve::testing
