#include "coordinator/fixture.hpp"
#include "reeve/catalog/codec.hpp"
#include "reeve/catalog/root.hpp"

#include <string>
#include <utility>

using namespace coordinator_test;

namespace {

/// A settled world whose leader has died, so that the next one finds what the test has written.
struct deserted : world {
    deserted() {
        start();
        ensure({"a", "b"});
        REQUIRE(settle());
        commit("a", "", "p1");
        coordinator().kill();
        sim.run_for(30s);
    }
    /// Starts a coordinator, which must not lead; what it says.
    std::string refusal() {
        const auto before = records();
        coordinator().start();
        sim.run_for(3min);
        CHECK(leading() == nullptr);
        CHECK(records() == before);
        return of(coordinator()).status().trouble;
    }
};

bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("recovery: a corrupt record is named by its key, nothing is touched, and mending helps") {
    for (const char* key : {"t/channels/b", "t/progress/a", "t/root", "t/batches/3", "t/leader"}) {
        for (const char* value : {"", "garbage", "{}", "{\"v\":1,\"min_reader\":1}", "\xff\xfe"}) {
            INFO(key << " = '" << value << "'");
            deserted it;
            std::string before;
            for (const auto& one : it.stores.database->dump()) {
                if (one.key == key) before = one.value;
            }
            it.write(key, value);
            const auto said = it.refusal();
            INFO(said);
            CHECK(has(said, key));
            CHECK(has(said, "corrupt"));
            CHECK(has(to_string(world::of(it.coordinator()).status()), key));
            if (before.empty()) continue;
            it.write(key, before);
            REQUIRE(it.run_until([&] { return it.leading() != nullptr; }));
            CHECK(world::of(it.coordinator()).status().trouble.empty());
            REQUIRE(it.settle());
            CHECK(it.ensure({"a", "b"}).size() == 2);
        }
    }
}

TEST_CASE("recovery: a record of a newer format is refused by name and version, not guessed at") {
    for (const char* key : {"t/channels/b", "t/progress/a", "t/root"}) {
        INFO(key);
        deserted it;
        it.write(key, "{\"v\":9,\"min_reader\":9}");
        const auto said = it.refusal();
        INFO(said);
        CHECK(has(said, key));
        CHECK(has(said, "9"));
        CHECK(has(said, "newer format"));
    }
}

TEST_CASE("recovery: a name in a key that no host can have given is corrupt, and named") {
    deserted it;
    it.write("t/channels/not a name", catalog::encode(model::channel_entry()));
    const auto said = it.refusal();
    INFO(said);
    CHECK(has(said, "t/channels/not a name"));
}

TEST_CASE("recovery: another cluster's store is refused, and not even campaigned for") {
    deserted it;
    catalog::root_info other;
    other.cluster = "other";
    other.lineage = model::lineage(1);
    it.write("t/root", catalog::encode(other));
    const auto revision = it.revision();
    const auto said = it.refusal();
    INFO(said);
    CHECK(has(said, "other"));
    CHECK(has(said, "test"));
    CHECK(it.revision() == revision);
    for (const auto& one : it.stores.database->dump()) CHECK(one.key != "t/leader");
}

TEST_CASE("recovery: a store that has lost its root record is refused, not claimed anew") {
    deserted it;
    auto change = storage::transaction().remove("t/root");
    REQUIRE(it.sim.run(it.sim.metadata()->commit(std::move(change))));
    const auto revision = it.revision();
    const auto said = it.refusal();
    INFO(said);
    CHECK(has(said, "t/root"));
    CHECK(it.revision() == revision);
}

TEST_CASE("recovery: a raised lineage is taken over by the next leader, with everything else") {
    deserted it;
    const auto raised = it.sim.run(catalog::raise_lineage(*it.sim.metadata(), it.keys));
    it.coordinator().start();
    REQUIRE(it.run_until([&] { return it.leading() != nullptr; }));
    CHECK(it.leader().status().root.lineage == raised.lineage);
    REQUIRE(it.settle());
    CHECK(it.holder("a") != "");
}

TEST_CASE("recovery: a counter that cannot be read stops new grants, and is named") {
    deserted it;
    it.write("t/ids", "garbage");
    const auto before = it.records();
    it.coordinator().start();
    REQUIRE(it.run_until([&] { return it.leading() != nullptr; }));
    CHECK(it.holder("a") != "");  // what is granted goes on
    it.write("new", model::channel_entry());
    it.coordinator().restart();
    REQUIRE(
        it.run_until([&] { return has(world::of(it.coordinator()).status().trouble, "t/ids"); }));
    CHECK(it.entry("new") == model::channel_entry());
    CHECK(it.records().at("t/ids") == before.at("t/ids"));
}
