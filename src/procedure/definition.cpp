#include "reeve/procedure/definition.hpp"

#include "procedure/counts.hpp"

#include <algorithm>

namespace reeve::procedure {

bool step_context::has_answered(const participant& whom) const {
    return std::any_of(answers.begin(), answers.end(), [&](const answer& one) {
        return one.node == whom.node && counts(one.part, record.step, whom.process);
    });
}

step_outcome step_outcome::go_on(storage::transaction together) {
    step_outcome made(kind::go_on);
    made.together_ = std::move(together);
    return made;
}

step_outcome step_outcome::finish(storage::transaction together) {
    step_outcome made(kind::finish);
    made.together_ = std::move(together);
    return made;
}

step_outcome step_outcome::again(std::string why) {
    step_outcome made(kind::again);
    made.why_ = std::move(why);
    return made;
}

step_outcome step_outcome::fail(std::string why) {
    step_outcome made(kind::fail);
    made.why_ = std::move(why);
    return made;
}

step_outcome&& step_outcome::once_acknowledged_by(std::vector<participant> all) && {
    participants_ = std::move(all);
    return std::move(*this);
}

step_outcome&& step_outcome::heard(std::vector<acknowledgement> all) && {
    heard_ = std::move(all);
    return std::move(*this);
}

}  // namespace reeve::procedure
