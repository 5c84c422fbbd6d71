#pragma once

#include "reeve/core/awaitable.hpp"
#include "reeve/core/runtime.hpp"
#include "reeve/testing/conformance.hpp"
#include "reeve/transport/service.hpp"
#include "reeve/transport/transport.hpp"

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace reeve::testing {

/// Opens the transport under test, and receives what it carries.
class transport_factory : public check_factory {
public:
    /// Opens the sending side.
    virtual awaitable<std::unique_ptr<transport::transport>> open(core::runtime& strand) = 0;
    /// Gives the requests for an address of its choice to `receiver`, on `strand`, until
    /// `stop_serving`; returns the address. Called several times for several addresses.
    virtual awaitable<std::string> serve(core::runtime& strand,
                                         std::shared_ptr<const transport::service> receiver) = 0;
    /// Ends what `serve` began. Called at the end of each check, before the strand is destroyed.
    virtual void stop_serving() = 0;
    /// An address at which nobody answers or ever will.
    [[nodiscard]] virtual std::string unknown_address() const = 0;
    /// The largest request and reply tried. The default is 1 MiB.
    [[nodiscard]] virtual std::size_t tried_bytes_max() const;
};

/// All rules of transport::transport as named checks.
[[nodiscard]] std::vector<check> transport_checks(std::shared_ptr<transport_factory> factory);

}  // namespace reeve::testing
