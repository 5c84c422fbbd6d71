#pragma once

#include "reeve/channel/consumer.hpp"
#include "reeve/core/event.hpp"
#include "reeve/core/runtime.hpp"
#include "reeve/model/messages.hpp"

#include <cstddef>
#include <map>
#include <memory>
#include <utility>

namespace reeve::testing::detail {

/// A grant of the agent as the consumer under test gets it. It counts how often the consumer comes
/// back to it, which shows whether something still runs.
class trial_grant final : public channel::grant {
public:
    explicit trial_grant(std::shared_ptr<const channel::grant> given) : given_(std::move(given)) {}

    [[nodiscard]] const model::assignment& what() const noexcept override { return given_->what(); }
    [[nodiscard]] model::incarnation process() const noexcept override {
        ++asked_;
        ++named_;
        return given_->process();
    }
    [[nodiscard]] bool valid() const noexcept override {
        ++asked_;
        return given_->valid();
    }

    /// Is it over, by the agent's word? Not counted.
    [[nodiscard]] bool over() const noexcept { return !given_->valid(); }
    /// Calls of valid() and process() so far.
    [[nodiscard]] std::size_t asked() const noexcept { return asked_; }
    /// Calls of process() so far: a commit makes at least two of them.
    [[nodiscard]] std::size_t named() const noexcept { return named_; }

private:
    std::shared_ptr<const channel::grant> given_;
    mutable std::size_t asked_ = 0;
    mutable std::size_t named_ = 0;
};

using trial_grant_ptr = std::shared_ptr<trial_grant>;

/// What the node's agent takes for the consumer. Each call of the agent waits until the suite has
/// tried it on the consumer under test, in its own way, and says how it went.
class consumer_relay final : public channel::consumer {
public:
    explicit consumer_relay(core::runtime& strand) : changed_(strand) {}

    awaitable<void> start(std::shared_ptr<const channel::grant> granted) override;
    awaitable<void> stop(model::channel_name channel, model::epoch epoch) override;

    /// The grant whose start the agent waits for; null if it does not.
    [[nodiscard]] trial_grant_ptr starting(const model::channel_name& channel,
                                           model::epoch epoch) const;
    /// Does (or did) the agent want it stopped?
    [[nodiscard]] bool stop_asked(const trial_grant_ptr& granted) const;
    /// Ends the agent's wait for a start.
    void started(const trial_grant_ptr& granted) { decide(granted, phase::begun); }
    /// The same; the agent sees a failure.
    void failed(const trial_grant_ptr& granted) { decide(granted, phase::over); }
    /// Ends the agent's wait for a stop.
    void stopped(const trial_grant_ptr& granted) { decide(granted, phase::over); }
    /// The consumer has been destroyed: whatever it had is over.
    void abandon();

private:
    enum class phase { starting, begun, over };
    struct slot {
        explicit slot(trial_grant_ptr given) : granted(std::move(given)) {}
        trial_grant_ptr granted;
        phase at = phase::starting;
        bool stop_asked = false;
    };
    void decide(const trial_grant_ptr& granted, phase at);

    core::event changed_;
    std::map<model::channel_name, std::shared_ptr<slot>> slots_;  // the last grant of each channel
};

}  // namespace reeve::testing::detail
