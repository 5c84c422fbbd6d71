#pragma once

#include "reeve/channel/agent.hpp"
#include "reeve/channel/consumer.hpp"
#include "reeve/cluster/lease_keeper.hpp"
#include "reeve/core/awaitable.hpp"
#include "reeve/core/backoff.hpp"
#include "reeve/core/runtime.hpp"
#include "reeve/model/messages.hpp"
#include "reeve/model/node.hpp"
#include "reeve/model/segment_messages.hpp"
#include "reeve/storage/metadata_store.hpp"
#include "reeve/transport/service.hpp"
#include "reeve/transport/transport.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace reeve {

/// How a node works.
struct node_options {
    /// As the members say.
    node_options() {}
    /// A node of that name, reachable at `address`; everything else as the members say.
    node_options(std::string name, std::string address) {
        self.name = model::node_name(std::move(name));
        self.address = std::move(address);
    }
    std::string root = "reeve/";              ///< prefix of all keys; as the coordinator's
    model::node_info self;                    ///< name, address, capacity, zone, labels
    cluster::lease_options lease;             ///< of the session
    core::backoff_options retry;              ///< of commits, and between sessions
    std::chrono::milliseconds request{2000};  ///< limit of one call to the leader
    /// Called when a session was lost, after all consumers have stopped; the node then registers
    /// again as a new incarnation. A host that would rather restart its process does so here.
    std::function<void()> on_session_lost;
};

/// A node in one look.
struct node_status {
    /// As the members say.
    node_status() {}
    model::incarnation process;  ///< of the session; 0 = none
    bool held = false;           ///< it may consume
    std::string trouble;         ///< what keeps it from having a session; empty: nothing
    std::vector<channel::agent_status> channels;  ///< every channel seen in this session
};

/// The assembled node side: keeps a session, runs the host's consumer as the coordinator says,
/// carries its commits, flushes and ticks to the leader. A lost session stops all consumers and is
/// followed by a new one. All references must outlive it. All calls on the strand.
class node {
public:
    /// Handlers for messages of the coordinator are put into `incoming`. Throws
    /// errc::invalid_argument.
    node(core::runtime& strand, storage::metadata_store& store, transport::transport& carrier,
         transport::service& incoming, channel::consumer& engine, node_options options);
    /// As a crash: nothing is sent or written. Call `stop` for a graceful end.
    ~node();
    node(const node&) = delete;
    node& operator=(const node&) = delete;

    /// Begins to register. Once.
    void start();
    /// Stops all consumers, then ends the session, so that others can take the channels over at
    /// once if the host confirms.
    [[nodiscard]] awaitable<void> stop();
    /// Waits until there is a session.
    [[nodiscard]] awaitable<void> until_registered();
    /// This process's incarnation; 0 = no session now.
    [[nodiscard]] model::incarnation process() const noexcept;

    /// See channel::agent::commit. Throws errc::fenced if the session that the grant belongs to is
    /// over.
    [[nodiscard]] awaitable<model::commit_reply> commit(
        std::shared_ptr<const channel::grant> granted, model::position from, model::position to,
        std::uint64_t settled = 0, std::vector<model::host_record> records = {});

    /// See channel::agent::flush. Throws as `commit`.
    [[nodiscard]] awaitable<model::commit_reply> flush(
        std::shared_ptr<const channel::grant> granted, model::flush_request request);
    /// See channel::agent::drop. Throws as `commit`.
    [[nodiscard]] awaitable<model::commit_reply> drop(std::shared_ptr<const channel::grant> granted,
                                                      model::channel_drop_request request);
    /// See channel::agent::tick. Throws as `commit`.
    [[nodiscard]] awaitable<model::tick_reply> tick(std::shared_ptr<const channel::grant> granted,
                                                    model::tick_request request);
    /// See channel::agent::segments. Throws as `commit`.
    [[nodiscard]] awaitable<model::segments_reply> segments(
        std::shared_ptr<const channel::grant> granted, model::segments_request request);
    /// Room for rows of any channel, for writers; see segment::manager::allocate. Asks the leader
    /// once: throws what it or the way to it throws.
    [[nodiscard]] awaitable<model::allocate_reply> allocate(model::allocate_request request);
    /// A timestamp of the leader's oracle; see segment::manager::timestamp. Asks once.
    [[nodiscard]] awaitable<model::timestamp> timestamp();

    /// In one look.
    [[nodiscard]] node_status status() const;

private:
    struct implementation;
    std::shared_ptr<implementation> implementation_;
};

}  // namespace reeve
