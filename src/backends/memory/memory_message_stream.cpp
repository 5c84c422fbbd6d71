#include "reeve/backends/memory_message_stream.hpp"

#include "backends/memory/memory_hub.hpp"
#include "reeve/core/error.hpp"
#include "storage/printable.hpp"

#include <fmt/format.h>
#include <boost/asio/error.hpp>
#include <boost/system/system_error.hpp>

#include <charconv>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <utility>

namespace reeve::backends {

namespace detail {

namespace {

storage::position encode(std::uint64_t number) {
    return storage::position(number == 0 ? std::string() : fmt::format("{:016x}", number));
}

std::uint64_t decode(const storage::position& at) {
    const std::string& text = at.value;
    if (text.empty()) return 0;
    std::uint64_t number = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), number, 16);
    if (read.ec != std::errc() || encode(number) != at) {
        throw error(errc::invalid_argument,
                    "position " + storage::printable(text) + ", expected 16 hexadecimal digits");
    }
    return number;
}

void check_name(const std::string& stream) {
    if (stream.empty()) throw error(errc::invalid_argument, "the empty stream name");
}

}  // namespace

/// All streams. Message number n is the n-th of its stream, from 1. From any thread.
class memory_log_engine {
public:
    explicit memory_log_engine(const memory_log_options& options) : options_(options) {}

    [[nodiscard]] std::size_t payload_bytes_max() const noexcept {
        return options_.payload_bytes_max;
    }

    void join(const std::shared_ptr<memory_hub>& hub) {
        const std::lock_guard lock(mutex_);
        hubs_.join(hub);
    }

    storage::position append(const std::string& stream, std::vector<std::string> payloads) {
        check_name(stream);
        if (payloads.empty()) {
            throw error(errc::invalid_argument, "append of no messages, at least 1 is accepted");
        }
        for (const std::string& one : payloads) {
            if (one.size() <= options_.payload_bytes_max) continue;
            throw error(errc::too_large, fmt::format("message of {} bytes for stream {}, at most "
                                                     "{} are accepted",
                                                     one.size(), storage::printable(stream),
                                                     options_.payload_bytes_max));
        }
        std::vector<std::shared_ptr<memory_hub>> wake;
        storage::position last;
        {
            const std::lock_guard lock(mutex_);
            content& into = streams_[stream];
            for (std::string& one : payloads) into.kept.push_back(std::move(one));
            last = encode(into.trimmed + into.kept.size());
            wake = hubs_.alive();
        }
        for (const auto& hub : wake) poke(hub);
        return last;
    }

    /// Checks where a subscription starts.
    std::uint64_t check_from(const std::string& stream, const storage::position& from) const {
        check_name(stream);
        const std::uint64_t number = decode(from);
        const std::lock_guard lock(mutex_);
        check_locked(stream, number);
        return number;
    }

    std::vector<storage::message> read(const std::string& stream, std::uint64_t from,
                                       std::size_t limit) const {
        const std::lock_guard lock(mutex_);
        check_locked(stream, from);
        std::vector<storage::message> found;
        const auto at = streams_.find(stream);
        if (at == streams_.end()) return found;
        const content& all = at->second;
        for (auto next = from - all.trimmed; next < all.kept.size(); ++next) {
            if (found.size() == limit) break;
            found.push_back({encode(all.trimmed + next + 1), all.kept[next]});
        }
        return found;
    }

    storage::position end(const std::string& stream) const {
        check_name(stream);
        const std::lock_guard lock(mutex_);
        return encode(end_locked(stream));
    }

    void trim(const std::string& stream, const storage::position& up_to) {
        check_name(stream);
        const std::uint64_t number = decode(up_to);
        const std::lock_guard lock(mutex_);
        check_end_locked(stream, number);
        const auto at = streams_.find(stream);
        if (at == streams_.end()) return;
        for (; at->second.trimmed < number; ++at->second.trimmed) at->second.kept.pop_front();
    }

    std::vector<std::string> names() const {
        const std::lock_guard lock(mutex_);
        std::vector<std::string> found;
        for (const auto& [name, one] : streams_) found.push_back(name);
        return found;
    }

    std::uint64_t trimmed(const std::string& stream) const {
        const std::lock_guard lock(mutex_);
        const auto at = streams_.find(stream);
        return at == streams_.end() ? 0 : at->second.trimmed;
    }

private:
    struct content {
        std::uint64_t trimmed = 0;  // how many of the first are forgotten
        std::deque<std::string> kept;
    };

    std::uint64_t end_locked(const std::string& stream) const {
        const auto at = streams_.find(stream);
        return at == streams_.end() ? 0 : at->second.trimmed + at->second.kept.size();
    }
    void check_end_locked(const std::string& stream, std::uint64_t number) const {
        const std::uint64_t last = end_locked(stream);
        if (number <= last) return;
        throw error(errc::invalid_argument,
                    fmt::format("position {:016x} is past the end {:016x} of stream {}", number,
                                last, storage::printable(stream)));
    }
    void check_locked(const std::string& stream, std::uint64_t from) const {
        check_end_locked(stream, from);
        const auto at = streams_.find(stream);
        if (at == streams_.end() || from >= at->second.trimmed) return;
        throw error(errc::compacted,
                    fmt::format("stream {} from {:016x}: trimmed up to {:016x}",
                                storage::printable(stream), from, at->second.trimmed));
    }

    const memory_log_options options_;
    mutable std::mutex mutex_;
    std::map<std::string, content> streams_;
    memory_hubs hubs_;
};

}  // namespace detail

namespace {

using engine_ptr = std::shared_ptr<detail::memory_log_engine>;
using hub_ptr = std::shared_ptr<detail::memory_hub>;

struct subscription_state {
    subscription_state(engine_ptr log, hub_ptr place, std::string name,
                       const storage::position& first)
        : engine(std::move(log)),
          hub(std::move(place)),
          stream(std::move(name)),
          from(engine->check_from(stream, first)) {}

    engine_ptr engine;
    hub_ptr hub;
    std::string stream;
    std::uint64_t from;
    bool closed = false;
};

awaitable<std::vector<storage::message>> next_of(std::shared_ptr<subscription_state> state,
                                                 std::size_t limit) {
    if (limit == 0) throw error(errc::invalid_argument, "next with a limit of 0, at least 1");
    for (;;) {
        if (state->closed) throw boost::system::system_error(boost::asio::error::operation_aborted);
        auto found = state->engine->read(state->stream, state->from, limit);
        if (!found.empty()) {
            state->from += found.size();
            co_return found;
        }
        co_await state->hub->changed.wait();
    }
}

class memory_subscription final : public storage::subscription {
public:
    explicit memory_subscription(std::shared_ptr<subscription_state> state)
        : state_(std::move(state)) {
        ++state_->hub->watchers;
    }
    ~memory_subscription() override {
        state_->closed = true;
        --state_->hub->watchers;
    }
    awaitable<std::vector<storage::message>> next(std::size_t limit) override {
        return next_of(state_, limit);
    }

private:
    std::shared_ptr<subscription_state> state_;
};

awaitable<storage::position> append_to(engine_ptr engine, std::string stream,
                                       std::vector<std::string> payloads) {
    co_return engine->append(stream, std::move(payloads));
}

awaitable<std::unique_ptr<storage::subscription>> subscribe_to(engine_ptr engine, hub_ptr hub,
                                                               std::string stream,
                                                               storage::position from) {
    auto state = std::make_shared<subscription_state>(engine, hub, std::move(stream), from);
    co_return std::make_unique<memory_subscription>(std::move(state));
}

awaitable<storage::position> end_of(engine_ptr engine, std::string stream) {
    co_return engine->end(stream);
}

awaitable<void> trim_in(engine_ptr engine, std::string stream, storage::position up_to) {
    engine->trim(stream, up_to);
    co_return;
}

}  // namespace

memory_log::memory_log(memory_log_options options)
    : engine_(std::make_shared<detail::memory_log_engine>(options)) {}

memory_log::~memory_log() = default;

std::vector<std::string> memory_log::streams() const { return engine_->names(); }

std::vector<storage::message> memory_log::dump(const std::string& stream) const {
    return engine_->read(stream, engine_->trimmed(stream), std::string::npos);
}

memory_message_stream::memory_message_stream(core::runtime& strand,
                                             const std::shared_ptr<memory_log>& log)
    : engine_(log->engine()), hub_(std::make_shared<detail::memory_hub>(strand)) {
    engine_->join(hub_);
}

memory_message_stream::~memory_message_stream() = default;

std::size_t memory_message_stream::payload_bytes_max() const noexcept {
    return engine_->payload_bytes_max();
}

awaitable<storage::position> memory_message_stream::append(std::string stream,
                                                           std::string payload) {
    std::vector<std::string> one;
    one.push_back(std::move(payload));
    return append_to(engine_, std::move(stream), std::move(one));
}

awaitable<storage::position> memory_message_stream::append_many(std::string stream,
                                                                std::vector<std::string> payloads) {
    return append_to(engine_, std::move(stream), std::move(payloads));
}

awaitable<std::unique_ptr<storage::subscription>> memory_message_stream::subscribe(
    std::string stream, storage::position from) {
    return subscribe_to(engine_, hub_, std::move(stream), std::move(from));
}

awaitable<storage::position> memory_message_stream::end(std::string stream) {
    return end_of(engine_, std::move(stream));
}

awaitable<void> memory_message_stream::trim(std::string stream, storage::position up_to) {
    return trim_in(engine_, std::move(stream), std::move(up_to));
}

}  // namespace reeve::backends
