#include "reeve/backends/in_memory_cluster.hpp"

#include <boost/asio/co_spawn.hpp>

#include <exception>
#include <utility>

namespace reeve::backends {

in_memory_cluster::in_memory_cluster()
    : network(std::make_shared<in_process_network>()),
      database(std::make_shared<memory_database>()),
      log(std::make_shared<memory_log>()) {}

void in_memory_cluster::run(core::runtime& strand, awaitable<void> work) {
    // Shared: if somebody else stops the loop, the work goes on in the next run.
    const auto failure = std::make_shared<std::exception_ptr>();
    boost::asio::co_spawn(strand.executor(), std::move(work),
                          [this, failure](const std::exception_ptr& thrown) {
                              *failure = thrown;
                              loop.stop();
                          });
    loop.run();
    if (*failure) std::rethrow_exception(*failure);
}

in_memory_process::in_memory_process(in_memory_cluster& cluster, const std::string& address)
    : strand(cluster.loop),
      metadata(strand, cluster.database),
      streams(strand, cluster.log),
      carrier(strand, cluster.network),
      listener(cluster.network->listen(address, strand, incoming)) {}

}  // namespace reeve::backends
