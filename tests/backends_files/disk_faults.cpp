#include "fixture.hpp"

#include "reeve/core/guards.hpp"
#include "reeve/core/random.hpp"

#include <cerrno>
#include <functional>
#include <set>

using namespace files_tests;
using reeve::testing::disk_effect;
using reeve::testing::power_loss;
using reeve::testing::simulated_disk;

namespace {

// What a key may hold after a crash: what was acknowledged last, or what was being written.
class model {
public:
    explicit model(blocking_store store) : store_(std::move(store)) {}

    // The calls of a scenario: all kinds of effects, on nested keys.
    void run() {
        put("a", "1");
        put("d/e/a", "2");
        create("d/e/b", std::string(2000, 'b'));
        create("d/e/b", "not this");
        replace("a", "3");
        put("d/e/a", std::string(70000, 'c'));
        remove("d/e/b");
        create("d/e/b", "4");
        replace("a", "5");
        remove("a");
        put("z/" + std::string(200, 'z'), "6");
    }

    void check(reeve::storage::blocking_object_store& after) const {
        std::set<std::string> listed;
        for (const auto& key : keys_of(after)) listed.insert(key);
        for (const auto& [key, allowed] : allowed_) {
            const auto found = content(after, key);
            INFO(key);
            REQUIRE(allowed.contains(found));
            REQUIRE(listed.erase(key) == (found ? 1 : 0));
        }
        REQUIRE(listed.empty());
    }

private:
    using value = std::optional<std::string>;

    void change(const std::string& key, const value& to, const std::function<bool()>& call) {
        auto& allowed = allowed_.try_emplace(key, std::set<value>{std::nullopt}).first->second;
        allowed.insert(to);
        if (call()) allowed = {to};  // acknowledged: nothing else is right
    }
    void put(const std::string& key, const std::string& bytes) {
        change(key, bytes, [&] { return store_->put(key, bytes), true; });
    }
    void create(const std::string& key, const std::string& bytes) {
        const auto before = allowed_.try_emplace(key, std::set<value>{std::nullopt}).first->second;
        change(key, bytes, [&] { return store_->put_if_absent(key, bytes).has_value(); });
        if (allowed_[key].size() > 1) allowed_[key] = before;  // rejected: unchanged
    }
    void replace(const std::string& key, const std::string& bytes) {
        const auto seen = store_->head(key);
        change(key, bytes,
               [&] { return store_->put_if_match(key, bytes, seen->version).has_value(); });
    }
    void remove(const std::string& key) {
        change(key, std::nullopt, [&] { return store_->remove(key), true; });
    }

    blocking_store store_;
    std::map<std::string, std::set<value>> allowed_;
};

std::uint64_t effects_of_scenario() {
    const auto disk = simulated_disk::make(1);
    model whole(open_on(disk));
    whole.run();
    const auto effects = disk->effects();
    whole.check(*open_on(disk));
    return effects;
}

// The power goes in effect `at`; then everything acknowledged must be there, and nothing half.
void crash_at(std::uint64_t at, power_loss when, std::uint64_t seed) {
    INFO("effect " << at << (when == power_loss::before ? " before" : " after") << " seed "
                   << seed);
    const auto disk = simulated_disk::make(seed);
    disk->cut_power_at(at, when);
    std::unique_ptr<model> running;
    bool failed = false;
    try {
        running = std::make_unique<model>(open_on(disk));
        running->run();
    } catch (const reeve::error&) {
        failed = true;
    }
    CHECK(failed);
    disk->crash(seed);
    const auto recovered = open_on(disk);
    if (running) {
        running->check(*recovered);
    } else {
        CHECK(keys_of(*recovered).empty());
    }
    recovered->put("after", "recovery");
    CHECK(content(*recovered, "after") == "recovery");
    std::size_t leftovers = 0;
    for (const auto& [path, bytes] : disk->contents()) {
        if (path.starts_with("temporary/") && !path.ends_with("/lock")) ++leftovers;
    }
    CHECK(leftovers == 0);
}

}  // namespace

TEST_CASE("a crash at any effect keeps what was acknowledged and shows nothing half-written") {
    const auto effects = effects_of_scenario();
    REQUIRE(effects > 50);
    for (std::uint64_t at = 0; at < effects; ++at) {
        for (std::uint64_t seed = 1; seed <= 8; ++seed) {
            crash_at(at, power_loss::before, seed * 1000 + at);
            crash_at(at, power_loss::after, seed * 1000 + at);
        }
    }
}

TEST_CASE("a second crash during recovery loses nothing either") {
    reeve::core::random random(11);
    for (int round = 0; round < 300; ++round) {
        const auto disk = simulated_disk::make(random.next());
        auto running = std::make_unique<model>(open_on(disk));
        disk->cut_power_at(random.below(60), power_loss::after);
        try {
            running->run();
        } catch (const reeve::error&) {
        }
        for (int again = 0; again < 3; ++again) {
            disk->crash(random.next());
            disk->cut_power_at(random.below(6), power_loss::before);
            try {
                (void)open_on(disk);
            } catch (const reeve::error&) {
            }
        }
        disk->crash(random.next());
        running->check(*open_on(disk));
    }
}

#if defined(REEVE_GUARD_SWITCHES)
TEST_CASE("without syncs a crash is noticed: the test above can fail") {
    reeve::core::set_enforced(reeve::core::guard::fsync, false);
    int lost = 0;
    for (std::uint64_t seed = 1; seed <= 50; ++seed) {
        const auto disk = simulated_disk::make(seed);
        const auto store = open_on(disk);
        store->put("a", "1");
        disk->crash(seed);
        try {
            if (content(*open_on(disk), "a") != "1") ++lost;
        } catch (const reeve::error&) {
            ++lost;
        }
    }
    reeve::core::set_enforced(reeve::core::guard::fsync, true);
    CHECK(lost > 10);
}
#endif

TEST_CASE("a full or failing disk is an error of the right class, and nothing half is visible") {
    struct expectation {
        disk_effect what;
        int number;
        errc code;
        bool visible;  // the new content may be seen
    };
    const auto expected =
        GENERATE(expectation{disk_effect::create, ENOSPC, errc::resource_exhausted, false},
                 expectation{disk_effect::create, EIO, errc::unavailable, false},
                 expectation{disk_effect::append, ENOSPC, errc::resource_exhausted, false},
                 expectation{disk_effect::append, EDQUOT, errc::resource_exhausted, false},
                 expectation{disk_effect::append, EIO, errc::unavailable, false},
                 expectation{disk_effect::sync, ENOSPC, errc::resource_exhausted, false},
                 expectation{disk_effect::sync, EIO, errc::unavailable, false},
                 expectation{disk_effect::rename, ENOSPC, errc::resource_exhausted, false},
                 expectation{disk_effect::rename, EROFS, errc::permission_denied, false},
                 expectation{disk_effect::rename, EIO, errc::outcome_unknown, false},
                 expectation{disk_effect::sync_directory, ENOSPC, errc::outcome_unknown, true},
                 expectation{disk_effect::sync_directory, EIO, errc::outcome_unknown, true});
    INFO(reeve::testing::name(expected.what) << " " << expected.number);
    const auto disk = simulated_disk::make(5);
    const auto store = open_on(disk);
    const auto version = store->put("d/k", "old");
    const std::string fresh(100000, 'n');
    disk->fail(expected.what, 0, expected.number);
    const bool conditional = GENERATE(false, true);
    const auto code = code_of([&] {
        if (conditional) return store->put_if_match("d/k", fresh, version).has_value();
        return store->put("d/k", fresh), true;
    });
    CHECK(code == expected.code);
    CHECK((content(*store, "d/k") == (expected.visible ? fresh : "old")));
    CHECK(keys_of(*store) == std::vector<std::string>{"d/k"});
    for (const auto& [path, bytes] : disk->contents()) {
        const bool leftover = path.starts_with("temporary/") && !path.ends_with("/lock");
        CHECK_FALSE(leftover);
    }
    store->put("d/k", "next");
    disk->crash(1);
    CHECK(content(*open_on(disk), "d/k") == "next");
}

TEST_CASE("a failing disk is an error when objects are created and removed, too") {
    const auto disk = simulated_disk::make(6);
    const auto store = open_on(disk);
    store->put("d/k", "old");
    const auto create = [&] { return store->put_if_absent("d/new", "x").has_value(); };
    const auto remove = [&] { return store->remove("d/k"), true; };
    disk->fail(disk_effect::link, 0, ENOSPC);
    CHECK(code_of(create) == errc::resource_exhausted);
    disk->fail(disk_effect::link, 0, EIO);
    CHECK(code_of(create) == errc::outcome_unknown);
    disk->fail(disk_effect::make_directory, 0, ENOSPC);
    CHECK(code_of([&] { return store->put("x/y", ""); }) == errc::resource_exhausted);
    disk->fail(disk_effect::remove, 0, EIO);
    CHECK(code_of(remove) == errc::outcome_unknown);
    CHECK(content(*store, "d/k") == "old");
    disk->fail(disk_effect::sync_directory, 0, EIO);
    CHECK(code_of(remove) == errc::outcome_unknown);
    store->put("d/k", "old");
    disk->fail(disk_effect::sync_directory, 0, EIO);
    const auto results = store->remove_many({"d/k", "elsewhere"});  // the top directory first
    CHECK_FALSE(results[0].failure);
    CHECK(results[1].failure == reeve::make_error_code(errc::outcome_unknown));
    // A rejection that is not known to be durable is no rejection.
    store->put("d/k", "old");
    disk->fail(disk_effect::sync_directory, 0, EIO);
    CHECK(code_of([&] { return store->put_if_absent("d/k", ""); }) == errc::unavailable);
    CHECK(content(*store, "d/k") == "old");
}

TEST_CASE("a disk that fails while the store is opened is an error, and the next opening works") {
    const auto probe = simulated_disk::make(7);
    (void)open_on(probe);
    for (std::size_t kind = 0; kind < static_cast<std::size_t>(disk_effect::count_); ++kind) {
        const auto what = static_cast<disk_effect>(kind);
        for (std::uint64_t nth = 0; nth < probe->effects(what); ++nth) {
            if (what == disk_effect::remove) continue;  // of a leftover: it stays
            INFO(reeve::testing::name(what) << " " << nth);
            const auto disk = simulated_disk::make(8);
            disk->fail(what, nth, EIO);
            CHECK(code_of([&] { return open_on(disk); }) == errc::unavailable);
            disk->crash(nth);
            open_on(disk)->put("a", "1");
            CHECK(content(*open_on(disk), "a") == "1");
        }
    }
}
