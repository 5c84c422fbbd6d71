// Both sweeps at work at once, stopped at each of their effects.
#include "gc/support.hpp"
#include "reeve/testing/crash_points.hpp"

namespace reeve::sweeping {
namespace {

// A process that takes the lead and sweeps until nothing is left to do.
struct sweeper {
    sweeper(testing::process& in, fixture& of)
        : self(in),
          given(of),
          metadata(in.open_metadata()),
          objects(in.open_objects()),
          known(of.world, of.stores.database, of.keys, of.names) {}

    gc::sweep_site site() {
        return {self.runtime(), *metadata, *objects, given.keys, given.names, guard, &*journal};
    }

    testing::process& self;
    fixture& given;
    std::unique_ptr<storage::metadata_store> metadata;
    std::unique_ptr<storage::object_store> objects;
    memory known;
    catalog::leader_guard guard;
    std::optional<gc::journal> journal;
};
using shared_sweeper = std::shared_ptr<sweeper>;

awaitable<void> take_lead(shared_sweeper of) {
    const auto key = of->given.keys.leader();
    storage::transaction gone;
    gone.remove(key);
    co_await of->metadata->commit(std::move(gone));
    storage::transaction mine;
    mine.if_absent(key).put(key, "sweeper");
    co_await of->metadata->commit(std::move(mine));
    const auto found = co_await of->metadata->get(key);
    if (!found) throw error(errc::unavailable, "no leader");
    of->guard = catalog::leader_guard(key, model::term(found->created.value));
    of->journal.emplace(of->self.runtime(), *of->metadata, of->given.keys, of->guard, 4);
}

awaitable<void> sweep_orphans(shared_sweeper of) {
    gc::orphan_sweep sweep(of->site(), of->known, of->given.options);
    const auto report = co_await sweep.sweep();
    if (report.deleted.failed != 0) throw error(errc::unavailable, "deletes failed");
}

awaitable<void> sweep_segments(shared_sweeper of) {
    gc::dropped_sweep sweep(of->site(), of->known, of->given.dropped);
    const auto report = co_await sweep.sweep();
    if (report.moved + report.unfinished != 0) throw error(errc::unavailable, "not all collected");
}

awaitable<void> until_done(shared_sweeper of, awaitable<void> (*work)(shared_sweeper)) {
    for (;;) {
        try {
            co_await work(of);
            co_return;
        } catch (const error&) {
            of->given.world.count("tried again");
        }
        co_await of->self.runtime().sleep_for(std::chrono::milliseconds(10));
    }
}

awaitable<void> live(shared_sweeper of) {
    co_await until_done(of, take_lead);
    of->self.spawn(until_done(of, sweep_orphans));
    of->self.spawn(until_done(of, sweep_segments));
}

class sweep_crash final : public testing::crash_subject {
public:
    explicit sweep_crash(std::uint64_t) {
        auto checked = std::make_shared<hooked_objects>(given_.stores.bucket);
        checked->removing = [this](const std::vector<std::string>& keys) {
            return check_removal(this, keys);
        };
        world().host(std::shared_ptr<storage::object_store>(checked));
        fill();
        process_ = &world().add("sweeper", [this](testing::process& self) {
            auto program = std::make_shared<sweeper>(self, given_);
            self.spawn(live(program));
            return std::static_pointer_cast<void>(program);
        });
    }

    testing::simulation& world() override { return given_.world; }
    void run() override {
        process_->start();
        world().run_for(std::chrono::minutes(1));
    }
    void recover() override {
        if (!process_->alive()) process_->start();
        world().run_for(std::chrono::minutes(1));
    }
    void check() override {
        auto& in = world();
        in.require(given_.objects_left() == 5, "objects are left, or lost");
        in.require(given_.there(given_.file(1, 20, 8, 1)), "a referenced file is gone");
        in.require(given_.there("data/old/20"), "an imported file is gone");
        in.require(given_.there("data/old/22"), "a pinned file is gone");
        in.require(given_.state_of(1, 20) == segment_state::flushed, "segment 20");
        in.require(given_.state_of(1, 21) == segment_state::collected, "segment 21");
        in.require(given_.state_of(1, 22) == segment_state::dropped, "segment 22 is pinned");
        in.require(given_.state_of(1, 23) == segment_state::collected, "segment 23");
        in.require(given_.flushes_of(21) + given_.flushes_of(23) == 0, "flushes are left");
    }

private:
    void fill() {
        given_.segment(1, 20, segment_state::flushed);
        given_.flush(1, 20, 1, "old/20");
        given_.segment(1, 21, segment_state::dropped);
        given_.flush(1, 21, 2, "old/21");
        given_.flush(1, 21, 3);
        given_.segment(1, 22, segment_state::dropped);
        given_.flush(1, 22, 4, "old/22");
        given_.segment(1, 23, segment_state::collecting);
        given_.flush(1, 23, 5, "old/23");
        gc::pins pins(world().world_runtime(), given_.metadata, given_.keys, given_.names, "r");
        given_.run(pins.pin({{model::collection_id(1), model::segment_id(22)}}, "reader"));
        for (std::uint64_t at = 1; at <= 5; ++at) given_.orphan(at);
        given_.channel("c", 30, 5);
        given_.object(given_.file(1, 51, 30, 5));
        given_.options.page = 4;
        given_.options.window = 4;
        given_.options.pace.delete_batch = 2;
        given_.dropped.flushes = 1;
        given_.dropped.segments = 2;
        given_.age(48h);
    }

    // S5, at the moment of the delete's effect.
    static awaitable<void> check_removal(sweep_crash* self, std::vector<std::string> keys) {
        auto& given = self->given_;
        catalog::decoder reader;
        for (const auto& one : given.stores.database->dump()) {
            const auto parsed = given.keys.parse(one.key);
            if (parsed.what != catalog::key_layout::kind::binlog) continue;
            const auto key = given.keys.segment(model::collection_id(1), parsed.segment);
            model::segment_record segment;
            const auto found = co_await (*given.world.metadata()).get(key);
            reader.decode(key, found->value, segment);
            if (segment.state >= segment_state::collecting) continue;
            model::binlog_record flush;
            reader.decode(one.key, one.value, flush);
            for (const auto& file : flush.groups[0].files) {
                const auto name = file.imported.empty()
                                      ? given.file(1, parsed.segment.value, 8, file.id.number)
                                      : "data/" + file.imported;
                const bool deleted = std::find(keys.begin(), keys.end(), name) != keys.end();
                self->world().require(!deleted, "a referenced file is deleted: " + name);
            }
        }
    }

    fixture given_;
    testing::process* process_ = nullptr;
};

}  // namespace

TEST_CASE("a crash at any effect of both sweeps loses nothing and leaves nothing") {
    const auto report = testing::run_crash_points(
        [](std::uint64_t seed) { return std::make_unique<sweep_crash>(seed); });
    INFO(report.text());
    CHECK(report.held());
    CHECK(report.double_hits > 0);
    const auto removals = static_cast<std::size_t>(std::count_if(
        report.effects.begin(), report.effects.end(),
        [](const std::string& one) { return one.find("object_remove") != std::string::npos; }));
    CHECK(removals >= 6);
    CHECK(report.effects.size() > removals + 10);
}

}  // namespace reeve::sweeping
