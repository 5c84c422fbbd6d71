#pragma once

#include "reeve/core/guards.hpp"
#include "reeve/model/procedure.hpp"

#include <cstdint>

namespace reeve::procedure {

// P5: does this record say that `process` has done its share of `step`, or need not?
[[nodiscard]] inline bool counts(const model::procedure_part& part, std::uint64_t step,
                                 model::incarnation process) noexcept {
    if (part.step != step) return false;
    if (part.state == model::part_state::skipped) return true;
    return part.process == process || !core::enforced(core::guard::procedure_incarnation);
}

}  // namespace reeve::procedure
