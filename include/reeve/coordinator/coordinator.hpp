#pragma once

#include "reeve/catalog/codec.hpp"
#include "reeve/channel/registrar.hpp"
#include "reeve/cluster/leadership.hpp"
#include "reeve/cluster/membership.hpp"
#include "reeve/core/awaitable.hpp"
#include "reeve/core/runtime.hpp"
#include "reeve/gc/collector.hpp"
#include "reeve/procedure/engine.hpp"
#include "reeve/recovery/recover.hpp"
#include "reeve/segment/manager.hpp"
#include "reeve/segment/report_reader.hpp"
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

/// How a coordinator works.
struct coordinator_options {
    /// As the members say.
    coordinator_options() {}
    /// A coordinator of that id for `cluster`, reachable at `address`; everything else as the
    /// members say.
    coordinator_options(std::string cluster_id, std::string coordinator, std::string address)
        : cluster(std::move(cluster_id)) {
        leadership.coordinator = std::move(coordinator);
        leadership.address = std::move(address);
    }
    std::string root = "reeve/";  ///< prefix of all keys; catalog::key_layout
    std::string
        cluster;  ///< cluster id, 1..200 printable bytes; the store must be empty or belong to it
    cluster::leadership_options leadership;  ///< who this coordinator is
    cluster::membership_options members;     ///< what is assumed about nodes
    channel::registrar_options channels;     ///< how channels are registered
    segment::manager_options segments;       ///< how segments are allocated, sealed and dropped
    gc::collector_options collector;         ///< how garbage is collected, if at all
    procedure::engine_options procedures;    ///< how long operations are carried out
    segment::report_options reports;         ///< streams of ticks and flushes, if any
    /// The kinds of long operations that the host has; each reign uses the same objects. A running
    /// procedure of a kind that is missing here is kept and shown, and operators can end it.
    std::vector<std::shared_ptr<procedure::definition>> definitions;
    std::function<void(const recovery::report&)>
        on_leading;  ///< after each recovery, before serving
};

/// A coordinator in one look: nothing that is stuck is missing.
struct coordinator_status {
    /// As the members say.
    coordinator_status() {}
    core::time_point at;                        ///< when it was taken
    bool leading = false;                       ///< recovered and serving
    model::term term;                           ///< of the current reign; 0 = none
    std::string leader;                         ///< who leads as far as is known, and where
    std::string trouble;                        ///< what keeps it from leading; empty: nothing
    catalog::root_info root;                    ///< cluster and lineage
    std::size_t nodes = 0;                      ///< alive
    std::size_t drains = 0;                     ///< being emptied
    bool members_complete = false;              ///< the view of the nodes is complete
    std::chrono::nanoseconds members_heard{0};  ///< age of the last answer to the membership watch
    std::uint64_t members_gaps = 0;             ///< times the watch had to start over
    channel::registrar_status channels;         ///< counts and troubles
    segment::manager_status segments;           ///< counts and troubles
    gc::sweep_status orphans;                   ///< of the orphan sweep
    gc::sweep_status dropped;                   ///< of the dropped sweep
    procedure::engine_status procedures;        ///< counts, and all that have not ended
    std::vector<segment::report_status> reports;  ///< of each stream that is read
};

/// The status in lines for people.
[[nodiscard]] std::string to_string(const coordinator_status& it);

/// The assembled coordinator: campaigns, recovers, registers channels, carries commits out, manages
/// segments, carries procedures out, collects garbage if it was given an object store, and starts
/// over when it is deposed. Any number may run; one leads. All references must outlive it and what
/// it has running: after its destruction, until the strand has run what waits or is shut down. All
/// calls on the strand.
class coordinator {
public:
    /// Handlers for messages of nodes are put into `incoming`. `schemas` may be null. Throws
    /// errc::invalid_argument.
    coordinator(core::runtime& strand, storage::metadata_store& store,
                transport::transport& carrier, transport::service& incoming,
                coordinator_options options, channel::schema_source* schemas = nullptr);
    /// As a crash: from now on nothing is sent or written, and its leases end by themselves. Call
    /// `stop` for a graceful end.
    ~coordinator();
    coordinator(const coordinator&) = delete;
    coordinator& operator=(const coordinator&) = delete;

    /// Begins to campaign. Once.
    void start();
    /// Stops and gives the office up, at best effort.
    [[nodiscard]] awaitable<void> stop();
    /// Waits until this coordinator leads and serves.
    [[nodiscard]] awaitable<void> until_leading();
    /// Does it lead and serve?
    [[nodiscard]] bool leading() const noexcept;

    /// See channel::registrar::ensure. Waits for at most `patience`. Throws errc::unavailable when
    /// not leading, errc::fenced when deposed meanwhile; both: ask the new leader.
    [[nodiscard]] awaitable<std::vector<channel::registration>> ensure_channels(
        std::vector<channel::channel_spec> channels, std::chrono::milliseconds patience);
    /// One channel; nothing if unknown. Throws errc::unavailable when not leading.
    [[nodiscard]] std::optional<channel::registration> find_channel(
        const model::channel_name& channel) const;
    /// Visits all channels. Throws errc::unavailable when not leading.
    void each_channel(const std::function<void(const channel::registration&)>& visit) const;
    /// Empties a node: its channels are released gracefully and it gets no new ones, until
    /// `undrain`, across restarts of all. Repeating is harmless, and a request of unknown outcome
    /// has no effect any more once another one has had. Throws errc::unavailable,
    /// errc::outcome_unknown, errc::fenced, errc::corrupt if what is recorded cannot be read,
    /// errc::invalid_argument for a bad name.
    [[nodiscard]] awaitable<void> drain(model::node_name node, std::string reason);
    /// Takes a node back. As `drain`.
    [[nodiscard]] awaitable<void> undrain(model::node_name node);
    /// Moves one channel to another node. Throws errc::not_found.
    void move(const model::channel_name& channel, const model::node_name& to);
    /// The host has proven that this process of the node has ended: its channels need not wait for
    /// its ttl. Remembered by every later reign of this object.
    void confirm_dead(const model::node_name& node, model::incarnation process);
    /// The host's verdict on a node. Remembered by every later reign of this object.
    void set_fit(const model::node_name& node, channel::fitness verdict);

    /// The segments of the current reign, to ask and to change them. Hold it no longer than a call:
    /// the next reign has another. Throws errc::unavailable when not leading.
    [[nodiscard]] std::shared_ptr<segment::manager> segments() const;

    /// The sweeps of the current reign; null: this coordinator was given no object store. Hold it
    /// no longer than a call. Throws errc::unavailable when not leading.
    [[nodiscard]] std::shared_ptr<gc::collector> collector() const;

    /// The procedures of the current reign, to start them, to hear participants and for operators.
    /// Hold it no longer than a call. Throws errc::unavailable when not leading.
    [[nodiscard]] std::shared_ptr<procedure::engine> procedures() const;

    /// What it would do now, and why. Throws errc::unavailable when not leading.
    [[nodiscard]] std::vector<channel::planned_action> plan() const;
    /// In one look. Never throws for not leading.
    [[nodiscard]] coordinator_status status() const;

private:
    struct implementation;
    std::shared_ptr<implementation> implementation_;
};

/// What observing found.
struct observation {
    /// As the members say.
    observation() {}
    std::optional<catalog::root_info> root;       ///< nothing: the store is empty
    recovery::report report;                      ///< counts
    std::vector<channel::registration> channels;  ///< all of them
    std::vector<model::node_info> nodes;          ///< alive
    std::vector<channel::planned_action> plan;    ///< what a leader would do now, and why
};

/// Observe-only: reads a store as a new leader would and says what it would do, without campaigning
/// and without writing. For operators, and for an engine that wants to compare reeve's decisions
/// with its own.
[[nodiscard]] awaitable<observation> observe(core::runtime& strand, storage::metadata_store& store,
                                             coordinator_options options);

}  // namespace reeve
