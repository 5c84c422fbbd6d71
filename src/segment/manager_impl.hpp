#pragma once

#include "reeve/catalog/codec.hpp"
#include "reeve/catalog/commit_large.hpp"
#include "reeve/catalog/id_blocks.hpp"
#include "reeve/cluster/timestamp_oracle.hpp"
#include "reeve/core/event.hpp"
#include "reeve/segment/manager.hpp"
#include "segment/allocator.hpp"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace reeve::segment {

/// The manager of one term. The parts: manager.cpp (what is known, and asked), manager_load.cpp,
/// manager_allocate.cpp (rows, new segments, ticks), manager_flush.cpp and manager_drop.cpp (what a
/// channel's holder asks for), manager_jobs.cpp, manager_write.cpp (the loop).
class manager_impl final : public manager {
public:
    manager_impl(core::runtime& strand, storage::metadata_store& store,
                 const catalog::key_layout& keys, std::shared_ptr<channel::registrar> channels,
                 catalog::leader_guard guard, manager_options options);

    awaitable<load_report> load(std::function<void(std::size_t)> progress) override;
    awaitable<void> run() override;
    void cancel() noexcept override;
    awaitable<model::allocate_reply> allocate(model::allocate_request request) override;
    allocation try_allocate(const allocation_request& request) override;
    awaitable<model::timestamp_reply> timestamp(model::timestamp_request request) override;
    awaitable<model::tick_reply> tick(model::tick_request request) override;
    awaitable<model::commit_reply> flush(model::flush_request request) override;
    awaitable<reported_flush> flush_reported(model::flush_request request,
                                             storage::transaction with) override;
    awaitable<model::commit_reply> drop_channel(model::channel_drop_request request) override;
    awaitable<model::segments_reply> list(model::segments_request request) override;
    std::size_t seal(model::collection_id collection) override;
    awaitable<void> drop_collection(model::collection_id collection, std::string why) override;
    std::optional<drop_progress> drop_of(model::collection_id collection) const override;
    awaitable<granted_job> grant_job(std::string what, std::vector<model::segment_id> inputs,
                                     model::node_name node, model::incarnation process) override;
    awaitable<replace_outcome> replace(replace_request request) override;
    awaitable<void> end_job(model::job_id job) override;
    void each_job(const std::function<void(const granted_job&)>& visit) const override;
    std::optional<segment_info> find(model::segment_id segment) const override;
    void each(std::optional<model::collection_id> of,
              const std::function<void(const segment_info&)>& visit) const override;
    std::vector<segment_info> dropped(model::timestamp horizon, model::segment_id after,
                                      std::size_t most) const override;
    void wrote(model::collection_id collection, model::segment_id segment,
               const model::segment_record& record, storage::revision at) override {
        (void)learn(collection, segment, record, at);
    }
    void each_living(const std::function<void(model::epoch, std::uint64_t)>& visit) const override;
    manager_status status() const override;
    std::size_t memory() const noexcept override { return rows_.memory(); }

private:
    class flush_change;
    class last_flushes;
    class drop_mark;

    /// What a write compares of its channel.
    struct compared {
        model::channel_name channel;
        storage::revision entry_at;
        storage::revision progress_at;  // 0: there was no record, or it was not compared
    };
    /// A write of unknown outcome: whether it has landed says its record; that it never will, that
    /// what it compared has changed since.
    struct doubt {
        compared by;
        model::collection_id collection;
        model::segment_id segment;
        model::flush_id flush;  // 0: the segment itself was created
    };
    using group_name = std::tuple<model::collection_id, model::partition_id, model::channel_name>;
    /// A tombstone of a collection.
    struct collection_row {
        model::collection_drop record;
        storage::revision at;
    };
    struct job_row {
        model::job_record record;
        storage::revision at;
    };

    // manager.cpp
    learned learn(model::collection_id collection, model::segment_id segment,
                  const model::segment_record& record, storage::revision at);
    void index(model::segment_id segment);
    void follow_mark(model::collection_id collection, model::segment_id segment);
    [[nodiscard]] segment_info describe(const segment_row& row) const;
    [[nodiscard]] awaitable<bool> reread(model::collection_id collection,
                                         model::segment_id segment);
    [[nodiscard]] awaitable<std::optional<storage::record>> visible(std::string key);
    void add_references(const std::vector<model::binlog_group>& groups);
    void require_serving() const;

    // manager_load.cpp
    [[nodiscard]] awaitable<void> load_drops(load_report& report);
    void load_segment(const storage::record& record, load_report& report);
    void load_binlog(const storage::record& record, load_report& report);
    [[nodiscard]] awaitable<void> load_jobs(load_report& report);
    [[nodiscard]] awaitable<void> load_oracle();

    // manager_allocate.cpp
    [[nodiscard]] awaitable<void> know_channel(model::channel_name channel,
                                               model::collection_id collection);
    [[nodiscard]] awaitable<void> create(model::allocate_request request, std::uint64_t count,
                                         model::timestamp now);

    // manager_flush.cpp
    [[nodiscard]] compared compared_now(const model::channel_name& channel) const;
    [[nodiscard]] std::size_t alive_in(const model::channel_name& channel) const;
    void count_flush(model::segment_id segment, const std::vector<model::binlog_group>& groups);
    [[nodiscard]] bool is_same_flush(const storage::record& found,
                                     const model::segment_flush& what);
    void found_flush(model::segment_id segment, const model::flush_id& flush,
                     const std::vector<model::binlog_group>& groups);
    void add_doubt(const compared& by, model::collection_id collection, model::segment_id segment,
                   const model::flush_id& flush);
    bool forget_doubt(model::segment_id segment, const model::flush_id& flush);

    // manager_drop.cpp
    void add_mark(const channel::channel_facts& known, const model::holder& by,
                  model::timestamp now, channel::progress_write& into) const;
    void mark_dropped(const model::channel_name& channel, model::collection_id collection,
                      model::timestamp at);

    // manager_jobs.cpp
    // Inputs as they are known; throws errc::invalid_argument for what cannot be granted.
    [[nodiscard]] std::vector<segment_info> inputs_of(
        const std::vector<model::segment_id>& ids) const;
    [[nodiscard]] catalog::large_change replacement(const replace_request& request,
                                                    const job_row& job, model::timestamp now,
                                                    std::vector<segment_info>& written) const;
    void check_outputs(const replace_request& request, const model::job_record& job) const;
    [[nodiscard]] awaitable<replace_outcome> recorded_outcome(replace_request request);
    [[nodiscard]] awaitable<void> reread_job(model::job_id job, model::job_record known);
    [[nodiscard]] awaitable<void> learn_outputs(model::job_record job);
    void doubt_inputs(const job_row& job);

    // manager_write.cpp
    [[nodiscard]] awaitable<bool> step();
    [[nodiscard]] bool idle() const;
    void know_drop(model::collection_id collection, collection_row row);
    [[nodiscard]] bool may_finish(model::collection_id collection) const;
    [[nodiscard]] awaitable<void> reread_changed();
    void adopt_marks();
    void collect_decided(std::vector<storage::transaction>& items,
                         std::vector<segment_info>& written) const;
    void collect_dropped(std::vector<storage::transaction>& items,
                         std::vector<segment_info>& written);
    void rewrite(const segment_row& row, model::segment_record record,
                 std::vector<storage::transaction>& items,
                 std::vector<segment_info>& written) const;
    [[nodiscard]] awaitable<bool> carry_out(std::vector<storage::transaction> items,
                                            std::vector<segment_info> written);
    [[nodiscard]] awaitable<void> resolve_doubts();
    [[nodiscard]] awaitable<bool> resolve(doubt what);
    [[nodiscard]] awaitable<void> resolve_earlier(model::holder by);
    [[nodiscard]] awaitable<void> finish_drops();

    core::runtime& strand_;
    storage::metadata_store& store_;
    const catalog::key_layout keys_;  // its own: calls may outlive the coordinator
    std::shared_ptr<channel::registrar> channels_;
    catalog::leader_guard guard_;
    manager_options options_;

    allocator rows_;
    catalog::decoder decoder_;
    model::segment_record loading_segment_;  // kept between records: its memory is reused
    model::binlog_record loading_binlog_;
    model::timestamp loading_expiry_;
    catalog::id_blocks ids_;
    catalog::large_transactions large_;
    cluster::persisted_timestamp_oracle own_oracle_;
    consensus::timestamp_oracle& oracle_;

    std::map<std::string, std::set<model::segment_id>, std::less<>> unflushed_;  // by channel
    std::map<std::string, std::set<model::segment_id>, std::less<>> flushing_;   // by channel
    std::map<model::collection_id, collection_row> drops_;
    std::set<model::collection_id> dropping_;  // those of them that have not ended
    std::map<model::job_id, job_row> jobs_;    // granted ones
    std::vector<doubt> doubts_;
    std::map<model::segment_id, model::collection_id> reread_;  // changed by somebody else
    std::map<std::string, model::timestamp> dropped_channels_;  // whose segments' records follow
    std::set<group_name> creating_;
    std::uint64_t allocations_ = 0;
    std::uint64_t flushes_ = 0;
    std::uint64_t refused_ = 0;
    std::string trouble_;
    bool over_ = false;  // nothing new begins
    core::event work_;
    core::event created_;
};

}  // namespace reeve::segment
