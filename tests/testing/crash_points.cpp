#include "reeve/testing/crash_points.hpp"

#include "fixture.hpp"

#include <algorithm>

namespace tests {
namespace {

using testing::verdict;

/// Moves money from one account to another in two commits, with a note of what is under way, and
/// finishes what it finds half done. `careless` leaves the note out.
enum class care { full, careless };

class transfer final : public testing::crash_subject {
public:
    transfer(std::uint64_t seed, care how) : given_(seed), how_(how) {
        process_ = &world().add("bank", [this](testing::process& self) -> std::shared_ptr<void> {
            std::shared_ptr<storage::metadata_store> store = self.open_metadata();
            self.spawn(work(this, store));
            return store;
        });
    }

    testing::simulation& world() override { return given_.world; }
    void run() override {
        process_->start();
        world().run_for(minutes(1));
    }
    void recover() override {
        if (!process_->alive()) process_->start();
        world().run_for(minutes(1));
    }
    void check() override {
        world().require(given_.value_of("from") == "0", "not taken: " + given_.value_of("from"));
        world().require(given_.value_of("to") == "1", "not given: " + given_.value_of("to"));
        world().require(given_.value_of("note").empty(), "the note is still there");
    }

private:
    using shared_store = std::shared_ptr<storage::metadata_store>;

    static awaitable<void> work(transfer* self, shared_store store) {
        for (;;) {
            try {
                co_await steps(self, store);
                co_return;
            } catch (const reeve::error&) {
                self->world().count("tried again");
            }
            co_await self->process_->runtime().sleep_for(milliseconds(10));
        }
    }

    static awaitable<void> steps(transfer* self, shared_store store) {
        const auto from = co_await store->get("from");
        const auto note = co_await store->get("note");
        if (!from) {
            // 1. Take, and note what is to be given.
            storage::transaction take;
            take.if_absent("from").put("from", "0");
            if (self->how_ == care::full) take.put("note", "give 1");
            const auto taken = co_await store->commit(std::move(take));
            if (!taken) throw reeve::error(errc::unavailable, "somebody was faster");
            co_await give(store);
        } else if (note) {
            co_await give(store);
        }
    }
    static awaitable<void> give(shared_store store) {
        // 2. Give, and strike the note.
        storage::transaction change;
        change.if_absent("to").put("to", "1").remove("note");
        co_await store->commit(std::move(change));
    }

    fixture given_;
    care how_;
    testing::process* process_ = nullptr;
};

testing::crash_subject_factory make(care how) {
    return [how](std::uint64_t seed) { return std::make_unique<transfer>(seed, how); };
}

TEST_CASE("every effect is visited once per mode, and a careful program survives them all") {
    const auto report = testing::run_crash_points(make(care::full));
    INFO(report.text());
    CHECK(report.effects == std::vector<std::string>{"metadata_commit of bank: commit from",
                                                     "metadata_commit of bank: commit to"});
    CHECK(report.runs == 8);
    CHECK(report.hits == 8);
    CHECK(report.held());
    CHECK(report.double_runs > 0);
    CHECK(report.double_hits == report.double_runs);
}

TEST_CASE("a careless program is caught between its two effects") {
    const auto report = testing::run_crash_points(make(care::careless));
    INFO(report.text());
    CHECK_FALSE(report.held());
    const bool named =
        std::any_of(report.failures.begin(), report.failures.end(), [](const auto& failure) {
            return failure.where == "crash_after effect 0 (metadata_commit of bank: commit from)";
        });
    CHECK(named);
}

TEST_CASE("only the effects that are asked for are crash points") {
    testing::crash_options options;
    options.counts = [](const testing::effect& what) { return what.detail == "commit to"; };
    options.modes = {verdict::crash_before};
    options.double_crashes = 0;
    const auto report = testing::run_crash_points(make(care::careless), options);
    CHECK(report.effects.size() == 1);
    CHECK(report.runs == 1);
    CHECK(report.failures.size() == 1);
}

/// Decides the first effect only, and counts.
struct first_effect final : testing::effect_gate {
    explicit first_effect(verdict what) : decision(what) {}
    verdict decide(const testing::effect&) override {
        return seen++ == 0 ? decision : verdict::proceed;
    }
    verdict decision;
    int seen = 0;
};

awaitable<void> put_two(std::shared_ptr<storage::metadata_store> store,
                        std::shared_ptr<std::string> first, std::shared_ptr<std::string> second) {
    co_await put(store, "first", "1", first);
    co_await put(store, "second", "2", second);
}

TEST_CASE("each mode of a crash does what its name says") {
    struct expected {
        verdict mode;
        std::string told;   // what the process heard of its first effect
        std::string first;  // what the store holds
        std::string second;
        bool alive;
    };
    const auto now =
        GENERATE(expected{verdict::proceed, "ok", "1", "2", true},
                 expected{verdict::crash_before, "nothing", "", "", false},
                 expected{verdict::crash_after, "ok", "1", "", false},
                 expected{verdict::crash_after_without_reply, "nothing", "1", "", false},
                 expected{verdict::lose_reply, "outcome_unknown", "1", "2", true});
    INFO(testing::name(now.mode));
    fixture given;
    first_effect gate(now.mode);
    given.world.set_gate(&gate);
    auto& process = given.add("node");
    std::shared_ptr<storage::metadata_store> store = process.open_metadata();
    auto first = std::make_shared<std::string>("nothing");
    auto second = std::make_shared<std::string>("nothing");
    process.spawn(put_two(store, first, second));
    store.reset();
    given.world.run_for(minutes(1));
    CHECK(*first == now.told);
    CHECK(given.value_of("first") == now.first);
    CHECK(given.value_of("second") == now.second);
    CHECK(process.alive() == now.alive);
    CHECK(gate.seen == (now.alive ? 2 : 1));
}

TEST_CASE("messages are effects with the same modes") {
    const auto mode =
        GENERATE(verdict::crash_before, verdict::crash_after, verdict::crash_after_without_reply);
    INFO(testing::name(mode));
    fixture given;
    int handled = 0;
    auto& server = given.world.add("server", [&](testing::process& self) -> std::shared_ptr<void> {
        self.service().on("echo", [&](std::string body, transport::request_info) {
            ++handled;
            return [](std::string reply) -> awaitable<std::string> { co_return reply; }(body);
        });
        return nullptr;
    });
    server.start();
    first_effect gate(mode);
    given.world.set_gate(&gate);
    auto& client = given.add("client");
    auto outcome = std::make_shared<std::string>("nothing");
    client.spawn(ask(&client, "server", "hello", seconds(5), outcome));
    given.world.run_for(seconds(10));
    CHECK_FALSE(client.alive());
    CHECK(handled == (mode == verdict::crash_before ? 0 : 1));
    CHECK(*outcome == (mode == verdict::crash_after ? "hello" : "nothing"));
}

}  // namespace
}  // namespace tests
