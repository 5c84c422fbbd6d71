#pragma once

#include "reeve/node/node.hpp"
#include "reeve/testing/conformance_consumer.hpp"
#include "testing/conformance/consumer_leader.hpp"
#include "testing/conformance/consumer_relay.hpp"
#include "testing/conformance/support.hpp"

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace reeve::testing::detail {

/// What a check of a consumer works with: the consumer, a node with its agent, a leader, and short
/// ways to use them. Each waits a bounded time. The grants are the agent's, which is told of them
/// as the coordinator tells it; the calls that the agent then makes are made by the check.
class consumer_trial {
public:
    consumer_trial(core::runtime& on, consumer_factory& by);
    ~consumer_trial();
    consumer_trial(const consumer_trial&) = delete;
    consumer_trial& operator=(const consumer_trial&) = delete;

    /// Opens the store, the leader and the first process.
    awaitable<void> begin();
    /// Starts a process in place of the one before: a node with a session, and a fresh consumer.
    /// The default ttl is long enough never to be renewed.
    awaitable<void> open(std::chrono::milliseconds ttl = std::chrono::minutes(10));
    /// Destroys the consumer, whatever it does.
    void kill_consumer();
    /// Opens another one at the same node.
    awaitable<void> open_consumer();

    /// Appends messages; returns the position after the last.
    awaitable<model::position> append(model::channel_name channel, int count);
    /// Waits until everything appended to the channel so far is committed.
    awaitable<void> caught_up(model::channel_name channel);

    /// Records a new grant of the channel for this process and tells its agent.
    awaitable<trial_grant_ptr> give(model::channel_name channel);
    /// Tells the agent; ends when the agent wants it started.
    awaitable<trial_grant_ptr> tell(model::assignment what);
    /// Starts it, which must succeed.
    awaitable<void> start(trial_grant_ptr granted);
    /// give and start.
    awaitable<trial_grant_ptr> consume(model::channel_name channel);
    /// Starts it; false if that threw. The agent still waits for `started` or `failed`.
    awaitable<bool> try_start(trial_grant_ptr granted);
    /// Tells the agent that it has begun.
    void started(const trial_grant_ptr& granted) { relay_.started(granted); }
    /// Tells the agent that its start failed; ends when the agent has ended the grant.
    awaitable<void> failed(trial_grant_ptr granted);

    /// Makes the agent want it stopped, unless it does already.
    awaitable<void> release(trial_grant_ptr granted);
    /// Ends when the agent wants it stopped.
    awaitable<void> stop_asked(trial_grant_ptr granted);
    /// Stops it; false if that threw. The agent still waits for `stop`.
    awaitable<bool> try_stop(trial_grant_ptr granted);
    /// `release`, then stops it, which must succeed.
    awaitable<void> stop(trial_grant_ptr granted);
    /// Ends the session of the process; ends when the agent wants the grant stopped for it.
    awaitable<void> lose_session(trial_grant_ptr granted);
    /// Waits for the next session.
    awaitable<void> next_session(model::incarnation before);

    /// Waits until `condition` holds.
    awaitable<void> wait_for(std::function<bool()> condition, std::string what);
    /// Lets the consumer consume something else meanwhile: whatever is left over of another channel
    /// has had its chance then.
    awaitable<void> elsewhere();
    /// Throws check_failure if the consumer comes back to a grant that is over, although there is a
    /// new message for it.
    awaitable<void> stays_quiet(trial_grant_ptr granted, std::string what);
    /// Throws check_failure unless all commits of the channel so far were accepted.
    void all_committed(const model::channel_name& channel);
    /// The messages that count must be 1, 2, 3 ... to the last one appended.
    awaitable<void> each_counts_once(model::channel_name channel);

    [[nodiscard]] consumer_leader& leader() const { return *leader_; }
    [[nodiscard]] reeve::node& process() const { return *node_; }
    [[nodiscard]] channel::consumer& engine() const { return *engine_; }

    core::runtime& strand;
    consumer_factory& factory;
    std::vector<std::weak_ptr<void>> in_flight;

private:
    catalog::key_layout keys_;
    std::unique_ptr<storage::metadata_store> store_;
    std::unique_ptr<consumer_leader> leader_;
    std::unique_ptr<reeve::transport::service> incoming_;
    consumer_relay relay_;
    std::unique_ptr<reeve::node> node_;
    std::unique_ptr<channel::consumer> engine_;
    std::map<model::channel_name, std::uint64_t> appended_;
    std::map<model::channel_name, model::position> ends_;
    trial_grant_ptr beside_;
};

using consumer_rules = std::vector<definition<consumer_trial>>;

consumer_rules consumer_grant_rules();
consumer_rules consumer_refusal_rules();
consumer_rules consumer_stop_rules();
consumer_rules consumer_lifetime_rules();

}  // namespace reeve::testing::detail
