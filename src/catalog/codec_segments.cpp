#include "catalog/limits.hpp"
#include "catalog/text_writer.hpp"
#include "reeve/catalog/codec.hpp"
#include "reeve/core/error.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <string>
#include <string_view>

namespace reeve::catalog {

namespace {

template <class Record>
void require_possible(const Record& it, std::string_view what) {
    const auto why = why_not(it);
    if (!why.empty()) throw error(errc::invalid_argument, fmt::format("{}: {}", what, why));
}

bool is_compact(const model::segment_record& it) {
    return it == model::tombstone_of(it, it.state, it.dropped_at);
}

}  // namespace

std::string_view why_not(const model::segment_record& it) noexcept {
    using model::segment_state;
    if (!model::valid_name(it.channel.value)) return "no channel has such a name";
    if (!is_one_of(segment_states, it.state)) return "no such state";
    if (!is_one_of(seal_reasons, it.sealed)) return "no such reason";
    if (model::is_dropped(it.state)) {
        return it.dropped_at ? std::string_view() : "dropped, but at no time";
    }
    if (it.dropped_at) return "not dropped, but at a time";
    const bool has_reason = it.sealed != model::seal_reason::none;
    if (it.state == segment_state::growing && (has_reason || it.last_expiry)) {
        return "growing, but with a reason or a last expiry";
    }
    const bool waits = it.state == segment_state::sealed || it.state == segment_state::flushing;
    if (waits && !has_reason) return "sealed without a reason";
    const bool open = it.state == segment_state::growing || it.state == segment_state::sealed;
    if (open && it.limits.rows == 0) return "room for no rows";
    if (!it.end.value.empty() && it.end < it.start) return "it ends before it starts";
    return {};
}

namespace {

std::string_view why_no_file(const model::binlog_file& it) noexcept {
    const bool numbered = it.id != model::file_id();
    if (numbered == !it.imported.empty()) return "a file with two names, or none";
    if (numbered) return it.id.epoch ? std::string_view() : "a file written under no epoch";
    return model::valid_file_name(it.imported) ? std::string_view() : "no such file name";
}

}  // namespace

std::string_view why_not(const model::binlog_record& it) noexcept {
    if (it.to < it.from) return "it ends before it starts";
    std::size_t files = 0;
    const model::binlog_group* before = nullptr;
    for (const auto& group : it.groups) {
        if (!is_one_of(binlog_kinds, group.kind)) return "no such kind";
        if (group.files.empty()) return "a group without files";
        files += group.files.size();
        if (files > model::flush_files_max) return "too many files";
        if (before != nullptr && (before->kind > group.kind ||
                                  (before->kind == group.kind && before->field >= group.field))) {
            return "kinds and fields that do not ascend";
        }
        before = &group;
        for (const auto& file : group.files) {
            const auto why = why_no_file(file);
            if (!why.empty()) return why;
        }
    }
    return {};
}

std::string_view why_not(const model::collection_drop& it) noexcept {
    if (!is_one_of(drop_states, it.state)) return "no such state";
    if (!it.at) return "a drop at no time";
    return it.why.size() > why_bytes_max ? "a reason of more than 1000 bytes" : std::string_view();
}

std::string_view why_not(const model::job_record& it) noexcept {
    if (!model::valid_name(it.what)) return "no kind of work has such a name";
    if (!is_one_of(job_states, it.state)) return "no such state";
    if (!it.epoch) return "a grant without an epoch";
    if (!it.node.value.empty() && !model::valid_name(it.node.value)) return "no such node's name";
    if (it.inputs.empty() || it.inputs.size() > model::job_inputs_max) {
        return "1 to 1000 inputs are accepted";
    }
    model::segment_id before;
    for (const auto input : it.inputs) {
        if (input <= before) return "inputs that do not ascend";
        before = input;
    }
    return {};
}

std::string encode(const model::segment_record& it) {
    require_possible(it, "segment");
    writing::text_writer record(360 + it.channel.value.size() +
                                2 * (it.start.value.size() + it.end.value.size()));
    record.number("partition", it.partition.value)
        .plain("channel", it.channel.value)
        .plain("state", name(it.state));
    if (model::is_dropped(it.state)) {
        if (!is_compact(it)) {
            throw error(errc::invalid_argument, "segment: dropped, but with more than a tombstone");
        }
        return record.number("rows", it.rows)
            .number("job", it.job.value)
            .number("dropped_at", it.dropped_at.value)
            .end();
    }
    return record.number("rows_max", it.limits.rows)
        .number("bytes_max", it.limits.bytes)
        .number("rows", it.rows)
        .number("bytes", it.bytes)
        .number("created", it.created.value)
        .plain("sealed", name(it.sealed))
        .number("last_expiry", it.last_expiry.value)
        .position("start", it.start)
        .position("end", it.end)
        .number("job", it.job.value)
        .end();
}

std::string encode(const model::binlog_record& it) {
    require_possible(it, "flush");
    const std::size_t positions =
        it.from.value.size() + it.to.value.size() + it.checkpoint.value.size();
    writing::text_writer record(160 + 2 * positions + 60 * model::file_count(it) +
                                48 * it.groups.size());
    record.position("from", it.from)
        .position("to", it.to)
        .position("checkpoint", it.checkpoint)
        .number("rows", it.rows)
        .number("batch", it.batch)
        .begin_array("groups");
    for (const auto& group : it.groups) {
        record.begin_element()
            .plain("kind", name(group.kind))
            .number("field", group.field.value)
            .begin_array("files");
        for (const auto& file : group.files) {
            record.begin_element();
            if (file.imported.empty()) {
                record.granted("name", file.id);
            } else {
                record.plain("name", file.imported);
            }
            record.number("bytes", file.bytes).number("rows", file.rows).end_element();
        }
        record.end_array().end_element();
    }
    return record.end_array().end();
}

std::string encode(const model::collection_drop& it) {
    require_possible(it, "drop of a collection");
    nlohmann::ordered_json record{{"v", format_version}, {"min_reader", 1}};
    record["state"] = name(it.state);
    record["at"] = it.at.value;
    record["why"] = it.why;
    try {
        return record.dump();
    } catch (const nlohmann::ordered_json::type_error&) {
        throw error(errc::invalid_argument, "drop of a collection: text that is not UTF-8");
    }
}

std::string encode(const model::channel_drop& it) {
    if (!it.at) throw error(errc::invalid_argument, "drop of a channel: at no time");
    return writing::text_writer(80).number("at", it.at.value).number("epoch", it.epoch.value).end();
}

std::string encode(const model::job_record& it) {
    require_possible(it, "job");
    writing::text_writer record(200 + 8 * it.inputs.size());
    record.plain("what", it.what)
        .plain("state", name(it.state))
        .number("epoch", it.epoch.value)
        .plain("node", it.node.value)
        .number("process", it.process.value)
        .number("collection", it.collection.value)
        .begin_array("inputs");
    for (const auto input : it.inputs) record.element(input.value);
    return record.end_array().number("granted_at", it.granted_at.value).end();
}

}  // namespace reeve::catalog
