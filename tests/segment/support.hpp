// An allocator whose records are written at once, as a coordinator would write them.
#pragma once

#include "catch.hpp"
#include "segment/allocator.hpp"

#include <cstdint>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

namespace reeve::segment {

inline model::segment_id s(std::uint64_t id) { return model::segment_id(id); }
inline model::timestamp t(std::uint64_t at) { return model::timestamp(at); }
inline model::collection_id c(std::uint64_t id) { return model::collection_id(id); }
inline model::partition_id p(std::uint64_t id) { return model::partition_id(id); }

/// Segments of 100 rows; nothing is sealed by time, and a millisecond is 10 timestamps.
inline allocation_options small_segments() {
    allocation_options it;
    it.limits = {100, 0};
    it.jitter_percent = 0;
    it.request_rows_max = 100'000;
    it.lifetime_max = std::chrono::milliseconds(5);
    it.seal.age_max = std::chrono::milliseconds(0);
    it.seal.idle_max = std::chrono::milliseconds(0);
    it.seal.rows_percent = 100;
    it.seal.timestamps_per_ms = 10;
    return it;
}

struct world {
    explicit world(allocation_options options = small_segments()) : all(std::move(options)) {
        all.add_channel("a", c(1));
        all.add_channel("b", c(1));
        all.add_channel("z", c(2));
    }

    static model::segment_record growing(const std::string& channel, std::uint64_t rows = 100,
                                         std::uint64_t partition = 0, std::uint64_t created = 1) {
        model::segment_record it;
        it.partition = p(partition);
        it.channel = model::channel_name(channel);
        it.limits.rows = rows;
        it.created = t(created);
        return it;
    }
    learned show(std::uint64_t id, const model::segment_record& record,
                 std::uint64_t collection = 1) {
        return all.learn(c(collection), s(id), record, storage::revision(++revision));
    }
    void create(std::uint64_t id, const std::string& channel = "a", std::uint64_t rows = 100,
                std::uint64_t partition = 0) {
        REQUIRE(show(id, growing(channel, rows, partition)) == learned::taken);
    }
    allocation allocate(std::uint64_t rows, std::uint64_t expires_at,
                        const std::string& channel = "a", std::uint64_t partition = 0) {
        return all.try_allocate(
            {c(1), p(partition), channel, rows, t(expires_at - 1), t(expires_at)});
    }
    /// Allocates; the parts.
    std::vector<allocation_part> parts(std::uint64_t rows, std::uint64_t expires_at) {
        const auto answer = allocate(rows, expires_at);
        REQUIRE(answer.outcome == allocation_outcome::allocated);
        return {answer.parts.begin(), answer.parts.end()};
    }
    tick_result tick(std::uint64_t at, std::vector<segment_rows> reports = {},
                     const std::string& channel = "a") {
        return all.tick(channel, t(at), reports, t(at));
    }
    std::vector<std::uint64_t> flushable(const tick_result& of) {
        std::vector<std::uint64_t> ids;
        for (const auto id : of.flushable) ids.push_back(id.value);
        return ids;
    }
    [[nodiscard]] std::vector<std::pair<std::uint64_t, model::seal_reason>> sealing() const {
        std::vector<std::pair<std::uint64_t, model::seal_reason>> found;
        all.each_sealing([&](const segment::sealing& one) {
            found.emplace_back(one.segment.value, one.reason);
        });
        return found;
    }
    [[nodiscard]] model::segment_record record(std::uint64_t id) const {
        return all.table().record(all.table().find(s(id)));
    }
    /// Writes the records of all that get no more rows.
    void write_seals() {
        std::vector<segment::sealing> found;
        all.each_sealing([&](const segment::sealing& one) { found.push_back(one); });
        for (const auto& one : found) {
            auto sealed = record(one.segment.value);
            sealed.state = model::segment_state::sealed;
            sealed.sealed = one.reason;
            sealed.last_expiry = one.last_expiry;
            const auto& row = all.table()[all.table().find(one.segment)];
            REQUIRE(show(one.segment.value, sealed, row.collection.value) == learned::taken);
        }
    }
    learned become(std::uint64_t id, model::segment_state state) {
        auto next = record(id);
        if (model::is_dropped(state)) {
            next = model::tombstone_of(next, state, t(1));
        } else {
            next.state = state;
            if (next.sealed == model::seal_reason::none) {
                next.sealed = model::seal_reason::requested;
            }
        }
        return show(id, next);
    }

    allocator all;
    std::uint64_t revision = 0;
};

}  // namespace reeve::segment
