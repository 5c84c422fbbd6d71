#pragma once

#include "reeve/backends/memory_message_stream.hpp"
#include "reeve/backends/memory_metadata_store.hpp"
#include "reeve/backends/memory_object_store.hpp"
#include "reeve/testing/conformance_metadata.hpp"
#include "reeve/testing/conformance_objects.hpp"
#include "reeve/testing/conformance_streams.hpp"

#include <memory>

namespace conformance {

/// The memory store behind the suite's interface: as a host would write it.
class memory_metadata_factory : public reeve::testing::metadata_store_factory {
public:
    void reset() override { database = std::make_shared<reeve::backends::memory_database>(); }
    reeve::awaitable<std::unique_ptr<reeve::storage::metadata_store>> open(
        reeve::core::runtime& strand) override {
        co_return std::make_unique<reeve::backends::memory_metadata_store>(strand, database);
    }
    reeve::awaitable<void> compact(reeve::storage::metadata_store&,
                                   reeve::storage::revision first_kept) override {
        database->compact(reeve::storage::revision(first_kept.value - 1));
        co_return;
    }
    [[nodiscard]] std::chrono::milliseconds lease_ttl() const override {
        return std::chrono::milliseconds(60);
    }

    std::shared_ptr<reeve::backends::memory_database> database;
};

/// The memory object store.
class memory_object_factory : public reeve::testing::object_store_factory {
public:
    void reset() override { bucket = std::make_shared<reeve::backends::memory_bucket>(); }
    reeve::awaitable<std::unique_ptr<reeve::storage::object_store>> open(
        reeve::core::runtime&) override {
        co_return std::make_unique<reeve::backends::memory_object_store>(bucket);
    }

    std::shared_ptr<reeve::backends::memory_bucket> bucket;
};

/// The memory message stream.
class memory_stream_factory : public reeve::testing::message_stream_factory {
public:
    void reset() override { log = std::make_shared<reeve::backends::memory_log>(); }
    reeve::awaitable<std::unique_ptr<reeve::storage::message_stream>> open(
        reeve::core::runtime& strand) override {
        co_return std::make_unique<reeve::backends::memory_message_stream>(strand, log);
    }
    [[nodiscard]] bool trims_at_once() const override { return true; }

    std::shared_ptr<reeve::backends::memory_log> log;
};

}  // namespace conformance
