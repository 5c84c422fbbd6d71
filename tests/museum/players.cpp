#include "museum/players.hpp"

#include "reeve/core/error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace museum {

model::position after_row(std::uint64_t row) {
    return row == 0 ? model::position() : model::position(fmt::format("{:06}", row));
}

std::uint64_t row_at(const model::position& at) {
    return at.value.empty() ? 0 : std::stoull(at.value);
}

awaitable<std::string> staged_transport::call(std::string address, std::string request,
                                              core::time_point deadline) {
    message sent;
    sent.from = self_->name();
    sent.to = address;
    sent.bytes = request;
    const fate what = around_->judge(std::move(sent));
    std::string reply;
    if (what != fate::lost && what != fate::held) {
        reply = co_await self_->carrier().call(std::move(address), std::move(request), deadline);
    }
    if (what == fate::pass || what == fate::copy) co_return reply;
    co_await self_->runtime().sleep_until(deadline);
    throw error(errc::outcome_unknown, "the play: no answer");
}

storage::store_limits staged_store::limits() const noexcept {
    auto limits = below().limits();
    limits.operations_max = std::min(limits.operations_max, around_->options_.writes_max);
    limits.conditions_max = std::min(limits.conditions_max, around_->options_.writes_max + 1);
    return limits;
}

awaitable<storage::page> staged_store::list(storage::key_range range, std::size_t limit) {
    ++around_->lists;
    return below().list(std::move(range), limit);
}

awaitable<storage::commit_result> staged_store::commit(storage::transaction change) {
    storage::validate(change, limits());
    const fate what = around_->judge(change);
    storage::commit_result result;
    if (what != fate::lost && what != fate::held) {
        result = co_await below().commit(std::move(change));
    }
    if (what == fate::pass || what == fate::copy) co_return result;
    if (what != fate::slow) throw error(errc::outcome_unknown, "the play: no answer");
    around_->answering_ = false;
    while (!around_->answering_) co_await around_->answers_.wait();
    co_return result;
}

staged_node::staged_node(stage& around, testing::process& self, const std::string& name)
    : around_(around),
      self_(self),
      store_(self.open_metadata()),
      carrier_(around, self),
      woken_(self.runtime()) {
    node_options settings;
    settings.root = around.keys_.root();
    settings.self.name = model::node_name(name);
    settings.self.address = self.name();
    settings.lease.ttl = stage::ttl;
    node_ = std::make_unique<reeve::node>(self.runtime(), *store_, carrier_, self.service(), *this,
                                          std::move(settings));
    node_->start();
}

awaitable<void> staged_node::start(std::shared_ptr<const channel::grant> granted) {
    const auto& what = granted->what();
    ++around_.starts_[fmt::format("{} {} {}", self_.name(), what.channel, what.epoch)];
    int& failing = around_.failing_starts[self_.name()];
    if (failing > 0) {
        --failing;
        throw std::runtime_error("the play: it cannot start now");
    }
    around_.census_.begin(around_.world(), self_.name(), granted, around_.options_.polite);
    auto one = std::make_shared<consumption>();
    one->durable = what.start;
    one->granted = granted;
    running_[what.channel.value] = std::move(one);
    co_return;
}

awaitable<void> staged_node::stop(model::channel_name channel, model::epoch epoch) {
    const auto found = running_.find(channel.value);
    if (found == running_.end() || found->second->granted->what().epoch != epoch) co_return;
    while (around_.stops_wait) co_await woken_.wait();
    if (around_.rows_at_stop != 0) {
        auto last = std::make_shared<asked_commit>();
        around_.flushed_at_stop = last;
        const auto what = running_[channel.value];
        co_await commit_rows(this, what, around_.rows_at_stop, false, last);
    }
    running_.erase(channel.value);
    around_.census_.end(self_.name(), channel.value, epoch);
}

model::epoch staged_node::consuming(const std::string& channel) const {
    const auto found = running_.find(channel);
    if (found == running_.end() || !found->second->granted->valid()) return {};
    return found->second->granted->what().epoch;
}

void staged_node::commit(const std::string& channel, std::uint64_t count, bool bare,
                         std::shared_ptr<asked_commit> asked) {
    const auto found = running_.find(channel);
    if (found == running_.end()) {
        asked->done = true;
        asked->failure = "it does not consume " + channel;
        return;
    }
    self_.spawn(commit_rows(this, found->second, count, bare, std::move(asked)));
}

awaitable<void> staged_node::commit_rows(staged_node* self, std::shared_ptr<consumption> what,
                                         std::uint64_t count, bool bare,
                                         std::shared_ptr<asked_commit> asked) {
    const auto granted = what->granted;
    const std::string channel = granted->what().channel.value;
    const auto from = what->durable;
    const std::uint64_t last = row_at(from) + count;
    const auto to = after_row(last);
    std::vector<model::host_record> records;
    if (!bare) {
        model::host_record& rows = records.emplace_back();
        rows.name = fmt::format("{}/{}-{}-{}", channel, granted->what().epoch, granted->process(),
                                row_at(from) + 1);
        rows.value = fmt::format("{} {} {}", granted->process(), row_at(from) + 1, last);
    }
    try {
        const auto reply = co_await self->node_->commit(granted, from, to, 0, std::move(records));
        asked->outcome = reply.outcome;
        if (reply.outcome == model::commit_outcome::committed) what->durable = to;
        if (reply.outcome == model::commit_outcome::mismatch) what->durable = reply.recorded;
        // Rows without a record are seen by the ledger in no other way.
        if (bare && reply.outcome == model::commit_outcome::committed) {
            self->around_.ledger().channels()[channel].covered = last;
        }
    } catch (const error& failure) {
        asked->failure = failure.what();
    }
    asked->done = true;
}

staged_coordinator::staged_coordinator(stage& around, testing::process& self)
    : self_(self), store_(self.open_metadata()), carrier_(around, self) {
    coordinator_options settings;
    settings.root = around.keys_.root();
    settings.cluster = "museum";
    settings.leadership.coordinator = self.name();
    settings.leadership.address = self.name();
    settings.leadership.lease.ttl = stage::ttl;
    settings.members.ttl_unknown = stage::ttl;
    settings.channels.balance = around.options_.balance;
    settings.channels.epoch_block = 50;
    std::vector<channel::channel_spec> channels;
    for (std::uint32_t number = 0; number < around.options_.channels; ++number) {
        channel::channel_spec& one = channels.emplace_back();
        one.name = model::channel_name(stage::channel(number));
    }
    auto begin = [this, channels](const recovery::report&) {
        // Serving begins right after this call.
        self_.runtime().post(core::task([this, channels] { self_.spawn(ensure(channels)); }));
    };
    settings.on_leading = begin;
    coordinator_ = std::make_unique<reeve::coordinator>(self.runtime(), *store_, carrier_,
                                                        self.service(), std::move(settings));
    coordinator_->start();
}

awaitable<void> staged_coordinator::ensure(std::vector<channel::channel_spec> channels) {
    try {
        co_await coordinator_->ensure_channels(std::move(channels), std::chrono::seconds(30));
    } catch (const error&) {
        // Deposed meanwhile: the next leader does it again.
    }
}

}  // namespace museum
