#pragma once

#include "reeve/channel/policy.hpp"
#include "reeve/testing/memory_world.hpp"
#include "simulation/scenarios/channel_programs.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Named failures of other systems, played with reeve's own components: see exhibit.hpp.
namespace museum {

using namespace reeve;

/// What the play does to a message, or to a transaction.
enum class fate {
    pass,  ///< as usual
    copy,  ///< as usual, and a copy is kept
    lost,  ///< it never arrives; the sender learns nothing, or that the outcome is unknown
    held,  ///< the same, and it is kept: it may arrive at any later time
    deaf,  ///< it arrives; the sender learns nothing, or that the outcome is unknown
    slow,  ///< transactions only: it is carried out now, and answered at stage::answer
};

/// A request from one process to another.
struct message {
    std::string from;
    std::string to;
    std::string bytes;
    /// Is it of this kind, such as transport::kind::assign?
    [[nodiscard]] bool is(std::string_view kind) const;
};

/// A commit that a node was asked to make.
struct asked_commit {
    bool done = false;
    std::optional<model::commit_outcome> outcome;  ///< nothing: it failed
    std::string failure;
};

struct stage_options {
    std::uint32_t nodes = 2;
    std::uint32_t coordinators = 1;
    std::uint32_t channels = 1;
    bool polite = true;  ///< leases and clocks behave in this play: I7 is checked
    channel::balance_options balance;
    std::size_t writes_max = 128;  ///< operations (and conditions) that a transaction may hold
};

/// Thrown by `stage` when an invariant is broken or the play cannot go on; `exhibit` catches it.
struct play_over {};

class staged_node;

/// A simulated world without faults of its own in which a play decides the fate of each message
/// and transaction. I1, I2, I3 and I8 are checked at each effect, I7 by the consumers, I4 and I6
/// when the play closes. Nodes consume only as told: each has 100 rows per channel to commit.
class stage {
public:
    static constexpr std::chrono::seconds ttl{8};
    static constexpr std::uint64_t rows = 100;  ///< appended to each channel

    stage(std::uint64_t seed, stage_options options);
    ~stage();
    stage(const stage&) = delete;
    stage& operator=(const stage&) = delete;

    /// Starts everything, node by node: the channels are registered with node 0 as far as the
    /// policy allows.
    void open();
    /// Nothing is lost, held or slow any more; dead coordinators start again. Then I4: each channel
    /// is registered with a process that consumes it; I6: nothing is planned; and each holder can
    /// commit.
    void close();
    /// Lets time pass until `done` holds.
    void until(const std::function<bool()>& done, std::string_view what,
               std::chrono::nanoseconds limit = std::chrono::minutes(2));
    /// Lets time pass.
    void pass(std::chrono::nanoseconds duration);
    /// Breaks the play off unless `holds`; the text begins with the invariant ("I4: ...").
    void require(bool holds, std::string_view text);

    [[nodiscard]] testing::simulation& world() noexcept { return world_; }
    [[nodiscard]] simulated::channel_ledger& ledger() noexcept { return *ledger_; }
    [[nodiscard]] testing::process& node(std::uint32_t number) { return *nodes_[number]; }
    /// A second process that registers under the name of node 0, at an address of its own.
    [[nodiscard]] testing::process& twin() noexcept { return *twin_; }
    [[nodiscard]] testing::process& coordinator(std::uint32_t number) {
        return *coordinators_[number];
    }
    /// The leading process; nullptr: none.
    [[nodiscard]] testing::process* leading();
    /// The leading coordinator, waited for.
    reeve::coordinator& leader();
    /// The coordinator of a living process, leading or not.
    static reeve::coordinator& coordinator_of(testing::process& which);
    static staged_node& node_of(testing::process& which);

    [[nodiscard]] static std::string channel(std::uint32_t number = 0);
    /// As committed last.
    [[nodiscard]] const model::channel_entry& entry(std::uint32_t channel = 0);
    /// The living process that the committed entry names; nullptr: none.
    [[nodiscard]] testing::process* holder(std::uint32_t channel = 0);
    /// Is the channel registered with this process, which consumes it under the same epoch?
    [[nodiscard]] bool registered(testing::process& with, std::uint32_t channel = 0);
    /// Waits for it.
    void until_registered(testing::process& with, std::uint32_t channel = 0);
    /// Asks the leader to move the channel to the node of that number.
    void move(std::uint32_t to, std::uint32_t channel = 0);
    /// What is missing for I4 and I6; empty: nothing.
    [[nodiscard]] std::string unsettled();

    /// A consumer begins to commit its next `count` rows, with a record of them unless `bare`.
    std::shared_ptr<asked_commit> begin_commit(testing::process& by, std::uint64_t count,
                                               std::uint32_t channel = 0, bool bare = false);
    /// The same, until it is decided.
    model::commit_outcome commit(testing::process& by, std::uint64_t count,
                                 std::uint32_t channel = 0, bool bare = false);

    /// Decides the fate of every message from now on; empty: all pass.
    std::function<fate(const message&)> on_message;
    /// Decides the fate of every transaction from now on; empty: all pass.
    std::function<fate(const storage::transaction&)> on_write;
    std::vector<message> messages;             ///< held or copied
    std::vector<storage::transaction> writes;  ///< held or copied
    std::map<std::string, int> sent;           ///< messages that were sent, by their kind
    std::uint64_t lists = 0;                   ///< pages that were read from the store

    /// The message arrives (again): at whatever process has the address now. The reply's body, or
    /// the failure that it carries; empty: nobody was there.
    std::string deliver(const message& late);
    /// The transaction lands (again). True: it was committed.
    bool land(const storage::transaction& late);
    /// What was slow is answered.
    void answer();

    /// The entry that the transaction writes, if it writes one.
    [[nodiscard]] std::optional<model::channel_entry> entry_in(const storage::transaction& change);
    /// Does it write the entry of a channel, in that state?
    [[nodiscard]] bool writes_entry(const storage::transaction& change, model::channel_state state);
    /// Does it move a checkpoint?
    [[nodiscard]] bool writes_progress(const storage::transaction& change) const;
    /// The entry becomes `dropped`, as an operation of another process would record it.
    void drop(std::uint32_t channel = 0);

    /// Size of the channel's entry and progress together.
    [[nodiscard]] std::size_t record_bytes(std::uint32_t channel = 0);

    /// How often the engine of this process was told to start (channel, epoch).
    [[nodiscard]] int starts(const testing::process& of, const model::channel_entry& grant,
                             std::uint32_t channel = 0) const;
    std::map<std::string, int> failing_starts;      ///< by process: so many starts still fail
    bool stops_wait = false;                        ///< engines do not finish to stop
    std::uint64_t rows_at_stop = 0;                 ///< that an engine commits while it stops
    std::shared_ptr<asked_commit> flushed_at_stop;  ///< the last of these commits

private:
    friend class staged_node;
    friend class staged_coordinator;
    friend class staged_store;
    friend class staged_transport;
    void go_on();
    fate judge(message sent_now);
    fate judge(const storage::transaction& change);

    stage_options options_;
    testing::simulation world_;
    catalog::key_layout keys_{"stage/"};
    catalog::decoder decoder_;
    testing::memory_world stores_;
    std::shared_ptr<simulated::channel_ledger> ledger_;
    simulated::consumer_census census_;
    core::event answers_;
    bool answering_ = true;
    std::vector<testing::process*> nodes_;
    std::vector<testing::process*> coordinators_;
    testing::process* twin_ = nullptr;
    std::map<std::string, int> starts_;
};

}  // namespace museum
