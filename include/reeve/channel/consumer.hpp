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
/// channel::agent on the node's strand. Calls for different channels overlap; for one channel they
/// come one after the other.
class consumer {
public:
    virtual ~consumer() = default;

    /// Begin to consume `granted->what().channel` after `granted->what().start`. Return when begun;
    /// go on in the background until `stop`. If it throws, nothing is left behind, and the same
    /// grant may be started again.
    virtual awaitable<void> start(std::shared_ptr<const grant> granted) = 0;

    /// Stop consuming under this epoch: when it returns, nothing of it begins any more. Until then
    /// what was consumed may still be committed, as a last flush; that may be refused. If it
    /// throws, the channel is not released and `stop` is called again. Stopping what was never
    /// started, or twice, is a success.
    virtual awaitable<void> stop(model::channel_name channel, model::epoch epoch) = 0;
};

}  // namespace reeve::channel
