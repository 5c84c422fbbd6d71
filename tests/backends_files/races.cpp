#include "fixture.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <barrier>
#include <functional>
#include <set>
#include <thread>

using namespace files_tests;

namespace {

constexpr std::size_t racers = 16;

// Runs `work` on 16 threads at once.
void race(const std::function<void(std::size_t)>& work) {
    std::barrier together(static_cast<std::ptrdiff_t>(racers));
    std::vector<std::jthread> threads;
    for (std::size_t index = 0; index < racers; ++index) {
        threads.emplace_back([&, index] {
            together.arrive_and_wait();
            work(index);
        });
    }
}

// Runs `work` in `count` processes at once; each gives the number of its exit code.
std::vector<int> race_processes(std::size_t count, const std::function<int(std::size_t)>& work) {
    int gate[2] = {};
    REQUIRE(::pipe(gate) == 0);
    std::vector<::pid_t> children;
    for (std::size_t index = 0; index < count; ++index) {
        const auto child = ::fork();
        REQUIRE(child >= 0);
        if (child == 0) {
            ::close(gate[1]);
            char byte = 0;
            const auto waited = ::read(gate[0], &byte, 1);  // until the parent closes the gate
            ::_exit(waited == 0 ? work(index) : 250);
        }
        children.push_back(child);
    }
    ::close(gate[0]);
    ::close(gate[1]);
    std::vector<int> results;
    for (const auto child : children) {
        int status = 0;
        REQUIRE(::waitpid(child, &status, 0) == child);
        REQUIRE(WIFEXITED(status));
        results.push_back(WEXITSTATUS(status));
    }
    return results;
}

std::uint64_t number_in(reeve::storage::blocking_object_store& store, const std::string& key) {
    return std::stoull(store.get(key, {})->bytes);
}

// Adds one, by compare-and-set, until it wins.
void count_one(reeve::storage::blocking_object_store& store, const std::string& key) {
    for (;;) {
        const auto seen = store.get(key, {});
        const auto next = std::to_string(std::stoull(seen->bytes) + 1);
        if (store.put_if_match(key, next, seen->meta.version)) return;
    }
}

}  // namespace

TEST_CASE("of 16 threads that create an object exactly one wins") {
    const temporary_directory directory;
    const auto store = open_at(directory.string());
    for (int round = 0; round < 20; ++round) {
        const auto key = "race/" + std::to_string(round);
        std::atomic<int> winners = 0;
        std::atomic<std::size_t> winner = racers;
        race([&](std::size_t index) {
            if (store->put_if_absent(key, std::to_string(index))) {
                ++winners;
                winner = index;
            }
        });
        REQUIRE(winners == 1);
        REQUIRE(number_in(*store, key) == winner);
    }
}

TEST_CASE("of 16 threads that replace one version exactly one wins") {
    const temporary_directory directory;
    const auto store = open_at(directory.string());
    auto version = store->put("k", "start");
    for (int round = 0; round < 20; ++round) {
        std::atomic<int> winners = 0;
        std::atomic<std::size_t> winner = racers;
        std::vector<std::optional<object_version>> results(racers);
        race([&](std::size_t index) {
            results[index] = store->put_if_match("k", std::to_string(index), version);
            if (results[index]) {
                ++winners;
                winner = index;
            }
        });
        REQUIRE(winners == 1);
        REQUIRE(number_in(*store, "k") == winner);
        version = *results[winner];
        REQUIRE(store->head("k")->version == version);
    }
}

TEST_CASE("no increment is lost between plain puts, removes and compare-and-set") {
    const temporary_directory directory;
    const auto store = open_at(directory.string());
    store->put("n", "0");
    race([&](std::size_t) {
        for (int round = 0; round < 10; ++round) count_one(*store, "n");
    });
    CHECK(number_in(*store, "n") == 10 * racers);
}

TEST_CASE("a plain put is never undone by a compare-and-set that did not see it") {
    const temporary_directory directory;
    const auto store = open_at(directory.string());
    for (int round = 0; round < 20; ++round) {
        const auto seen = store->put("k", "old");
        std::atomic<bool> matched = false;
        race([&](std::size_t index) {
            if (index == 0) {
                store->put("k", "put");
            } else if (store->put_if_match("k", "matched", seen)) {
                matched = true;
            }
        });
        REQUIRE(content(*store, "k") == "put");  // before the put or not at all
    }
}

TEST_CASE("readers always see a whole object while it is replaced and removed") {
    const temporary_directory directory;
    const auto store = open_at(directory.string());
    const auto text = [](std::size_t index) {
        return std::string(1000 + index * 9000, static_cast<char>('a' + index));
    };
    store->put("k", text(0));
    race([&](std::size_t index) {
        for (int round = 0; round < 30; ++round) {
            if (index % 4 == 0) {
                store->put("k", text(index));
            } else if (index == 1) {
                store->remove("k");
            } else if (const auto found = store->get("k", {})) {
                const auto writer = static_cast<std::size_t>(found->bytes.at(0) - 'a');
                if (found->bytes != text(writer)) throw std::logic_error("half an object");
            }
        }
    });
    SUCCEED();
}

TEST_CASE("a listing during changes shows what was there all the time exactly once") {
    const temporary_directory directory;
    const auto store = open_at(directory.string());
    std::vector<std::string> stable;
    for (int index = 0; index < 200; ++index) stable.push_back("s/" + std::to_string(1000 + index));
    for (const auto& key : stable) store->put(key, "");
    std::atomic<bool> stop = false;
    std::jthread changer([&] {
        for (int round = 0; !stop; ++round) {
            const auto key = "s/" + std::to_string(1000 + round % 200);
            store->put(key + "x", "");
            store->put(key, "again");
            store->remove(key + "x");
        }
    });
    for (int round = 0; round < 20; ++round) {
        std::vector<std::string> seen;
        for (const auto& key : keys_of(*store, "s/", 17)) {
            if (!key.ends_with('x')) seen.push_back(key);
        }
        CHECK(seen == stable);
    }
    stop = true;
}

TEST_CASE("of several processes exactly one opens, creates or replaces first") {
    const temporary_directory directory;
    const auto path = (directory.path() / "store").string();
    const auto opened = race_processes(6, [&](std::size_t index) {
        const auto store = open_at(path);  // all make the store at once
        return store->put_if_absent("k", std::to_string(index)) ? 1 : 0;
    });
    CHECK(std::count(opened.begin(), opened.end(), 1) == 1);
    const auto store = open_at(path);
    const auto winner = std::find(opened.begin(), opened.end(), 1) - opened.begin();
    CHECK(number_in(*store, "k") == static_cast<std::uint64_t>(winner));
    store->put("n", "0");
    const auto counted = race_processes(6, [&](std::size_t) {
        const auto own = open_at(path);
        for (int round = 0; round < 25; ++round) count_one(*own, "n");
        return 0;
    });
    CHECK(std::count(counted.begin(), counted.end(), 0) == 6);
    CHECK(number_in(*store, "n") == 150);
}
