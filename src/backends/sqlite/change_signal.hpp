#pragma once

#include "reeve/core/clock.hpp"

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>

namespace reeve::backends::sqlite {

/// Wakes threads that wait for changes: at once for commits of this process, and for those of
/// others by polling, which one of the waiting threads does for all. From any thread.
class change_signal {
public:
    /// `poll` says whether something may have changed since it was last called; called by one
    /// thread at a time, at most every `interval`.
    change_signal(std::chrono::milliseconds interval, std::function<bool()> poll);

    /// Counts what may be changes: read it, look at the data, then wait for a higher one.
    [[nodiscard]] std::uint64_t count();
    /// This process has committed.
    void committed();
    /// True once the count exceeds `seen`; false at `deadline`. Throws what `poll` throws.
    bool wait(std::uint64_t seen, core::time_point deadline);

private:
    std::chrono::milliseconds interval_;
    std::function<bool()> poll_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::uint64_t count_ = 0;
    bool polling_ = false;
    core::time_point polled_{};
};

}  // namespace reeve::backends::sqlite
