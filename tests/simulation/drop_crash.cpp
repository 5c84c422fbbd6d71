// S7: a channel with ten thousand segments is dropped, and the leader crashes at every batch.
#include "catch.hpp"
#include "reeve/catalog/codec.hpp"
#include "reeve/catalog/root.hpp"
#include "reeve/coordinator/coordinator.hpp"
#include "reeve/core/error.hpp"
#include "reeve/node/node.hpp"
#include "reeve/testing/crash_points.hpp"
#include "reeve/testing/forwarding_metadata_store.hpp"
#include "reeve/testing/memory_world.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace dropping {

using namespace reeve;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr std::uint64_t segments = 10'000;
constexpr std::uint64_t first_segment = 1001;
constexpr std::uint64_t bystanders = 50;  // segments of another collection
constexpr std::uint64_t last_flushes = 5;
constexpr std::size_t writes_max = 256;  // in a transaction
const model::collection_id doomed(2);
const model::collection_id other(3);

model::segment_record record_of(model::segment_id segment, const std::string& channel) {
    model::segment_record record;
    record.partition = model::partition_id(1);
    record.channel = model::channel_name(channel);
    record.limits = model::segment_limits{100, 0};
    record.rows = 50;
    record.created = model::timestamp(1);
    record.end = model::position("m1");
    // The first ones are still on their way; only those that grow get a last flush.
    const auto number = segment.value - first_segment;
    record.state = number < last_flushes ? model::segment_state::growing
                   : number < 40         ? model::segment_state::sealed
                   : number < 80         ? model::segment_state::flushing
                                         : model::segment_state::flushed;
    if (record.state == model::segment_state::growing) return record;
    record.sealed = model::seal_reason::rows;
    record.last_expiry = model::timestamp(2);
    return record;
}

/// Notes when the channel is dropped. S4: none of its segments is before, and none of them, nor the
/// channel, comes back.
class watched_drop final : public testing::forwarding_metadata_store {
public:
    watched_drop(testing::simulation& world, const catalog::key_layout& keys,
                 std::shared_ptr<storage::metadata_store> below)
        : forwarding_metadata_store(std::move(below)), world_(world), keys_(keys) {}

    awaitable<storage::commit_result> commit(storage::transaction change) override {
        const storage::transaction copy = change;
        auto result = co_await below().commit(std::move(change));
        if (result) look_at(copy);
        co_return result;
    }

private:
    void look_at(const storage::transaction& change) {
        using kind = catalog::key_layout::kind;
        for (const auto& write : change.operations()) {
            const auto key = keys_.parse(write.key);
            if (key.what == kind::channel && key.name == "big") {
                model::channel_entry entry;
                decoder_.decode(write.key, write.value, entry);
                world_.require(!marked_, "S4: the entry of a dropped channel was written");
                marked_ = entry.state == model::channel_state::dropped;
            }
            if (key.what != kind::segment) continue;
            const bool put = write.what == storage::operation::kind::put;
            world_.require(put && key.collection == doomed, "S7: " + write.key + " was changed");
            model::segment_record record;
            if (put) decoder_.decode(write.key, write.value, record);
            const bool dropped = record.state == model::segment_state::dropped;
            world_.require(marked_ && dropped,
                           "S4: a segment is not dropped with its channel: " + write.key);
        }
    }

    testing::simulation& world_;
    const catalog::key_layout& keys_;
    catalog::decoder decoder_;
    bool marked_ = false;
};

/// The store with everything in it, made once.
const std::string& full_store(const catalog::key_layout& keys) {
    static const std::string bytes = [&keys] {
        testing::simulation world(1);
        const auto stores = testing::host_memory_stores(world);
        auto& store = *world.metadata();
        (void)world.run(catalog::claim_root(store, keys, "dropping"));
        storage::transaction some;
        const auto put = [&](const std::string& key, const std::string& value) {
            some.put(key, value);
            if (some.operations().size() < 100) return;
            world.run(store.commit(std::exchange(some, {})));
        };
        put(keys.ids(), catalog::encode(catalog::id_counter{100'000}));
        for (std::uint64_t at = 0; at < segments; ++at) {
            const model::segment_id id(first_segment + at);
            put(keys.segment(doomed, id), catalog::encode(record_of(id, "big")));
            if (at % 50 != 0) continue;
            model::binlog_record flush;
            flush.to = model::position("m1");
            flush.rows = 50;
            put(keys.binlog(id, {model::epoch(7), at + 1}), catalog::encode(flush));
        }
        for (std::uint64_t at = 0; at < bystanders; ++at) {
            const model::segment_id id(first_segment + segments + at);
            put(keys.segment(other, id), catalog::encode(record_of(id, "small")));
        }
        world.run(store.commit(std::move(some)));
        return stores.database->snapshot();
    }();
    return bytes;
}

class drop_crash;

/// A holder of channels that drops "big", with its last flushes, as soon as it may.
class drop_node final : public channel::consumer {
public:
    drop_node(drop_crash& around, testing::process& self);
    awaitable<void> start(std::shared_ptr<const channel::grant> granted) override {
        self_.spawn(finish(std::move(granted)));
        co_return;
    }
    awaitable<void> stop(model::channel_name, model::epoch) override { co_return; }

private:
    [[nodiscard]] awaitable<void> finish(std::shared_ptr<const channel::grant> granted);

    drop_crash& around_;
    testing::process& self_;
    std::unique_ptr<storage::metadata_store> store_;
    std::unique_ptr<reeve::node> node_;
};

struct drop_office {
    drop_office(drop_crash& around, testing::process& self);
    [[nodiscard]] awaitable<void> ensure();

    testing::process& self;
    std::unique_ptr<storage::metadata_store> store;
    std::unique_ptr<reeve::coordinator> coordinator;
};

class drop_crash final : public testing::crash_subject {
public:
    explicit drop_crash(std::uint64_t seed) : world_(seed) {
        backends::memory_database_options options;
        options.clock = &world_.clock();
        options.limits.conditions_max = writes_max;
        options.limits.operations_max = writes_max;
        database_ = std::make_shared<backends::memory_database>(options);
        database_->restore(full_store(keys_));
        std::shared_ptr<storage::metadata_store> memory =
            std::make_shared<backends::memory_metadata_store>(world_.world_runtime(), database_);
        world_.host(std::make_shared<watched_drop>(world_, keys_, std::move(memory)));
        for (const char* name : {"coordinator-0", "coordinator-1"}) {
            offices_.push_back(&world_.add(name, [this](testing::process& self) {
                return std::make_shared<drop_office>(*this, self);
            }));
        }
        node_ = &world_.add("node-0", [this](testing::process& self) {
            return std::make_shared<drop_node>(*this, self);
        });
    }
    ~drop_crash() override {
        for (const auto& one : world_.processes()) one->kill();
    }

    testing::simulation& world() override { return world_; }
    void run() override {
        // The gate counts from the first effect on: settle without it.
        auto* gate = world_.gate();
        world_.set_gate(nullptr);
        for (const auto& one : world_.processes()) one->start();
        const bool ready = world_.run_until(
            [this] {
                if (leader() == nullptr) return false;
                const auto big = office().find_channel(model::channel_name("big"));
                return big && big->entry.state == model::channel_state::registered;
            },
            minutes(1));
        world_.require(ready, "the channel is not registered");
        world_.set_gate(gate);
        ask();
        world_.run_until([this] { return done() || dead(); }, minutes(1));
    }
    void recover() override {
        for (auto* one : offices_) {
            if (!one->alive()) one->start();
        }
        const bool came = world_.run_until([this] { return done(); }, minutes(5));
        world_.require(came, "S4: the drop has not ended");
    }
    void check() override;

    /// The drop is asked for until a leader knows of it.
    void ask();
    [[nodiscard]] bool asked() const noexcept { return asked_; }
    [[nodiscard]] const catalog::key_layout& keys() const noexcept { return keys_; }

private:
    [[nodiscard]] testing::process* leader() {
        for (auto* one : offices_) {
            if (one->alive() && one->program<drop_office>().coordinator->leading()) return one;
        }
        return nullptr;
    }
    /// The leader's, who is there.
    [[nodiscard]] reeve::coordinator& office() {
        return *leader()->program<drop_office>().coordinator;
    }
    [[nodiscard]] bool dead() const {
        return std::any_of(offices_.begin(), offices_.end(),
                           [](const testing::process* one) { return !one->alive(); });
    }
    [[nodiscard]] bool done() {
        if (leader() == nullptr) return false;
        const auto far = office().segments()->drop_of(doomed);
        return far && far->state == model::drop_state::dropped;
    }

    const catalog::key_layout keys_{"drop/"};
    testing::simulation world_;
    std::shared_ptr<backends::memory_database> database_;
    std::vector<testing::process*> offices_;
    testing::process* node_ = nullptr;
    bool asked_ = false;
};

drop_node::drop_node(drop_crash& around, testing::process& self)
    : around_(around), self_(self), store_(self.open_metadata()) {
    node_options settings;
    settings.root = around.keys().root();
    settings.self.name = model::node_name(self.name());
    settings.self.address = self.name();
    node_ = std::make_unique<reeve::node>(self.runtime(), *store_, self.carrier(), self.service(),
                                          *this, std::move(settings));
    node_->start();
}

awaitable<void> drop_node::finish(std::shared_ptr<const channel::grant> granted) {
    if (granted->what().channel.value != "big") co_return;
    auto& strand = self_.runtime();
    while (granted->valid()) {
        co_await strand.sleep_for(milliseconds(300));
        if (!around_.asked()) continue;
        model::channel_drop_request request;
        request.checkpoint = model::position("m2");
        request.settled = 1;
        for (std::uint64_t at = 0; at < last_flushes; ++at) {
            model::segment_flush& last = request.last.emplace_back();
            last.segment = model::segment_id(first_segment + at);
            last.number = at + 1;
            last.from = model::position("m1");
            last.to = model::position("m2");
            last.rows = 1;
        }
        try {
            const auto reply = co_await node_->drop(granted, std::move(request));
            around_.world().require(reply.outcome == model::commit_outcome::committed,
                                    "S3: the last flushes were refused");
            co_return;
        } catch (const error& failure) {
            around_.world().note(self_.name(), "drop: {}", failure.what());
        }
    }
}

drop_office::drop_office(drop_crash& around, testing::process& process)
    : self(process), store(process.open_metadata()) {
    coordinator_options settings("dropping", process.name(), process.name());
    settings.root = around.keys().root();
    settings.on_leading = [this](const recovery::report&) {
        self.runtime().post(core::task([this] { self.spawn(ensure()); }));
    };
    coordinator = std::make_unique<reeve::coordinator>(process.runtime(), *store, process.carrier(),
                                                       process.service(), std::move(settings));
    coordinator->start();
}

awaitable<void> drop_office::ensure() {
    std::vector<channel::channel_spec> channels(2);
    channels[0].name = model::channel_name("big");
    channels[0].collection = doomed;
    channels[1].name = model::channel_name("small");
    channels[1].collection = other;
    try {
        co_await coordinator->ensure_channels(std::move(channels), seconds(30));
    } catch (const error&) {
        // Deposed, or the collection is dropped.
    }
}

namespace {

awaitable<void> ask_drop(reeve::coordinator* office) {
    try {
        const auto manager = office->segments();
        co_await manager->drop_collection(doomed, "by the test");
    } catch (const error&) {
        // Asked again.
    }
}

}  // namespace

void drop_crash::ask() {
    asked_ = true;
    if (auto* leads = leader()) {
        if (office().segments()->drop_of(doomed)) return;
        leads->spawn(ask_drop(&office()));
    }
    world_.after(seconds(1), core::task([this] { ask(); }));
}

void drop_crash::check() {
    using kind = catalog::key_layout::kind;
    catalog::decoder decoder;
    std::uint64_t gone = 0;
    std::uint64_t kept = 0;
    std::uint64_t flushes = 0;
    model::channel_drop mark;
    for (const auto& one : database_->dump()) {
        const auto key = keys_.parse(one.key);
        flushes += key.what == kind::binlog ? 1 : 0;
        if (key.what == kind::channel_drop) decoder.decode(one.key, one.value, mark);
        if (key.what != kind::segment) continue;
        model::segment_record record;
        decoder.decode(one.key, one.value, record);
        kept += key.collection == other && record == record_of(key.segment, "small") ? 1 : 0;
        if (key.collection != doomed) continue;
        const auto before = record_of(key.segment, "big");
        const auto wanted =
            model::tombstone_of(before, model::segment_state::dropped, record.dropped_at);
        gone += record == wanted && record.dropped_at.value != 0 ? 1 : 0;
    }
    world_.require(gone == segments, fmt::format("S7: {} segments are tombstones", gone));
    world_.require(kept == bystanders, fmt::format("S7: {} others are what they were", kept));
    world_.require(flushes == segments / 50 + last_flushes,
                   fmt::format("S3: {} flushes are there", flushes));
    world_.require(mark.at.value != 0, "S4: there is no mark");
    const bool led = leader() != nullptr;
    world_.require(led && office().status().segments.dropped == segments,
                   "S7: the leader counts other segments than the store");
}

}  // namespace dropping

TEST_CASE("S7: a crash at every batch of a drop of 10,000 segments loses none of them") {
    using reeve::testing::effect;
    using reeve::testing::effect_kind;
    using reeve::testing::verdict;
    reeve::testing::crash_options options;
    options.modes = {verdict::crash_before, verdict::crash_after,
                     verdict::crash_after_without_reply};
    options.double_crashes = 10;
    options.counts = [](const effect& one) {
        return one.what == effect_kind::metadata_commit && one.process.starts_with("coordinator");
    };
    const auto report = reeve::testing::run_crash_points(
        [](std::uint64_t seed) { return std::make_unique<dropping::drop_crash>(seed); }, options);
    INFO(report.text());
    CHECK(report.held());
    CHECK(report.double_hits > 0);
    const auto batches = std::count_if(
        report.effects.begin(), report.effects.end(),
        [](const std::string& one) { return one.find("drop/segments/2/") != std::string::npos; });
    CHECK(static_cast<std::size_t>(batches) >= dropping::segments / dropping::writes_max);
}
