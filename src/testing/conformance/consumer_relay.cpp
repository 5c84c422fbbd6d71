#include "testing/conformance/consumer_relay.hpp"

#include <stdexcept>

namespace reeve::testing::detail {

awaitable<void> consumer_relay::start(std::shared_ptr<const channel::grant> granted) {
    const auto one = std::make_shared<slot>(std::make_shared<trial_grant>(std::move(granted)));
    slots_[one->granted->what().channel] = one;
    while (one->at == phase::starting) co_await changed_.wait();
    if (one->at == phase::over) throw std::runtime_error("the consumer under test did not start");
}

awaitable<void> consumer_relay::stop(model::channel_name channel, model::epoch epoch) {
    const auto found = slots_.find(channel);
    if (found == slots_.end() || found->second->granted->what().epoch != epoch) co_return;
    const auto one = found->second;
    one->stop_asked = true;
    while (one->at != phase::over) co_await changed_.wait();
}

trial_grant_ptr consumer_relay::starting(const model::channel_name& channel,
                                         model::epoch epoch) const {
    const auto found = slots_.find(channel);
    if (found == slots_.end() || found->second->at != phase::starting) return nullptr;
    return found->second->granted->what().epoch == epoch ? found->second->granted : nullptr;
}

bool consumer_relay::stop_asked(const trial_grant_ptr& granted) const {
    const auto found = slots_.find(granted->what().channel);
    return found != slots_.end() && found->second->granted == granted && found->second->stop_asked;
}

void consumer_relay::decide(const trial_grant_ptr& granted, phase at) {
    const auto found = slots_.find(granted->what().channel);
    if (found == slots_.end() || found->second->granted != granted) return;
    found->second->at = at;
    changed_.notify_all();
}

void consumer_relay::abandon() {
    for (auto& [channel, one] : slots_) one->at = phase::over;
    changed_.notify_all();
}

}  // namespace reeve::testing::detail
