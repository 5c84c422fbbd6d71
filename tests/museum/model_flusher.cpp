// Counterexamples of the model of garbage (docs/protocols/models/gc) that are about the node which
// writes the files, and its numbers.
#include "catch.hpp"
#include "museum/exhibit.hpp"
#include "reeve/core/error.hpp"
#include "reeve/segment/flusher.hpp"
#include "reeve/testing/memory_world.hpp"

#include <fmt/format.h>

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace museum_flusher {

using namespace reeve;
using namespace std::chrono_literals;
using core::guard;
using museum::prevented;

/// A grant that lasts.
class lasting_grant final : public channel::grant {
public:
    lasting_grant() {
        assigned_.channel = model::channel_name("a");
        assigned_.collection = model::collection_id(7);
        assigned_.epoch = model::epoch(30);
    }
    [[nodiscard]] const model::assignment& what() const noexcept override { return assigned_; }
    [[nodiscard]] model::incarnation process() const noexcept override {
        return model::incarnation(1);
    }
    [[nodiscard]] bool valid() const noexcept override { return true; }

private:
    model::assignment assigned_;
};

/// A node that flushes to a bucket, and a leader that notes what it is told.
struct play {
    play() {
        self.start();
        objects = self.open_objects();
        segment::flush_way way;
        way.flush = [this](std::shared_ptr<const channel::grant>, model::flush_request request) {
            return answer(this, std::move(request));
        };
        flusher.emplace(self.runtime(), *objects, names, std::move(way));
    }
    ~play() {
        self.kill();
        flusher.reset();
    }
    play(const play&) = delete;
    play& operator=(const play&) = delete;

    static awaitable<model::commit_reply> answer(play* in, model::flush_request request) {
        in->flushes.push_back(std::move(request));
        co_await in->self.runtime().sleep_for(in->leader_takes);
        if (in->leader_fails) throw error(errc::outcome_unknown, "as the play wants it");
        co_return model::commit_reply();
    }
    static segment::flush_work work(std::uint64_t segment, const std::string& bytes) {
        segment::flush_work made;
        made.segment = model::segment_id(segment);
        made.rows = 1;
        segment::binlog_bytes& file = made.files.emplace_back();
        file.field = model::field_id(1);
        file.bytes = bytes;
        file.rows = 1;
        return made;
    }
    static awaitable<void> flush_in(play* in, segment::flush_work what) {
        model::position none;
        try {
            (void)co_await in->flusher->flush(in->granted, std::move(what),
                                              model::flush_effect::adds, std::move(none));
        } catch (const error&) {
            ++in->failed;
        }
    }
    void begin(std::uint64_t segment, const std::string& bytes) {
        self.spawn(flush_in(this, work(segment, bytes)));
    }
    [[nodiscard]] std::string name_of(const model::segment_flush& what) const {
        catalog::file_address where;
        where.collection = model::collection_id(7);
        where.partition = model::partition_id(0);
        where.segment = what.segment;
        where.field = model::field_id(1);
        where.file = what.groups.at(0).files.at(0).id;
        return names->format(where);
    }

    testing::simulation world{1};
    testing::memory_world stores = testing::host_memory_stores(world);
    testing::process& self = world.add("node", [](testing::process&) {
        return std::static_pointer_cast<void>(std::make_shared<int>(0));
    });
    const std::shared_ptr<const catalog::path_layout> names = catalog::standard_path_layout("data");
    std::unique_ptr<storage::object_store> objects;
    std::optional<segment::flusher> flusher;
    std::shared_ptr<const channel::grant> granted = std::make_shared<lasting_grant>();
    std::vector<model::flush_request> flushes;
    std::chrono::nanoseconds leader_takes = 1ms;
    bool leader_fails = false;
    int failed = 0;
};

// R_FRESH: an upload that nobody waits for any more writes over the one that was committed.
TEST_CASE("model_fresh: what an upload that was given up writes late is nobody's") {
    prevented({guard::fresh_names}, [] {
        play it;
        auto& faults = it.world.faults().objects.requests;
        faults.ghost.ppm = 1'000'000;
        faults.ghost_delay = {24h, 24h};
        it.begin(5, "rows");
        it.world.run_until([&] { return it.world.counts().contains("outcome unknown"); }, 1min);
        faults.ghost.ppm = 0;
        it.world.run_until([&] { return !it.flushes.empty(); }, 1min);
        REQUIRE(it.flushes.size() == 1);
        const auto committed = it.name_of(it.flushes.front().what);
        const auto before = it.stores.bucket->head(committed);
        REQUIRE(before);
        it.world.run_for(25h);
        REQUIRE(it.world.counts().at("ghost put landed") == 1);
        return !(it.stores.bucket->head(committed) == before);
    });
}

// R_ONCE: another flush takes a name that was used.
TEST_CASE("model_once: no name is used twice, whatever becomes of uploads and flushes") {
    prevented({}, [] {
        play it;
        it.world.faults().objects.requests.request_lost.ppm = 300'000;
        it.world.faults().objects.requests.reply_lost.ppm = 300'000;
        for (std::uint64_t segment = 1; segment <= 20; ++segment) {
            it.leader_fails = segment % 3 == 0;
            it.begin(segment, "rows");
            it.begin(100 + segment, "other rows");
            it.world.run_for(20s);
        }
        it.world.heal();
        it.world.run_for(10min);
        REQUIRE(it.flushes.size() == 40);
        std::set<std::uint64_t> numbers;
        for (const auto& one : it.flushes) {
            if (!numbers.insert(one.what.number).second) return true;
            if (!numbers.insert(one.what.groups.at(0).files.at(0).id.number).second) return true;
        }
        return false;
    });
}

// R_SELF: settled passes a flush whose outcome the node does not know, the one that carries it
// included; when its repetition comes, it is refused though it may have landed.
TEST_CASE("model_self: settled stays below every flush of unknown outcome") {
    prevented({}, [] {
        play it;
        it.leader_takes = 1h;
        it.begin(1, "slow");  // on its way for an hour
        it.world.run_for(1s);
        REQUIRE(it.flushes.size() == 1);
        const auto slow = it.flushes.front().what.number;
        it.leader_takes = 1ms;
        it.leader_fails = true;
        it.begin(2, "unknown");  // nobody ever says what became of it
        it.world.run_for(1s);
        REQUIRE(it.failed == 1);
        const auto unknown = it.flushes.back().what.number;
        it.leader_fails = false;
        it.begin(3, "known");
        it.world.run_for(1s);
        bool passed = it.flushes.back().settled > slow;
        it.world.run_for(2h);
        it.begin(4, "later");
        it.world.run_for(1s);
        passed = passed || it.flushes.back().settled > unknown;
        for (const auto& one : it.flushes) passed = passed || one.settled > one.what.number;
        return passed;
    });
}

// R_MAX, at the node: with all flushes decided settled comes up to the next number.
TEST_CASE("model_self: settled follows when every outcome is known") {
    prevented({}, [] {
        play it;
        for (std::uint64_t segment = 1; segment <= 5; ++segment) {
            it.begin(segment, "rows");
            it.world.run_for(1s);
        }
        REQUIRE(it.flushes.size() == 5);
        return it.flushes.back().settled != it.flushes.back().what.number ||
               it.flusher->settled(*it.granted) <= it.flushes.back().what.number;
    });
}

}  // namespace museum_flusher
