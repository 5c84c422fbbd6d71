#pragma once

#include "reeve/core/awaitable.hpp"
#include "reeve/model/messages.hpp"

#include <memory>

namespace reeve::channel {

/// A channel that this process was given, as long as it is.
class grant {
public:
    virtual ~grant() = default;
    /// What was given: channel, collection, epoch, where to start.
    [[nodiscard]] virtual const model::assignment& what() const noexcept = 0;
    /// The process that it was given to.
    [[nodiscard]] virtual model::incarnation process() const noexcept = 0;
    /// May this process go on consuming? False once the grant was stopped or the session may have
    /// ended by this process's own clock. Cheap; ask before each batch. A stale answer wastes work,
    /// no more: commits compare the epoch.
    [[nodiscard]] virtual bool valid() const noexcept = 0;
};

/// What an engine does with the channels that it is given: implemented by the host, called by
/// channel::agent on the node's strand. Calls for different channels overlap, so no channel may
/// wait for another one's commit. Calls for one channel come one after the other: `start`, then
/// `stop` until one succeeds, then perhaps `start` under a higher epoch. testing::consumer_checks
/// tries all of this.
///
/// In between the engine reads the channel's messages, makes them durable and says so with
/// node::commit, whose answer decides how it goes on: *committed*: from the new checkpoint;
/// *mismatch*: from the recorded one; *stale*, or errc::fenced: not at all. The grant ends without
/// a call when a commit is refused as stale and when the session may have ended: `valid()` is false
/// then, every commit is refused, and `stop` follows soon.
///
/// What fails after `start` has returned is the engine's own to retry and to show to its operators:
/// reeve only sees that no commits come.
///
/// Destroying a consumer is like a crash: nothing that it had running begins anything any more.
class consumer {
public:
    virtual ~consumer() = default;

    /// Begin to consume `granted->what().channel` after `granted->what().start`; an empty position
    /// is the beginning of the channel. Return when begun, whether or not there are messages, and
    /// go on in the background until `stop`. Never called for a channel that is started. If it
    /// throws (std::exception), or is cancelled and throws, nothing is left behind: `stop` is not
    /// called for it, and the same epoch may be started again with another grant.
    virtual awaitable<void> start(std::shared_ptr<const grant> granted) = 0;

    /// Stop consuming under this epoch, which is that of the last `start`. When it returns, nothing
    /// of it begins any more: no message is taken, no commit is tried, the grant is not asked
    /// again. Until then what was consumed may still be committed, as a last flush; what is not
    /// committed is read again by whoever comes next. A flush may be refused, and waits for a
    /// leader that is away until the session ends: errc::fenced means that there is nothing left to
    /// wait for. If it throws (std::exception), or is cancelled and throws, the channel is not
    /// released and `stop` is called again, which then finishes the work. Stopping what was never
    /// started, or twice, is a success.
    virtual awaitable<void> stop(model::channel_name channel, model::epoch epoch) = 0;
};

}  // namespace reeve::channel
