#pragma once

#include "reeve/testing/conformance_streams.hpp"
#include "testing/conformance/support.hpp"

#include <memory>
#include <string>
#include <vector>

namespace reeve::testing::detail {

using storage::message;
using storage::message_stream;
using storage::position;
using storage::subscription;

/// What a check of the message stream works with. Each call waits a bounded time.
class stream_trial {
public:
    stream_trial(core::runtime& on, message_stream_factory& by) : strand(on), factory(by) {}

    awaitable<void> begin();
    awaitable<message_stream*> open();
    [[nodiscard]] message_stream& store() const { return *handles_.front(); }
    void close() { handles_.clear(); }
    [[nodiscard]] std::unique_ptr<message_stream> take();

    awaitable<position> append(std::string stream, std::string payload);
    awaitable<position> append_many(std::string stream, std::vector<std::string> payloads);
    awaitable<position> end(std::string stream);
    awaitable<std::unique_ptr<subscription>> subscribe(std::string stream, position from);
    /// The next `count` messages, asked for by `limit`.
    awaitable<std::vector<message>> take_from(subscription& from, std::size_t count,
                                              std::size_t limit = 100);
    /// The payloads of the next `count` messages, joined by blanks.
    awaitable<std::string> payloads(subscription& from, std::size_t count);

    core::runtime& strand;
    message_stream_factory& factory;
    std::vector<std::weak_ptr<void>> in_flight;

private:
    std::vector<std::unique_ptr<message_stream>> handles_;
};

using stream_rules = std::vector<definition<stream_trial>>;

stream_rules stream_value_rules();
stream_rules stream_race_rules();

}  // namespace reeve::testing::detail
