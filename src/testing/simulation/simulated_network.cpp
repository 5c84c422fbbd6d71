#include "reeve/testing/simulated_network.hpp"

#include "reeve/core/error.hpp"
#include "reeve/core/event.hpp"
#include "reeve/testing/simulation.hpp"

#include <fmt/format.h>
#include <boost/asio/co_spawn.hpp>
#include <boost/system/system_error.hpp>

#include <optional>

namespace reeve::testing {

struct simulated_network::pending_call {
    explicit pending_call(std::shared_ptr<life> from)
        : caller(std::move(from)), answered(caller->runtime()) {}

    void finish(std::optional<std::string> result) {
        if (reply || refused || !caller->alive()) return;
        refused = !result;
        reply = std::move(result);
        answered.notify_all();
    }

    std::shared_ptr<life> caller;
    core::event answered;
    std::optional<std::string> reply;
    bool refused = false;  ///< certainly not sent
    bool sole = true;      ///< only one copy of the request was ever made
};

/// A request on its way, and then its reply.
struct simulated_network::copy {
    std::shared_ptr<pending_call> call;
    std::string from;
    std::string to;
    std::string request;
    std::uint64_t number;
    bool sheltered;  ///< of a crash point: no faults
};

namespace {

awaitable<void> serve(std::shared_ptr<life> at, std::string request,
                      std::function<void(std::string)> answer) {
    std::string reply = co_await at->service().dispatch(std::move(request));
    answer(std::move(reply));
}

error not_sent(const std::string& from, const std::string& to) {
    return {errc::unavailable, fmt::format("simulated network: {} to {}", from, to)};
}

awaitable<std::string> call_over(simulated_network* network, std::shared_ptr<life> caller,
                                 std::string address, std::string request,
                                 core::time_point deadline, std::shared_ptr<core::random> random) {
    if (!caller->alive()) co_await caller->stopped();
    const std::string from = caller->owner().name();
    core::runtime& strand = caller->runtime();
    if (deadline <= strand.now()) {
        throw error(errc::deadline_exceeded, "simulated network: call to " + address);
    }
    const verdict crash = caller->enter(effect_kind::message_send, address);
    if (crash == verdict::crash_before) co_await caller->stopped();
    const auto& faults = caller->owner().world().faults().network;
    if (crash == verdict::proceed && faults.not_sent.happens(*random)) {
        throw not_sent(from, address);
    }
    auto call = std::make_shared<simulated_network::pending_call>(caller);
    network->send(call, address, request, crash);
    if (crash == verdict::crash_after_without_reply) {
        caller->end();
        co_await caller->stopped();
    }
    bool waiting = true;
    while (waiting && !call->reply && !call->refused && strand.now() < deadline) {
        try {
            co_await call->answered.wait_until(deadline);
        } catch (const boost::system::system_error&) {
            waiting = false;
        }
    }
    if (crash == verdict::crash_after) caller->end();
    if (call->refused) throw not_sent(from, address);
    if (!waiting || !call->reply) {
        throw error(errc::outcome_unknown, "simulated network: no answer from " + address);
    }
    co_return std::move(*call->reply);
}

/// One process's side of the network, for one life.
class simulated_transport final : public transport::transport {
public:
    simulated_transport(simulated_network& network, std::shared_ptr<life> caller,
                        core::random random)
        : network_(&network),
          caller_(std::move(caller)),
          random_(std::make_shared<core::random>(random)) {}

    awaitable<std::string> call(std::string address, std::string request,
                                core::time_point deadline) override {
        return call_over(network_, caller_, std::move(address), std::move(request), deadline,
                         random_);
    }

private:
    simulated_network* network_;
    std::shared_ptr<life> caller_;
    std::shared_ptr<core::random> random_;
};

}  // namespace

simulated_network::simulated_network(simulation& world)
    : world_(&world), random_(world.events().fork_random()) {}

void simulated_network::cut(std::string_view from, std::string_view to) {
    world_->note("world", "cut {} -> {}", from, to);
    cuts_.emplace(from, to);
}

void simulated_network::cut_both(std::string_view one, std::string_view other) {
    cut(one, other);
    cut(other, one);
}

void simulated_network::mend(std::string_view from, std::string_view to) {
    world_->note("world", "mended {} -> {}", from, to);
    cuts_.erase({std::string(from), std::string(to)});
}

bool simulated_network::is_cut(std::string_view from, std::string_view to) const {
    return !cuts_.empty() && cuts_.contains({std::string(from), std::string(to)});
}

std::unique_ptr<transport::transport> simulated_network::open(std::shared_ptr<life> caller) {
    return std::make_unique<simulated_transport>(*this, std::move(caller),
                                                 world_->events().fork_random());
}

std::chrono::nanoseconds simulated_network::travel_time() {
    const network_faults& faults = world_->faults().network;
    const bool slow = faults.slow.happens(random_);
    return slow ? faults.slow_delay.pick(random_) : faults.delay.pick(random_);
}

void simulated_network::schedule(std::chrono::nanoseconds delay, std::shared_ptr<copy> travelling) {
    world_->events().post_at(
        world_->events().now() + delay, world_->lane(), event_kind::message,
        core::task([this, travelling = std::move(travelling)] { deliver(travelling); }));
}

void simulated_network::send(const std::shared_ptr<pending_call>& call, const std::string& to,
                             const std::string& request, verdict crash) {
    const network_faults& faults = world_->faults().network;
    const std::string& from = call->caller->owner().name();
    const bool sheltered = crash != verdict::proceed;
    auto make = [&] {
        return std::make_shared<copy>(copy{call, from, to, request, ++calls_, sheltered});
    };
    auto first = make();
    world_->note(from, "message {} to {}, {} bytes", first->number, to, request.size());
    if (sheltered) return schedule(faults.delay.pick(random_), std::move(first));
    if (is_cut(from, to)) {
        world_->count("message cut");
        call->sole = false;  // the caller hears nothing
        return;
    }
    const bool lost = faults.lost.happens(random_);
    if (faults.old.happens(random_)) {
        world_->count("message held back");
        call->sole = false;
        schedule(faults.old_delay.pick(random_), make());
    }
    if (faults.duplicated.happens(random_)) {
        world_->count("message duplicated");
        call->sole = false;
        schedule(travel_time(), make());
    }
    if (lost) {
        world_->count("message lost");
        return;
    }
    schedule(travel_time(), std::move(first));
}

void simulated_network::deliver(const std::shared_ptr<copy>& arriving) {
    process* const target = world_->find(arriving->to);
    if (target == nullptr || !target->alive()) {
        world_->note(arriving->to, "message {} from {}: nobody there", arriving->number,
                     arriving->from);
        const bool refuses = arriving->sheltered || random_.chance(1, 2);
        if (arriving->call->sole && refuses) arriving->call->finish(std::nullopt);
        return;
    }
    const auto& faults = world_->faults().network;
    if (target->paused() && !arriving->sheltered && faults.pause_lost.happens(random_)) {
        world_->count("message lost at a paused process");
        return;
    }
    if (!arriving->call->caller->alive()) world_->count("message arrived after its sender's death");
    world_->count_message();
    world_->note(arriving->to, "message {} from {} arrived", arriving->number, arriving->from);
    auto answer_to = [this, arriving](const std::string& reply) { answer(arriving, reply); };
    auto finish = [world = world_, to = arriving->to](const std::exception_ptr& failure) {
        if (failure) world->fail("simulation: the service of " + to + " threw");
    };
    const auto& receiver = target->current_life();
    boost::asio::co_spawn(receiver->runtime().executor(),
                          serve(receiver, arriving->request, std::move(answer_to)),
                          std::move(finish));
}

void simulated_network::answer(const std::shared_ptr<copy>& handled, const std::string& reply) {
    const network_faults& faults = world_->faults().network;
    if (!handled->sheltered) {
        if (is_cut(handled->to, handled->from) || faults.reply_lost.happens(random_)) {
            world_->count("reply lost");
            world_->note(handled->to, "reply to message {} lost", handled->number);
            return;
        }
    }
    const auto delay = handled->sheltered ? faults.delay.pick(random_) : travel_time();
    auto arrive = [call = handled->call, reply] { call->finish(reply); };
    world_->events().post_at(world_->events().now() + delay, world_->lane(), event_kind::message,
                             core::task(std::move(arrive)));
}

}  // namespace reeve::testing
