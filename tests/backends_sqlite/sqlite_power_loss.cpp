#include "reeve/core/guards.hpp"
#include "reeve/core/random.hpp"
#include "reeve/testing/sqlite_crash_vfs.hpp"
#include "sqlite_fixture.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <vector>

using namespace sqlite_test;
using reeve::backends::open_sqlite_metadata_file;
using reeve::backends::open_sqlite_stream_file;
using reeve::testing::crash_vfs;

namespace {

using contents_of_store = std::map<std::string, std::string>;

// What was committed, and where in the log it was acknowledged.
struct history {
    std::vector<contents_of_store> states;  // after so many commits
    std::vector<std::size_t> acknowledged;  // of commit 1, 2, ...
};

history commit_at_random(const sqlite_options& options, const crash_vfs& vfs,
                         reeve::core::random random, int commits) {
    const auto store = open_sqlite_metadata_file(options);
    history result;
    result.states.emplace_back();
    for (int at = 0; at < commits; ++at) {
        auto next = result.states.back();
        transaction change;
        std::set<std::string> keys{"count"};
        change.put("count", std::to_string(at));
        next["count"] = std::to_string(at);
        for (auto more = random.below(6); more > 0; --more) {
            const auto key = fmt::format("key {}", random.below(20));
            if (!keys.insert(key).second) continue;
            if (random.chance(1, 4)) {
                change.remove(key);
                next.erase(key);
            } else {
                next[key] = std::string(random.chance(1, 4) ? 90'000 : random.below(500),
                                        static_cast<char>('a' + at % 26));
                change.put(key, next[key]);
            }
        }
        REQUIRE(store->commit(change));
        result.states.push_back(std::move(next));
        result.acknowledged.push_back(vfs.position());
    }
    return result;
}

contents_of_store read_back(const std::string& path) {
    const auto store = open_sqlite_metadata_file(sqlite_options(path));
    contents_of_store result;
    const auto page = store->list(key_range::prefix(""), 10'000);
    for (const auto& one : page.records) result[one.key] = one.value;
    return result;
}

// Puts the files of a power loss into a directory of their own.
void place(const scratch& into, const std::map<std::string, std::string>& files) {
    for (const auto& [path, bytes] : files) {
        const auto name = std::filesystem::path(path).filename().string();
        if (name.find(".new-") == std::string::npos) write_file(into.file(name), bytes);
    }
}

// What is wrong after a power loss at `position`; empty: nothing.
std::string check(const crash_vfs& vfs, const history& past, std::size_t position,
                  std::uint64_t seed) {
    const scratch dir;
    place(dir, vfs.after_power_loss(position, seed));
    const auto where = fmt::format("power loss at {}, seed {}: ", position, seed);
    contents_of_store found;
    try {
        found = read_back(dir.file());
    } catch (const reeve::error& failure) {
        return where + failure.what();
    }
    const auto state = std::find(past.states.begin(), past.states.end(), found);
    if (state == past.states.end()) return where + "no state that was ever committed";
    const auto commits = state - past.states.begin();
    const auto least = std::count_if(past.acknowledged.begin(), past.acknowledged.end(),
                                     [&](std::size_t at) { return at <= position; });
    if (commits >= least) return {};
    return where + fmt::format("{} commits are there, {} were acknowledged", commits, least);
}

// The first thing that is wrong at any sync, right after it, and at moments between.
std::string lose_power_everywhere(std::uint64_t seed, int commits) {
    const scratch dir;
    crash_vfs vfs("crash");
    sqlite_options options(dir.file());
    options.vfs = vfs.name();
    reeve::core::random random(seed);
    const auto past = commit_at_random(options, vfs, random.fork(), commits);
    std::set<std::size_t> moments(past.acknowledged.begin(), past.acknowledged.end());
    for (const auto at : vfs.syncs()) {
        moments.insert(at);
        moments.insert(at + 1);
    }
    for (int more = 0; more < 30; ++more) moments.insert(random.below(vfs.position()));
    for (const auto at : moments) {
        // Before the store was in its place there is nothing that could be lost.
        if (vfs.after_power_loss(at, 1).count(dir.file()) == 0) continue;
        const auto problem = check(vfs, past, at, random.next());
        if (!problem.empty()) return problem;
    }
    return {};
}

}  // namespace

TEST_CASE("sqlite: a power loss at any sync loses nothing acknowledged and leaves nothing half") {
    for (std::uint64_t seed = 1; seed <= 2; ++seed) {
        INFO("seed " << seed);
        REQUIRE(lose_power_everywhere(seed, 60) == "");
    }
}

#if defined(REEVE_GUARD_SWITCHES)
TEST_CASE("sqlite: without syncs a power loss is noticed") {
    reeve::core::set_enforced(reeve::core::guard::fsync, false);
    const auto problem = lose_power_everywhere(1, 40);
    reeve::core::set_enforced(reeve::core::guard::fsync, true);
    INFO(problem);
    REQUIRE_FALSE(problem.empty());
}
#endif

TEST_CASE("sqlite: a power loss keeps acknowledged messages, in order and without gaps") {
    const scratch dir;
    crash_vfs vfs("crash");
    sqlite_options options(dir.file("streams.db"));
    options.vfs = vfs.name();
    std::vector<std::size_t> acknowledged;
    {
        const auto streams = open_sqlite_stream_file(options);
        for (int at = 0; at < 40; ++at) {
            streams->append_many("s", {std::to_string(2 * at), std::to_string(2 * at + 1)});
            acknowledged.push_back(vfs.position());
        }
    }
    for (std::size_t at = 0; at < acknowledged.size(); ++at) {
        for (const auto position : {acknowledged[at] - 1, acknowledged[at]}) {
            const scratch after;
            place(after, vfs.after_power_loss(position, at));
            const auto streams = open_sqlite_stream_file(sqlite_options(after.file("streams.db")));
            const auto found = streams->read("s", {}, 1000, 0ms);
            REQUIRE(found.size() % 2 == 0);
            REQUIRE(found.size() >= 2 * (position == acknowledged[at] ? at + 1 : at));
            for (std::size_t n = 0; n < found.size(); ++n) {
                REQUIRE(found[n].payload == std::to_string(n));
            }
        }
    }
}

// --- failing disks ------------------------------------------------------------------------------

namespace {

struct failing_disk {
    scratch dir;
    crash_vfs vfs{"failing"};
    metadata_file store;
    failing_disk() {
        sqlite_options options(dir.file());
        options.vfs = vfs.name();
        store = open_sqlite_metadata_file(options);
        put(*store, "k", "before");
    }
    std::optional<errc> commit(const std::string& value) {
        return code_of([&] { put(*store, "k", value); });
    }
};

}  // namespace

TEST_CASE("sqlite: a full disk refuses the commit, which is then certainly not there") {
    for (std::size_t skip = 0; skip < 6; ++skip) {
        failing_disk disk;
        disk.vfs.inject(crash_vfs::fault::write_disk_full, "-wal", skip, 1'000'000);
        std::optional<errc> code;
        for (int at = 0; at < 3 && !code; ++at) code = disk.commit("lost " + std::to_string(at));
        REQUIRE(code == errc::resource_exhausted);
        const auto during = disk.store->get("k")->value;
        REQUIRE(disk.commit("lost") == errc::resource_exhausted);
        REQUIRE(code_of([&] { disk.store->grant(1s); }) == errc::resource_exhausted);
        disk.vfs.heal();
        REQUIRE(disk.store->get("k")->value == during);
        REQUIRE_FALSE(disk.commit("after"));
        REQUIRE(read_back(disk.dir.file())["k"] == "after");
    }
}

TEST_CASE("sqlite: an I/O error while committing leaves the outcome open, and the store usable") {
    for (const auto fault : {crash_vfs::fault::write_io_error, crash_vfs::fault::sync_io_error}) {
        failing_disk disk;
        disk.vfs.inject(fault, "-wal", 0, 1);
        REQUIRE(disk.commit("unknown") == errc::outcome_unknown);
        REQUIRE(disk.vfs.failures() == 1);
        const auto found = disk.store->get("k")->value;
        REQUIRE((found == "before" || found == "unknown"));
        REQUIRE_FALSE(disk.commit("after"));
        REQUIRE(read_back(disk.dir.file())["k"] == "after");
    }
}

TEST_CASE("sqlite: a checkpoint that fails loses nothing and refuses commits until one succeeds") {
    for (const auto fault : {crash_vfs::fault::write_disk_full, crash_vfs::fault::write_io_error,
                             crash_vfs::fault::sync_io_error}) {
        failing_disk disk;
        disk.vfs.inject(fault, "store.db", 0, 1'000'000);
        const std::string big(1'000'000, 'x');
        std::optional<errc> code;
        int committed = 0;
        for (; committed < 100 && !code; ++committed) {
            code = code_of([&] { put(*disk.store, "big", big + std::to_string(committed)); });
        }
        REQUIRE(code == (fault == crash_vfs::fault::write_disk_full ? errc::resource_exhausted
                                                                    : errc::unavailable));
        REQUIRE(disk.vfs.failures() >= 2);
        const auto last = big + std::to_string(committed - 2);
        REQUIRE(disk.store->get("big")->value == last);
        disk.vfs.heal();
        REQUIRE_FALSE(disk.commit("after"));
        REQUIRE(read_back(disk.dir.file())["big"] == last);
    }
}
