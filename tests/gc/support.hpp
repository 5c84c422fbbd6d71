// A store with segments, files and channels in virtual time, and what sweeps ask of a leader.
#pragma once

#include "catalog/faulty_store.hpp"
#include "catch.hpp"
#include "reeve/catalog/codec.hpp"
#include "reeve/catalog/commit_large.hpp"
#include "reeve/catalog/root.hpp"
#include "reeve/gc/dropped_sweep.hpp"
#include "reeve/gc/journal.hpp"
#include "reeve/gc/marker.hpp"
#include "reeve/gc/orphan_sweep.hpp"
#include "reeve/gc/pause.hpp"
#include "reeve/gc/pins.hpp"
#include "reeve/model/channel.hpp"
#include "reeve/testing/memory_world.hpp"
#include "reeve/testing/simulation.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace reeve::sweeping {

using namespace std::chrono_literals;
using catalog::encode;
using gc::verdict;
using model::segment_state;

// A timestamp of these tests is a millisecond of the world's wall clock.
inline model::timestamp timestamp_of(core::wall_time when) {
    return model::timestamp(static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::milliseconds>(when.time_since_epoch()).count()));
}

// All records as they are now, as a leader's view of them.
struct snapshot final : gc::view {
    snapshot(backends::memory_database& database, const catalog::key_layout& keys,
             const catalog::path_layout& names)
        : names_(names) {
        catalog::decoder reader;
        for (const auto& one : database.dump()) take(reader, keys, one);
    }

    gc::epoch_facts of(model::epoch epoch) const override {
        if (epoch.value >= next) return {gc::standing::beyond, 0};
        const auto found = settled.find(epoch);
        return {living.contains(epoch) ? gc::standing::living : gc::standing::ended,
                found == settled.end() ? 0 : found->second};
    }
    bool referenced(const model::file_id& file) const override { return files.contains(file); }
    bool pinned(const catalog::file_address& file) const override {
        return pins.holds(file, names_);
    }

    std::uint64_t next = 1;
    std::set<model::epoch> living;
    std::map<model::epoch, std::uint64_t> settled;
    std::set<model::file_id> files;
    gc::pin_set pins;

private:
    void take(catalog::decoder& reader, const catalog::key_layout& keys,
              const storage::record& one) {
        using kind = catalog::key_layout::kind;
        const auto what = keys.parse(one.key).what;
        if (what == kind::ids) {
            catalog::id_counter counter;
            reader.decode(one.key, one.value, counter);
            next = counter.next;
        } else if (what == kind::channel) {
            model::channel_entry entry;
            reader.decode(one.key, one.value, entry);
            if (model::has_holder(entry.state)) living.insert(entry.epoch);
        } else if (what == kind::progress) {
            model::channel_progress progress;
            reader.decode(one.key, one.value, progress);
            settled[progress.epoch] = progress.settled;
        } else if (what == kind::pin) {
            model::pin_record pin;
            reader.decode(one.key, one.value, pin);
            pins.add(pin);
        } else if (what == kind::binlog) {
            model::binlog_record flush;
            reader.decode(one.key, catalog::unmark(one.value).value, flush);
            for (const auto& group : flush.groups) {
                for (const auto& file : group.files) files.insert(file.id);
            }
        }
    }

    const catalog::path_layout& names_;
};

// The leader's memory, which here never misses a change.
struct memory final : gc::knowledge, gc::dropped_segments {
    memory(testing::simulation& in, std::shared_ptr<backends::memory_database> of,
           const catalog::key_layout& by, std::shared_ptr<const catalog::path_layout> called)
        : world(in), database(std::move(of)), keys(by), names(std::move(called)) {}

    awaitable<const gc::view*> refresh() override {
        ++refreshed;
        if (away) throw error(errc::unavailable, "the leader does not know");
        views.push_back(std::make_unique<snapshot>(*database, keys, *names));
        co_return views.back().get();
    }
    awaitable<model::timestamp> before(std::chrono::milliseconds age) override {
        const auto now = timestamp_of(world.clock().wall_now()).value;
        const auto back = static_cast<std::uint64_t>(age.count());
        co_return model::timestamp(now > back ? now - back : 0);
    }
    std::vector<gc::segment_place> due(model::timestamp horizon, model::segment_id after,
                                       std::size_t most) const override {
        std::map<model::segment_id, gc::segment_place> all;
        catalog::decoder reader;
        for (const auto& one : database->dump()) {
            const auto parsed = keys.parse(one.key);
            if (parsed.what != catalog::key_layout::kind::segment) continue;
            const gc::segment_place place{parsed.collection, parsed.segment};
            if (wrong.contains(parsed.segment)) all[place.segment] = place;
            model::segment_record record;
            try {
                reader.decode(one.key, one.value, record);
            } catch (const error&) {
                all[place.segment] = place;  // it was readable once, and is still known
                continue;
            }
            const bool old = record.state == segment_state::dropped && record.dropped_at <= horizon;
            if (old || record.state == segment_state::collecting) all[place.segment] = place;
        }
        for (const auto segment : wrong) all.emplace(segment, gc::segment_place{{}, segment});
        std::vector<gc::segment_place> some;
        for (const auto& [segment, place] : all) {
            if (segment > after && some.size() < most) some.push_back(place);
        }
        return some;
    }
    void learned(const gc::segment_place& of, const model::segment_record& record,
                 storage::revision at) override {
        told.emplace_back(of.segment, record.state, at);
    }
    void forgotten(const gc::segment_place&, const model::flush_id& flush,
                   const model::binlog_record&) override {
        gone.push_back(flush);
    }

    testing::simulation& world;
    std::shared_ptr<backends::memory_database> database;
    const catalog::key_layout& keys;
    std::shared_ptr<const catalog::path_layout> names;
    std::size_t refreshed = 0;
    bool away = false;
    std::set<model::segment_id> wrong;  // given as due though they are not
    std::vector<std::unique_ptr<snapshot>> views;
    std::vector<std::tuple<model::segment_id, segment_state, storage::revision>> told;
    std::vector<model::flush_id> gone;
};

// An object store that calls a test before and after what is done to the one below.
class hooked_objects final : public storage::object_store {
public:
    explicit hooked_objects(std::shared_ptr<backends::memory_bucket> bucket)
        : bucket_(bucket), below_(std::move(bucket)) {}

    // After each listing, and before each remove_many.
    std::function<awaitable<void>(storage::object_page&)> listed;
    std::function<awaitable<void>(const std::vector<std::string>&)> removing;
    std::set<std::string> stuck;          // keys that cannot be removed
    std::optional<errc> removal_failure;  // of every remove_many
    std::optional<core::wall_time> time;  // instead of the bucket's
    std::size_t remove_calls = 0;
    std::size_t remove_most = 0;  // keys in one call

    [[nodiscard]] storage::object_capabilities capabilities() const noexcept override {
        return below_.capabilities();
    }
    [[nodiscard]] storage::object_limits limits() const noexcept override {
        return below_.limits();
    }
    awaitable<storage::object_version> put(std::string key, std::string bytes) override {
        return below_.put(std::move(key), std::move(bytes));
    }
    awaitable<std::optional<storage::object_version>> put_if_absent(std::string key,
                                                                    std::string bytes) override {
        return below_.put_if_absent(std::move(key), std::move(bytes));
    }
    awaitable<std::optional<storage::object_version>> put_if_match(
        std::string key, std::string bytes, storage::object_version expected) override {
        return below_.put_if_match(std::move(key), std::move(bytes), std::move(expected));
    }
    awaitable<std::optional<storage::object>> get(std::string key,
                                                  storage::byte_range range) override {
        return below_.get(std::move(key), range);
    }
    awaitable<std::optional<storage::object_meta>> head(std::string key) override {
        return below_.head(std::move(key));
    }
    awaitable<void> remove(std::string key) override { return below_.remove(std::move(key)); }
    awaitable<std::vector<storage::remove_result>> remove_many(
        std::vector<std::string> keys) override {
        ++remove_calls;
        remove_most = std::max(remove_most, keys.size());
        if (removing) co_await removing(keys);
        if (removal_failure) throw error(*removal_failure, "as the test wants it");
        std::vector<storage::remove_result> results;
        for (auto& key : keys) {
            if (stuck.contains(key)) {
                results.push_back({std::move(key), make_error_code(errc::outcome_unknown)});
                continue;
            }
            bucket_->remove(key);
            results.push_back({std::move(key), {}});
        }
        co_return results;
    }
    awaitable<storage::object_page> list(std::string prefix, std::string after,
                                         std::size_t limit) override {
        auto page = co_await below_.list(std::move(prefix), std::move(after), limit);
        if (listed) co_await listed(page);
        co_return page;
    }
    awaitable<core::wall_time> server_time() override {
        co_return time ? *time : bucket_->server_time();
    }

private:
    std::shared_ptr<backends::memory_bucket> bucket_;
    backends::memory_object_store below_;
};

struct fixture {
    fixture()
        : stores(testing::host_memory_stores(world)),
          metadata(*world.metadata()),
          objects(stores.bucket),
          known(world, stores.database, keys, names) {
        root.cluster = "ours";
        root.lineage = model::lineage(1);
        run(catalog::claim_root(*world.metadata(), keys, "ours"));
        put(keys.ids(), encode(catalog::id_counter{100}));
        guard = lead();
        run(gc::claim_data_root(objects, *names, root));
        options.interval = 24h;
        dropped.drop_retention = 24h;
    }

    template <class T>
    T run(awaitable<T> work) {
        return world.run(std::move(work));
    }
    template <class T>
    errc failure_of(awaitable<T> work) {
        try {
            run(std::move(work));
        } catch (const error& failure) {
            last_failure = failure.context();
            return failure.code_value();
        }
        return errc{};
    }
    storage::revision put(const std::string& key, const std::string& value) {
        storage::transaction change;
        change.put(key, value);
        return run(world.metadata()->commit(std::move(change))).at;
    }
    void erase(const std::string& key) {
        storage::transaction change;
        change.remove(key);
        run(world.metadata()->commit(std::move(change)));
    }
    // Takes the lead; whoever had it is deposed.
    catalog::leader_guard lead() {
        erase(keys.leader());
        const auto at = put(keys.leader(), "somebody");
        return catalog::leader_guard(keys.leader(), model::term(at.value));
    }
    void age(std::chrono::nanoseconds by) { world.run_for(by); }
    [[nodiscard]] model::timestamp now() const { return timestamp_of(world.clock().wall_now()); }

    // A channel whose entry carries this epoch.
    void channel(const std::string& name, std::uint64_t epoch, std::uint64_t settled,
                 model::channel_state state = model::channel_state::registered) {
        model::channel_entry entry;
        entry.state = state;
        entry.node = model::node_name("n");
        entry.process = model::incarnation(1);
        entry.epoch = model::epoch(epoch);
        put(keys.channel(model::channel_name(name)), encode(entry));
        model::channel_progress progress;
        progress.epoch = model::epoch(epoch);
        progress.settled = settled;
        put(keys.progress(model::channel_name(name)), encode(progress));
    }
    [[nodiscard]] std::string file(std::uint64_t collection, std::uint64_t segment,
                                   std::uint64_t epoch, std::uint64_t number) const {
        catalog::file_address address;
        address.collection = model::collection_id(collection);
        address.partition = model::partition_id(7);
        address.segment = model::segment_id(segment);
        address.file = {model::epoch(epoch), number};
        return names->format(address);
    }
    std::string object(const std::string& key) {
        stores.bucket->put(key, "0123456789");
        return key;
    }
    // A file that no record names, of an epoch that has ended.
    std::string orphan(std::uint64_t number, std::uint64_t collection = 1) {
        return object(file(collection, 50, 9, number));
    }
    // A segment's record. Dropped ones were dropped now.
    void segment(std::uint64_t collection, std::uint64_t id, segment_state state) {
        model::segment_record record;
        record.partition = model::partition_id(7);
        record.channel = model::channel_name("c");
        record.rows = 5;
        record.state = segment_state::flushed;
        record.sealed = model::seal_reason::rows;
        if (model::is_dropped(state)) record = model::tombstone_of(record, state, now());
        put(keys.segment(model::collection_id(collection), model::segment_id(id)), encode(record));
    }
    // A flush of two files, one of them imported if there is a name for it.
    void flush(std::uint64_t collection, std::uint64_t segment, std::uint64_t number,
               const std::string& imported = "") {
        model::binlog_record record;
        record.rows = 5;
        auto& group = record.groups.emplace_back();
        group.files.resize(imported.empty() ? 1 : 2);
        group.files[0].id = {model::epoch(8), number};
        group.files[0].bytes = 10;
        object(file(collection, segment, 8, number));
        if (!imported.empty()) {
            group.files[1].imported = imported;
            group.files[1].bytes = 10;
            object("data/" + imported);
        }
        put(keys.binlog(model::segment_id(segment), {model::epoch(8), number}), encode(record));
    }
    [[nodiscard]] bool there(const std::string& key) const {
        return stores.bucket->head(key).has_value();
    }
    // Objects but the marker.
    [[nodiscard]] std::size_t objects_left() const { return stores.bucket->keys().size() - 1; }
    [[nodiscard]] std::optional<segment_state> state_of(std::uint64_t collection,
                                                        std::uint64_t id) {
        const auto key = keys.segment(model::collection_id(collection), model::segment_id(id));
        const auto found = run(world.metadata()->get(key));
        if (!found) return std::nullopt;
        model::segment_record record;
        catalog::decoder().decode(key, found->value, record);
        return record.state;
    }
    [[nodiscard]] std::size_t flushes_of(std::uint64_t id) {
        const auto range = keys.binlogs(model::segment_id(id));
        return run(world.metadata()->list(range, 10000)).records.size();
    }
    gc::sweep_site site() {
        return {world.world_runtime(), metadata, objects, keys, names, guard, journal};
    }
    gc::orphan_report sweep() {
        gc::orphan_sweep one(site(), known, options);
        return run(one.sweep());
    }
    errc sweep_failure() {
        gc::orphan_sweep one(site(), known, options);
        return failure_of(one.sweep());
    }
    gc::dropped_report sweep_dropped() {
        gc::dropped_sweep one(site(), known, dropped);
        return run(one.sweep());
    }
    errc dropped_failure() {
        gc::dropped_sweep one(site(), known, dropped);
        return failure_of(one.sweep());
    }
    void pause(std::optional<std::uint64_t> scope, model::gc_state state) {
        std::optional<model::collection_id> of;
        if (scope) of.emplace(*scope);
        run(gc::set_paused(*world.metadata(), keys, of, state, "a test", world.clock().wall_now()));
    }

    testing::simulation world{1};
    testing::memory_world stores;
    const catalog::key_layout keys{"r"};
    const std::shared_ptr<const catalog::path_layout> names = catalog::standard_path_layout("data");
    catalog::root_info root;
    support::faulty_store metadata;
    hooked_objects objects;
    memory known;
    catalog::leader_guard guard;
    gc::journal* journal = nullptr;
    gc::orphan_options options;
    gc::dropped_options dropped;
    std::string last_failure;
};

}  // namespace reeve::sweeping
