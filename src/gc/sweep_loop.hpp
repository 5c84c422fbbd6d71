#pragma once

#include "reeve/core/backoff.hpp"
#include "reeve/core/error.hpp"
#include "reeve/gc/sweep.hpp"

#include <chrono>
#include <string_view>

namespace reeve::gc {

// What both loops do after a sweep: keep the status, count, log, and say how long to wait.
class sweep_loop {
public:
    sweep_loop(const sweep_site& site, const pace_options& pace, sweep_status& status,
               std::string_view what);

    void begins();
    // It came to its end; `paused`: because everything is paused. How long to wait if so.
    [[nodiscard]] std::chrono::milliseconds ended(bool paused);
    // A failure ended it. Throws it again if this process must stop acting. How long to wait.
    [[nodiscard]] std::chrono::milliseconds failed(const error& failure);

private:
    core::runtime& strand_;
    std::chrono::milliseconds pause_poll_;
    sweep_status& status_;
    std::string_view what_;
    core::backoff delay_;
};

}  // namespace reeve::gc
