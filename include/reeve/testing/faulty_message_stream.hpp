#pragma once

#include "reeve/storage/message_stream.hpp"
#include "reeve/testing/faults.hpp"
#include "reeve/testing/process.hpp"

#include <memory>

namespace reeve::testing {

namespace detail {
struct remote_link;
}

/// A simulated process's connection to any message stream that lives in the world, with faults: see
/// stream_faults. Appends are carried out on the world's runtime, so that they land even when the
/// process is dead; subscriptions lag and fail. Writes pass the simulation's effect gate.
class faulty_message_stream final : public storage::message_stream {
public:
    /// For the life that `caller` has now. `faults` is read at every call and must outlive the
    /// simulation's use of it; process::open_streams is the usual way here.
    faulty_message_stream(process& caller, std::shared_ptr<storage::message_stream> backing,
                          const stream_faults& faults);
    ~faulty_message_stream() override;

    [[nodiscard]] std::size_t payload_bytes_max() const noexcept override;
    awaitable<storage::position> append(std::string stream, std::string payload) override;
    awaitable<storage::position> append_many(std::string stream,
                                             std::vector<std::string> payloads) override;
    awaitable<std::unique_ptr<storage::subscription>> subscribe(std::string stream,
                                                                storage::position from) override;
    awaitable<storage::position> end(std::string stream) override;
    awaitable<void> trim(std::string stream, storage::position up_to) override;

private:
    std::shared_ptr<detail::remote_link> link_;
    std::shared_ptr<storage::message_stream> backing_;
    const stream_faults* faults_;
};

}  // namespace reeve::testing
