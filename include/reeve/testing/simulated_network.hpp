#pragma once

#include "reeve/core/random.hpp"
#include "reeve/testing/process.hpp"
#include "reeve/transport/transport.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>

namespace reeve::testing {

class simulation;

/// The network between simulated processes. Carries requests to the `service` of the process that
/// has the address *when the request arrives*, and replies back, with the faults of
/// simulation::faults().network. A process's name is its address.
///
/// A call to a dead process fails at once with errc::unavailable (connection refused) if nothing of
/// it can arrive any more, else, or if the packet is simply lost, with errc::outcome_unknown at its
/// deadline.
class simulated_network {
public:
    /// For simulation.
    explicit simulated_network(simulation& world);

    /// From now on nothing that `from` sends reaches `to`; the other direction is untouched.
    /// Replies travel too: cutting `to` from `from` loses the replies to from's requests.
    void cut(std::string_view from, std::string_view to);
    /// Both directions.
    void cut_both(std::string_view one, std::string_view other);
    /// Undoes `cut`.
    void mend(std::string_view from, std::string_view to);
    /// Undoes every cut.
    void mend_all() noexcept { cuts_.clear(); }
    /// True if messages of `from` do not reach `to`.
    [[nodiscard]] bool is_cut(std::string_view from, std::string_view to) const;

    /// The side of one process, for one life: for process::start.
    [[nodiscard]] std::unique_ptr<transport::transport> open(std::shared_ptr<life> caller);

    /// A request that waits for its answer.
    struct pending_call;
    /// Sends a request on its way, for the transports.
    void send(const std::shared_ptr<pending_call>& call, const std::string& to,
              const std::string& request, verdict crash);

private:
    struct copy;
    void deliver(const std::shared_ptr<copy>& arriving);
    void answer(const std::shared_ptr<copy>& handled, const std::string& reply);
    void schedule(std::chrono::nanoseconds delay, std::shared_ptr<copy> travelling);
    [[nodiscard]] std::chrono::nanoseconds travel_time();

    simulation* world_;
    core::random random_;
    std::set<std::pair<std::string, std::string>> cuts_;
    std::uint64_t calls_ = 0;
};

}  // namespace reeve::testing
