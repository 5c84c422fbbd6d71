#include "reeve/transport/message_codec.hpp"
#include "transport/message_json.hpp"

#include <string_view>
#include <utility>

namespace reeve::transport {

namespace {

// The numbers that a file or a flush has: "<epoch>-<number>".
model::granted_number granted(std::string_view message, const reader& from, const char* field) {
    const auto found = model::granted_number_of(from.text(field));
    if (!found) malformed(message, fmt::format("{} is no <epoch>-<number>", field));
    return *found;
}

void write(json& body, const model::holder& it) {
    body["channel"] = it.channel.value;
    body["node"] = it.node.value;
    body["process"] = it.process.value;
    body["epoch"] = it.epoch.value;
}

void read(const reader& all, model::holder& into) {
    into.channel = model::channel_name(all.name("channel"));
    into.node = model::node_name(all.name("node"));
    into.process = model::incarnation(all.number("process"));
    into.epoch = model::epoch(all.number("epoch"));
}

json written(const model::binlog_group& it) {
    json group = json::object();
    group["kind"] = name(it.kind);
    group["field"] = it.field.value;
    json& files = group["files"] = json::array();
    for (const auto& file : it.files) {
        json one = json::object();
        one["id"] = model::text(file.id);
        if (!file.imported.empty()) one["imported"] = file.imported;
        one["bytes"] = file.bytes;
        one["rows"] = file.rows;
        files.push_back(std::move(one));
    }
    return group;
}

void read(std::string_view message, const json& item, model::binlog_group& into) {
    const reader group(message, item);
    const auto kind = model::binlog_kind_of(group.text("kind"));
    if (!kind) malformed(message, fmt::format("no kind of binlog is '{}'", group.text("kind")));
    into.kind = *kind;
    into.field = model::field_id(group.number("field"));
    for (const json& file : group.list("files")) {
        const reader one(message, file);
        model::binlog_file& add = into.files.emplace_back();
        add.id = granted(message, one, "id");
        if (file.contains("imported")) add.imported = one.text("imported");
        add.bytes = one.number("bytes");
        add.rows = one.number("rows");
    }
}

json written(const model::segment_flush& it) {
    json flush = json::object();
    flush["segment"] = it.segment.value;
    flush["number"] = it.number;
    flush["from"] = to_hex_digits(it.from.value);
    flush["to"] = to_hex_digits(it.to.value);
    flush["rows"] = it.rows;
    json& groups = flush["groups"] = json::array();
    for (const auto& group : it.groups) groups.push_back(written(group));
    return flush;
}

void read(std::string_view message, const json& item, model::segment_flush& into) {
    const reader flush(message, item);
    into.segment = model::segment_id(flush.number("segment"));
    into.number = flush.number("number");
    into.from = flush.position("from");
    into.to = flush.position("to");
    into.rows = flush.number("rows");
    into.groups.clear();
    for (const json& group : flush.list("groups")) read(message, group, into.groups.emplace_back());
}

json written(const std::vector<model::segment_id>& it) {
    json list = json::array();
    for (const auto one : it) list.push_back(one.value);
    return list;
}

void read(std::string_view message, const json& list, std::vector<model::segment_id>& into) {
    into.clear();
    for (const json& one : list) {
        if (!one.is_number_unsigned()) malformed(message, "an element is no number");
        into.emplace_back(one.get<std::uint64_t>());
    }
}

}  // namespace

std::string encode(const model::allocate_request& it) {
    json body = begin();
    body["collection"] = it.collection.value;
    body["partition"] = it.partition.value;
    body["channel"] = it.channel.value;
    body["rows"] = it.rows;
    return finish(body);
}

void decode(std::string_view body, model::allocate_request& into) {
    const reader all(kind::allocate, body);
    into.collection = model::collection_id(all.number("collection"));
    into.partition = model::partition_id(all.number("partition"));
    into.channel = model::channel_name(all.name("channel"));
    into.rows = all.number("rows");
}

std::string encode(const model::allocate_reply& it) {
    json body = begin();
    body["now"] = it.now.value;
    json& list = body["parts"] = json::array();
    for (const auto& one : it.parts) {
        json item = json::object();
        item["segment"] = one.segment.value;
        item["rows"] = one.rows;
        item["expires_at"] = one.expires_at.value;
        list.push_back(std::move(item));
    }
    return finish(body);
}

void decode(std::string_view body, model::allocate_reply& into) {
    constexpr std::string_view message = "reply of an allocation";
    const reader all(message, body);
    into.now = model::timestamp(all.number("now"));
    into.parts.clear();
    for (const json& item : all.list("parts")) {
        const reader one(message, item);
        model::allocation_part& add = into.parts.emplace_back();
        add.segment = model::segment_id(one.number("segment"));
        add.rows = one.number("rows");
        add.expires_at = model::timestamp(one.number("expires_at"));
    }
}

std::string encode(const model::tick_request& it) {
    json body = begin();
    write(body, it.by);
    body["at"] = it.at.value;
    json& list = body["segments"] = json::array();
    for (const auto& one : it.segments) {
        json item = json::object();
        item["segment"] = one.segment.value;
        item["rows"] = one.rows;
        item["bytes"] = one.bytes;
        list.push_back(std::move(item));
    }
    return finish(body);
}

void decode(std::string_view body, model::tick_request& into) {
    const reader all(kind::tick, body);
    read(all, into.by);
    into.at = model::timestamp(all.number("at"));
    into.segments.clear();
    for (const json& item : all.list("segments")) {
        const reader one(kind::tick, item);
        model::segment_rows& add = into.segments.emplace_back();
        add.segment = model::segment_id(one.number("segment"));
        add.rows = one.number("rows");
        add.bytes = one.number("bytes");
    }
}

std::string encode(const model::tick_reply& it) {
    json body = begin();
    body["grant"] = name(it.grant);
    body["flush"] = written(it.flush);
    body["dropping"] = it.dropping ? 1U : 0U;
    body["why"] = it.why;
    return finish(body);
}

void decode(std::string_view body, model::tick_reply& into) {
    constexpr std::string_view message = "reply of a tick";
    const reader all(message, body);
    into.grant = named(message, all.text("grant"), model::standing_of_grant::stale);
    read(message, all.list("flush"), into.flush);
    into.dropping = all.number("dropping") != 0;
    into.why = all.text("why");
}

std::string encode(const model::timestamp_request&) { return finish(begin()); }

void decode(std::string_view body, model::timestamp_request&) {
    const reader all(kind::timestamp, body);
}

std::string encode(const model::timestamp_reply& it) {
    json body = begin();
    body["now"] = it.now.value;
    return finish(body);
}

void decode(std::string_view body, model::timestamp_reply& into) {
    const reader all("reply with a timestamp", body);
    into.now = model::timestamp(all.number("now"));
}

std::string encode(const model::flush_request& it) {
    json body = begin();
    write(body, it.by);
    body["what"] = written(it.what);
    body["effect"] = name(it.effect);
    body["checkpoint"] = to_hex_digits(it.checkpoint.value);
    body["settled"] = it.settled;
    return finish(body);
}

void decode(std::string_view body, model::flush_request& into) {
    const reader all(kind::flush, body);
    read(all, into.by);
    read(kind::flush, all.object("what"), into.what);
    into.effect = named(kind::flush, all.text("effect"), model::flush_effect::drops);
    into.checkpoint = all.position("checkpoint");
    into.settled = all.number("settled");
}

std::string encode(const model::channel_drop_request& it) {
    json body = begin();
    write(body, it.by);
    body["checkpoint"] = to_hex_digits(it.checkpoint.value);
    body["settled"] = it.settled;
    json& list = body["last"] = json::array();
    for (const auto& one : it.last) list.push_back(written(one));
    return finish(body);
}

void decode(std::string_view body, model::channel_drop_request& into) {
    const reader all(kind::channel_drop, body);
    read(all, into.by);
    into.checkpoint = all.position("checkpoint");
    into.settled = all.number("settled");
    into.last.clear();
    for (const json& item : all.list("last")) {
        read(kind::channel_drop, item, into.last.emplace_back());
    }
}

std::string encode(const model::segments_request& it) {
    json body = begin();
    write(body, it.by);
    body["these"] = written(it.these);
    return finish(body);
}

void decode(std::string_view body, model::segments_request& into) {
    const reader all(kind::segments, body);
    read(all, into.by);
    read(kind::segments, all.list("these"), into.these);
}

std::string encode(const model::segments_reply& it) {
    json body = begin();
    body["grant"] = name(it.grant);
    json& list = body["segments"] = json::array();
    for (const auto& one : it.segments) {
        json item = json::object();
        item["segment"] = one.segment.value;
        item["collection"] = one.collection.value;
        item["partition"] = one.partition.value;
        item["state"] = name(one.state);
        item["end"] = to_hex_digits(one.end.value);
        item["rows"] = one.rows;
        list.push_back(std::move(item));
    }
    body["why"] = it.why;
    return finish(body);
}

void decode(std::string_view body, model::segments_reply& into) {
    constexpr std::string_view message = "reply of a list of segments";
    const reader all(message, body);
    into.grant = named(message, all.text("grant"), model::standing_of_grant::stale);
    into.segments.clear();
    for (const json& item : all.list("segments")) {
        const reader one(message, item);
        model::segment_standing& add = into.segments.emplace_back();
        add.segment = model::segment_id(one.number("segment"));
        add.collection = model::collection_id(one.number("collection"));
        add.partition = model::partition_id(one.number("partition"));
        add.state = named(message, one.text("state"), model::segment_state::collected);
        add.end = one.position("end");
        add.rows = one.number("rows");
    }
    into.why = all.text("why");
}

}  // namespace reeve::transport
