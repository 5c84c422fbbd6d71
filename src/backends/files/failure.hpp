#pragma once

#include <string>
#include <system_error>

namespace reeve::backends::files {

/// What a failed step may have changed for others.
enum class effect {
    none,     ///< nothing that anybody sees
    perhaps,  ///< errno tells: a full disk changed nothing, a failing one may have
    done,     ///< it is there, but may not survive a loss of power
};

/// Throws the reeve::error for a failure of the file system: resource_exhausted,
/// permission_denied, foreign, unavailable or outcome_unknown. A reeve::error passes unchanged.
[[noreturn]] void rethrow(const std::system_error& failure, effect what,
                          const std::string& context);

/// Runs `step`; failures of the file system become a reeve::error with `context`.
template <class Step>
auto classified(effect what, const std::string& context, Step step) {
    try {
        return step();
    } catch (const std::system_error& failure) {
        rethrow(failure, what, context);
    }
}

}  // namespace reeve::backends::files
