#include "fixture.hpp"

#include <cerrno>
#include <set>

using reeve::testing::disk_effect;
using reeve::testing::power_loss;
using reeve::testing::simulated_disk;

namespace {

void write(simulated_disk& disk, const std::string& path, const std::string& bytes) {
    disk.create(path)->append(bytes);
}

template <class Call>
int errno_of(Call call) {
    try {
        call();
    } catch (const std::system_error& failure) {
        return failure.code().value();
    }
    return 0;
}

}  // namespace

TEST_CASE("a crash of the simulated disk keeps what was synced") {
    for (std::uint64_t seed = 0; seed < 50; ++seed) {
        const auto disk = simulated_disk::make(seed);
        const auto file = disk->create("f");
        file->append("synced");
        file->sync();
        disk->sync_directory("");
        disk->crash(seed);
        CHECK(disk->contents() == std::map<std::string, std::string>{{"f", "synced"}});
    }
}

TEST_CASE("a crash of the simulated disk keeps and loses what was not synced, by seed") {
    std::set<std::map<std::string, std::string>> outcomes;
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
        const auto disk = simulated_disk::make(0);
        const auto file = disk->create("f");
        file->append("synced");
        file->sync();
        disk->sync_directory("");
        file->append(" and not");
        write(*disk, "g", "");
        disk->rename("f", "h");
        disk->crash(seed);
        outcomes.insert(disk->contents());
    }
    CHECK(outcomes.size() > 20);
    bool lost = false;
    bool both = false;
    bool kept = false;
    for (const auto& files : outcomes) {
        lost = lost || !(files.contains("f") || files.contains("h"));
        both = both || (files.contains("f") && files.contains("h"));
        kept = kept || (files.contains("h") && files.at("h") == "synced and not");
        for (const auto& [path, bytes] : files) {
            if (path != "g") CHECK(bytes.starts_with("synced"));
        }
    }
    CHECK(lost);
    CHECK(both);
    CHECK(kept);
}

TEST_CASE("equal seeds give equal crashes") {
    const auto outcome = [] {
        const auto disk = simulated_disk::make(1);
        for (int index = 0; index < 20; ++index) {
            write(*disk, std::to_string(index), std::string(2000, 'x'));
        }
        disk->crash(42);
        return disk->contents();
    };
    CHECK(outcome() == outcome());
}

TEST_CASE("a sync that failed is not made good by a second one") {
    const auto disk = simulated_disk::make(1);
    const auto file = disk->create("f");
    disk->sync_directory("");
    file->append("bytes");
    disk->fail(disk_effect::sync, 0, EIO);
    CHECK(errno_of([&] { file->sync(); }) == EIO);
    CHECK(errno_of([&] { file->sync(); }) == 0);
    bool lost = false;
    for (std::uint64_t seed = 0; seed < 20 && !lost; ++seed) {
        disk->crash(seed);
        lost = disk->contents().at("f") != "bytes";
    }
    CHECK(lost);
}

TEST_CASE("a power cut ends every call until the crash") {
    const auto disk = simulated_disk::make(1);
    disk->cut_power_at(1, power_loss::after);
    const auto file = disk->create("f");
    CHECK(errno_of([&] { file->append("x"); }) == EIO);
    CHECK(errno_of([&] { (void)disk->open("f"); }) == EIO);
    CHECK(disk->contents().at("f") == "x");
    disk->crash(0);
    CHECK(errno_of([&] { (void)file->size(); }) == EIO);
    CHECK(errno_of([&] { (void)disk->create("g"); }) == 0);
}

TEST_CASE("locks of the simulated disk exclude, and end with a crash") {
    using reeve::backends::lock_wait;
    const auto disk = simulated_disk::make(1);
    auto held = disk->lock("l", lock_wait::never);
    REQUIRE(held);
    CHECK_FALSE(disk->lock("l", lock_wait::never));
    held.reset();
    held = disk->lock("l", lock_wait::never);
    REQUIRE(held);
    disk->crash(0);
    const auto next = disk->lock("l", lock_wait::never);
    REQUIRE(next);
    held.reset();  // a lock of before the crash frees nothing
    CHECK_FALSE(disk->lock("l", lock_wait::never));
}
