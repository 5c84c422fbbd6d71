#include "reeve/backends/in_process_transport.hpp"

#include "reeve/core/callback.hpp"
#include "reeve/core/error.hpp"
#include "reeve/core/timeout.hpp"

#include <fmt/format.h>
#include <boost/asio/co_spawn.hpp>

#include <exception>
#include <functional>

namespace reeve::backends {

namespace {

using answer = core::completion<std::string>;

/// Answers a request exactly once; one that is dropped unanswered tells the caller that nothing is
/// known of it.
class pending_answer {
public:
    pending_answer(answer done, std::string address)
        : done_(std::move(done)), address_(std::move(address)) {}
    pending_answer(const pending_answer&) = delete;
    pending_answer& operator=(const pending_answer&) = delete;
    ~pending_answer() {
        done_.fail(error(errc::outcome_unknown,
                         fmt::format("call of {}: it ended without an answer", address_)));
    }
    void give(const std::exception_ptr& failure, std::string reply) {
        if (failure) {
            done_.fail(failure);
        } else {
            done_(std::move(reply));
        }
    }
    void refuse() {
        done_.fail(error(errc::unavailable, fmt::format("call of {}: nobody listens", address_)));
    }

private:
    answer done_;
    std::string address_;
};

}  // namespace

in_process_listener::~in_process_listener() { network_->remove(address_, id_); }

std::unique_ptr<in_process_listener> in_process_network::listen(
    std::string address, core::runtime& strand, const transport::service& receiver) {
    if (address.empty()) throw error(errc::invalid_argument, "listening at the empty address");
    const std::lock_guard lock(mutex_);
    endpoint& at = endpoints_[address];
    at.id = ++last_id_;
    at.state = strand.state();
    at.strand = &strand;
    at.receiver = &receiver;
    return std::unique_ptr<in_process_listener>(
        new in_process_listener(shared_from_this(), std::move(address), at.id));
}

in_process_network::endpoint in_process_network::find(const std::string& address) const {
    const std::lock_guard lock(mutex_);
    const auto found = endpoints_.find(address);
    return found == endpoints_.end() ? endpoint{} : found->second;
}

void in_process_network::remove(const std::string& address, std::uint64_t id) {
    const std::lock_guard lock(mutex_);
    const auto found = endpoints_.find(address);
    if (found != endpoints_.end() && found->second.id == id) endpoints_.erase(found);
}

in_process_transport::in_process_transport(core::runtime& strand,
                                           std::shared_ptr<in_process_network> network)
    : strand_(strand), network_(std::move(network)) {}

namespace {

awaitable<std::string> call_at(core::runtime& strand, std::string address,
                               std::function<void(answer)> start, core::time_point deadline) {
    if (strand.now() >= deadline) {
        throw error(errc::deadline_exceeded, fmt::format("call of {}: too late", address));
    }
    const std::string context = fmt::format("call of {}: no answer in time", address);
    auto operation = core::from_callback<std::string>(strand, std::move(start));
    co_return co_await core::with_deadline(strand, std::move(operation), deadline,
                                           errc::outcome_unknown, context);
}

}  // namespace

awaitable<std::string> in_process_transport::call(std::string address, std::string request,
                                                  core::time_point deadline) {
    // Runs when the call is awaited, on the caller's strand; what it posts runs on the receiver's.
    std::function<void(answer)> start = [network = network_, address,
                                         request = std::move(request)](answer done) {
        if (request.size() > network->request_bytes_max()) {
            done.fail(error(errc::too_large,
                            fmt::format("request of {} bytes to {}, at most {} are accepted",
                                        request.size(), address, network->request_bytes_max())));
            return;
        }
        auto pending = std::make_shared<pending_answer>(std::move(done), address);
        const auto target = network->find(address);
        if (target.id == 0) return pending->refuse();
        auto deliver = [network, address, request, pending, id = target.id] {
            // Who listens is removed on this very strand: as long as it is there, it lives.
            const auto here = network->find(address);
            if (here.id != id) return pending->refuse();
            auto finish = [pending](const std::exception_ptr& failure, std::string reply) {
                pending->give(failure, std::move(reply));
            };
            boost::asio::co_spawn(here.strand->executor(), here.receiver->dispatch(request),
                                  std::move(finish));
        };
        core::detail::post_to(target.state, core::task(std::move(deliver)));
    };
    return call_at(strand_, std::move(address), std::move(start), deadline);
}

}  // namespace reeve::backends
