#include "reeve/cluster/leader_client.hpp"

#include "reeve/core/error.hpp"
#include "reeve/core/timeout.hpp"
#include "reeve/transport/service.hpp"

#include <optional>
#include <utility>

namespace reeve::cluster {

leader_client::leader_client(core::runtime& strand, storage::metadata_store& store,
                             const catalog::key_layout& keys, transport::transport& carrier,
                             std::chrono::milliseconds request)
    : strand_(strand), store_(store), keys_(keys), carrier_(carrier), request_(request) {}

awaitable<std::string> leader_client::call(std::string kind, std::string body,
                                           core::trace_context trace) {
    const auto deadline = strand_.now() + request_;
    std::string address = address_;
    if (address.empty()) {
        auto asked = store_.get(keys_.leader());
        const auto found = co_await core::with_deadline<std::optional<storage::record>>(
            strand_, std::move(asked), deadline, errc::deadline_exceeded, "find the leader");
        if (!found) throw error(errc::unavailable, "nobody leads");
        model::leader_info leader;
        catalog::decoder decoder;
        decoder.decode(found->key, found->value, leader);
        address = leader.address;
        address_ = address;
    }
    try {
        std::string reply = co_await transport::call(carrier_, address, std::move(kind),
                                                     std::move(body), deadline, trace);
        co_return reply;
    } catch (const error&) {
        if (address_ == address) address_.clear();  // look it up again next time
        throw;
    }
}

}  // namespace reeve::cluster
