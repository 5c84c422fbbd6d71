#pragma once

#include "reeve/catalog/codec.hpp"
#include "reeve/catalog/id_blocks.hpp"
#include "reeve/core/event.hpp"
#include "reeve/core/task_scope.hpp"
#include "reeve/procedure/engine.hpp"

#include <exception>
#include <map>
#include <set>
#include <string>
#include <utility>

namespace reeve::procedure {

/// A text for people, and since when it says so.
struct told {
    std::string text;
    core::time_point since;

    void set(std::string now_text, core::time_point now) {
        if (text == now_text) return;
        text = std::move(now_text);
        since = now;
    }
};

/// A record of a participant.
struct known_part {
    model::procedure_part part;
    storage::revision modified;
};

/// What the engine knows of one procedure. Only what is durable is in `record` and `parts`, except
/// while `modified` is 0.
struct entry {
    entry(core::runtime& strand, core::backoff_options retry)
        : pause(retry, strand.next_seed()), changed(strand), works(strand) {}

    [[nodiscard]] bool ended() const noexcept { return model::has_ended(record.state); }
    [[nodiscard]] std::string name() const;           // "procedure 7 (drop orders)"
    [[nodiscard]] std::string waiting_names() const;  // a few of them, and how many there are

    model::procedure_id id;
    model::procedure_record record;
    storage::revision modified;  // of the record; 0: its start is not known to be durable
    std::map<model::node_name, known_part> parts;

    bool uncertain = false;      // a write may have landed, or may still: read before deciding
    std::uint32_t doubts = 0;    // how often that began
    bool start_unknown = false;  // in this term a start of it may still land
    std::uint32_t starts = 0;    // writes of its start that are under way

    bool loaded = false;                 // its definition has not said what a restart means
    bool driven = false;                 // a driver runs
    bool look = false;                   // carry the step out again
    std::optional<step_outcome> answer;  // of the step as recorded at `modified`
    std::map<model::node_name, model::incarnation> asked;    // the participants that it names
    std::map<model::node_name, model::incarnation> waiting;  // of them: have not answered
    core::time_point look_at;                                // when it is carried out again
    told doing;
    told trouble;
    core::backoff pause;
    core::event changed;
    core::task_scope works;  // the call of its definition that runs
};

using shared_entry = std::shared_ptr<entry>;

/// The engine of one term. The parts: engine.cpp (what is there, loading), engine_ask.cpp (asked
/// from outside), engine_drive.cpp (the driver of each procedure), engine_write.cpp (all writes,
/// and reading again).
class engine_impl final : public engine {
public:
    engine_impl(core::runtime& strand, storage::metadata_store& store,
                const catalog::key_layout& keys, catalog::leader_guard guard,
                std::vector<std::shared_ptr<definition>> definitions, engine_options options);

    awaitable<load_report> load(std::function<void(std::size_t)> progress) override;
    awaitable<void> run() override;
    awaitable<void> stop() override;
    void cancel() noexcept override;
    awaitable<procedure_view> start(start_request request) override;
    awaitable<procedure_view> until_ended(model::procedure_id id,
                                          core::time_point deadline) override;
    awaitable<acknowledge_outcome> acknowledge(acknowledgement it) override;
    void look_again(model::procedure_id id) override;
    void look_again() override;
    std::optional<procedure_view> find(model::procedure_id id) const override;
    std::optional<procedure_view> find(std::string_view kind, std::string_view key) const override;
    std::vector<procedure_view> inspect() const override;
    engine_status status() const override;
    awaitable<procedure_view> force_finish(model::procedure_id id, std::string why) override;
    awaitable<procedure_view> force_stop(model::procedure_id id, std::string why) override;
    awaitable<procedure_view> skip(model::procedure_id id, model::node_name node,
                                   std::string why) override;

private:
    // What became of a change of a record.
    enum class written : std::uint8_t {
        committed,  // durable, and taken over
        moved,      // the record is not as it was: read it again
        refused,    // a condition of the definition does not hold
    };
    // What a driver does next.
    enum class turn : std::uint8_t { more, wait, over };
    using start_key = std::pair<std::string, std::string>;

    // engine.cpp
    shared_entry add(model::procedure_id id, model::procedure_record record);
    void forget(const shared_entry& it);
    void load_record(const storage::record& record, load_report& report);
    [[nodiscard]] shared_entry require(model::procedure_id id) const;
    [[nodiscard]] std::shared_ptr<definition> definition_of(const entry& it) const;
    [[nodiscard]] procedure_view view(const entry& it) const;
    [[nodiscard]] step_context context_of(const entry& it) const;
    [[nodiscard]] std::int64_t wall_ms() const;
    void refuse_when_over() const;

    // engine_ask.cpp
    [[nodiscard]] shared_entry known_start(const model::procedure_record& record) const;
    [[nodiscard]] std::optional<acknowledge_outcome> judge(const entry& it,
                                                           const acknowledgement& from) const;
    acknowledge_outcome ignore(acknowledge_outcome why);
    void note_force(const entry& it, std::string_view what, std::string_view why);
    [[nodiscard]] awaitable<shared_entry> settled(model::procedure_id id);

    // engine_drive.cpp
    void wake(const shared_entry& it);
    [[nodiscard]] static awaitable<void> drive(std::shared_ptr<engine_impl> self, shared_entry it);
    [[nodiscard]] awaitable<turn> advance(shared_entry it);
    [[nodiscard]] awaitable<turn> advance_running(shared_entry it);
    [[nodiscard]] awaitable<turn> advance_step(shared_entry it);
    [[nodiscard]] awaitable<turn> advance_stopping(shared_entry it);
    void take_answer(entry& it, step_outcome said);
    [[nodiscard]] awaitable<void> carry_out(shared_entry it, std::shared_ptr<definition> how);
    template <class T>
    [[nodiscard]] awaitable<std::optional<T>> apart(shared_entry it,
                                                    std::shared_ptr<definition> how,
                                                    awaitable<T> work);
    [[nodiscard]] awaitable<void> rest(shared_entry it, turn after);
    [[nodiscard]] bool deadline_passed(const entry& it) const;
    [[nodiscard]] awaitable<void> begin_stop(shared_entry it, std::string why);

    // engine_write.cpp
    void doubt(const shared_entry& it);
    void check(const storage::commit_result& result);
    void adopt(const shared_entry& it, model::procedure_record record, storage::revision at);
    [[nodiscard]] awaitable<void> write_start(shared_entry it);
    [[nodiscard]] awaitable<written> change(shared_entry it, model::procedure_record next,
                                            storage::transaction together);
    [[nodiscard]] awaitable<written> write_part(shared_entry it, model::node_name node,
                                                model::procedure_part part);
    [[nodiscard]] awaitable<void> reread(shared_entry it);
    void adopt_part(entry& it, const storage::record& record);
    void adopt_part(entry& it, const model::node_name& node, model::procedure_part part,
                    storage::revision at);
    [[nodiscard]] awaitable<void> remove_parts(shared_entry it);
    [[nodiscard]] awaitable<void> remove(shared_entry it);
    [[nodiscard]] awaitable<void> prune();

    core::runtime& strand_;
    storage::metadata_store& store_;
    const catalog::key_layout keys_;  // its own: what runs may outlive the caller's
    catalog::leader_guard guard_;
    engine_options options_;
    std::map<std::string, std::shared_ptr<definition>, std::less<>> definitions_;

    catalog::decoder decoder_;
    catalog::id_blocks ids_;
    std::map<model::procedure_id, shared_entry> all_;
    std::map<start_key, model::procedure_id> by_start_;
    // By their last change; an import makes many at one revision.
    std::set<std::pair<storage::revision, model::procedure_id>> ended_;
    engine_status counted_;  // its counters only
    told prune_trouble_;
    core::backoff prune_pause_;
    std::exception_ptr failure_;  // what ends `run`
    bool running_ = false;
    bool over_ = false;  // nothing new begins
    core::event work_;
    core::task_scope tasks_;
};

/// `text` as printable ASCII, cut so that it fits into a record.
[[nodiscard]] std::string for_record(std::string_view text);

}  // namespace reeve::procedure
