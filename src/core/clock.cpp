#include "reeve/core/clock.hpp"

namespace reeve::core {

const system_clock& system_clock::instance() noexcept {
    static const system_clock clock;
    return clock;
}

}  // namespace reeve::core
