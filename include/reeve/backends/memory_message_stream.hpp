#pragma once

#include "reeve/core/runtime.hpp"
#include "reeve/storage/message_stream.hpp"

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace reeve::backends {

namespace detail {
class memory_log_engine;
struct memory_hub;
}  // namespace detail

/// How a memory_log behaves.
struct memory_log_options {
    std::size_t payload_bytes_max = 16U << 20U;  ///< of one message
};

/// The messages behind memory_message_streams, which may live on runtimes of any threads. Positions
/// are 16 hexadecimal digits. Functions may be called from any thread; they are the operator's
/// side.
class memory_log {
public:
    /// No messages.
    explicit memory_log(memory_log_options options = {});
    ~memory_log();
    memory_log(const memory_log&) = delete;
    memory_log& operator=(const memory_log&) = delete;

    /// The names of the streams that have been appended to, in order.
    [[nodiscard]] std::vector<std::string> streams() const;
    /// The messages of a stream that are still kept, in order.
    [[nodiscard]] std::vector<storage::message> dump(const std::string& stream) const;

    /// What it is made of, for the streams.
    [[nodiscard]] const std::shared_ptr<detail::memory_log_engine>& engine() const noexcept {
        return engine_;
    }

private:
    std::shared_ptr<detail::memory_log_engine> engine_;
};

/// A message stream that keeps nothing on disk. Calls complete without suspending, so a call once
/// begun is never cut short by cancellation; only a subscription's `next` waits. A trim forgets the
/// messages at once. A position after the end of its stream is refused as errc::invalid_argument.
class memory_message_stream final : public storage::message_stream {
public:
    /// A stream on `strand`, which must outlive it, over a log that others may share.
    memory_message_stream(core::runtime& strand, const std::shared_ptr<memory_log>& log);
    /// Subscriptions go on.
    ~memory_message_stream() override;

    [[nodiscard]] std::size_t payload_bytes_max() const noexcept override;
    awaitable<storage::position> append(std::string stream, std::string payload) override;
    awaitable<storage::position> append_many(std::string stream,
                                             std::vector<std::string> payloads) override;
    awaitable<std::unique_ptr<storage::subscription>> subscribe(std::string stream,
                                                                storage::position from) override;
    awaitable<storage::position> end(std::string stream) override;
    awaitable<void> trim(std::string stream, storage::position up_to) override;

private:
    std::shared_ptr<detail::memory_log_engine> engine_;
    std::shared_ptr<detail::memory_hub> hub_;
};

}  // namespace reeve::backends
