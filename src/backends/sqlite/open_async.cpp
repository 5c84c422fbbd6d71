#include "reeve/backends/sqlite.hpp"

#include <utility>

namespace reeve::backends {

std::unique_ptr<storage::metadata_store> open_sqlite_metadata_store(core::runtime& strand,
                                                                    core::blocking_executor workers,
                                                                    sqlite_options options) {
    return storage::from_blocking(strand, open_sqlite_metadata_file(std::move(options)),
                                  std::move(workers));
}

std::unique_ptr<storage::message_stream> open_sqlite_message_stream(core::runtime& strand,
                                                                    core::blocking_executor workers,
                                                                    sqlite_options options) {
    return storage::from_blocking(strand, open_sqlite_stream_file(std::move(options)),
                                  std::move(workers));
}

}  // namespace reeve::backends
