#include "scenarios.hpp"

namespace simulated {

std::vector<reeve::testing::scenario> all_scenarios() {
    std::vector<reeve::testing::scenario> all;
    all.push_back(kv_register());
    all.push_back(kv_lease_watch());
    all.push_back(stream_append());
    return all;
}

std::string name(const mutant& which) {
    std::string joined;
    for (const auto guard : which.off) {
        if (!joined.empty()) joined += '+';
        joined += reeve::core::name(guard);
    }
    return joined;
}

std::vector<mutant> all_mutants() {
    // A guard without a row here is reported as missed.
    return {};
}

}  // namespace simulated
