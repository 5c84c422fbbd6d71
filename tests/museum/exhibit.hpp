#pragma once

#include "museum/stage.hpp"
#include "reeve/core/guards.hpp"

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace museum {

/// Guards that are switched off together, and what must then happen.
struct without {
    std::vector<core::guard> off;
    std::string_view broken;  ///< the invariant that the play then breaks ("I7"); empty: none,
                              ///< another rule masks it
};

/// Plays it with all rules in force, which must break no invariant; and, in a build with guard
/// switches, once more without each of the sets of rules, which must break what they promise.
/// Where something else than I7 is promised, politeness is not checked: it would be first.
void exhibit(const stage_options& options, const std::function<void(stage&)>& play,
             const std::vector<without>& rules = {});

/// Plays a failure; `fails` makes everything anew and says whether it happened. It must not, and in
/// a build with guard switches it must without these rules together.
void prevented(const std::vector<core::guard>& rules, const std::function<bool()>& fails);

}  // namespace museum
