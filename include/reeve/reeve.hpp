#pragma once

/// All that an embedder needs. Stores that come with reeve are in reeve/backends/, the simulation
/// and the conformance suites in reeve/testing/.

#include "reeve/cluster/proven_dead.hpp"
#include "reeve/coordinator/coordinator.hpp"
#include "reeve/core/blocking.hpp"
#include "reeve/core/task_scope.hpp"
#include "reeve/gc/marker.hpp"
#include "reeve/gc/pause.hpp"
#include "reeve/node/node.hpp"
#include "reeve/procedure/engine.hpp"
#include "reeve/segment/flusher.hpp"
#include "reeve/storage/blocking_message_stream.hpp"
#include "reeve/storage/blocking_metadata_store.hpp"
#include "reeve/storage/blocking_object_store.hpp"
