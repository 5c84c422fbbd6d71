#pragma once

#include "reeve/catalog/codec.hpp"
#include "reeve/catalog/key_layout.hpp"
#include "reeve/cluster/lease_keeper.hpp"
#include "reeve/core/awaitable.hpp"
#include "reeve/core/runtime.hpp"
#include "reeve/model/node.hpp"
#include "reeve/storage/metadata_store.hpp"

namespace reeve::cluster {

/// A node's claim to be alive. Registering replaces an older self at once; the revision of that
/// write is the incarnation. A session that can no longer be relied upon ends itself, before the
/// store ends its lease. One strand.
class session {
public:
    /// `self.process` and `self.ttl` are set here. `store` and `keys` must outlive it. Throws
    /// errc::invalid_argument for a bad name or address.
    session(core::runtime& strand, storage::metadata_store& store, const catalog::key_layout& keys,
            model::node_info self, lease_options lease);

    /// Registers, as a new incarnation. Failures of the store are retried.
    [[nodiscard]] awaitable<model::incarnation> open();
    /// Keeps the session, and returns when it is lost: time has passed without a renewal, the lease
    /// ended, or another process registered under the name. Then nothing may be consumed any more.
    [[nodiscard]] awaitable<void> hold();
    /// Ends the session now, at best effort. Stop all consumers first.
    [[nodiscard]] awaitable<void> close();

    /// This process's incarnation; 0 before `open`.
    [[nodiscard]] model::incarnation process() const noexcept { return self_.process; }
    /// The node.
    [[nodiscard]] const model::node_info& self() const noexcept { return self_; }
    /// May this process still consume? Cheap.
    [[nodiscard]] bool held() const noexcept;

private:
    [[nodiscard]] awaitable<bool> attempt();
    [[nodiscard]] awaitable<bool> still_mine();

    core::runtime& strand_;
    storage::metadata_store& store_;
    const catalog::key_layout& keys_;
    model::node_info self_;
    lease_options lease_options_;
    lease_keeper lease_;
};

}  // namespace reeve::cluster
