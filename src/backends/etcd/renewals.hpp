#pragma once

#include "backends/etcd/records.hpp"
#include "backends/etcd/session.hpp"

#include <deque>
#include <memory>
#include <string>

namespace reeve::backends::etcd {

/// One renewal that is waited for.
struct renewal {
    renewal(std::int64_t lease, std::size_t member, std::string proof)
        : id(lease), at(member), token(std::move(proof)) {}
    std::int64_t id;
    std::size_t at;     ///< the member that was asked
    std::string token;  ///< with this
    bool ended = false;
    std::optional<status> broken;  ///< the stream ended first
    std::int64_t ttl_seconds = 0;  ///< 0: there is no such lease
};

/// The one stream over which a store renews all its leases. etcd answers in the order of the
/// requests.
struct renewals {
    explicit renewals(core::runtime& on) : changed(on) {}
    std::unique_ptr<renewal_stream> stream;  ///< none while nothing is to be renewed, or it broke
    std::size_t at = 0;                      ///< the member that it leads to
    std::string token;                       ///< with which it was opened
    std::deque<std::shared_ptr<renewal>> waiting;
    core::event changed;
};

/// Ends the stream, if there is one: whoever waits for an answer hears of it, and the next renewal
/// opens another at the member whose turn it is.
void break_renewals(session& s, const status& how);

awaitable<storage::lease_grant> grant_from(store_ptr store, std::chrono::milliseconds ttl);
awaitable<std::chrono::milliseconds> keep_alive_at(store_ptr store, storage::lease_id lease);
awaitable<void> revoke_at(store_ptr store, storage::lease_id lease);

}  // namespace reeve::backends::etcd
