#pragma once

#include "fixture.hpp"
#include "reeve/catalog/codec.hpp"

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace coordinator_test {

using model::commit_outcome;
using model::segment_state;

/// A world with segments: what a writer and a holder say, one step at a time.
class segment_world : public world {
public:
    explicit segment_world(world_options how = {}) : world(std::move(how)) {
        start();
        ensure({"a"}, 5s, model::collection_id(7));
    }

    testing::process& office() {
        auto* found = leading();
        REQUIRE(found != nullptr);
        return *found;
    }
    segment::manager& segments() { return *leader().segments(); }

    model::allocate_reply allocate(std::uint64_t rows, const std::string& channel = "a") {
        model::allocate_request request;
        request.collection = model::collection_id(7);
        request.partition = model::partition_id(1);
        request.channel = model::channel_name(channel);
        request.rows = rows;
        return call(office(), segments().allocate(std::move(request)));
    }
    model::timestamp now() { return call(office(), segments().timestamp()).now; }

    /// The node that consumes the channel, and its grant.
    std::pair<testing::process*, std::shared_ptr<const channel::grant>> holder_of(
        const std::string& channel) {
        for (std::uint32_t number = 0; number < options.nodes; ++number) {
            auto& running = node(number).program<node_program>().running;
            const auto found = running.find(channel);
            if (found != running.end() && found->second->valid())
                return {&node(number), found->second};
        }
        FAIL("nobody consumes " << channel);
        return {};
    }
    model::tick_reply tick(model::timestamp at, std::vector<model::segment_rows> rows = {}) {
        const auto [on, granted] = holder_of("a");
        model::tick_request request;
        request.at = at;
        request.segments = std::move(rows);
        return call(*on, on->program<node_program>().node().tick(granted, std::move(request)));
    }
    model::commit_reply flush(model::flush_request request) {
        const auto [on, granted] = holder_of("a");
        return call(*on, on->program<node_program>().node().flush(granted, std::move(request)));
    }
    model::commit_reply drop(model::channel_drop_request request) {
        const auto [on, granted] = holder_of("a");
        return call(*on, on->program<node_program>().node().drop(granted, std::move(request)));
    }
    std::vector<model::segment_standing> list(std::vector<model::segment_id> these = {}) {
        const auto [on, granted] = holder_of("a");
        model::segments_request request;
        request.these = std::move(these);
        return call(*on, on->program<node_program>().node().segments(granted, std::move(request)))
            .segments;
    }
    /// One file with `rows` rows, from `from` to `to`.
    model::flush_request work(model::segment_id segment, std::uint64_t number,
                              const std::string& from, const std::string& to,
                              std::uint64_t rows = 10) {
        model::flush_request request;
        request.what.segment = segment;
        request.what.number = number;
        request.what.from = model::position(from);
        request.what.to = model::position(to);
        request.what.rows = rows;
        model::binlog_group& group = request.what.groups.emplace_back();
        group.field = model::field_id(1);
        model::binlog_file& file = group.files.emplace_back();
        file.id = {holder_of("a").second->what().epoch, number + 1};
        file.bytes = 100;
        file.rows = rows;
        request.checkpoint = model::position(to);
        request.settled = number;
        return request;
    }
    segment::segment_info info(model::segment_id segment) {
        const auto found = segments().find(segment);
        REQUIRE(found);
        return *found;
    }
    /// Every record but the oracle's mark, which any question for a timestamp may raise.
    std::map<std::string, std::string> records_but_mark() {
        auto all = records();
        all.erase(keys.oracle());
        return all;
    }
    /// Sealed, and everything that could come has come.
    void make_flushing(model::segment_id segment) {
        segments().seal(model::collection_id(7));
        REQUIRE(run_until([&] { return info(segment).record.state == segment_state::sealed; }));
        sim.run_for(3s);
        (void)tick(now());
        REQUIRE(run_until([&] { return info(segment).record.state == segment_state::flushing; }));
    }
    std::size_t count_records(const storage::key_range& range) {
        std::size_t found = 0;
        for (const auto& one : stores.database->dump()) found += range.contains(one.key) ? 1 : 0;
        return found;
    }
};

}  // namespace coordinator_test
