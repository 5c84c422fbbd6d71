#include "channel_programs.hpp"

#include "reeve/core/error.hpp"

#include <fmt/format.h>

#include <utility>

namespace simulated {

using std::chrono::milliseconds;

void consumer_census::begin(testing::simulation& world, const std::string& process,
                            std::shared_ptr<const channel::grant> granted, bool check) {
    auto& all = by_channel_[granted->what().channel.value];
    for (const auto& other : all) {
        if (other.process == process || !other.granted->valid()) continue;
        world.count("two consumers at once");
        if (check) {
            world.fail(
                fmt::format("I7: {} begins to consume {} under epoch {} while {} still "
                            "consumes it under epoch {}",
                            process, granted->what().channel, granted->what().epoch, other.process,
                            other.granted->what().epoch));
        }
    }
    all.push_back(consuming{process, std::move(granted)});
}

void consumer_census::end(const std::string& process, const std::string& channel,
                          model::epoch epoch) {
    std::erase_if(by_channel_[channel], [&](const consuming& one) {
        return one.process == process && one.granted->what().epoch == epoch;
    });
}

void consumer_census::killed(const std::string& process) {
    for (auto& [channel, all] : by_channel_) {
        std::erase_if(all, [&](const consuming& one) { return one.process == process; });
    }
}

bool consumer_census::consumed(const std::string& channel) const {
    const auto found = by_channel_.find(channel);
    if (found == by_channel_.end()) return false;
    for (const auto& one : found->second) {
        if (one.granted->valid()) return true;
    }
    return false;
}

node_program::node_program(channel_world& around, testing::process& self)
    : around_(around), self_(self), store_(self.open_metadata()), streams_(self.open_streams()) {
    node_ = std::make_unique<reeve::node>(self.runtime(), *store_, self.carrier(), self.service(),
                                          *this, around.node_settings(self.name()));
    node_->start();
}

awaitable<void> node_program::start(std::shared_ptr<const channel::grant> granted) {
    const std::string channel = granted->what().channel.value;
    around_.census().begin(around_.world(), self_.name(), granted,
                           around_.options().check_politeness);
    auto& one = running_[channel];
    one = std::make_shared<consumption>(self_.runtime());
    one->epoch = granted->what().epoch;
    one->tasks.spawn(consume(std::move(granted)));
    co_return;
}

awaitable<void> node_program::stop(model::channel_name channel, model::epoch epoch) {
    const auto found = running_.find(channel.value);
    if (found == running_.end() || found->second->epoch != epoch) co_return;
    const auto one = found->second;
    running_.erase(found);
    co_await one->tasks.stop();
    around_.census().end(self_.name(), channel.value, epoch);
}

awaitable<void> node_program::consume(std::shared_ptr<const channel::grant> granted) {
    model::position durable = granted->what().start;
    while (granted->valid()) {
        bool again = false;
        try {
            again = co_await consume_some(granted, durable);
        } catch (const error& failure) {
            if (failure.kind() == error_class::fenced) break;
            around_.world().note(self_.name(), "{}: {}", granted->what().channel, failure.what());
            again = true;
        }
        if (!again) break;
        co_await self_.runtime().sleep_for(milliseconds(50));
    }
}

/// Consumes from `durable` on until something is refused. False: the grant is over.
awaitable<bool> node_program::consume_some(std::shared_ptr<const channel::grant> granted,
                                           model::position& durable) {
    const std::string channel = granted->what().channel.value;
    auto subscription = co_await streams_->subscribe(channel, durable);
    std::uint64_t first = 0;
    std::uint64_t last = 0;
    for (;;) {
        const auto rows = co_await subscription->next(8);
        if (!granted->valid()) co_return false;
        for (const auto& row : rows) {
            const std::uint64_t number = std::stoull(row.payload);
            if (first == 0) first = number;
            last = number;
        }
        const model::position reached = rows.back().at;
        model::host_record record;
        record.name = fmt::format("{}/{}-{}-{}", channel, granted->what().epoch, granted->process(),
                                  ++files_);
        record.value = fmt::format("{} {} {}", granted->process(), first, last);
        std::vector<model::host_record> records;
        records.push_back(std::move(record));
        const auto reply = co_await node_->commit(granted, durable, reached, 0, std::move(records));
        if (reply.outcome == model::commit_outcome::stale) co_return false;
        if (reply.outcome == model::commit_outcome::mismatch) {
            durable = reply.recorded;
            co_return true;
        }
        durable = reached;
        first = 0;
    }
}

coordinator_program::coordinator_program(channel_world& around, testing::process& self)
    : self_(self), store_(self.open_metadata()) {
    coordinator_options settings = around.coordinator_settings(self.name());
    std::vector<channel::channel_spec> channels;
    for (std::uint32_t number = 0; number < around.options().channels; ++number) {
        channel::channel_spec& one = channels.emplace_back();
        one.name = model::channel_name(channel_world::channel_name(number));
        one.collection = model::collection_id(number % 3);
    }
    auto begin = [this, channels, &around](const recovery::report&) {
        around.world().count("leader elected");
        // Serving begins right after this call.
        self_.runtime().post(core::task([this, channels] { self_.spawn(ensure(channels)); }));
    };
    settings.on_leading = begin;
    coordinator_ = std::make_unique<reeve::coordinator>(self.runtime(), *store_, self.carrier(),
                                                        self.service(), std::move(settings));
    coordinator_->start();
}

awaitable<void> coordinator_program::ensure(std::vector<channel::channel_spec> channels) {
    try {
        co_await coordinator_->ensure_channels(std::move(channels), std::chrono::seconds(30));
    } catch (const error&) {
        // Deposed meanwhile: the next leader does it again.
    }
}

}  // namespace simulated
