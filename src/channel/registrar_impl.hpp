#pragma once

#include "channel/channel_table.hpp"
#include "reeve/catalog/codec.hpp"
#include "reeve/catalog/commit_large.hpp"
#include "reeve/catalog/id_blocks.hpp"
#include "reeve/channel/registrar.hpp"
#include "reeve/core/event.hpp"
#include "reeve/core/task_scope.hpp"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace reeve::channel {

/// What is to be done about one channel.
enum class action : std::uint8_t {
    none,      ///< as it should be
    wait,      ///< until `not_before`, or until something happens
    reread,    ///< its records have to be read again
    place,     ///< record a new assignment
    tell,      ///< tell the holder of its assignment or release
    release,   ///< record that the holder is asked to let go
    complete,  ///< record that the holder has confirmed
    unassign,  ///< record that the holder is out
};

/// The action for one channel, and why.
struct decision {
    action what = action::none;
    std::optional<core::time_point> not_before = std::nullopt;  // for wait
    std::uint32_t preferred = channel_table::none;              // for place: number of a node name
    const char* why = "";
};

/// The registrar of one term. The parts: registrar.cpp (asked from outside), registrar_decide.cpp
/// (pure decisions over the table), registrar_write.cpp (the loop, and all writes),
/// registrar_tell.cpp (calls to nodes), registrar_commit.cpp.
class registrar_impl final : public registrar {
public:
    registrar_impl(core::runtime& strand, storage::metadata_store& store,
                   const catalog::key_layout& keys, transport::transport& carrier,
                   std::shared_ptr<cluster::membership> members, schema_source* schemas,
                   catalog::leader_guard guard, registrar_options options);

    awaitable<load_report> load(std::function<void(std::size_t)> progress) override;
    awaitable<void> run() override;
    awaitable<void> stop() override;
    void cancel() noexcept override;
    awaitable<std::vector<registration>> ensure(std::vector<channel_spec> channels,
                                                core::time_point deadline) override;
    awaitable<model::commit_reply> commit(model::commit_request request) override;
    awaitable<void> apply(std::shared_ptr<progress_change> change) override;
    channel_facts facts_of(const model::holder& by) override;
    std::optional<recorded_entry> recorded(const model::channel_name& channel) const override;
    void each_living(const std::function<void(model::epoch, std::uint64_t)>& visit) const override;
    void drop_collection(model::collection_id id) override { dropped_.insert(id); }
    std::size_t undropped(model::collection_id id) const override;
    void member_changed(cluster::member_event event, const model::node_name& node) override;
    void set_fit(const model::node_name& node, fitness verdict) override;
    void move(const model::channel_name& channel, const model::node_name& to) override;
    std::optional<registration> find(const model::channel_name& channel) const override;
    void each(const std::function<void(const registration&)>& visit) const override;
    std::vector<planned_action> plan() const override;
    registrar_status status() const override;
    std::size_t memory() const noexcept override { return table_.memory(); }

private:
    using row_number = std::uint32_t;

    /// A failure that is being retried, and since when there has been one.
    struct failing {
        std::string why;  // empty: none
        core::time_point since;

        void set(std::string text, core::time_point now) {
            if (why.empty()) since = now;
            why = std::move(text);
        }
        void clear() { why.clear(); }
    };
    /// Calls to one node: at most one at a time.
    struct link {
        explicit link(core::backoff_options retry, std::uint64_t seed) : pause(retry, seed) {}
        bool calling = false;
        core::time_point not_before;
        core::backoff pause;
        std::set<row_number> rows;  // that have something to be told
        failing trouble;
    };
    /// A change of one entry that is being written.
    struct write {
        row_number row;
        action what;
        model::channel_entry entry;
    };
    /// What is known of a collection.
    struct collection {
        std::optional<placement_constraint> constraint;
        bool asked = false;
        failing trouble;
    };
    /// What decides about the channels of a node, kept while membership does not change.
    struct node_facts {
        std::uint64_t version = 0;  // of membership, when this was asked
        model::incarnation process;
        bool draining = false;
        bool unfit = false;
    };
    struct candidates {
        std::vector<node_load> loads;
        std::vector<const model::node_info*> nodes;
        std::map<std::string_view, std::uint32_t> by_name;
    };

    // registrar.cpp
    void look_at(row_number row);
    void look_at_node(const model::node_name& node);
    void look_at_unplaced();
    void note(row_number row, const decision& verdict);
    [[nodiscard]] registration describe(row_number row) const;
    void load_entry(const storage::record& record);
    bool load_progress(const storage::record& record, row_number& row);

    // registrar_decide.cpp
    [[nodiscard]] decision decide(row_number row) const;
    [[nodiscard]] const node_facts& facts_of(std::uint32_t node) const;
    [[nodiscard]] decision decide_held(row_number row) const;
    [[nodiscard]] decision decide_vacated(row_number row) const;
    [[nodiscard]] bool wanted_away(row_number row, const char*& why) const;
    [[nodiscard]] bool serves(const model::node_name& node) const;
    [[nodiscard]] candidates list_candidates() const;
    [[nodiscard]] std::vector<placement> place(const std::vector<row_number>& rows,
                                               const std::vector<std::uint32_t>& preferred,
                                               const candidates& nodes) const;
    void plan_moves();

    // registrar_write.cpp
    [[nodiscard]] awaitable<void> step();
    [[nodiscard]] awaitable<void> prepare_placements(std::vector<row_number> rows,
                                                     std::vector<std::uint32_t> preferred,
                                                     std::vector<write>& writes);
    void leave_unplaced(row_number row, std::string_view why, std::vector<write>& writes);
    void prepare_transition(row_number row, action what, std::vector<write>& writes);
    [[nodiscard]] storage::transaction transaction_of(const write& change) const;
    [[nodiscard]] awaitable<void> carry_out(std::vector<write> writes);
    void settle(const write& change, const catalog::item_result& result);
    [[nodiscard]] awaitable<bool> reread(row_number row);
    [[nodiscard]] core::time_point next_wake() const;

    // registrar_tell.cpp
    void tell_later(row_number row);
    [[nodiscard]] bool is_for(row_number number, const model::node_info& node) const;
    void start_calls();
    [[nodiscard]] static awaitable<void> call_node(std::shared_ptr<registrar_impl> self,
                                                   model::node_info node);
    [[nodiscard]] awaitable<std::string> tell_assign(model::node_info node,
                                                     std::vector<row_number> rows);
    [[nodiscard]] awaitable<std::string> tell_release(model::node_info node,
                                                      std::vector<row_number> rows);
    /// Returns the first failure that the node has answered; empty: none.
    [[nodiscard]] std::string hear(const std::vector<std::pair<row_number, model::epoch>>& asked,
                                   const model::agent_reply& reply, model::channel_state state);
    void ask_schema(model::collection_id id);
    [[nodiscard]] static awaitable<void> fetch_schema(std::shared_ptr<registrar_impl> self,
                                                      model::collection_id id);

    // registrar_commit.cpp
    class channel_turn;
    [[nodiscard]] row_number known_row(const model::holder& by) const;
    void require_known_epoch(row_number row, const model::holder& by);
    [[nodiscard]] channel_facts facts(row_number row, const model::holder& by) const;
    [[nodiscard]] storage::transaction comparisons(row_number row) const;
    [[nodiscard]] catalog::large_change change_of(row_number row, progress_write& what) const;
    void take_over(row_number row, const progress_write& what, storage::revision at);
    void count_refusal(model::commit_outcome outcome);

    core::runtime& strand_;
    storage::metadata_store& store_;
    const catalog::key_layout keys_;  // its own: calls may outlive the coordinator
    transport::transport& carrier_;
    std::shared_ptr<cluster::membership> members_;
    schema_source* schemas_;
    catalog::leader_guard guard_;
    registrar_options options_;

    channel_table table_;
    catalog::decoder decoder_;
    model::channel_entry loading_entry_;  // kept between records: its memory is reused
    model::channel_progress loading_progress_;
    catalog::id_blocks epochs_;
    catalog::large_transactions large_;
    // Whose holder's change is being carried out, and its epoch.
    std::map<row_number, model::epoch> changing_;
    core::event change_ended_;
    std::vector<row_number> queue_;
    std::vector<row_number> round_rows_;  // looked at in the round that runs
    std::multimap<core::time_point, row_number> later_;
    std::set<row_number> unplaced_;
    std::unordered_map<row_number, stuck> troubles_;
    std::unordered_map<row_number, std::uint32_t> moves_;  // to which node name
    std::map<model::node_name, link> links_;
    std::map<model::collection_id, collection> collections_;
    std::set<model::collection_id> dropped_;
    std::set<model::node_name> unfit_;
    mutable std::vector<node_facts> facts_;  // by the table's number of the node
    core::time_point last_change_;
    core::time_point next_balance_ = core::time_point::max();
    std::uint64_t round_ = 0;
    std::uint64_t transactions_ = 0;
    std::uint64_t commits_ = 0;
    std::uint64_t stale_ = 0;
    std::uint64_t mismatches_ = 0;
    failing store_trouble_;
    bool over_ = false;  // nothing new begins
    core::event work_;
    core::event changed_;
    core::task_scope tasks_;
};

}  // namespace reeve::channel
