#include "reeve/model/gc.hpp"

namespace reeve::model {

std::string_view name(gc_state state) noexcept {
    switch (state) {
        case gc_state::running:
            return "running";
        case gc_state::paused:
            return "paused";
    }
    return "?";
}

std::string_view name(gc_sweep sweep) noexcept {
    switch (sweep) {
        case gc_sweep::orphans:
            return "orphans";
        case gc_sweep::dropped:
            return "dropped";
    }
    return "?";
}

}  // namespace reeve::model
