#include "reeve/catalog/root.hpp"

#include "catalog/faulty_store.hpp"
#include "catalog/support.hpp"

#include <string>

using namespace reeve;
using catalog::claim_root;
using catalog::raise_lineage;
using catalog::read_root;
using support::fault;
using support::faulty_store;

namespace {

struct fixture : support::world {
    fixture() : faulty(store) {}
    catalog::key_layout keys{"r"};
    faulty_store faulty;
    const catalog::root_info ours{"ours", model::lineage(1)};
};

}  // namespace

TEST_CASE_METHOD(fixture,
                 "an empty store has no root; the first claim writes it, the next read it") {
    CHECK_FALSE(run(read_root(store, keys)));
    CHECK(run(claim_root(faulty, keys, "ours")) == ours);
    CHECK(run(claim_root(faulty, keys, "ours")) == ours);
    CHECK(faulty.commits == 1);
    CHECK(run(read_root(store, keys)) == ours);
}

TEST_CASE_METHOD(fixture, "another cluster's store is foreign, and left alone") {
    run(claim_root(store, keys, "theirs"));
    const auto before = get(keys.root_record());
    CHECK(failure_of(claim_root(store, keys, "ours")) == errc::foreign);
    CHECK(last_context.find("theirs") != std::string::npos);
    CHECK(get(keys.root_record()) == before);
    CHECK(failure_of(claim_root(store, keys, "a/b")) == errc::invalid_argument);
}

TEST_CASE_METHOD(fixture, "a race for an empty store has one winner, and all learn who") {
    faulty.before_commit = [this](std::size_t number) -> awaitable<void> {
        if (number != 0) co_return;
        co_await claim_root(store, keys, "theirs");
    };
    SECTION("against another cluster") {
        CHECK(failure_of(claim_root(faulty, keys, "ours")) == errc::foreign);
    }
    SECTION("against the same") {
        CHECK(run(claim_root(faulty, keys, "theirs")).cluster == "theirs");
    }
    CHECK(run(read_root(store, keys))->cluster == "theirs");
}

TEST_CASE_METHOD(fixture, "a claim of unknown outcome is resolved by reading") {
    SECTION("applied") {
        faulty.faults[0] = fault::no_reply;
        CHECK(run(claim_root(faulty, keys, "ours")) == ours);
    }
    SECTION("not there: the caller is told, and repeats") {
        faulty.faults[0] = fault::ghost;
        CHECK(failure_of(claim_root(faulty, keys, "ours")) == errc::outcome_unknown);
        CHECK(run(claim_root(faulty, keys, "ours")) == ours);
        CHECK(run(raise_lineage(faulty, keys)).lineage == model::lineage(2));
        run(faulty.land());
        CHECK(run(read_root(store, keys))->lineage == model::lineage(2));
    }
    SECTION("away") {
        faulty.faults[0] = fault::away;
        CHECK(failure_of(claim_root(faulty, keys, "ours")) == errc::unavailable);
        CHECK_FALSE(run(read_root(store, keys)));
    }
}

TEST_CASE_METHOD(fixture, "a store that has ids and no root has lost it: it is not claimed anew") {
    put(keys.ids(), catalog::encode(catalog::id_counter{5}));
    CHECK(failure_of(claim_root(store, keys, "ours")) == errc::corrupt);
    CHECK_FALSE(get(keys.root_record()));
}

TEST_CASE_METHOD(fixture, "raising the lineage needs a root, and loses no race") {
    CHECK(failure_of(raise_lineage(store, keys)) == errc::not_found);
    run(claim_root(store, keys, "ours"));
    CHECK(run(raise_lineage(store, keys)).lineage == model::lineage(2));
    faulty.before_commit = [this](std::size_t number) -> awaitable<void> {
        if (number != 0) co_return;
        co_await raise_lineage(store, keys);
    };
    CHECK(run(raise_lineage(faulty, keys)).lineage == model::lineage(4));
    CHECK(run(read_root(store, keys)) == catalog::root_info{"ours", model::lineage(4)});
}

TEST_CASE_METHOD(fixture, "a root record that cannot be read is not replaced") {
    for (const std::string bad : {"{}", R"({"v":9,"min_reader":9})"}) {
        put(keys.root_record(), bad);
        const auto expected = bad == "{}" ? errc::corrupt : errc::unsupported_format;
        CHECK(failure_of(read_root(store, keys)) == expected);
        CHECK(failure_of(claim_root(store, keys, "ours")) == expected);
        CHECK(failure_of(raise_lineage(store, keys)) == expected);
        CHECK(get(keys.root_record())->value == bad);
    }
}
