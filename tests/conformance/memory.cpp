#include "conformance/memory_factories.hpp"
#include "reeve/testing/conformance_catch.hpp"

#include <memory>

using namespace reeve::testing;

TEST_CASE("the memory metadata store keeps every rule") {
    const auto checks =
        metadata_store_checks(std::make_shared<conformance::memory_metadata_factory>());
    run_catch(checks);
}

TEST_CASE("the memory object store keeps every rule") {
    run_catch(object_store_checks(std::make_shared<conformance::memory_object_factory>()));
}

TEST_CASE("the memory message stream keeps every rule") {
    run_catch(message_stream_checks(std::make_shared<conformance::memory_stream_factory>()));
}
