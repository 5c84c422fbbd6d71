#include "site.hpp"

#include "reeve/backends/file_object_store.hpp"
#include "reeve/backends/sqlite.hpp"

#include <utility>

namespace linedb {

namespace {

reeve::backends::file_store_options object_options(const data_directory& directory) {
    reeve::backends::file_store_options options;
    options.directory = directory.objects();
    return options;
}

reeve::core::runtime_options with_seed(std::uint64_t seed) {
    reeve::core::runtime_options options;
    options.seed = seed;
    return options;
}

}  // namespace

stores::stores(reeve::core::runtime& strand, const machine& host)
    : metadata(host.metadata.open(strand, host.workers.executor())),
      streams(reeve::backends::open_sqlite_message_stream(
          strand, host.workers.executor(),
          reeve::backends::sqlite_options(host.directory.streams()))),
      objects(reeve::backends::open_file_object_store(strand, host.workers.executor(),
                                                      object_options(host.directory))) {}

site::site(machine& on, std::string at, std::uint64_t seed)
    : host(on),
      address(std::move(at)),
      strand(on.loop, with_seed(seed)),
      data(strand, on),
      carrier(strand, on.network),
      listener(on.network->listen(address, strand, incoming)) {}

}  // namespace linedb
