#include "reeve/storage/blocking_message_stream.hpp"

#include "reeve/core/error.hpp"
#include "storage/blocking_write.hpp"
#include "storage/printable.hpp"

#include <fmt/format.h>

#include <utility>

namespace reeve::storage {

namespace {

/// What calls own: they may outlive the stream.
struct shared_stream {
    shared_stream(core::runtime& on, std::shared_ptr<blocking_message_stream> functions,
                  core::blocking_executor pool)
        : strand(&on), calls(std::move(functions)), workers(std::move(pool)) {}

    core::runtime* strand;
    std::shared_ptr<blocking_message_stream> calls;
    core::blocking_executor workers;
};
using stream_ptr = std::shared_ptr<shared_stream>;
using messages = std::vector<message>;

void check_name(const std::string& stream) {
    if (stream.empty()) throw error(errc::invalid_argument, "the empty stream name");
}

awaitable<position> append_to(stream_ptr owner, std::string stream,
                              std::vector<std::string> payloads) {
    check_name(stream);
    if (payloads.empty()) {
        throw error(errc::invalid_argument, "append of no messages, at least 1 is accepted");
    }
    const std::size_t most = owner->calls->payload_bytes_max();
    for (const std::string& one : payloads) {
        if (one.size() <= most) continue;
        throw error(errc::too_large,
                    fmt::format("message of {} bytes for stream {}, at most {} are accepted",
                                one.size(), printable(stream), most));
    }
    const std::string context = "append to " + printable(stream);
    std::function<position()> call = [calls = owner->calls, stream = std::move(stream),
                                      payloads = std::move(payloads)] {
        return calls->append_many(stream, payloads);
    };
    co_return co_await blocking_write(*owner->strand, owner->workers, std::move(call), context);
}

awaitable<position> end_of(stream_ptr owner, std::string stream) {
    check_name(stream);
    std::function<position()> call = [calls = owner->calls, stream = std::move(stream)] {
        return calls->end(stream);
    };
    co_return co_await core::blocking_call(*owner->strand, owner->workers, std::move(call));
}

awaitable<void> trim_in(stream_ptr owner, std::string stream, position up_to) {
    check_name(stream);
    const std::string context = "trim of " + printable(stream);
    std::function<void()> call = [calls = owner->calls, stream = std::move(stream),
                                  up_to = std::move(up_to)] { calls->trim(stream, up_to); };
    co_await blocking_write(*owner->strand, owner->workers, std::move(call), context);
}

struct subscription_state {
    subscription_state(stream_ptr source, std::string name, position first)
        : owner(std::move(source)), stream(std::move(name)), from(std::move(first)) {}

    stream_ptr owner;
    std::string stream;
    position from;
    bool closed = false;
};
using subscription_ptr = std::shared_ptr<subscription_state>;

awaitable<messages> poll(subscription_ptr state, std::size_t limit,
                         std::chrono::milliseconds patience) {
    std::function<messages()> call = [calls = state->owner->calls, stream = state->stream,
                                      from = state->from, limit, patience] {
        return calls->read(stream, from, limit, patience);
    };
    co_return co_await core::blocking_call(*state->owner->strand, state->owner->workers,
                                           std::move(call));
}

awaitable<messages> next_of(subscription_ptr state, std::size_t limit) {
    if (limit == 0) throw error(errc::invalid_argument, "next with a limit of 0, at least 1");
    core::runtime& strand = *state->owner->strand;
    for (;;) {
        const core::time_point begin = strand.now();
        messages found = co_await poll(state, limit, blocking_patience);
        if (state->closed) throw boost::system::system_error(boost::asio::error::operation_aborted);
        if (!found.empty()) {
            state->from = found.back().at;
            co_return found;
        }
        if (strand.now() - begin < blocking_patience / 2) {
            co_await strand.sleep_for(blocking_pause);  // it does not wait, so we do
        }
    }
}

class blocking_subscription final : public subscription {
public:
    explicit blocking_subscription(subscription_ptr state) : state_(std::move(state)) {}
    ~blocking_subscription() override { state_->closed = true; }
    awaitable<messages> next(std::size_t limit) override { return next_of(state_, limit); }

private:
    subscription_ptr state_;
};

awaitable<std::unique_ptr<subscription>> subscribe_to(stream_ptr owner, std::string stream,
                                                      position from) {
    check_name(stream);
    auto state =
        std::make_shared<subscription_state>(std::move(owner), std::move(stream), std::move(from));
    // Asked only whether the position is good: whatever is found is read again by `next`.
    co_await poll(state, 1, std::chrono::milliseconds(0));
    co_return std::make_unique<blocking_subscription>(std::move(state));
}

class adapted_stream final : public message_stream {
public:
    explicit adapted_stream(stream_ptr owner) : owner_(std::move(owner)) {}

    [[nodiscard]] std::size_t payload_bytes_max() const noexcept override {
        return owner_->calls->payload_bytes_max();
    }
    awaitable<position> append(std::string stream, std::string payload) override {
        std::vector<std::string> one;
        one.push_back(std::move(payload));
        return append_to(owner_, std::move(stream), std::move(one));
    }
    awaitable<position> append_many(std::string stream,
                                    std::vector<std::string> payloads) override {
        return append_to(owner_, std::move(stream), std::move(payloads));
    }
    awaitable<std::unique_ptr<subscription>> subscribe(std::string stream, position from) override {
        return subscribe_to(owner_, std::move(stream), std::move(from));
    }
    awaitable<position> end(std::string stream) override {
        return end_of(owner_, std::move(stream));
    }
    awaitable<void> trim(std::string stream, position up_to) override {
        return trim_in(owner_, std::move(stream), std::move(up_to));
    }

private:
    stream_ptr owner_;
};

}  // namespace

std::unique_ptr<message_stream> from_blocking(core::runtime& strand,
                                              std::shared_ptr<blocking_message_stream> stream,
                                              core::blocking_executor workers) {
    return std::make_unique<adapted_stream>(
        std::make_shared<shared_stream>(strand, std::move(stream), std::move(workers)));
}

}  // namespace reeve::storage
