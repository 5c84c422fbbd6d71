#pragma once

#include "directory.hpp"
#include "metadata.hpp"
#include "reeve/backends/event_loop.hpp"
#include "reeve/backends/in_process_transport.hpp"
#include "reeve/core/runtime.hpp"
#include "reeve/model/ids.hpp"
#include "reeve/storage/message_stream.hpp"
#include "reeve/storage/metadata_store.hpp"
#include "reeve/storage/object_store.hpp"
#include "reeve/transport/service.hpp"
#include "worker_pool.hpp"

#include <cstdint>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

namespace linedb {

namespace model = reeve::model;

/// The prefix of linedb's keys in the metadata store.
inline constexpr const char* key_root = "linedb/";

/// What has happened so far, counted on the loop's thread.
struct statistics {
    std::uint64_t bytes_ingested = 0;     ///< of the input, appended to channels
    std::uint64_t bytes_stored = 0;       ///< of the input, in committed objects
    std::uint64_t rows_stored = 0;        ///< in committed objects
    std::uint64_t objects = 0;            ///< committed
    std::uint64_t rows_repeated = 0;      ///< dropped by consumers, because a retry repeated them
    std::uint64_t grants = 0;             ///< channels given to nodes
    std::uint64_t moves = 0;              ///< of them to another node than before
    std::uint64_t commits_stale = 0;      ///< refused, because the grant had ended
    std::uint64_t commits_elsewhere = 0;  ///< answered with another checkpoint
    std::uint64_t nodes_killed = 0;       ///< without warning
    std::uint64_t nodes_restarted = 0;    ///< stopped gracefully, then started again
    std::uint64_t leaders_killed = 0;     ///< without warning
    std::uint64_t ingesters_killed = 0;   ///< without warning
    std::map<model::channel_name, model::node_name> holders;  ///< who got each channel last
};

/// The machine on which the simulated processes run: one loop on one thread, threads for blocking
/// calls, a network, one directory, one metadata store. Outlives all processes.
struct machine {
    machine(data_directory where, input_record what, std::size_t threads,
            const std::optional<example::store_address>& store = {})
        : directory(std::move(where)),
          input(std::move(what)),
          metadata(place_of(store, directory, input)),
          network(std::make_shared<reeve::backends::in_process_network>()),
          workers(threads) {}

    data_directory directory;
    input_record input;
    metadata_place metadata;
    reeve::backends::event_loop loop;
    std::shared_ptr<reeve::backends::in_process_network> network;
    worker_pool workers;
    statistics counts;
    std::function<void()> changed;                   ///< called when the counts have changed
    std::function<void(std::exception_ptr)> failed;  ///< called for what no retry can mend
};

/// The stores of one directory as one process has them open.
struct stores {
    /// Opens them; creates what is missing.
    stores(reeve::core::runtime& strand, const machine& host);

    std::unique_ptr<reeve::storage::metadata_store> metadata;
    std::unique_ptr<reeve::storage::message_stream> streams;
    std::unique_ptr<reeve::storage::object_store> objects;
};

/// Where one simulated process runs: a strand, stores and an address of its own. What is built on
/// it is killed by `crash`: everything that waits is dropped, nothing is sent or written, and what
/// the workers have in hand lands late or never.
struct site {
    site(machine& on, std::string at, std::uint64_t seed);

    void crash() noexcept { strand.shutdown(); }

    machine& host;
    std::string address;
    reeve::core::runtime strand;
    stores data;
    reeve::transport::service incoming;
    reeve::backends::in_process_transport carrier;
    std::unique_ptr<reeve::backends::in_process_listener> listener;
};

}  // namespace linedb
