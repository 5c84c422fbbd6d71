#include "faults.hpp"

#include "reeve/core/random.hpp"

#include <utility>

namespace linedb {

std::vector<planned_fault> plan_faults(std::uint64_t seed, std::size_t nodes, std::uint64_t from,
                                       std::uint64_t to) {
    // The reader of the input is done early, so it is killed first.
    std::vector<fault> menu = {fault::kill_ingester, fault::kill_node,    fault::kill_node,
                               fault::kill_node,     fault::kill_node,    fault::kill_node,
                               fault::restart_node,  fault::restart_node, fault::kill_leader};
    reeve::core::random random(seed);
    for (std::size_t last = menu.size() - 1; last > 1; --last) {
        std::swap(menu[last], menu[random.between(1, last)]);
    }
    std::vector<planned_fault> plan;
    if (from >= to) return plan;
    const std::uint64_t step = (to - from) / menu.size();
    for (std::size_t index = 0; index < menu.size(); ++index) {
        const std::uint64_t late = index == 0 ? 0 : random.below(step + 1);
        planned_fault one;
        one.what = menu[index];
        one.node = random.below(nodes);
        one.at_bytes = from + step * index + late;
        one.downtime = std::chrono::milliseconds(random.between(50, 1500));
        plan.push_back(one);
    }
    return plan;
}

}  // namespace linedb
