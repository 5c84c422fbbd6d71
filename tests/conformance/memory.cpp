#include "conformance/memory_factories.hpp"
#include "reeve/testing/conformance_catch.hpp"

#include <memory>

using namespace reeve::testing;

TEST_CASE("the memory metadata store keeps every rule") {
    const auto checks =
        metadata_store_checks(std::make_shared<conformance::memory_metadata_factory>());
    run_catch(checks);
}
