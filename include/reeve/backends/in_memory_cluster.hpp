#pragma once

#include "reeve/backends/event_loop.hpp"
#include "reeve/backends/in_process_transport.hpp"
#include "reeve/backends/memory_message_stream.hpp"
#include "reeve/backends/memory_metadata_store.hpp"
#include "reeve/core/awaitable.hpp"
#include "reeve/core/runtime.hpp"
#include "reeve/transport/service.hpp"

#include <memory>
#include <string>

namespace reeve::backends {

/// What the processes of a cluster inside one program share: a loop, a network, records and
/// messages, all in memory. For first steps and for a host's own tests; in production the host
/// brings its loop, its transport and its stores. Used from the thread that runs the loop.
struct in_memory_cluster {
    event_loop loop;                              ///< runs everything
    std::shared_ptr<in_process_network> network;  ///< who listens where
    std::shared_ptr<memory_database> database;    ///< the records; the operator's side
    std::shared_ptr<memory_log> log;              ///< the messages; the operator's side

    /// Nobody listens, nothing is written.
    in_memory_cluster();
    /// Runs the loop until `work` has ended, which runs on `strand`, and throws what it threw.
    /// Whatever else was started goes on meanwhile, and rests afterwards until the next call. It
    /// also returns when `loop` is stopped by somebody else, and `work` then rests, too; it does
    /// not return by itself when the strand is shut down meanwhile.
    void run(core::runtime& strand, awaitable<void> work);
};

/// A process of an in_memory_cluster: a strand, its side of the stores, and a service that hears
/// what is sent to its address. Its members are what a node or a coordinator asks for; declare
/// those after it. Its destruction is a crash of the process. It must not outlive the cluster.
struct in_memory_process {
    core::runtime strand;                           ///< all of this process runs here
    memory_metadata_store metadata;                 ///< the cluster's records
    memory_message_stream streams;                  ///< the cluster's messages
    transport::service incoming;                    ///< handlers of what is sent to `address`
    in_process_transport carrier;                   ///< calls other processes by their addresses
    std::unique_ptr<in_process_listener> listener;  ///< while it exists, `incoming` is reachable

    /// Listens at `address`; a later process takes an address over.
    in_memory_process(in_memory_cluster& cluster, const std::string& address);
    /// Ends the strand at once, with whatever waits on it.
    ~in_memory_process() { strand.shutdown(); }
    in_memory_process(const in_memory_process&) = delete;
    in_memory_process& operator=(const in_memory_process&) = delete;
};

}  // namespace reeve::backends
