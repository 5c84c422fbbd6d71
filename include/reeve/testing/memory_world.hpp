#pragma once

#include "reeve/backends/memory_message_stream.hpp"
#include "reeve/backends/memory_metadata_store.hpp"
#include "reeve/backends/memory_object_store.hpp"
#include "reeve/testing/simulation.hpp"

#include <memory>

namespace reeve::testing {

/// What the memory stores of a simulation hold: the operator's side, for compaction, dumps and
/// checks.
struct memory_world {
    std::shared_ptr<backends::memory_database> database;  ///< behind simulation::metadata
    std::shared_ptr<backends::memory_bucket> bucket;      ///< behind simulation::objects
    std::shared_ptr<backends::memory_log> log;            ///< behind simulation::streams
};

/// Hosts one memory store of each kind in the world; leases and ages follow the world's clock,
/// which is why the result must not be used after the world has gone.
memory_world host_memory_stores(simulation& world);

}  // namespace reeve::testing
