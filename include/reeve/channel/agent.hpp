#pragma once

#include "reeve/channel/consumer.hpp"
#include "reeve/cluster/leader_client.hpp"
#include "reeve/cluster/session.hpp"
#include "reeve/core/awaitable.hpp"
#include "reeve/core/backoff.hpp"
#include "reeve/core/error.hpp"
#include "reeve/core/event.hpp"
#include "reeve/core/runtime.hpp"
#include "reeve/model/messages.hpp"
#include "reeve/model/segment_messages.hpp"

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace reeve::channel {

/// Where one channel stands on this node.
struct agent_status {
    model::channel_name channel;  ///< which
    model::epoch consuming;       ///< the epoch under which it is consumed; 0 = not consumed
    model::epoch seen;            ///< the highest epoch ever seen
    std::string trouble;          ///< the last failure of start, stop or commit; empty: none
    std::uint64_t retries = 0;    ///< of commits, since the leader last answered one; 0 = none
};

/// The node's side of registration: starts and stops the host's consumer as the coordinator says,
/// refuses what is stale or meant for another process, and carries commits to the leader. One agent
/// per process and session. One strand; calls overlap, and those for one channel are put in order.
class agent {
public:
    /// All references must outlive it and what it has running.
    agent(core::runtime& strand, cluster::session& session, cluster::leader_client& leader,
          consumer& engine, core::backoff_options retry = {});
    ~agent();

    /// Carries out an assignment of channels (message "channel.assign"). Idempotent per (channel,
    /// epoch).
    [[nodiscard]] awaitable<model::agent_reply> assign(model::assign_request request);
    /// Lets go of grants (message "channel.release"). Idempotent. `done` means: nothing of that
    /// epoch is consumed here, and it never will be again.
    [[nodiscard]] awaitable<model::agent_reply> release(model::release_request request);

    /// Says that everything of the channel in (from, to] is durable, together with small records of
    /// the host. Accepted until the grant's `consumer::stop` has returned, so that the engine can
    /// flush what it has while it stops (milvus#28246). Repeats until the answer is definite, so it
    /// may take as long as the leader is away; `status` shows that. A stale answer also ends the
    /// grant (`valid()` is false; `consumer::stop` is called soon by `run`); after a mismatch the
    /// caller goes on from `recorded`. `to` must be greater than `from`. Throws errc::fenced when
    /// the session is lost or the grant is over, and what no repetition can mend:
    /// errc::invalid_argument, errc::too_large, errc::corrupt and errc::unsupported_format (a
    /// record in the leader's store, or its answer), errc::foreign, errc::permission_denied. After
    /// those the caller may repeat the commit itself: at most one copy takes effect.
    [[nodiscard]] awaitable<model::commit_reply> commit(std::shared_ptr<const grant> granted,
                                                        model::position from, model::position to,
                                                        std::uint64_t settled,
                                                        std::vector<model::host_record> records);

    /// Adds files to a segment; `request.by` is filled in. Accepted, repeated and answered as
    /// `commit` is; `recorded` is the segment's end. After a mismatch ask for `segments`; after
    /// *dropped* forget what was to be flushed.
    [[nodiscard]] awaitable<model::commit_reply> flush(std::shared_ptr<const grant> granted,
                                                       model::flush_request request);
    /// Drops the channel, with its last flushes; `request.by` is filled in. Accepted, repeated and
    /// answered as `commit` is. Once it is committed the grant is over, as after a stale answer.
    [[nodiscard]] awaitable<model::commit_reply> drop(std::shared_ptr<const grant> granted,
                                                      model::channel_drop_request request);
    /// Says how far the channel was consumed, and hears what is to be flushed; `request.by` is
    /// filled in. Accepted and repeated as `commit` is; a stale answer ends the grant.
    [[nodiscard]] awaitable<model::tick_reply> tick(std::shared_ptr<const grant> granted,
                                                    model::tick_request request);
    /// What is recorded of the channel's segments; `request.by` is filled in. As `tick`.
    [[nodiscard]] awaitable<model::segments_reply> segments(std::shared_ptr<const grant> granted,
                                                            model::segments_request request);

    /// Stops consumers whose commit was refused as stale. Runs until cancelled; the node runs it.
    [[nodiscard]] awaitable<void> run();

    /// Stops everything, for ever: the session is lost or the node shuts down. Ends when all
    /// consumers have stopped; a consumer that fails to stop is tried again.
    [[nodiscard]] awaitable<void> stop_all();

    /// Every channel ever seen by this process.
    [[nodiscard]] std::vector<agent_status> status() const;

private:
    class held_grant;
    struct slot;
    [[nodiscard]] std::shared_ptr<slot> slot_of(const model::channel_name& channel);
    [[nodiscard]] std::string refusal(const model::node_name& node,
                                      model::incarnation process) const;
    [[nodiscard]] awaitable<model::agent_answer> assign_one(model::assignment what);
    [[nodiscard]] awaitable<model::agent_answer> release_one(model::channel_name channel,
                                                             model::epoch epoch);
    [[nodiscard]] awaitable<void> stop_consuming(std::shared_ptr<slot> at,
                                                 model::channel_name channel);
    [[nodiscard]] awaitable<bool> stop_ended(std::shared_ptr<slot> at, model::channel_name channel);
    [[nodiscard]] awaitable<void> stop_surely(std::shared_ptr<slot> at,
                                              model::channel_name channel);
    [[nodiscard]] bool may_commit(const slot& at, const grant& granted) const;
    [[nodiscard]] model::holder holder_of(const grant& granted) const;
    void note_call(slot& at, const grant& granted, std::string_view kind, const error* failure);
    void end_grant(const grant& granted, const std::string& why);
    [[nodiscard]] awaitable<std::string> send(std::shared_ptr<const grant> granted,
                                              std::string kind, std::string body);
    template <class Reply, class Request>
    [[nodiscard]] awaitable<Reply> ask(std::shared_ptr<const grant> granted, std::string_view kind,
                                       Request request);

    core::runtime& strand_;
    cluster::session& session_;
    cluster::leader_client& leader_;
    consumer& engine_;
    core::backoff_options retry_;
    std::map<model::channel_name, std::shared_ptr<slot>> slots_;
    std::deque<model::channel_name> overdue_;
    core::event overdue_added_;
    std::shared_ptr<const cluster::session* const> lifeline_;
    bool stopping_ = false;
};

}  // namespace reeve::channel
