#pragma once

#include "reeve/backends/etcd.hpp"

#include <chrono>
#include <string>
#include <utility>
#include <vector>

namespace etcd_test {

/// For what is expected to succeed: waits longer than any delay of a busy machine.
inline reeve::backends::etcd_options patient(std::vector<std::string> endpoints) {
    reeve::backends::etcd_options options(std::move(endpoints));
    options.request_patience = std::chrono::seconds(30);
    options.connect_patience = std::chrono::seconds(5);
    return options;
}

/// For what is expected to fail, or may: gives up soon, so that tests of failures are short.
inline reeve::backends::etcd_options impatient(std::vector<std::string> endpoints) {
    reeve::backends::etcd_options options(std::move(endpoints));
    options.request_patience = std::chrono::milliseconds(1500);
    options.connect_patience = std::chrono::milliseconds(500);
    return options;
}

}  // namespace etcd_test
