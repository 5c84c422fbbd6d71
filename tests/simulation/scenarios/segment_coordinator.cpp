// The leader's side of the world with segments: registers channels, compacts, sweeps.
#include "reeve/catalog/commit_large.hpp"
#include "reeve/core/error.hpp"
#include "segment_programs.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace simulated {

using std::chrono::milliseconds;
using std::chrono::seconds;

segment_coordinator::segment_coordinator(segment_world& around, testing::process& self)
    : around_(around),
      self_(self),
      strand_(self.runtime()),
      store_(self.open_metadata()),
      objects_(around.open_objects(self)) {
    coordinator_options settings;
    settings.root = around.keys().root();
    settings.cluster = "simulated";
    settings.leadership.coordinator = self.name();
    settings.leadership.address = self.name();
    settings.leadership.lease.ttl = around.options().ttl;
    settings.members.ttl_unknown = around.options().ttl;
    settings.channels.epoch_block = 50;
    settings.channels.seed = around.world().seed();
    auto& segments = settings.segments;
    segments.id_block = 20;
    segments.allocation.limits = model::segment_limits{60, 0};
    segments.allocation.seal.idle_max = around.options().idle;
    segments.allocation.seal.age_max = around.options().age;
    auto& collector = settings.collector;
    collector.objects = objects_.get();
    collector.names = around.names();
    collector.journal_slots = 10;
    collector.orphans.retention = around.options().retention;
    collector.orphans.interval = around.options().sweep_orphans;
    collector.orphans.few_deletes = 10'000;
    collector.orphans.page = 50;
    collector.dropped.drop_retention = around.options().retention;
    collector.dropped.interval = around.options().sweep_dropped;
    settings.on_leading = [this](const recovery::report&) {
        around_.world().count("leader elected");
        // Serving begins right after this call.
        strand_.post(core::task([this] { self_.spawn(ensure()); }));
    };
    coordinator_ = std::make_unique<reeve::coordinator>(self.runtime(), *store_, self.carrier(),
                                                        self.service(), std::move(settings));
    coordinator_->start();
    self.spawn(compact());
}

awaitable<void> segment_coordinator::ensure() {
    std::vector<channel::channel_spec> channels;
    for (std::uint32_t number = 0; number < around_.options().channels; ++number) {
        channel::channel_spec& one = channels.emplace_back();
        one.name = model::channel_name(segment_world::channel_name(number));
        one.collection = around_.collection_of(number);
    }
    try {
        co_await coordinator_->ensure_channels(std::move(channels), seconds(30));
    } catch (const error&) {
        // Deposed meanwhile, or a collection is dropped before its channels were ever there.
    }
}

/// Nobody else compacts: what is still granted was given up.
awaitable<void> segment_coordinator::end_jobs(std::shared_ptr<segment::manager> segments) {
    std::vector<model::job_id> given_up;
    segments->each_job([&](const segment::granted_job& one) { given_up.push_back(one.job); });
    try {
        for (const auto job : given_up) co_await segments->end_job(job);
    } catch (const error& failure) {
        around_.world().note(self_.name(), "jobs: {}", failure.what());
    }
}

awaitable<void> segment_coordinator::compact() {
    for (;;) {
        const auto about =
            static_cast<std::uint64_t>(milliseconds(around_.options().compact_after).count());
        const auto pause = around_.world().random().between(about / 2, about * 3 / 2);
        co_await strand_.sleep_for(milliseconds(pause));
        if (!coordinator_->leading()) continue;
        const auto segments = coordinator_->segments();
        co_await end_jobs(segments);
        if (!around_.feeding()) continue;
        std::map<std::pair<std::string, model::partition_id>, std::vector<segment::segment_info>>
            candidates;
        segments->each(std::nullopt, [&](const segment::segment_info& one) {
            if (one.record.state != model::segment_state::flushed) return;
            candidates[{one.record.channel.value, one.record.partition}].push_back(one);
        });
        for (auto& [group, inputs] : candidates) {
            if (inputs.size() < 3) continue;
            std::sort(inputs.begin(), inputs.end(),
                      [](const auto& a, const auto& b) { return a.segment < b.segment; });
            inputs.resize(3);
            try {
                co_await compact_once(segments, std::move(inputs));
            } catch (const error& failure) {
                around_.world().note(self_.name(), "compaction: {}", failure.what());
            }
            break;
        }
    }
}

awaitable<std::string> segment_coordinator::read(segment::segment_info input) {
    std::string rows;
    catalog::decoder decoder;
    const auto range = around_.keys().binlogs(input.segment);
    const auto page = co_await catalog::list_visible(*store_, around_.keys(), range, 1000);
    for (const auto& one : page.records) {
        model::binlog_record flush;
        decoder.decode(one.key, one.value, flush);
        for (const auto& group : flush.groups) {
            if (group.kind != model::binlog_kind::insert) continue;
            for (const auto& file : group.files) {
                catalog::file_address where;
                where.collection = input.collection;
                where.partition = input.record.partition;
                where.segment = input.segment;
                where.kind = group.kind;
                where.field = group.field;
                where.file = file.id;
                const auto object =
                    co_await objects_->get(around_.names()->format(where), storage::byte_range{});
                if (!object) throw error(errc::not_found, around_.names()->format(where));
                rows += object->bytes;
            }
        }
    }
    co_return rows;
}

awaitable<void> segment_coordinator::compact_once(std::shared_ptr<segment::manager> segments,
                                                  std::vector<segment::segment_info> inputs) {
    std::vector<model::segment_id> ids;
    for (const auto& one : inputs) ids.push_back(one.segment);
    std::string what = "compaction";
    model::node_name node(self_.name());
    const model::incarnation nobody;
    const auto job =
        co_await segments->grant_job(std::move(what), std::move(ids), std::move(node), nobody);
    std::string rows;
    segment::replace_request request;
    request.job = job.job;
    request.epoch = job.record.epoch;
    request.revisions = job.revisions;
    segment::replace_output output;
    output.segment = job.first_output;
    output.partition = inputs.front().record.partition;
    output.channel = inputs.front().record.channel;
    output.start = inputs.front().record.start;
    for (const auto& one : inputs) {
        rows += co_await read(one);
        output.rows += one.record.rows;
        output.start = std::min(output.start, one.record.start);
        output.end = std::max(output.end, one.record.end);
    }
    catalog::file_address where;
    where.collection = inputs.front().collection;
    where.partition = output.partition;
    where.segment = output.segment;
    where.field = model::field_id(1);
    where.file.epoch = job.record.epoch;
    where.file.number = 1;
    model::binlog_group group;
    group.field = where.field;
    model::binlog_file file;
    file.id = where.file;
    file.bytes = rows.size();
    file.rows = output.rows;
    group.files.push_back(file);
    output.groups.push_back(std::move(group));
    co_await objects_->put(around_.names()->format(where), std::move(rows));
    request.outputs.push_back(std::move(output));
    const auto outcome = co_await segments->replace(std::move(request));
    around_.world().count(fmt::format("compaction {}", segment::name(outcome)));
}

}  // namespace simulated
