#pragma once

#include "reeve/channel/consumer.hpp"
#include "reeve/core/awaitable.hpp"
#include "reeve/core/runtime.hpp"
#include "reeve/model/ids.hpp"
#include "reeve/node/node.hpp"
#include "reeve/storage/metadata_store.hpp"
#include "reeve/testing/conformance.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace reeve::testing {

/// Opens the consumer under test: an engine with its own streams, which commits through a
/// reeve::node. The suite is everything else: it makes the calls of the node's agent, with the
/// agent's grants, and plays the leader, which carries out commits in the metadata store by the
/// rules of docs/protocols/channels.md, and refuses, delays and loses them. Two functions are
/// needed, the rest are hooks that let more rules be checked: a check whose hook is missing is
/// reported as skipped.
///
///     class my_factory final : public reeve::testing::consumer_factory {
///         void reset() override { log_ = std::make_shared<my_log>(); }
///         awaitable<std::unique_ptr<channel::consumer>> open(core::runtime& strand,
///                                                            node& commits) override {
///             co_return std::make_unique<my_consumer>(strand, commits, log_);
///         }
///         awaitable<model::position> append(model::channel_name to, std::uint64_t number) override
///         {
///             co_return co_await log_->append(to.value, std::to_string(number));
///         }
///     };
class consumer_factory : public check_factory {
public:
    /// Opens the engine of one process and returns its consumer. It commits through `commits`,
    /// which has a session and outlives it; so does `strand`. Called again within a check when the
    /// process "restarts": the consumer before is gone by then, its streams are still there.
    virtual awaitable<std::unique_ptr<channel::consumer>> open(core::runtime& strand,
                                                               node& commits) = 0;

    /// Appends a message to the channel's stream, durably, and returns the position after it. What
    /// is in it is the host's choice; `number` counts the messages of the channel from 1.
    virtual awaitable<model::position> append(model::channel_name channel,
                                              std::uint64_t number) = 0;

    /// Opens the metadata store in which the leader records what is committed, for an engine that
    /// reads its own records. The default is a memory store of each check's own.
    virtual awaitable<std::unique_ptr<storage::metadata_store>> open_metadata(
        core::runtime& strand);

    /// The prefix of all keys there. The default is "reeve/".
    [[nodiscard]] virtual std::string root() const;

    /// Hook: the numbers of the channel's messages that the engine would answer queries with, in
    /// the order in which they count, read from what is durable. The default throws check_skipped.
    virtual awaitable<std::vector<std::uint64_t>> durable(model::channel_name channel);

    /// Hook: from now on `start` fails (for example because the stream cannot be reached), or works
    /// again. The default throws check_skipped.
    virtual void let_starts_fail(bool failing);

    /// Called at the end of each check, when the consumer is gone and before the strand is
    /// destroyed: closes what `append` and `durable` need. The default does nothing.
    virtual void close();
};

/// All rules of channel::consumer as named checks: starting, commits, refusals, stopping,
/// cancellation and destruction.
[[nodiscard]] std::vector<check> consumer_checks(std::shared_ptr<consumer_factory> factory);

}  // namespace reeve::testing
