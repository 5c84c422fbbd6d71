#pragma once

#include "reeve/catalog/guarded.hpp"
#include "reeve/catalog/key_layout.hpp"
#include "reeve/channel/policy.hpp"
#include "reeve/channel/progress_change.hpp"
#include "reeve/cluster/membership.hpp"
#include "reeve/core/awaitable.hpp"
#include "reeve/core/backoff.hpp"
#include "reeve/core/runtime.hpp"
#include "reeve/model/channel.hpp"
#include "reeve/model/messages.hpp"
#include "reeve/storage/metadata_store.hpp"
#include "reeve/transport/transport.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace reeve::channel {

/// Knows collections: the host's schema service. Asked when a collection is first needed, then
/// never again in the same term.
class schema_source {
public:
    virtual ~schema_source() = default;
    /// Where channels of the collection may go. Failures (reeve::error) are retried with backoff;
    /// its channels wait.
    virtual awaitable<placement_constraint> constraint_of(model::collection_id collection) = 0;
};

/// How channels are registered.
struct registrar_options {
    /// As the members say.
    registrar_options() {}
    std::shared_ptr<const assignment_policy> assignment;  ///< null: least_loaded_assignment()
    leave_policy leave;                                   ///< when a node's session has ended
    balance_options balance;                              ///< when load is uneven
    core::backoff_options retry;                          ///< of calls to nodes and of the store
    std::chrono::milliseconds tell_timeout{2000};         ///< limit of one call to a node
    std::size_t tell_channels_max = 1000;                 ///< channels in one call to a node
    std::size_t page_size = 10000;                        ///< records in a page when loading
    std::uint64_t epoch_block = 1000;                     ///< epochs reserved at a time, at least
    std::uint64_t seed = 1;                               ///< of the assignment policy
};

/// A channel to be registered.
struct channel_spec {
    model::channel_name name;         ///< unique
    model::collection_id collection;  ///< whose shard
    model::position start;  ///< where a new channel is consumed from; ignored for a known one
};

/// The host's verdict on a node.
enum class fitness : std::uint8_t {
    fit,    ///< it may consume channels
    unfit,  ///< it should not (slow disk, wrong version): take its channels away
};

/// Where a channel stands.
struct registration {
    model::channel_name name;    ///< which
    model::channel_entry entry;  ///< as recorded
    model::position checkpoint;  ///< everything up to here is durable
    std::string waiting_for;     ///< why it is not registered with a living node; empty: it is
};

/// A channel's entry as recorded, and since when.
struct recorded_entry {
    model::channel_entry entry;     ///< the record
    storage::revision at;           ///< of the record
    model::position checkpoint;     ///< everything up to here is durable
    storage::revision progress_at;  ///< of the progress record; 0: there is none
};

/// What the registrar would do about a channel, and why.
struct planned_action {
    model::channel_name channel;  ///< which
    std::string
        action;  ///< "place on n2", "tell n1", "release from n1", "wait", "complete", "unassign"
    std::string why;  ///< for people

    friend bool operator==(const planned_action&, const planned_action&) = default;
};

/// What loading found.
struct load_report {
    std::size_t channels = 0;          ///< entries read
    std::size_t progresses = 0;        ///< progress records read
    std::size_t orphans = 0;           ///< progress records without an entry: reported, left alone
    std::chrono::nanoseconds took{0};  ///< duration
};

/// Something that is not as it should be, and since when.
struct stuck {
    std::string what;        ///< "channel c1", "node n3", "collection 5"
    std::string why;         ///< "its holder n1/17 may still run for 3 s"
    core::time_point since;  ///< when this began
};

/// Counts and troubles. Each stuck thing is named with its reason.
struct registrar_status {
    std::size_t unassigned = 0;      ///< channels in this state
    std::size_t pending = 0;         ///< channels in this state
    std::size_t registered = 0;      ///< channels in this state
    std::size_t releasing = 0;       ///< channels in this state
    std::size_t dropped = 0;         ///< channels in this state
    std::uint64_t transactions = 0;  ///< written in this term
    std::uint64_t commits = 0;       ///< checkpoints committed in this term
    std::uint64_t stale = 0;         ///< commits refused as stale in this term
    std::uint64_t mismatches = 0;    ///< commits answered with another checkpoint in this term
    std::vector<stuck> troubles;     ///< what is not as it should be
};

/// The coordinator's side of registration, for one term: knows every channel, decides who consumes
/// it, tells the nodes, carries their commits out (docs/protocols/channels.md). It only acts under
/// the term it was made with; a new term makes a new registrar. One strand. References must outlive
/// it and what it has running.
class registrar : public std::enable_shared_from_this<registrar> {
public:
    /// `schemas` may be null: no constraints.
    [[nodiscard]] static std::shared_ptr<registrar> make(
        core::runtime& strand, storage::metadata_store& store, const catalog::key_layout& keys,
        transport::transport& carrier, std::shared_ptr<cluster::membership> members,
        schema_source* schemas, catalog::leader_guard guard, registrar_options options);
    virtual ~registrar() = default;

    /// Reads all channels, page by page; writes nothing. Nothing may be asked before it is done.
    /// `progress` is told after each page how many records were read. Throws errc::corrupt,
    /// errc::unsupported_format naming the key.
    [[nodiscard]] virtual awaitable<load_report> load(
        std::function<void(std::size_t)> progress) = 0;

    /// Registers, reassigns, releases and balances until the term is over (throws errc::fenced) or
    /// cancelled.
    [[nodiscard]] virtual awaitable<void> run() = 0;

    /// Cancels calls to nodes and waits until they have ended. After `run` has ended.
    [[nodiscard]] virtual awaitable<void> stop() = 0;
    /// Asks calls to nodes and to the schema source to stop, and waits for nothing.
    virtual void cancel() noexcept = 0;

    /// Makes sure that these channels exist, and waits until each is registered or `deadline` is
    /// reached. A channel without a node to go to is recorded as unassigned, and waits. Idempotent.
    /// One answer per channel, in order. Throws errc::invalid_argument for a bad name or a known
    /// channel of another collection, before anything is written; errc::refused for a new channel
    /// of a dropped collection.
    [[nodiscard]] virtual awaitable<std::vector<registration>> ensure(
        std::vector<channel_spec> channels, core::time_point deadline) = 0;

    /// Carries out a node's commit. Throws reeve::error when the outcome is not known (the node
    /// repeats it) or the channel or epoch is not known to this leader (errc::unavailable: another
    /// one will answer), errc::fenced when the term is over, errc::invalid_argument if it names no
    /// channel, or a host record exists already or looks like a part of a large transaction.
    [[nodiscard]] virtual awaitable<model::commit_reply> commit(model::commit_request request) = 0;

    /// Carries out a change that is written with the progress of a channel: what `commit` does for
    /// checkpoints. Throws as `commit` does, and what the change throws.
    [[nodiscard]] virtual awaitable<void> apply(std::shared_ptr<progress_change> change) = 0;
    /// What is known of the channel of a message's sender. Throws errc::unavailable if this leader
    /// does not know (the sender asks again), errc::invalid_argument for no channel name.
    [[nodiscard]] virtual channel_facts facts_of(const model::holder& by) = 0;
    /// A channel's entry; nothing if there is none yet, or what is recorded is being read again.
    [[nodiscard]] virtual std::optional<recorded_entry> recorded(
        const model::channel_name& channel) const = 0;
    /// The epochs that entries carry whose holders may commit, and the number below which nothing
    /// of that epoch will be committed any more.
    virtual void each_living(
        const std::function<void(model::epoch, std::uint64_t settled)>& visit) const = 0;
    /// The collection has a tombstone: `ensure` refuses new channels of it.
    virtual void drop_collection(model::collection_id collection) = 0;
    /// Channels of the collection that are not dropped. Looks at all channels.
    [[nodiscard]] virtual std::size_t undropped(model::collection_id collection) const = 0;

    /// Something about a node has changed (membership's listener).
    virtual void member_changed(cluster::member_event event, const model::node_name& node) = 0;
    /// The host's verdict: an unfit node is treated as one that left, except that it must let go
    /// first.
    virtual void set_fit(const model::node_name& node, fitness verdict) = 0;
    /// Asks that a channel moves to another node, as soon as its holder has let go. Unknown names:
    /// errc::not_found.
    virtual void move(const model::channel_name& channel, const model::node_name& to) = 0;

    /// One channel; nothing if unknown.
    [[nodiscard]] virtual std::optional<registration> find(
        const model::channel_name& channel) const = 0;
    /// All channels, in no order.
    virtual void each(const std::function<void(const registration&)>& visit) const = 0;
    /// What it would do now, and why: nothing if all is as it should be. Writes nothing
    /// (observe-only).
    [[nodiscard]] virtual std::vector<planned_action> plan() const = 0;
    /// Counts and troubles.
    [[nodiscard]] virtual registrar_status status() const = 0;
    /// Bytes of memory that the channels take, indexes included.
    [[nodiscard]] virtual std::size_t memory() const noexcept = 0;

protected:
    registrar() = default;
};

}  // namespace reeve::channel
