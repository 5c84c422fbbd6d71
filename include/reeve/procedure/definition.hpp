#pragma once

#include "reeve/catalog/guarded.hpp"
#include "reeve/core/awaitable.hpp"
#include "reeve/model/ids.hpp"
#include "reeve/model/procedure.hpp"
#include "reeve/storage/metadata_store.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace reeve::procedure {

/// Whose acknowledgement a step needs: this process of this node, and no other.
struct participant {
    model::node_name node;       ///< which node
    model::incarnation process;  ///< which process of it; not 0

    friend bool operator==(const participant&, const participant&) = default;
};

/// What one participant has to say about one step: it has done its share.
struct acknowledgement {
    /// As the members say.
    acknowledgement() {}
    model::procedure_id id;      ///< of which procedure
    std::uint64_t step = 0;      ///< of which step
    model::node_name node;       ///< who
    model::incarnation process;  ///< which process of it
    std::string outcome;         ///< for people; UTF-8, at most model::procedure_text_max bytes

    friend bool operator==(const acknowledgement&, const acknowledgement&) = default;
};

/// The durable record of one participant.
struct answer {
    model::node_name node;       ///< whose
    model::procedure_part part;  ///< as recorded

    friend bool operator==(const answer&, const answer&) = default;
};

/// What a definition is told when it is asked to do something.
struct step_context {
    /// As the members say.
    step_context() {}
    model::procedure_id id;          ///< which procedure; participants name it when they answer
    model::procedure_record record;  ///< as recorded: arguments, step and, when it stops, why
    catalog::leader_guard guard;     ///< for writes of the definition's own: the term's
    std::vector<answer> answers;     ///< records of this step, by node: who need not be asked again

    /// Need `whom` not be asked: it has acknowledged this step, or is skipped?
    [[nodiscard]] bool has_answered(const participant& whom) const;
};

/// What a step says about itself. `go_on` and `finish` may depend on participants, and carry
/// conditions and writes of the definition.
class step_outcome {
public:
    /// What is to happen.
    enum class kind : std::uint8_t {
        go_on,   ///< the step is done: the next one
        finish,  ///< the step is done, and it was the last
        again,   ///< it is not done: carry it out again later
        fail,    ///< it never will be: stop the procedure
    };

    /// The next step is to begin. `together` is committed with the change of the record, or neither
    /// is; if one of its conditions does not hold, this step is carried out again. It must fit into
    /// one transaction with the record, and write no key below `procedures/`.
    [[nodiscard]] static step_outcome go_on(storage::transaction together = {});
    /// The procedure has reached its end. `together` as for `go_on`.
    [[nodiscard]] static step_outcome finish(storage::transaction together = {});
    /// Not yet: `why`, for people, such as "replica n3 is at index 5 of 9". Carried out again after
    /// a pause, or at engine::look_again.
    [[nodiscard]] static step_outcome again(std::string why);
    /// Never: the procedure is stopped, with this reason.
    [[nodiscard]] static step_outcome fail(std::string why);

    /// Only when all of these have acknowledged this step, or an operator has skipped them; the
    /// step is carried out again from time to time until then, and says anew whom it needs. One
    /// that is proven to be gone is left out then: nobody is left out because time has passed.
    step_outcome&& once_acknowledged_by(std::vector<participant> all) &&;
    /// Acknowledgements that the step has got itself, such as in replies to its calls. They are
    /// judged and recorded as if they had come to engine::acknowledge.
    step_outcome&& heard(std::vector<acknowledgement> all) &&;

    /// What is to happen.
    [[nodiscard]] kind what() const noexcept { return what_; }
    /// Why it is `again` or `fail`.
    [[nodiscard]] const std::string& why() const noexcept { return why_; }
    /// Who must acknowledge first.
    [[nodiscard]] const std::vector<participant>& participants() const noexcept {
        return participants_;
    }
    /// What the step has heard.
    [[nodiscard]] const std::vector<acknowledgement>& heard() const noexcept { return heard_; }
    /// What is committed with the change of the record.
    [[nodiscard]] const storage::transaction& together() const noexcept { return together_; }

private:
    explicit step_outcome(kind what) : what_(what) {}

    kind what_;
    std::string why_;
    std::vector<participant> participants_;
    std::vector<acknowledgement> heard_;
    storage::transaction together_;
};

/// What becomes of a running procedure when a new leader finds it.
enum class restart_choice : std::uint8_t {
    resume,  ///< its step is carried out again
    stop,    ///< it is stopped
};

/// What one kind of procedure does. Called on the engine's strand; calls for different procedures
/// overlap, calls for one procedure do not. It must outlive what the engine has running.
///
/// Everything may be repeated: after a crash, after a failure, to ask participants again, and by
/// two leaders at once, of which one does not know yet that it is deposed. So each call must be
/// idempotent, its writes must carry the guard of the context, and what it sends must name the
/// procedure's id and step. What it throws (reeve::error, or any std::exception) is shown in the
/// status, and the call is repeated with backoff; only errc::fenced is believed to say that the
/// term is over. A call may be cancelled when its procedure is stopped or ended meanwhile.
class definition {
public:
    virtual ~definition() = default;

    /// The name in the records; a model::valid_name. Constant.
    [[nodiscard]] virtual std::string_view kind() const noexcept = 0;
    /// Carries out the step of `now.record`: tells participants, looks whether it is done. Only
    /// what is in `now` is durable.
    virtual awaitable<step_outcome> step(step_context now) = 0;
    /// The procedure is being stopped, for the reason in `now.record.why`: undo, or say to whom it
    /// matters. Returns what is committed together with the end, as for step_outcome::go_on.
    virtual awaitable<storage::transaction> on_stop(step_context now) = 0;
    /// Asked once by each new leader about each procedure that it finds running. Pure.
    [[nodiscard]] virtual restart_choice on_restart(const model::procedure_record&) const {
        return restart_choice::resume;
    }
};

}  // namespace reeve::procedure
