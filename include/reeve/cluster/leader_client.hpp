#pragma once

#include "reeve/catalog/codec.hpp"
#include "reeve/catalog/key_layout.hpp"
#include "reeve/core/awaitable.hpp"
#include "reeve/core/backoff.hpp"
#include "reeve/core/runtime.hpp"
#include "reeve/core/trace.hpp"
#include "reeve/storage/metadata_store.hpp"
#include "reeve/transport/transport.hpp"

#include <chrono>
#include <string>

namespace reeve::cluster {

/// Calls whoever leads. The address comes from the leader key and is looked up again whenever a
/// call fails. Calls may overlap.
class leader_client {
public:
    /// All references must outlive it. `request` limits a single call.
    leader_client(core::runtime& strand, storage::metadata_store& store,
                  const catalog::key_layout& keys, transport::transport& carrier,
                  std::chrono::milliseconds request = std::chrono::milliseconds(2000));

    /// One call. Throws errc::unavailable if nobody leads, else what transport::call throws.
    [[nodiscard]] awaitable<std::string> call(std::string kind, std::string body,
                                              core::trace_context trace = {});

private:
    core::runtime& strand_;
    storage::metadata_store& store_;
    const catalog::key_layout& keys_;
    transport::transport& carrier_;
    std::chrono::milliseconds request_;
    std::string address_;
};

}  // namespace reeve::cluster
