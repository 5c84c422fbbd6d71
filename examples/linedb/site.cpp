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

stores::stores(reeve::core::runtime& strand, const worker_pool& workers,
               const data_directory& directory)
    : metadata(reeve::backends::open_sqlite_metadata_store(
          strand, workers.executor(), reeve::backends::sqlite_options(directory.metadata()))),
      streams(reeve::backends::open_sqlite_message_stream(
          strand, workers.executor(), reeve::backends::sqlite_options(directory.streams()))),
      objects(reeve::backends::open_file_object_store(strand, workers.executor(),
                                                      object_options(directory))) {}

site::site(machine& on, std::string at, std::uint64_t seed)
    : host(on),
      address(std::move(at)),
      strand(on.loop, with_seed(seed)),
      data(strand, on.workers, on.directory),
      carrier(strand, on.network),
      listener(on.network->listen(address, strand, incoming)) {}

}  // namespace linedb
