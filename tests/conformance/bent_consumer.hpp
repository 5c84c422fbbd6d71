#pragma once

#include "reeve/backends/memory_message_stream.hpp"
#include "reeve/backends/memory_metadata_store.hpp"
#include "reeve/core/task_scope.hpp"
#include "reeve/testing/conformance_consumer.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace conformance {

/// How the consumer below breaks one rule.
enum class consumer_fault {
    none,
    flushes,  ///< breaks none: commits what is there while it stops
    starts_at_the_beginning,
    starts_at_the_end,
    waits_for_a_message,
    first_grant_for_all,
    always_from_the_start,
    stops_everything,
    one_commit_at_a_time,
    keeps_first_grant,
    failed_start_goes_on,
    cancelled_start_goes_on,
    retries_stale,
    ignores_recorded,
    retries_fenced,
    starts_each_channel_once,
    ends_at_lost_answers,
    counts_before_commit,
    stop_of_unknown_throws,
    stop_lets_it_run,
    stop_waits_for_a_message,
    stop_waits_for_the_commit,
    forgets_before_it_stops,
    goes_on_after_death,
    leaks,
};

/// What outlives the processes of one check.
struct consumer_world {
    explicit consumer_world(consumer_fault fault) : wrong(fault) {}

    consumer_fault wrong;
    std::shared_ptr<reeve::backends::memory_log> log =
        std::make_shared<reeve::backends::memory_log>();
    std::shared_ptr<reeve::backends::memory_database> database =
        std::make_shared<reeve::backends::memory_database>();
    std::map<reeve::model::channel_name, std::vector<std::uint64_t>> counted;  ///< by a broken one
    std::vector<std::shared_ptr<const void>> leaked;                           ///< grants, for ever
    std::vector<std::shared_ptr<reeve::core::task_scope>> undead;  ///< until the end of the check
    bool failing = false;                                          ///< starts fail
};

/// The smallest right consumer: each commit carries a record of the messages that it covers. With a
/// fault it is a wrong one.
class bent_consumer final : public reeve::channel::consumer {
public:
    using grant = std::shared_ptr<const reeve::channel::grant>;

    bent_consumer(reeve::core::runtime& strand, reeve::node& commits,
                  std::shared_ptr<consumer_world> world);
    ~bent_consumer() override;
    bent_consumer(const bent_consumer&) = delete;
    bent_consumer& operator=(const bent_consumer&) = delete;

    reeve::awaitable<void> start(grant granted) override;
    reeve::awaitable<void> stop(reeve::model::channel_name channel,
                                reeve::model::epoch epoch) override;

private:
    struct shared;
    struct course;
    using shared_ptr = std::shared_ptr<shared>;
    using course_ptr = std::shared_ptr<course>;
    using scope_ptr = std::shared_ptr<reeve::core::task_scope>;

    static reeve::awaitable<void> consume(shared_ptr all, course_ptr way);
    static reeve::awaitable<void> follow(shared_ptr all, course_ptr way);
    static reeve::awaitable<reeve::model::commit_reply> commit(
        shared_ptr all, course_ptr way, std::vector<reeve::storage::message> messages);
    static reeve::awaitable<void> flush(shared_ptr all, course_ptr way);
    [[nodiscard]] grant bent_grant(grant granted);

    struct consumption {
        scope_ptr scope;
        course_ptr way;
    };
    shared_ptr shared_;
    std::map<reeve::model::channel_name, consumption> running_;
};

/// Opens it.
class bent_consumer_factory final : public reeve::testing::consumer_factory {
public:
    explicit bent_consumer_factory(consumer_fault wrong,
                                   std::chrono::milliseconds patience = std::chrono::seconds(60))
        : wrong_(wrong), patience_(patience) {}

    void reset() override { world_ = std::make_shared<consumer_world>(wrong_); }
    reeve::awaitable<std::unique_ptr<reeve::channel::consumer>> open(reeve::core::runtime& strand,
                                                                     reeve::node& commits) override;
    reeve::awaitable<reeve::model::position> append(reeve::model::channel_name channel,
                                                    std::uint64_t number) override;
    reeve::awaitable<std::unique_ptr<reeve::storage::metadata_store>> open_metadata(
        reeve::core::runtime& strand) override;
    reeve::awaitable<std::vector<std::uint64_t>> durable(
        reeve::model::channel_name channel) override;
    void let_starts_fail(bool failing) override { world_->failing = failing; }
    void close() override {
        world_->undead.clear();
        appending_.reset();
        reading_.reset();
    }
    [[nodiscard]] std::chrono::milliseconds patience() const override { return patience_; }

private:
    consumer_fault wrong_;
    std::chrono::milliseconds patience_;
    std::shared_ptr<consumer_world> world_;
    std::unique_ptr<reeve::storage::message_stream> appending_;
    std::unique_ptr<reeve::storage::metadata_store> reading_;
};

}  // namespace conformance
