#pragma once

#include "reeve/catalog/codec.hpp"
#include "reeve/catalog/guarded.hpp"
#include "reeve/catalog/key_layout.hpp"
#include "reeve/cluster/lease_keeper.hpp"
#include "reeve/core/awaitable.hpp"
#include "reeve/core/runtime.hpp"
#include "reeve/model/node.hpp"
#include "reeve/storage/metadata_store.hpp"

#include <string>

namespace reeve::cluster {

/// Who campaigns.
struct leadership_options {
    /// As the members say.
    leadership_options() {}
    std::string coordinator;  ///< its id, unique among coordinators; model::valid_name
    std::string address;      ///< where nodes reach it
    lease_options lease;      ///< of the leader key
};

/// One coordinator's way to leadership and out of it. The term is the create revision of the leader
/// key; a deposed leader's writes fail by the guard, whatever it believes. One strand, one campaign
/// at a time.
class leadership {
public:
    /// `store` and `keys` must outlive it.
    leadership(core::runtime& strand, storage::metadata_store& store,
               const catalog::key_layout& keys, leadership_options options);

    /// Waits until this coordinator is elected and returns the proof. Failures of the store are
    /// retried.
    [[nodiscard]] awaitable<catalog::leader_guard> campaign();
    /// Holds the office: returns when it can no longer be relied upon.
    [[nodiscard]] awaitable<void> hold();
    /// Gives the office up, at best effort, so that a successor need not wait.
    [[nodiscard]] awaitable<void> resign();

    /// True while the lease is held by this process's own clock. Politeness only.
    [[nodiscard]] bool held() const noexcept { return lease_.held(); }
    /// Who leads, as last seen while campaigning.
    [[nodiscard]] const model::leader_info& seen() const noexcept { return seen_; }
    /// The failure that a campaign is retrying; empty: none.
    [[nodiscard]] const std::string& trouble() const noexcept { return trouble_; }

private:
    [[nodiscard]] awaitable<bool> attempt();
    [[nodiscard]] awaitable<bool> stand(std::string nonce);
    [[nodiscard]] awaitable<bool> look(std::string nonce);
    [[nodiscard]] awaitable<void> await_vacancy(storage::revision from);

    core::runtime& strand_;
    storage::metadata_store& store_;
    const catalog::key_layout& keys_;
    leadership_options options_;
    lease_keeper lease_;
    catalog::decoder decoder_;
    model::leader_info seen_;
    storage::revision seen_at_;
    model::term term_;
    std::string trouble_;
};

}  // namespace reeve::cluster
