#include "testing/conformance/stream_trial.hpp"

#include <utility>

namespace reeve::testing {

bool message_stream_factory::trims_at_once() const { return false; }

std::vector<check> message_stream_checks(std::shared_ptr<message_stream_factory> factory) {
    detail::stream_rules all = detail::stream_value_rules();
    const auto races = detail::stream_race_rules();
    all.insert(all.end(), races.begin(), races.end());
    return detail::make_checks<detail::stream_trial>(factory, all);
}

namespace detail {

awaitable<void> stream_trial::begin() { co_await open(); }

awaitable<message_stream*> stream_trial::open() {
    auto opened = co_await factory.open(strand);
    if (!opened) throw check_failure("the factory's `open` returned no stream");
    handles_.push_back(std::move(opened));
    co_return handles_.back().get();
}

std::unique_ptr<message_stream> stream_trial::take() {
    auto first = std::move(handles_.front());
    handles_.erase(handles_.begin());
    return first;
}

awaitable<position> stream_trial::append(std::string stream, std::string payload) {
    auto call = store().append(std::move(stream), std::move(payload));
    co_return co_await within<position>(strand, std::move(call), "append");
}

awaitable<position> stream_trial::append_many(std::string stream,
                                              std::vector<std::string> payloads) {
    auto call = store().append_many(std::move(stream), std::move(payloads));
    co_return co_await within<position>(strand, std::move(call), "append_many");
}

awaitable<position> stream_trial::end(std::string stream) {
    auto call = store().end(std::move(stream));
    co_return co_await within<position>(strand, std::move(call), "end");
}

awaitable<std::unique_ptr<subscription>> stream_trial::subscribe(std::string stream,
                                                                 position from) {
    auto call = store().subscribe(std::move(stream), std::move(from));
    auto opened =
        co_await within<std::unique_ptr<subscription>>(strand, std::move(call), "subscribe");
    expect(opened != nullptr, "subscribe returned no subscription");
    co_return opened;
}

awaitable<std::vector<message>> stream_trial::take_from(subscription& from, std::size_t count,
                                                        std::size_t limit) {
    std::vector<message> all;
    while (all.size() < count) {
        const std::size_t most = std::min(limit, count - all.size());
        auto call = from.next(most);
        auto part = co_await within<std::vector<message>>(strand, std::move(call), "next");
        expect(!part.empty(), "next returned no message");
        expect(part.size() <= most, "next returned more messages than its limit");
        for (auto& each : part) all.push_back(std::move(each));
    }
    co_return all;
}

awaitable<std::string> stream_trial::payloads(subscription& from, std::size_t count) {
    const std::vector<message> all = co_await take_from(from, count);
    std::string text;
    for (const auto& each : all) {
        if (!text.empty()) text += ' ';
        text += each.payload;
    }
    co_return text;
}

}  // namespace detail

}  // namespace reeve::testing
