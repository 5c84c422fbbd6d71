#pragma once

#include "catch.hpp"
#include "reeve/backends/memory_metadata_store.hpp"
#include "reeve/core/error.hpp"
#include "reeve/storage/metadata_store.hpp"
#include "reeve/testing/simulated_network.hpp"
#include "reeve/testing/simulation.hpp"

#include <chrono>
#include <memory>
#include <string>
#include <utility>

namespace tests {

namespace core = reeve::core;
namespace storage = reeve::storage;
namespace testing = reeve::testing;
namespace transport = reeve::transport;
using reeve::awaitable;
using reeve::errc;
using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::nanoseconds;
using std::chrono::seconds;

/// A world with a metadata store in memory.
struct fixture {
    explicit fixture(std::uint64_t seed = 1) : world(seed) {
        reeve::backends::memory_database_options options;
        options.clock = &world.clock();
        database = std::make_shared<reeve::backends::memory_database>(options);
        world.host(std::make_shared<reeve::backends::memory_metadata_store>(world.world_runtime(),
                                                                            database));
    }

    /// A process without a program; tests give it work through process::spawn.
    testing::process& add(const std::string& name) {
        auto& added =
            world.add(name, [](testing::process&) -> std::shared_ptr<void> { return nullptr; });
        added.start();
        return added;
    }
    /// The value behind the faults; empty if there is none.
    std::string value_of(const std::string& key) {
        const auto found = world.run(world.metadata()->get(key));
        return found ? found->value : std::string();
    }

    testing::simulation world;
    std::shared_ptr<reeve::backends::memory_database> database;
};

/// Puts a value, without a condition, and records how it ended: "ok" or the name of the code.
inline awaitable<void> put(std::shared_ptr<storage::metadata_store> store, std::string key,
                           std::string value, std::shared_ptr<std::string> outcome) {
    try {
        storage::transaction change;
        change.put(key, value);
        co_await store->commit(std::move(change));
        *outcome = "ok";
    } catch (const reeve::error& failure) {
        *outcome = std::string(reeve::name(failure.code_value()));
    }
}

/// Calls a handler and records the reply, or the name of the code.
inline awaitable<void> ask(testing::process* self, std::string address, std::string body,
                           nanoseconds patience, std::shared_ptr<std::string> outcome) {
    try {
        const core::time_point deadline = self->runtime().now() + patience;
        *outcome = co_await transport::call(self->carrier(), address, "echo", body, deadline);
    } catch (const reeve::error& failure) {
        *outcome = std::string(reeve::name(failure.code_value()));
    }
}

}  // namespace tests
