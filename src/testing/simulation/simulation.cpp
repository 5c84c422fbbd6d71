#include "reeve/testing/simulation.hpp"

#include "reeve/testing/simulated_network.hpp"
#include "testing/simulation/lane_loop.hpp"

#include <algorithm>
#include <stdexcept>

namespace reeve::testing {

simulation_faults simulation_faults::chaos() noexcept {
    simulation_faults faults;
    faults.network = network_faults::chaos();
    faults.metadata = metadata_faults::chaos();
    faults.objects = object_faults::chaos();
    faults.streams = stream_faults::chaos();
    return faults;
}

simulation::simulation(std::uint64_t seed)
    : seed_(seed),
      events_(seed),
      random_(events_.fork_random()),
      clock_(events_),
      lane_(events_.open("world")),
      loop_(std::make_unique<detail::lane_loop>(events_, clock_, lane_)) {
    core::runtime_options options;
    options.clock = &clock_;
    options.seed = random_.next();
    runtime_ = std::make_unique<core::runtime>(*loop_, options);
    network_ = std::make_unique<simulated_network>(*this);
}

simulation::~simulation() {
    for (auto& one : processes_) one->kill();
    runtime_->shutdown();
}

void simulation::heal() {
    note("world", "healed");
    faults_ = simulation_faults();
    network_->mend_all();
    for (auto& one : processes_) {
        one->mend_stores();
        one->resume();
    }
}

process& simulation::add(std::string name, process::boot_function boot) {
    if (find(name) != nullptr) throw std::logic_error("simulation: two processes named " + name);
    processes_.push_back(std::make_unique<process>(*this, std::move(name), std::move(boot)));
    return *processes_.back();
}

process* simulation::find(std::string_view name) noexcept {
    const auto found = std::find_if(processes_.begin(), processes_.end(),
                                    [&](const auto& one) { return one->name() == name; });
    return found == processes_.end() ? nullptr : found->get();
}

void simulation::run_for(std::chrono::nanoseconds duration) {
    const core::time_point end = events_.now() + duration;
    while (!failed() && events_.step(end)) {
    }
    if (!failed()) events_.run_until(end);
}

bool simulation::run_until(const std::function<bool()>& done, std::chrono::nanoseconds limit) {
    events_.run_until([&] { return failed() || done(); }, events_.now() + limit);
    return !failed() && done();
}

void simulation::after(std::chrono::nanoseconds delay, core::task action) {
    events_.post_at(events_.now() + delay, lane_, event_kind::control, std::move(action));
}

void simulation::fail(std::string text) {
    note("world", "FAILED: {}", text);
    if (failed_) return;
    failed_ = true;
    failure_ = std::move(text);
}

void simulation::require(bool holds, std::string_view text) {
    if (!holds) fail(std::string(text));
}

void simulation::count(std::string_view what, std::uint64_t times) {
    const auto found = counts_.find(what);
    if (found == counts_.end()) {
        counts_.emplace(what, times);
    } else {
        found->second += times;
    }
}

}  // namespace reeve::testing
