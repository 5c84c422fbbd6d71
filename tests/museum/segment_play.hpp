// What a play of segments needs beside the world of tests/coordinator: transactions that are kept
// back, and channels that change hands.
#pragma once

#include "coordinator/segment_fixture.hpp"
#include "museum/exhibit.hpp"
#include "reeve/core/error.hpp"
#include "reeve/core/event.hpp"
#include "reeve/testing/forwarding_metadata_store.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace museum_segments {

using namespace coordinator_test;
using core::guard;
using museum::prevented;

/// What becomes of the leader's transactions.
struct store_play {
    /// The next one for which it holds is kept back, and its sender told that its outcome is
    /// unknown; empty: none.
    std::function<bool(const storage::transaction&)> hold;
    std::optional<storage::transaction> held;
    /// The next one for which it holds is carried out, and its sender hears, when `answer` is set
    /// and notified, that its outcome is unknown; empty: none.
    std::function<bool(const storage::transaction&)> stall;
    bool stalled = false;
    bool answer = false;
    std::unique_ptr<core::event> answered;
    std::uint64_t lists = 0;  ///< ranges that were read
};

class played_store final : public testing::forwarding_metadata_store {
public:
    played_store(std::shared_ptr<store_play> play, std::shared_ptr<storage::metadata_store> below)
        : forwarding_metadata_store(std::move(below)), play_(std::move(play)) {}

    awaitable<storage::page> list(storage::key_range range, std::size_t limit) override {
        ++play_->lists;
        return below().list(std::move(range), limit);
    }
    awaitable<storage::commit_result> commit(storage::transaction change) override {
        if (play_->hold && play_->hold(change)) {
            play_->hold = nullptr;
            play_->held = std::move(change);
            throw error(errc::outcome_unknown, "as the play wants it");
        }
        const bool stalls = play_->stall && play_->stall(change);
        auto result = co_await below().commit(std::move(change));
        if (!stalls) co_return result;
        play_->stall = nullptr;
        play_->stalled = true;
        while (!play_->answer) co_await play_->answered->wait();
        throw error(errc::outcome_unknown, "as the play wants it");
    }

private:
    std::shared_ptr<store_play> play_;
};

/// A leader and two nodes, channel "a" of collection 7.
class segment_play : public segment_world {
public:
    explicit segment_play(world_options how = {},
                          std::shared_ptr<store_play> play = std::make_shared<store_play>())
        : segment_world(with(std::move(how), play)), store(std::move(play)) {}

    /// The next transaction of a leader that writes below this key is kept back.
    void hold(std::string prefix) { store->hold = writes_below(std::move(prefix)); }
    /// The next transaction of a leader that writes below this key is carried out, and its outcome
    /// unknown when `answer` is called.
    void stall(std::string prefix) {
        store->answered = std::make_unique<core::event>(office().runtime());
        store->stall = writes_below(std::move(prefix));
    }
    void answer() {
        store->answer = true;
        store->answered->notify_all();
    }
    /// What was kept back arrives. True: it is committed.
    bool land() {
        REQUIRE(store->held);
        return static_cast<bool>(sim.run(sim.metadata()->commit(*store->held)));
    }
    /// Who holds channel "a" now, as its messages say it.
    model::holder holder_of_a() {
        const auto [on, granted] = holder_of("a");
        model::holder by;
        by.channel = granted->what().channel;
        by.node = model::node_name(on->name());
        by.process = granted->process();
        by.epoch = granted->what().epoch;
        return by;
    }
    /// The same by the entry, whatever the nodes have heard.
    model::holder recorded_holder() {
        const auto recorded = entry("a");
        model::holder by;
        by.channel = model::channel_name("a");
        by.node = recorded.node;
        by.process = recorded.process;
        by.epoch = recorded.epoch;
        return by;
    }
    /// Work of the present holder, as its message arrives at the leader.
    model::flush_request message(model::segment_id segment, std::uint64_t number,
                                 const std::string& from, const std::string& to) {
        auto request = work(segment, number, from, to);
        request.by = holder_of_a();
        return request;
    }
    model::commit_reply arrives(const model::flush_request& request) {
        return call(office(), segments().flush(request));
    }
    /// Channel "a" goes to the other node.
    void move_a() {
        const std::string before = holder("a");
        leader().move(model::channel_name("a"),
                      model::node_name(before == "node-0" ? "node-1" : "node-0"));
        REQUIRE(run_until([&] { return !holder("a").empty() && holder("a") != before; }));
        REQUIRE(settle());
    }
    std::optional<std::string> value_of(const std::string& key) {
        for (const auto& one : stores.database->dump()) {
            if (one.key == key) return one.value;
        }
        return std::nullopt;
    }
    model::channel_progress progress_of_a() {
        const auto key = keys.progress(model::channel_name("a"));
        model::channel_progress found;
        catalog::decoder().decode(key, value_of(key).value(), found);
        return found;
    }
    /// Writes many records past everybody.
    void write_all(const std::vector<std::pair<std::string, std::string>>& records) {
        storage::transaction some;
        for (const auto& [key, value] : records) {
            some.put(key, value);
            if (some.operations().size() < 100) continue;
            (void)sim.run(sim.metadata()->commit(std::exchange(some, {})));
        }
        (void)sim.run(sim.metadata()->commit(std::move(some)));
    }
    /// A segment of channel "a" that somebody has recorded.
    static model::segment_record recorded(model::segment_state state) {
        model::segment_record record;
        record.partition = model::partition_id(1);
        record.channel = model::channel_name("a");
        record.state = state;
        record.limits = model::segment_limits{100, 0};
        record.rows = 5;
        record.created = model::timestamp(1);
        record.end = model::position("m1");
        if (state != segment_state::growing) record.sealed = model::seal_reason::rows;
        if (!model::is_dropped(state)) return record;
        return model::tombstone_of(record, state, model::timestamp(2));
    }
    /// One that is flushed, after its life in this world.
    model::segment_id flushed_segment() {
        const auto segment = allocate(100).parts[0].segment;
        make_flushing(segment);
        auto last = work(segment, 3, "", "m2");
        last.effect = model::flush_effect::flushes;
        REQUIRE(flush(last).outcome == commit_outcome::committed);
        return segment;
    }

    std::shared_ptr<store_play> store;

private:
    static std::function<bool(const storage::transaction&)> writes_below(std::string prefix) {
        return [prefix = std::move(prefix)](const storage::transaction& change) {
            for (const auto& one : change.operations()) {
                if (one.key.starts_with(prefix)) return true;
            }
            return false;
        };
    }
    static world_options with(world_options how, std::shared_ptr<store_play> play) {
        how.wrap = [play = std::move(play)](testing::process&,
                                            std::unique_ptr<storage::metadata_store> below)
            -> std::unique_ptr<storage::metadata_store> {
            return std::make_unique<played_store>(play, std::move(below));
        };
        return how;
    }
};

/// Does it fail with this error?
template <class Function>
bool fails_with(errc code, Function function) {
    return failure_of(function).first == code;
}

}  // namespace museum_segments
