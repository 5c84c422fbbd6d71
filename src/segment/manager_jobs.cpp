// Work on segments that is granted: compaction, and whatever else replaces segments by others.
#include "reeve/core/error.hpp"
#include "reeve/core/guards.hpp"
#include "segment/flush_changes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace reeve::segment {

namespace {

error bad_job(std::string_view what) {
    return {errc::invalid_argument, fmt::format("work on segments: {}", what)};
}

// The ids of outputs follow the epoch: as many as there are inputs.
model::segment_id first_output(const model::job_record& job) {
    return model::segment_id(job.epoch.value + 1);
}

}  // namespace

/// The inputs as they are known: flushed, of one collection that is not dropped, each once.
std::vector<segment_info> manager_impl::inputs_of(const std::vector<model::segment_id>& ids) const {
    if (ids.empty() || ids.size() > model::job_inputs_max) {
        throw bad_job(
            fmt::format("{} inputs, 1 to {} are accepted", ids.size(), model::job_inputs_max));
    }
    std::vector<segment_info> inputs;
    for (const auto id : ids) {
        const auto info = find(id);
        if (!info) throw bad_job(fmt::format("segment {} is not known", id));
        if (info->record.state != model::segment_state::flushed) {
            throw bad_job(fmt::format("segment {} is {}", id, name(info->record.state)));
        }
        if (!rows_.table().alive(id) || drops_.contains(info->collection)) {
            throw bad_job(fmt::format("segment {} is being dropped", id));
        }
        if (!inputs.empty() && info->collection != inputs.front().collection) {
            throw bad_job(fmt::format("segment {} is of another collection", id));
        }
        if (!inputs.empty() && id <= inputs.back().segment) {
            throw bad_job("inputs must ascend, each once");
        }
        inputs.push_back(*info);
    }
    return inputs;
}

/// The mark on the inputs makes them change: of two grants only the later one can commit, and a
/// copy of the earlier that lands late finds nothing as it was.
awaitable<granted_job> manager_impl::grant_job(std::string what,
                                               std::vector<model::segment_id> inputs,
                                               model::node_name node, model::incarnation process) {
    require_serving();
    const auto self = shared_from_this();
    auto segments = inputs_of(inputs);
    const auto numbers = co_await ids_.take(2 + inputs.size());
    granted_job made;
    made.job = model::job_id(numbers);
    made.record.what = std::move(what);
    made.record.epoch = model::epoch(numbers + 1);
    made.first_output = first_output(made.record);
    made.record.node = std::move(node);
    made.record.process = process;
    made.record.collection = segments.front().collection;
    made.record.inputs = std::move(inputs);
    made.record.granted_at = co_await oracle_.next(1);
    storage::transaction change = guard_.begin();
    const std::string key = keys_.job(made.job);
    change.if_absent(key).put(key, catalog::encode(made.record));
    for (auto& one : segments) {
        if (!core::enforced(core::guard::job_marks)) continue;
        const std::string input = keys_.segment(one.collection, one.segment);
        one.record.job = made.job;
        change.if_modified_at(input, one.at).put(input, catalog::encode(one.record));
    }
    storage::commit_result result;
    try {
        result = co_await store_.commit(std::move(change));
    } catch (const error& failure) {
        if (is_outcome_unknown(failure)) {
            for (const auto& one : segments) reread_.emplace(one.segment, one.collection);
            // If it has landed nobody knows its epoch: it ends when the next leader finds it.
            work_.notify_all();
        }
        throw;
    }
    guard_.check(result);
    if (!result) {
        for (const auto& one : segments) reread_.emplace(one.segment, one.collection);
        work_.notify_all();
        throw error(errc::unavailable, "work on segments: an input changed meanwhile");
    }
    for (const auto& one : segments) {
        if (one.record.job == made.job)
            (void)learn(one.collection, one.segment, one.record, result.at);
        made.revisions.push_back(one.record.job == made.job ? result.at : one.at);
    }
    jobs_[made.job] = job_row{made.record, result.at};
    co_return made;
}

/// The records that a replacement writes. Throws errc::invalid_argument.
catalog::large_change manager_impl::replacement(const replace_request& request, const job_row& job,
                                                model::timestamp now,
                                                std::vector<segment_info>& written) const {
    catalog::large_change change;
    const std::string key = keys_.job(request.job);
    auto ended = job.record;
    ended.state = model::job_state::committed;
    if (core::enforced(core::guard::job_compared)) change.last.if_modified_at(key, job.at);
    change.last.put(key, catalog::encode(ended));
    for (std::size_t at = 0; at < job.record.inputs.size(); ++at) {
        const auto info = find(job.record.inputs[at]);
        segment_info& one = written.emplace_back(*info);
        const std::string input = keys_.segment(one.collection, one.segment);
        if (core::enforced(core::guard::segment_revision)) {
            change.last.if_modified_at(input, request.revisions[at]);
        }
        one.record = model::tombstone_of(one.record, model::segment_state::dropped, now);
        change.last.put(input, catalog::encode(one.record));
    }
    std::set<std::uint64_t> numbers;
    model::holder by;
    by.epoch = request.epoch;
    for (const auto& output : request.outputs) {
        segment_info& one = written.emplace_back();
        one.collection = job.record.collection;
        one.segment = output.segment;
        model::segment_flush flush;
        flush.segment = one.segment;
        flush.number = one.segment.value;  // an id is no number of the holder's: nothing clashes
        flush.from = output.start;
        flush.to = output.end;
        flush.rows = output.rows;
        flush.groups = output.groups;
        std::set<std::uint64_t> own;
        check_files(by, flush, own);
        own.erase(flush.number);
        for (const auto number : own) {
            if (!numbers.insert(number).second) throw bad_job("two outputs share a file");
        }
        const auto binlog = binlog_of(flush, output.end);
        one.record.partition = output.partition;
        one.record.channel = output.channel;
        one.record.state = model::segment_state::flushed;
        one.record.rows = output.rows;
        one.record.bytes = model::file_bytes(binlog);
        one.record.limits = options_.allocation.limits;
        one.record.created = now;
        one.record.start = output.start;
        one.record.end = output.end;
        change.parts.push_back(
            {keys_.segment(one.collection, one.segment), catalog::encode(one.record)});
        change.parts.push_back(
            {keys_.binlog(one.segment, {request.epoch, flush.number}), catalog::encode(binlog)});
    }
    return change;
}

awaitable<replace_outcome> manager_impl::replace(replace_request request) {
    require_serving();
    const auto self = shared_from_this();
    const auto now = co_await oracle_.next(1);
    for (;;) {
        require_serving();
        const auto found = jobs_.find(request.job);
        if (found == jobs_.end()) {
            const auto ended = co_await recorded_outcome(request);
            co_return ended;
        }
        const job_row job = found->second;
        if (job.record.epoch != request.epoch) co_return replace_outcome::ended;
        if (request.revisions.size() != job.record.inputs.size()) {
            throw bad_job("as many revisions as inputs are needed");
        }
        const bool dropping = drops_.contains(job.record.collection);
        for (std::size_t at = 0; at < job.record.inputs.size(); ++at) {
            const auto info = find(job.record.inputs[at]);
            const bool same = info && info->at == request.revisions[at] && !dropping;
            if (!same && core::enforced(core::guard::segment_revision)) {
                co_return replace_outcome::changed;
            }
            if (info) continue;
            co_return replace_outcome::changed;
        }
        check_outputs(request, job.record);
        std::vector<segment_info> written;
        auto change = replacement(request, job, now, written);
        catalog::large_result result;
        try {
            result = co_await large_.commit_large(std::move(change));
        } catch (const error& failure) {
            if (is_outcome_unknown(failure)) doubt_inputs(job);
            throw;
        }
        if (result) {
            jobs_.erase(request.job);
            for (std::size_t at = 0; at < written.size(); ++at) {
                const auto& one = written[at];
                (void)learn(one.collection, one.segment, one.record, result.at);
                if (at < job.record.inputs.size()) continue;
                count_flush(one.segment, request.outputs[at - job.record.inputs.size()].groups);
            }
            co_return replace_outcome::committed;
        }
        co_await reread_job(request.job, job.record);
    }
}

void manager_impl::check_outputs(const replace_request& request,
                                 const model::job_record& job) const {
    std::set<model::segment_id> used;
    const auto first = first_output(job).value;
    for (const auto& output : request.outputs) {
        const auto id = output.segment.value;
        if (id < first || id - first >= job.inputs.size() || !used.insert(output.segment).second) {
            throw bad_job(
                fmt::format("output {} is none of the {} that were granted from {} on, "
                            "or there twice",
                            id, job.inputs.size(), first));
        }
        const auto from_input = [&](model::segment_id input) {
            const auto info = find(input);
            return info && info->record.channel == output.channel;
        };
        if (output.end < output.start) throw bad_job("an output ends before it begins");
        if (std::none_of(job.inputs.begin(), job.inputs.end(), from_input)) {
            throw bad_job(fmt::format("an output in channel {}, but no input", output.channel));
        }
    }
}

/// A job that is not granted any more: was it this replacement that ended it?
awaitable<replace_outcome> manager_impl::recorded_outcome(replace_request request) {
    const std::string key = keys_.job(request.job);
    const auto found = co_await store_.get(key);
    if (!found) co_return replace_outcome::ended;
    model::job_record recorded;
    decoder_.decode(key, found->value, recorded);
    const bool committed =
        recorded.state == model::job_state::committed && recorded.epoch == request.epoch;
    co_return committed ? replace_outcome::committed : replace_outcome::ended;
}

/// What a job and its inputs are now. One that is not granted any more is forgotten.
awaitable<void> manager_impl::reread_job(model::job_id job, model::job_record known) {
    const std::string key = keys_.job(job);
    const auto found = co_await store_.get(key);
    job_row row;
    if (found) decoder_.decode(key, found->value, row.record);
    if (found && row.record.state == model::job_state::granted) {
        row.at = found->modified;
        jobs_[job] = std::move(row);
    } else {
        // Its epoch lives until it is known which of its files are referenced.
        co_await learn_outputs(known);
        jobs_.erase(job);
    }
    for (const auto segment : known.inputs) {
        (void)co_await reread(known.collection, segment);
    }
}

/// What a replacement of unknown outcome has brought, if it has landed.
awaitable<void> manager_impl::learn_outputs(model::job_record job) {
    const auto first = first_output(job).value;
    for (std::uint64_t number = 0; number < job.inputs.size(); ++number) {
        const model::segment_id id(first + number);
        if (rows_.table().state_of(id)) continue;
        const bool there = co_await reread(job.collection, id);
        if (!there) continue;
        model::flush_id flush;
        flush.epoch = job.epoch;
        flush.number = id.value;
        const auto found = co_await visible(keys_.binlog(id, flush));
        if (!found) continue;
        model::binlog_record binlog;
        decoder_.decode(found->key, found->value, binlog);
        count_flush(id, binlog.groups);
    }
}

void manager_impl::doubt_inputs(const job_row& job) {
    for (const auto segment : job.record.inputs) reread_.emplace(segment, job.record.collection);
    work_.notify_all();
}

void manager_impl::each_job(const std::function<void(const granted_job&)>& visit) const {
    for (const auto& [number, row] : jobs_) {
        granted_job one;
        one.job = number;
        one.record = row.record;
        one.first_output = first_output(row.record);
        visit(one);
    }
}

awaitable<void> manager_impl::end_job(model::job_id job) {
    require_serving();
    const auto self = shared_from_this();
    for (;;) {
        const auto found = jobs_.find(job);
        if (found == jobs_.end()) co_return;
        const job_row row = found->second;
        auto ended = row.record;
        ended.state = model::job_state::ended;
        storage::transaction change = guard_.begin();
        const std::string key = keys_.job(job);
        change.if_modified_at(key, row.at).put(key, catalog::encode(ended));
        const auto result = co_await store_.commit(std::move(change));
        guard_.check(result);
        if (result) {
            jobs_.erase(job);
            co_return;
        }
        co_await reread_job(job, row.record);
    }
}

}  // namespace reeve::segment
