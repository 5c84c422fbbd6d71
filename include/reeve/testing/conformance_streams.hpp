#pragma once

#include "reeve/core/awaitable.hpp"
#include "reeve/core/runtime.hpp"
#include "reeve/storage/message_stream.hpp"
#include "reeve/testing/conformance.hpp"

#include <memory>
#include <vector>

namespace reeve::testing {

/// Opens the message stream under test.
class message_stream_factory : public check_factory {
public:
    /// Opens the streams. Every call since `reset` gives another handle on the same messages;
    /// after all handles are closed the messages are still there.
    virtual awaitable<std::unique_ptr<storage::message_stream>> open(core::runtime& strand) = 0;

    /// True if a trim forgets the messages at once, so that subscribing before it must be
    /// errc::compacted. With false, the default, both answers are right: delivering or compacted.
    [[nodiscard]] virtual bool trims_at_once() const;
};

/// All rules of storage::message_stream as named checks.
[[nodiscard]] std::vector<check> message_stream_checks(
    std::shared_ptr<message_stream_factory> factory);

}  // namespace reeve::testing
