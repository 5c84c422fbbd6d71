#include "reeve/backends/file_object_store.hpp"
#include "reeve/core/error.hpp"
#include "reeve/testing/simulated_disk.hpp"
#include "reeve/testing/simulation.hpp"
#include "scenarios.hpp"

#include <fmt/format.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>

namespace simulated {

namespace {

using namespace reeve;

/// Puts objects until the power goes, comes back, and looks for everything that was acknowledged.
void play(testing::simulation& world) {
    auto& random = world.random();
    const auto disk = testing::simulated_disk::make(world.seed(), &world.clock());
    backends::file_store_options options;
    options.directory = "objects";
    options.files = disk;
    std::map<std::string, std::string> acknowledged;
    std::map<std::string, std::string> uncertain;
    for (int life = 0; life < 8; ++life) {
        try {
            const auto store = backends::open_blocking_file_object_store(options);
            for (auto& [key, bytes] : acknowledged) {
                const auto found = store->get(key, storage::byte_range());
                world.require(found.has_value(),
                              fmt::format("{} was acknowledged and is gone", key));
                if (!found) return;
                const auto other = uncertain.find(key);
                const bool right = found->bytes == bytes ||
                                   (other != uncertain.end() && found->bytes == other->second);
                world.require(right, fmt::format("{} has bytes that nobody wrote last", key));
                bytes = found->bytes;
            }
            uncertain.clear();
            disk->cut_power_at(random.below(60), testing::power_loss::after);
            for (;;) {
                const std::string key = fmt::format("o{}", random.below(6));
                const std::string bytes = fmt::format("{}-{}", life, random.next());
                uncertain[key] = bytes;
                store->put(key, bytes);
                acknowledged[key] = bytes;
                uncertain.erase(key);
                world.count("object acknowledged");
            }
        } catch (const error&) {
            world.count("power lost");
        }
        const std::uint64_t draw = random.next();
        world.note("disk", "power lost, {} objects acknowledged", acknowledged.size());
        world.events().trace(draw);
        disk->crash(draw);
        world.after(std::chrono::milliseconds(1), core::task([] {}));
        world.run_for(std::chrono::milliseconds(2));
    }
}

}  // namespace

testing::scenario file_power_loss() {
    return testing::make_scenario("file_power_loss",
                                  "objects in files survive the loss of power at any effect",
                                  {1, 500}, {"object acknowledged", "power lost"}, play);
}

}  // namespace simulated
