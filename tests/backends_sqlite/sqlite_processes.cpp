#include "reeve/core/random.hpp"
#include "sqlite_fixture.hpp"

#include <algorithm>
#include <array>
#include <list>
#include <vector>

using namespace sqlite_test;
using reeve::backends::open_sqlite_metadata_file;
using reeve::storage::change;

// Every process opens the file by itself, after it was forked: SQLite forbids anything else.
namespace {

/// Numbers from one process to another.
class channel {
public:
    channel() { REQUIRE(::pipe(ends_.data()) == 0); }
    ~channel() {
        ::close(ends_[0]);
        ::close(ends_[1]);
    }
    channel(const channel&) = delete;
    channel& operator=(const channel&) = delete;
    void send(std::int64_t number) const {
        if (::write(ends_[1], &number, sizeof number) != sizeof number) std::abort();
    }
    [[nodiscard]] std::int64_t receive() const {
        std::int64_t number = 0;
        if (::read(ends_[0], &number, sizeof number) != sizeof number) std::abort();
        return number;
    }
    /// The last number sent, once nobody sends any more; `seen` if there is none.
    std::int64_t drain(std::int64_t seen) {
        ::close(ends_[1]);
        ends_[1] = -1;
        for (std::int64_t next = 0; ::read(ends_[0], &next, sizeof next) == sizeof next;) {
            seen = next;
        }
        return seen;
    }

private:
    std::array<int, 2> ends_{};
};

std::int64_t now_us() {
    return std::chrono::duration_cast<std::chrono::microseconds>(
               std::chrono::steady_clock::now().time_since_epoch())
        .count();
}

int count_up(const std::string& path, int times) {
    const auto store = open_sqlite_metadata_file(sqlite_options(path));
    for (int done = 0; done < times;) {
        const auto found = store->get("counter");
        transaction change;
        change.if_modified_at("counter", found ? found->modified : revision());
        change.put("counter", std::to_string(found ? std::stoi(found->value) + 1 : 1));
        if (store->commit(change)) ++done;
    }
    return 0;
}

}  // namespace

TEST_CASE("sqlite: processes that compare and set lose no update") {
    const scratch dir;
    std::list<child> children;
    for (int at = 0; at < 4; ++at) children.emplace_back([&] { return count_up(dir.file(), 50); });
    for (auto& one : children) REQUIRE(one.wait() == 0);
    const auto store = open_sqlite_metadata_file(sqlite_options(dir.file()));
    REQUIRE(store->get("counter")->value == "200");
    REQUIRE(store->get("counter")->modified == revision(200));
}

TEST_CASE("sqlite: processes that create a store at once share it") {
    for (const bool empty : {false, true}) {
        for (int round = 0; round < 5; ++round) {
            const scratch dir;
            if (empty) write_file(dir.file(), "");
            std::list<child> children;
            for (int at = 0; at < 5; ++at) {
                children.emplace_back([&dir, at] {
                    const auto store = open_sqlite_metadata_file(sqlite_options(dir.file()));
                    return put(*store, "by " + std::to_string(at), "") ? 0 : 1;
                });
            }
            for (auto& one : children) REQUIRE(one.wait() == 0);
            const auto store = open_sqlite_metadata_file(sqlite_options(dir.file()));
            REQUIRE(store->list(key_range::prefix("by "), 10).records.size() == 5);
        }
    }
}

TEST_CASE("sqlite: a kill while stores are being created leaves none that cannot be opened") {
    reeve::core::random random(7);
    for (int round = 0; round < 10; ++round) {
        const scratch dir;
        channel made;
        child creator([&] {
            for (int at = 0;; ++at) {
                const auto path = dir.file("store " + std::to_string(at));
                if (at % 2 == 1) write_file(path, "");
                made.send(at);
                const auto store = open_sqlite_metadata_file(sqlite_options(path));
            }
            return 0;
        });
        auto last = made.receive();
        for (auto more = random.below(10); more > 0; --more) last = made.receive();
        for (auto spin = random.below(20'000'000); spin > 0; --spin) {
            asm volatile("");  // somewhere within the next creation
        }
        creator.kill();
        REQUIRE(creator.wait() == -1);
        last = made.drain(last);
        for (std::int64_t at = 0; at <= last; ++at) {
            const sqlite_options options(dir.file("store " + std::to_string(at)));
            REQUIRE(put(*open_sqlite_metadata_file(options), "k", "v") == revision(1));
        }
    }
}

TEST_CASE("sqlite: a writer killed at any moment loses nothing acknowledged and leaves no half") {
    const scratch dir;
    reeve::core::random random(11);
    std::int64_t acknowledged = 0;
    for (int round = 0; round < 12; ++round) {
        channel done;
        child writer([&] {
            const auto store = open_sqlite_metadata_file(sqlite_options(dir.file()));
            const auto first = store->get("a");
            for (auto at = first ? std::stoll(first->value) + 1 : 1;; ++at) {
                const auto value = std::to_string(at);
                store->commit(transaction()
                                  .put("a", value)
                                  .put("b", value)
                                  .put("pad " + std::to_string(at % 50), std::string(5000, 'x')));
                done.send(at);
            }
            return 0;
        });
        for (auto wanted = 1 + random.below(150); wanted > 0; --wanted) {
            acknowledged = done.receive();
        }
        writer.kill();
        REQUIRE(writer.wait() == -1);
        acknowledged = done.drain(acknowledged);
        child reader([&] {
            const auto store = open_sqlite_metadata_file(sqlite_options(dir.file()));
            const auto a = store->get("a");
            const auto b = store->get("b");
            return a && b && a->value == b->value && std::stoll(a->value) >= acknowledged ? 0 : 1;
        });
        REQUIRE(reader.wait() == 0);
    }
}

TEST_CASE("sqlite: a watch sees the commits of another process, soon") {
    const scratch dir;
    channel go;
    channel committed;
    child writer([&] {
        const auto store = open_sqlite_metadata_file(sqlite_options(dir.file()));
        for (auto at = go.receive(); at > 0; at = go.receive()) {
            put(*store, "k", std::to_string(at));
            committed.send(now_us());
        }
        return 0;
    });
    const auto store = open_sqlite_metadata_file(sqlite_options(dir.file()));
    std::vector<std::int64_t> latencies;
    std::uint64_t from = 1;
    for (int at = 1; at <= 31; ++at) {
        go.send(at);
        const auto batch = store->changes(key_range::one("k"), revision(from), 10, 60s);
        const auto seen = now_us();
        REQUIRE(batch.changes.size() == 1);
        REQUIRE(batch.changes[0].now.value == std::to_string(at));
        from = batch.up_to.value + 1;
        latencies.push_back(seen - committed.receive());
    }
    go.send(0);
    REQUIRE(writer.wait() == 0);
    std::nth_element(latencies.begin(), latencies.begin() + 15, latencies.end());
    INFO("median " << latencies[15] << " us");
    REQUIRE(latencies[15] <= 10'000);
}

TEST_CASE("sqlite: the lease of a dead process ends for whoever comes next") {
    const scratch dir;
    child holder([&] {
        const auto store = open_sqlite_metadata_file(sqlite_options(dir.file()));
        put(*store, "session", "", store->grant(30ms).id);
        return 0;
    });
    REQUIRE(holder.wait() == 0);
    const auto store = open_sqlite_metadata_file(sqlite_options(dir.file()));
    const auto batch = store->changes(key_range::one("session"), revision(2), 1, 60s);
    REQUIRE(batch.changes.size() == 1);
    REQUIRE(batch.changes[0].what == change::kind::removed);
    REQUIRE_FALSE(store->get("session"));
}
