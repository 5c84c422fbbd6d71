#include "reeve/model/procedure.hpp"

namespace reeve::model {

std::string_view name(procedure_state state) noexcept {
    switch (state) {
        case procedure_state::running:
            return "running";
        case procedure_state::stopping:
            return "stopping";
        case procedure_state::finished:
            return "finished";
        case procedure_state::stopped:
            return "stopped";
    }
    return "?";
}

std::string_view name(part_state state) noexcept {
    switch (state) {
        case part_state::acknowledged:
            return "acknowledged";
        case part_state::skipped:
            return "skipped";
    }
    return "?";
}

}  // namespace reeve::model
