#include "testing/conformance/consumer_leader.hpp"

#include "reeve/core/error.hpp"
#include "reeve/core/timeout.hpp"
#include "reeve/transport/message_codec.hpp"

#include <fmt/format.h>

#include <utility>

namespace reeve::testing::detail {

namespace {

constexpr const char* leader_address = "leader";

model::commit_reply reply_of(model::commit_outcome outcome, model::position recorded,
                             std::string why = {}) {
    model::commit_reply reply;
    reply.outcome = outcome;
    reply.recorded = std::move(recorded);
    reply.why = std::move(why);
    return reply;
}

}  // namespace

consumer_leader::consumer_leader(core::runtime& strand, storage::metadata_store& store,
                                 const catalog::key_layout& keys)
    : strand_(strand), store_(store), keys_(keys), spoke_(strand) {
    service_.on(std::string(reeve::transport::kind::commit),
                [this](std::string body, reeve::transport::request_info) {
                    return receive(std::move(body));
                });
}

awaitable<std::string> consumer_leader::call(std::string, std::string request,
                                             core::time_point deadline) {
    auto answer = service_.dispatch(std::move(request));
    co_return co_await core::with_deadline<std::string>(strand_, std::move(answer), deadline,
                                                        errc::outcome_unknown, leader_address);
}

awaitable<void> consumer_leader::open() {
    model::leader_info self;
    self.coordinator = leader_address;
    self.address = leader_address;
    self.nonce = "conformance";
    storage::transaction change;
    change.put(keys_.leader(), catalog::encode(self));
    co_await store_.commit(std::move(change));
}

awaitable<consumer_leader::stored<model::channel_entry>> consumer_leader::entry_of(
    model::channel_name channel) {
    const auto found = co_await store_.get(keys_.channel(channel));
    stored<model::channel_entry> result;
    if (found) {
        catalog::decoder().decode(found->key, found->value, result.value);
        result.at = found->modified;
    }
    co_return result;
}

awaitable<consumer_leader::stored<model::channel_progress>> consumer_leader::progress_of(
    model::channel_name channel) {
    const auto found = co_await store_.get(keys_.progress(channel));
    stored<model::channel_progress> result;
    if (found) {
        catalog::decoder().decode(found->key, found->value, result.value);
        result.at = found->modified;
    }
    co_return result;
}

awaitable<model::assignment> consumer_leader::record(model::channel_name channel,
                                                     model::incarnation process) {
    const model::epoch epoch(++epochs_);
    for (;;) {
        auto entry = co_await entry_of(channel);
        const auto progress = co_await progress_of(channel);
        if (progress.at) entry.value.start = progress.value.checkpoint;
        entry.value.state = model::channel_state::registered;
        entry.value.node = model::node_name("n1");
        entry.value.process = process;
        entry.value.epoch = epoch;
        storage::transaction change;
        change.if_modified_at(keys_.channel(channel), entry.at);
        change.if_modified_at(keys_.progress(channel), progress.at);
        change.put(keys_.channel(channel), catalog::encode(entry.value));
        const auto result = co_await store_.commit(std::move(change));
        if (!result) continue;  // a commit under the old epoch came between
        model::assignment given;
        given.channel = channel;
        given.epoch = epoch;
        given.start = entry.value.start;
        co_return given;
    }
}

awaitable<model::position> consumer_leader::checkpoint(model::channel_name channel) {
    const auto progress = co_await progress_of(channel);
    co_return progress.value.checkpoint;
}

void consumer_leader::silence(const model::channel_name& channel, bool silent) {
    if (silent) {
        silent_.insert(channel);
    } else {
        silent_.erase(channel);
    }
    spoke_.notify_all();
}

awaitable<std::string> consumer_leader::receive(std::string body) {
    model::commit_request request;
    reeve::transport::decode(body, request);
    const model::channel_name channel = request.channel;
    ++arrived_[channel];
    while (silent_.contains(channel)) co_await spoke_.wait();
    seen_commit seen;
    seen.request = request;
    auto reply = co_await decide(std::move(request));
    seen.outcome = reply.outcome;
    seen_[channel].push_back(std::move(seen));
    int& lost = lost_[channel];
    if (lost > 0) {
        --lost;
        throw error(errc::outcome_unknown, "the answer to a commit was lost");
    }
    co_return reeve::transport::encode(reply);
}

awaitable<model::commit_reply> consumer_leader::decide(model::commit_request request) {
    using model::commit_outcome;
    for (;;) {
        const auto entry = co_await entry_of(request.channel);
        const auto progress = co_await progress_of(request.channel);
        model::position recorded = entry.value.start;
        if (progress.at) recorded = progress.value.checkpoint;
        // C6: a repetition of what is recorded already.
        if (progress.at && progress.value.epoch == request.epoch && recorded == request.to) {
            co_return reply_of(commit_outcome::committed, recorded);
        }
        if (entry.value.epoch != request.epoch || entry.value.process != request.process) {
            co_return reply_of(commit_outcome::stale, recorded, "the grant is over");
        }
        if (recorded != request.from || request.to <= recorded) {
            co_return reply_of(commit_outcome::mismatch, recorded);
        }
        model::channel_progress next;
        next.checkpoint = request.to;
        next.epoch = request.epoch;
        next.settled = request.settled;
        storage::transaction change;
        change.if_modified_at(keys_.channel(request.channel), entry.at);
        change.if_modified_at(keys_.progress(request.channel), progress.at);
        change.put(keys_.progress(request.channel), catalog::encode(next));
        for (const auto& one : request.records) {
            const std::string key = keys_.host(one.name);
            change.if_absent(key);
            change.put(key, one.value);
        }
        const auto result = co_await store_.commit(std::move(change));
        if (result) co_return reply_of(commit_outcome::committed, request.to);
        if (result.has_failed(0) || result.has_failed(1)) continue;
        throw error(
            errc::invalid_argument,
            fmt::format("channel {}: a record of the host exists already", request.channel));
    }
}

}  // namespace reeve::testing::detail
