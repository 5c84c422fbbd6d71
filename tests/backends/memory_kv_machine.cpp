#include "catch.hpp"
#include "reeve/backends/kv_machine.hpp"
#include "reeve/core/error.hpp"
#include "reeve/core/random.hpp"

#include <chrono>
#include <map>
#include <string>
#include <vector>

using namespace std::chrono_literals;
using namespace reeve;
using backends::kv_commit;
using backends::kv_compact;
using backends::kv_end_lease;
using backends::kv_grant;
using backends::kv_machine;
using storage::revision;
using storage::transaction;

namespace {

errc restore_failure(const std::string& bytes) {
    kv_machine machine;
    machine.apply(kv_commit(transaction().put("kept", "x")));
    const std::string before = machine.snapshot();
    try {
        machine.restore(bytes);
    } catch (const error& failure) {
        REQUIRE(machine.snapshot() == before);
        return failure.code_value();
    }
    return errc{};
}

kv_machine example() {
    kv_machine machine;
    const auto lease = machine.apply(kv_grant{500ms}).grant.id;
    machine.apply(kv_grant{700ms});
    machine.apply(kv_commit(transaction().put("a", "1").put("b", std::string("\0\xff", 2), lease)));
    machine.apply(kv_commit(transaction().put("a", "2").remove("b").put("c", "3", lease)));
    machine.apply(kv_compact{revision(1)});
    return machine;
}

backends::kv_command random_command(core::random& random, const kv_machine& machine) {
    const auto key = [&] { return "k" + std::to_string(random.below(6)); };
    const auto leases = machine.leases();
    switch (random.below(12)) {
        case 0:
            return kv_grant{std::chrono::milliseconds(random.below(3))};
        case 1:
            return kv_end_lease{storage::lease_id(random.below(20))};
        case 2:
            return kv_compact{revision(random.below(machine.revision().value + 2))};
        default:
            break;
    }
    transaction change;
    const auto found = machine.get("k0");
    if (random.chance(1, 3)) change.if_absent(key());
    if (random.chance(1, 3) && found) change.if_modified_at("k0", found->modified);
    const storage::lease_id lease =
        leases.empty() || random.chance(1, 2) ? storage::lease_id(random.below(2)) : leases.back();
    change.put(key(), std::to_string(random.next()), lease);
    if (random.chance(1, 3)) change.remove(key());
    return kv_commit(std::move(change));
}

}  // namespace

TEST_CASE("kv machine: a commit without effect takes no revision") {
    kv_machine machine;
    const auto first = machine.apply(kv_commit(transaction().put("a", "1")));
    const auto missing = machine.apply(kv_commit(transaction().remove("b")));
    REQUIRE(missing.commit);
    REQUIRE(missing.commit.at == first.commit.at);
    const auto reading = machine.apply(kv_commit(transaction().if_absent("b")));
    REQUIRE(reading.commit);
    REQUIRE(machine.revision() == first.commit.at);
}

TEST_CASE("kv machine: a removed key begins a new life when it is written again") {
    kv_machine machine;
    machine.apply(kv_commit(transaction().put("a", "1")));
    machine.apply(kv_commit(transaction().put("a", "2")));
    machine.apply(kv_commit(transaction().remove("a")));
    machine.apply(kv_commit(transaction().put("a", "3")));
    const auto found = machine.get("a");
    REQUIRE(found->created == revision(4));
    REQUIRE(found->version == 1);
    const auto old = machine.apply(kv_commit(transaction().if_created_at("a", revision(1))));
    REQUIRE_FALSE(old.commit);
}

TEST_CASE("kv machine: a refused command says why and changes nothing") {
    kv_machine machine = example();
    const std::string before = machine.snapshot();
    const auto lost =
        machine.apply(kv_commit(transaction().put("x", "1").put("y", "2", storage::lease_id(77))));
    REQUIRE(lost.failure == errc::lease_not_found);
    REQUIRE(lost.context.find("\"y\"") != std::string::npos);
    const auto twice = machine.apply(kv_commit(transaction().put("x", "1").remove("x")));
    REQUIRE(twice.failure == errc::invalid_argument);
    REQUIRE(machine.apply(kv_grant{0ms}).failure == errc::invalid_argument);
    REQUIRE(machine.snapshot() == before);
    REQUIRE_THROWS_AS(twice.throw_failure(), error);
}

TEST_CASE("kv machine: conditions are decided before leases are looked at") {
    kv_machine machine;
    const auto result = machine.apply(kv_commit(
        transaction().if_created_at("a", revision(1)).put("a", "1", storage::lease_id(9))));
    REQUIRE(result.failure == errc{});
    REQUIRE(result.commit.failed == std::vector<std::size_t>{0});
}

TEST_CASE("kv machine: lease ids are not used again after a restore") {
    kv_machine machine;
    const auto first = machine.apply(kv_grant{1s}).grant.id;
    machine.apply(kv_end_lease{first});
    kv_machine again;
    again.restore(machine.snapshot());
    REQUIRE(again.apply(kv_grant{1s}).grant.id > first);
}

TEST_CASE("kv machine: a restored machine is the same and goes on the same way") {
    for (std::uint64_t seed = 1; seed <= 30; ++seed) {
        INFO("seed " << seed);
        core::random random(seed);
        kv_machine one;
        kv_machine other;
        for (int step = 0; step < 300; ++step) {
            const auto command = random_command(random, one);
            const auto here = one.apply(command);
            const auto there = other.apply(command);
            REQUIRE(here.failure == there.failure);
            REQUIRE(here.commit.at == there.commit.at);
            if (random.chance(1, 20)) {
                const std::string bytes = one.snapshot();
                kv_machine fresh;
                fresh.restore(bytes);
                REQUIRE(fresh.snapshot() == bytes);
                one = std::move(fresh);
            }
        }
        REQUIRE(one.snapshot() == other.snapshot());
        REQUIRE(one.revision().value > 100);
    }
}

TEST_CASE("kv machine: the history, applied to nothing, gives the records") {
    core::random random(7);
    kv_machine machine;
    std::map<std::string, storage::record> view;
    storage::revision seen;
    const auto all = storage::key_range::prefix("");
    for (int step = 0; step < 2000; ++step) {
        auto command = random_command(random, machine);
        if (std::holds_alternative<kv_compact>(command)) command = kv_compact{seen};
        machine.apply(command);
        if (!random.chance(1, 3)) continue;
        const auto batch = machine.changes(all, revision(seen.value + 1), 2);
        for (const auto& one : batch.changes) {
            if (one.what == storage::change::kind::put) {
                view[one.now.key] = one.now;
            } else {
                view.erase(one.now.key);
            }
        }
        seen = std::max(seen, batch.up_to);
    }
    while (seen < machine.revision()) {
        const auto batch = machine.changes(all, revision(seen.value + 1), 100);
        for (const auto& one : batch.changes) {
            if (one.what == storage::change::kind::put) view[one.now.key] = one.now;
            if (one.what == storage::change::kind::removed) view.erase(one.now.key);
        }
        seen = batch.up_to;
    }
    const auto records = machine.list(all, 1000).records;
    REQUIRE(records.size() == view.size());
    for (const auto& one : records) REQUIRE(view.at(one.key) == one);
}

TEST_CASE("kv machine: no changed byte and no cut of a snapshot is taken for good") {
    const std::string good = example().snapshot();
    REQUIRE(restore_failure(good) == errc{});
    for (std::size_t at = 0; at < good.size(); ++at) {
        INFO("byte " << at);
        std::string changed = good;
        changed[at] = static_cast<char>(changed[at] ^ 0x21);
        const errc failure = restore_failure(changed);
        const bool format_field = at >= 8 && at < 16;
        REQUIRE(failure == (format_field ? errc::unsupported_format : errc::corrupt));
        REQUIRE(restore_failure(good.substr(0, at)) == errc::corrupt);
    }
    REQUIRE(restore_failure(good + "x") == errc::corrupt);
}

TEST_CASE("kv machine: compaction for a size keeps the newest changes, whole commits") {
    kv_machine machine;
    for (int n = 0; n < 5; ++n) {
        machine.apply(kv_commit(transaction().put("a", "1").put("b", "2")));
    }
    REQUIRE(machine.history_size() == 10);
    REQUIRE(machine.compaction_for(10) == revision(0));
    REQUIRE(machine.compaction_for(5) == revision(3));
    machine.apply(kv_compact{machine.compaction_for(5)});
    REQUIRE(machine.history_size() == 4);
    REQUIRE_THROWS_AS(machine.changes(storage::key_range::prefix(""), revision(3), 1), error);
}

TEST_CASE("kv machine: copies share nothing that changes") {
    kv_machine one = example();
    kv_machine two = one;
    two.apply(kv_commit(transaction().put("a", "other").remove("c")));
    REQUIRE(one.get("a")->value == "2");
    REQUIRE(one.get("c"));
    REQUIRE(one.snapshot() == example().snapshot());
}
