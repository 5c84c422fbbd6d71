#include "reeve/testing/faulty_message_stream.hpp"

#include "testing/simulation/feed.hpp"
#include "testing/simulation/remote_call.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace reeve::testing {

namespace {

using detail::call_read;
using detail::call_write;
using detail::remote_link;
using storage::position;
using message_feed = detail::feed<storage::message>;
using shared_link = std::shared_ptr<remote_link>;
using shared_stream = std::shared_ptr<storage::message_stream>;

/// Messages taken from the store at a time, and at most this many wait for the process.
constexpr std::size_t messages_ahead_max = 256;

/// Carries messages from the store's subscription to the process's, in order.
awaitable<void> fill_subscription(std::shared_ptr<message_feed> into, const stream_faults* faults,
                                  std::unique_ptr<storage::subscription> source) {
    remote_link& link = *into->link;
    core::runtime& strand = link.world->world_runtime();
    while (!into->closed) {
        std::vector<storage::message> batch = co_await source->next(messages_ahead_max);
        const bool stalled = faults->stalled.happens(link.random);
        if (stalled) link.world->count("subscription stalled");
        const delay_range range = stalled ? faults->stall : faults->lag;
        co_await strand.sleep_for(range.pick(link.random));
        // A process that stands still for days must not cost an event for each of its milliseconds.
        std::chrono::milliseconds pause(1);
        while (!into->closed && into->items.size() >= messages_ahead_max) {
            co_await strand.sleep_for(pause);
            pause = std::min(2 * pause, std::chrono::milliseconds(60'000));
        }
        if (into->closed) co_return;
        if (link.owner->owner().stores_cut() || faults->gap.happens(link.random)) {
            into->fail(errc::unavailable, "subscription gap");
            co_return;
        }
        link.world->count_message(batch.size());
        for (auto& one : batch) into->items.push_back(std::move(one));
        into->arrived.notify_all();
    }
}

awaitable<std::vector<storage::message>> next_messages(std::shared_ptr<message_feed> from,
                                                       std::size_t limit) {
    co_await detail::wait_for_item(from);
    const auto count = std::min(limit, from->items.size());
    const auto last = from->items.begin() + static_cast<std::ptrdiff_t>(count);
    std::vector<storage::message> taken(std::make_move_iterator(from->items.begin()),
                                        std::make_move_iterator(last));
    from->items.erase(from->items.begin(), last);
    co_return taken;
}

class faulty_subscription final : public storage::subscription {
public:
    explicit faulty_subscription(std::shared_ptr<message_feed> from) : from_(std::move(from)) {}
    ~faulty_subscription() override { detail::stop_feed(from_); }
    awaitable<std::vector<storage::message>> next(std::size_t limit) override {
        return next_messages(from_, limit);
    }

private:
    std::shared_ptr<message_feed> from_;
};

awaitable<std::unique_ptr<storage::subscription>> open_subscription(shared_link link,
                                                                    shared_stream backing,
                                                                    const stream_faults* faults,
                                                                    std::string stream,
                                                                    position from) {
    using opened = std::unique_ptr<storage::subscription>;
    std::string label = "subscribe " + stream;
    std::function<awaitable<opened>()> run = [backing, stream, from] {
        return backing->subscribe(stream, from);
    };
    opened source =
        co_await call_read<opened>(link, faults->requests, std::move(label), std::move(run));
    auto into = std::make_shared<message_feed>(link);
    detail::start_feed(into, fill_subscription(into, faults, std::move(source)));
    co_return std::make_unique<faulty_subscription>(std::move(into));
}

}  // namespace

faulty_message_stream::faulty_message_stream(process& caller, shared_stream backing,
                                             const stream_faults& faults)
    : link_(std::make_shared<remote_link>(caller, "stream")),
      backing_(std::move(backing)),
      faults_(&faults) {}

faulty_message_stream::~faulty_message_stream() = default;

std::size_t faulty_message_stream::payload_bytes_max() const noexcept {
    return backing_->payload_bytes_max();
}

awaitable<position> faulty_message_stream::append(std::string stream, std::string payload) {
    std::string label = "append to " + stream;
    auto run = [backing = backing_, stream = std::move(stream), payload = std::move(payload)] {
        return backing->append(stream, payload);
    };
    return call_write<position>(link_, faults_->requests, effect_kind::stream_append,
                                std::move(label), std::move(run));
}

awaitable<position> faulty_message_stream::append_many(std::string stream,
                                                       std::vector<std::string> payloads) {
    std::string label = fmt::format("append {} to {}", payloads.size(), stream);
    auto run = [backing = backing_, stream = std::move(stream), payloads = std::move(payloads)] {
        return backing->append_many(stream, payloads);
    };
    return call_write<position>(link_, faults_->requests, effect_kind::stream_append,
                                std::move(label), std::move(run));
}

awaitable<std::unique_ptr<storage::subscription>> faulty_message_stream::subscribe(
    std::string stream, position from) {
    return open_subscription(link_, backing_, faults_, std::move(stream), std::move(from));
}

awaitable<position> faulty_message_stream::end(std::string stream) {
    std::string label = "end of " + stream;
    auto run = [backing = backing_, stream = std::move(stream)] { return backing->end(stream); };
    return call_read<position>(link_, faults_->requests, std::move(label), std::move(run));
}

awaitable<void> faulty_message_stream::trim(std::string stream, position up_to) {
    std::string label = "trim " + stream;
    auto run = [backing = backing_, stream = std::move(stream), up_to = std::move(up_to)] {
        return backing->trim(stream, up_to);
    };
    return call_write<void>(link_, faults_->requests, effect_kind::stream_trim, std::move(label),
                            std::move(run));
}

}  // namespace reeve::testing
