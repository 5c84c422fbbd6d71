#pragma once

#include "reeve/catalog/guarded.hpp"
#include "reeve/catalog/key_layout.hpp"
#include "reeve/core/awaitable.hpp"
#include "reeve/core/backoff.hpp"
#include "reeve/core/clock.hpp"
#include "reeve/core/runtime.hpp"
#include "reeve/model/procedure.hpp"
#include "reeve/procedure/definition.hpp"
#include "reeve/storage/metadata_store.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace reeve::procedure {

/// How procedures are carried out.
struct engine_options {
    core::backoff_options retry;    ///< between tries, and between looks at a step that waits
    std::size_t active_max = 1000;  ///< procedures that have not ended; no more are started
    std::size_t retention = 100;    ///< procedures that have ended of which the records are kept
    std::size_t page_size = 10000;  ///< records in a page when loading
    /// How often the wall clock is compared with a deadline.
    std::chrono::milliseconds deadline_look{1000};
};

/// A procedure to be started.
struct start_request {
    /// As the members say.
    start_request() {}
    std::string kind;       ///< of a definition that the engine has
    std::string key;        ///< what is to be done, in one word: a model::valid_name. The same kind
                            ///< and key are the same procedure, as long as its record is kept
    std::string arguments;  ///< for the definition; at most model::procedure_arguments_max bytes
    std::optional<core::wall_time> deadline;  ///< when it is stopped if it has not ended
};

/// What became of an acknowledgement.
enum class acknowledge_outcome : std::uint8_t {
    recorded,           ///< durable, now or before: it need not be repeated
    other_step,         ///< the procedure is at another step
    other_incarnation,  ///< another process of the node was asked; it may yet be this one's turn
    not_asked,          ///< the step does not wait for this node, or has not said so yet
    ended,              ///< the procedure is over, or being stopped
    unknown,            ///< there is no such procedure
};

/// The outcome's name.
[[nodiscard]] std::string_view name(acknowledge_outcome outcome) noexcept;

/// One procedure, in one look.
struct procedure_view {
    model::procedure_id id;            ///< which
    model::procedure_record record;    ///< as recorded
    storage::revision modified;        ///< of the record; 0: its start may not be recorded yet
    std::vector<answer> answers;       ///< records of its participants, by node
    std::vector<participant> missing;  ///< whom its step waits for, as far as it has said so
    std::string doing;       ///< what is being done or waited for; empty once it has ended
    std::string trouble;     ///< the failure that is being retried; empty: none
    core::time_point since;  ///< when `doing` or `trouble` began
};

/// Something that is not over, or not as it should be, and since when.
struct stuck {
    std::string what;        ///< "procedure 7 (drop orders)"
    std::string why;         ///< "step 2 waits for n1/17, n3/20"
    core::time_point since;  ///< when this began
};

/// Counts, and everything that has not ended. The counters are of this term.
struct engine_status {
    std::size_t running = 0;          ///< procedures in this state
    std::size_t stopping = 0;         ///< procedures in this state
    std::size_t finished = 0;         ///< procedures in this state whose records are kept
    std::size_t stopped = 0;          ///< procedures in this state whose records are kept
    std::uint64_t changes = 0;        ///< records of procedures written
    std::uint64_t recorded = 0;       ///< acknowledgements recorded
    std::uint64_t other_step = 0;     ///< acknowledgements ignored for this reason
    std::uint64_t other_process = 0;  ///< acknowledgements ignored for this reason
    std::uint64_t not_asked = 0;      ///< acknowledgements ignored for this reason
    std::uint64_t too_late = 0;       ///< acknowledgements of what has ended, or is not there
    std::uint64_t forced = 0;         ///< things that operators did
    std::vector<stuck> open;          ///< each procedure that has not ended, and other troubles
};

/// The status in lines for people.
[[nodiscard]] std::string to_string(const engine_status& it);

/// What loading found.
struct load_report {
    std::size_t procedures = 0;  ///< records read
    std::size_t parts = 0;       ///< records of participants read
    std::size_t orphans = 0;     ///< of them without a procedure: reported, left alone
    std::size_t open = 0;        ///< procedures that have not ended
};

/// Carries long operations out, step by step, across crashes of the leader
/// (docs/protocols/procedures.md). It acts only under the term it was made with; a new term makes a
/// new engine. One strand; all calls may overlap. `strand` and `store` must outlive it and what it
/// has running. Whoever owns it cancels it: what runs holds itself.
///
/// Calls that write throw errc::fenced when the term is over (so does `run`), errc::unavailable if
/// nothing was done, and errc::outcome_unknown if it may have been or may still be: the same call,
/// repeated, reads again and finds out.
class engine : public std::enable_shared_from_this<engine> {
public:
    /// Throws errc::invalid_argument for two definitions of one kind, or a bad name of a kind.
    [[nodiscard]] static std::shared_ptr<engine> make(
        core::runtime& strand, storage::metadata_store& store, const catalog::key_layout& keys,
        catalog::leader_guard guard, std::vector<std::shared_ptr<definition>> definitions,
        engine_options options = {});
    virtual ~engine() = default;

    /// Reads all procedures, page by page; writes nothing. Once, after the election and before
    /// anything else. `progress` is told after each page how many records were read. Throws
    /// errc::corrupt, errc::unsupported_format naming the key.
    [[nodiscard]] virtual awaitable<load_report> load(
        std::function<void(std::size_t)> progress) = 0;
    /// Carries out what is open until the term is over (throws errc::fenced), it is cancelled, or
    /// `cancel` or `stop` is called. Once.
    [[nodiscard]] virtual awaitable<void> run() = 0;
    /// Cancels everything that runs and waits until it has ended. Nothing is done afterwards.
    [[nodiscard]] virtual awaitable<void> stop() = 0;
    /// Cancels everything that runs and waits for nothing. Nothing is done afterwards.
    virtual void cancel() noexcept = 0;

    /// Starts a procedure, or finds the one of the same kind and key; durable when it returns. So a
    /// start whose outcome is not known is repeated, with this leader or the next, without doing it
    /// twice. This engine itself sees a start of unknown outcome through. Throws
    /// errc::invalid_argument, before anything is written, for an unknown kind, a bad key, too long
    /// arguments, a deadline before 1970, or a known key with other arguments;
    /// errc::resource_exhausted beyond engine_options::active_max.
    [[nodiscard]] virtual awaitable<procedure_view> start(start_request request) = 0;
    /// Waits until it has ended, at most until `deadline`; says how it then stands. Throws
    /// errc::not_found for an unknown one, or one whose record is no longer kept, errc::unavailable
    /// if the engine is stopped meanwhile.
    [[nodiscard]] virtual awaitable<procedure_view> until_ended(model::procedure_id id,
                                                                core::time_point deadline) = 0;
    /// A participant has done its share of a step. Recorded if the step waits for this process of
    /// this node; everything else is ignored, counted and named. Idempotent; late and repeated ones
    /// are harmless. Throws errc::invalid_argument for a bad name or outcome.
    [[nodiscard]] virtual awaitable<acknowledge_outcome> acknowledge(acknowledgement it) = 0;

    /// Something that a definition asks for may have changed, such as membership: the step is
    /// carried out again soon. Nothing happens for one that has ended or is unknown.
    virtual void look_again(model::procedure_id id) = 0;
    /// The same for all procedures.
    virtual void look_again() = 0;

    /// One procedure; nothing if unknown.
    [[nodiscard]] virtual std::optional<procedure_view> find(model::procedure_id id) const = 0;
    /// The procedure of that kind and key; nothing if unknown.
    [[nodiscard]] virtual std::optional<procedure_view> find(std::string_view kind,
                                                             std::string_view key) const = 0;
    /// All procedures with their records, by id.
    [[nodiscard]] virtual std::vector<procedure_view> inspect() const = 0;
    /// Counts, and everything that has not ended.
    [[nodiscard]] virtual engine_status status() const = 0;

    /// An operator ends it, whatever it waits for; no code of its definition runs any more. A
    /// running one is then finished, one that was being stopped is stopped. `why` is recorded and
    /// logged: UTF-8, at most 900 bytes, not empty. One that has ended already is left as it is.
    /// Throws errc::not_found, errc::invalid_argument.
    [[nodiscard]] virtual awaitable<procedure_view> force_finish(model::procedure_id id,
                                                                 std::string why) = 0;
    /// An operator stops it, as a failure of its step would. Otherwise as `force_finish`; one that
    /// is being stopped already is left as it is.
    [[nodiscard]] virtual awaitable<procedure_view> force_stop(model::procedure_id id,
                                                               std::string why) = 0;
    /// An operator decides that its present step does not wait for `node`, whichever process it
    /// has. Recorded and logged. Throws as `force_finish`, and errc::refused if the step does not
    /// wait for that node now.
    [[nodiscard]] virtual awaitable<procedure_view> skip(model::procedure_id id,
                                                         model::node_name node,
                                                         std::string why) = 0;

protected:
    engine() = default;
};

}  // namespace reeve::procedure
