#pragma once

#include "reeve/core/runtime.hpp"
#include "reeve/transport/service.hpp"
#include "reeve/transport/transport.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

namespace reeve::backends {

class in_process_network;

/// Listens at an address for as long as it exists. Destroy it on the strand that listens, or when
/// that strand's loop no longer runs; requests that have not begun are then refused as
/// errc::unavailable.
class in_process_listener {
public:
    /// Stops listening, unless somebody else has taken the address over.
    ~in_process_listener();
    in_process_listener(const in_process_listener&) = delete;
    in_process_listener& operator=(const in_process_listener&) = delete;

private:
    friend class in_process_network;
    in_process_listener(std::shared_ptr<in_process_network> network, std::string address,
                        std::uint64_t id)
        : network_(std::move(network)), address_(std::move(address)), id_(id) {}

    std::shared_ptr<in_process_network> network_;
    std::string address_;
    std::uint64_t id_;
};

/// Who listens at which address within one process. Functions may be called from any thread.
/// Nothing is lost, repeated or delayed here; testing/ has a network that does all that.
class in_process_network : public std::enable_shared_from_this<in_process_network> {
public:
    /// Requests of more than `request_bytes_max` bytes are refused with errc::too_large.
    explicit in_process_network(std::size_t request_bytes_max = 64U << 20U)
        : request_bytes_max_(request_bytes_max) {}

    /// Requests to `address` go to `receiver`, on `strand`; both must outlive the listener. A later
    /// listener takes an address over. The network must be held by a std::shared_ptr.
    [[nodiscard]] std::unique_ptr<in_process_listener> listen(std::string address,
                                                              core::runtime& strand,
                                                              const transport::service& receiver);

    /// The limit given.
    [[nodiscard]] std::size_t request_bytes_max() const noexcept { return request_bytes_max_; }

private:
    friend class in_process_listener;
    friend class in_process_transport;
    struct endpoint {
        std::uint64_t id = 0;  // 0: nobody
        std::weak_ptr<core::detail::runtime_state> state;
        core::runtime* strand = nullptr;               // on that strand only
        const transport::service* receiver = nullptr;  // on that strand only
    };

    [[nodiscard]] endpoint find(const std::string& address) const;
    void remove(const std::string& address, std::uint64_t id);

    const std::size_t request_bytes_max_;
    mutable std::mutex mutex_;
    std::map<std::string, endpoint> endpoints_;
    std::uint64_t last_id_ = 0;
};

/// Calls services that listen on an in_process_network. The reply comes back on the caller's
/// strand. A listener whose runtime ends with the request in hand is errc::outcome_unknown at once.
class in_process_transport final : public transport::transport {
public:
    /// A transport on `strand`, which must outlive it.
    in_process_transport(core::runtime& strand, std::shared_ptr<in_process_network> network);

    awaitable<std::string> call(std::string address, std::string request,
                                core::time_point deadline) override;

private:
    core::runtime& strand_;
    std::shared_ptr<in_process_network> network_;
};

}  // namespace reeve::backends
