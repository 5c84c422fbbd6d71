#include "reeve/testing/memory_world.hpp"

namespace reeve::testing {

memory_world host_memory_stores(simulation& world) {
    memory_world made;
    backends::memory_database_options database;
    database.clock = &world.clock();
    made.database = std::make_shared<backends::memory_database>(database);
    backends::memory_bucket_options bucket;
    bucket.clock = &world.clock();
    made.bucket = std::make_shared<backends::memory_bucket>(bucket);
    made.log = std::make_shared<backends::memory_log>();

    auto& strand = world.world_runtime();
    world.host(std::make_shared<backends::memory_metadata_store>(strand, made.database));
    world.host(std::make_shared<backends::memory_object_store>(made.bucket));
    world.host(std::make_shared<backends::memory_message_stream>(strand, made.log));
    return made;
}

}  // namespace reeve::testing
